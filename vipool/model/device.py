"""What uses a port: the words of ``device_owner`` that mean something to the service itself."""

ROUTER_INTERFACE = "network:router_interface"
ROUTER_GATEWAY = "network:router_gateway"
FLOATING_IP = "network:floatingip"
LOAD_BALANCER = "Octavia"
