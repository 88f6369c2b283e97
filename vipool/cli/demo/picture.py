"""Building the picture: what the administrator prepares, and what the tenant `demo` makes, both through the API.

Outside is 10.10.10.0/24 with the client; inside is 172.16.100.0/24 with two web servers and the VIP; a router and a
floating IP stand between them.
"""

from dataclasses import dataclass

from vipool.cli.demo import cloud

PASSWORD = "demo-tenant"  # of a tenant that lives in a sandbox only
OUTSIDE, INSIDE = "10.10.10.0/24", "172.16.100.0/24"
CLIENT, FLOATING = "10.10.10.4", "10.10.10.7"
VIP = "172.16.100.11"
WEBS = {"web1": "172.16.100.9", "web2": "172.16.100.10"}
# The router takes the first address of this range, the floating IP the second.
POOL = {"start": "10.10.10.6", "end": "10.10.10.20"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the administrator prepared: the outer network, and the port of the client on it."""

    outside_id: str
    client_port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the tenant has before there is a load balancer."""

    subnet_id: str
    ports: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """The load balancer, with what the demo watches of it."""

    id: str
    pool_id: str
    members: dict[str, str]
    vip_port_id: str


def prepare(admin: cloud.Cloud) -> Ground:
    """The tenant with its user, the outer network, and a port for the client outside."""
    project = admin.make("/identity/v3/projects", "project", name="demo", domain_id="default")["id"]
    user = admin.make("/identity/v3/users", "user", name="demo", password=PASSWORD, domain_id="default")["id"]
    roles = {each["name"]: each["id"] for each in admin.ask("GET", "/identity/v3/roles")["roles"]}
    admin.ask("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{roles['member']}")
    outside = admin.make("/network/v2.0/networks", "network", name="outside", **{"router:external": True})
    subnet = admin.make(
        "/network/v2.0/subnets",
        "subnet",
        name="outside",
        network_id=outside["id"],
        ip_version=4,
        cidr=OUTSIDE,
        gateway_ip=None,
        allocation_pools=[POOL],
    )
    fixed = [{"subnet_id": subnet["id"], "ip_address": CLIENT}]
    port = admin.make("/network/v2.0/ports", "port", name="client", network_id=outside["id"], fixed_ips=fixed)
    return Ground(outside_id=outside["id"], client_port=port["id"])


def settle(tenant: cloud.Cloud, ground: Ground) -> Site:
    """The tenant's own network, its router to the outside, and a port for each web server."""
    network = tenant.make("/network/v2.0/networks", "network", name="inside")
    subnet = tenant.make(
        "/network/v2.0/subnets", "subnet", name="inside", network_id=network["id"], ip_version=4, cidr=INSIDE
    )
    gateway = {"network_id": ground.outside_id}
    router = tenant.make("/network/v2.0/routers", "router", name="router", external_gateway_info=gateway)
    tenant.ask("PUT", f"/network/v2.0/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    ports = {}
    for name, address in WEBS.items():
        fixed = [{"subnet_id": subnet["id"], "ip_address": address}]
        made = tenant.make("/network/v2.0/ports", "port", name=name, network_id=network["id"], fixed_ips=fixed)
        ports[name] = made["id"]
    return Site(subnet_id=subnet["id"], ports=ports)


def balance(tenant: cloud.Cloud, site: Site) -> Balancer:
    """The load balancer with its listener, pool, members and monitor, in one call."""
    members = [{"name": name, "address": address, "protocol_port": 80} for name, address in WEBS.items()]
    monitor = {"type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1, "max_retries_down": 1}
    pool = {
        "name": "webs",
        "protocol": "HTTP",
        "lb_algorithm": "ROUND_ROBIN",
        "members": members,
        "healthmonitor": monitor,
    }
    listener = {"name": "http", "protocol": "HTTP", "protocol_port": 80, "default_pool": pool}
    made = tenant.make(
        "/load-balancer/v2.0/lbaas/loadbalancers",
        "loadbalancer",
        name="picture",
        vip_subnet_id=site.subnet_id,
        vip_address=VIP,
        listeners=[listener],
    )
    webs = made["pools"][0]
    return Balancer(
        id=made["id"],
        pool_id=webs["id"],
        members={each["name"]: each["id"] for each in webs["members"]},
        vip_port_id=made["vip_port_id"],
    )


def publish(tenant: cloud.Cloud, ground: Ground, balancer: Balancer) -> str:
    """The floating IP in front of the VIP; returns its address."""
    made = tenant.make(
        "/network/v2.0/floatingips",
        "floatingip",
        floating_network_id=ground.outside_id,
        port_id=balancer.vip_port_id,
    )
    address: str = made["floating_ip_address"]
    return address
