"""Networks, subnets, ports, routers, floating IPs: what a VIP needs of a network service."""
