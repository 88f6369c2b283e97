"""The world beyond the router of a scene: an external network with a client, and floating IPs for what is inside.

Promises: made through the public API. The client and the router look for addresses that are not there yet every 5 ms.
"""

from typing import Any

from benchmarks import scene

CIDR, CLIENT = "10.8.0.0/16", "10.8.255.250"


class Outside:
    """An external network with a client on it, and the router of the scene's network."""

    def __init__(self, play: scene.Scene) -> None:
        self._api = play.api
        make = self._api.make
        self.network_id = make("/network/v2.0/networks", "network", name="outside", **{"router:external": True})["id"]
        subnet = {"network_id": self.network_id, "ip_version": 4, "cidr": CIDR, "gateway_ip": None}
        make("/network/v2.0/subnets", "subnet", **subnet)
        play.host("far", CLIENT, self.network_id)
        gateway = {"network_id": self.network_id}
        self.router_id: str = make("/network/v2.0/routers", "router", external_gateway_info=gateway)["id"]
        way = f"/network/v2.0/routers/{self.router_id}/add_router_interface"
        self._api.ask("PUT", way, {"subnet_id": play.subnet_id})
        self.client = play.far("far")

    def impatient(self, play: scene.Scene) -> None:
        """Have client and router look for an address every 5 ms, not every second: the wait for ARP is not measured."""
        each = "for file in /proc/sys/net/ipv4/neigh/*/retrans_time_ms; do echo 5 > $file; done"
        for name in ("far", f"qrouter-{self.router_id}"):
            play.base.call("shell", f"ip netns exec {name} sh -c '{each}'")

    def floating(self, port_id: str) -> str:
        """A floating IP for a port."""
        values = {"floating_network_id": self.network_id, "port_id": port_id}
        made: str = self._api.make("/network/v2.0/floatingips", "floatingip", **values)["floating_ip_address"]
        return made


def tree(provider: str, *fronts: tuple[str, int]) -> dict[str, Any]:
    """A load balancer with these listeners, each with a pool of the scene's two members at its own port."""

    def listener(protocol: str, port: int) -> dict[str, Any]:
        members = [{"address": each, "protocol_port": port} for each in scene.WEBS.values()]
        name = f"{protocol}-{port}".lower()
        pool = {"name": name, "protocol": protocol, "lb_algorithm": "ROUND_ROBIN", "members": members}
        return {"name": name, "protocol": protocol, "protocol_port": port, "default_pool": pool}

    return {"provider": provider, "listeners": [listener(*each) for each in fronts]}
