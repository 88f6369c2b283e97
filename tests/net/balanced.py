"""The classic picture with a load balancer in it, made by the agent's hand: a client outside, a router, two members.

The client is 10.10.10.4 and 2001:db8::4, the router 10.10.10.1 and 2001:db8::1 outside, 172.16.100.1 and fd00:100::1
inside; the members are 9 and 10 there, the VIPs end in 11 and b. The floating IP 10.10.10.7 stands for the IPv4 VIP.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.net import datagrams, topology
from tests.providers import trees
from vipool.core import attach, router
from vipool.model import spec, tree
from vipool.providers import base

CLIENT, CLIENT6 = "10.10.10.4", "2001:db8::4"
FLOATING, VIP, VIP6 = "10.10.10.7", "172.16.100.11", "fd00:100::b"
WEB1, WEB2 = "172.16.100.9", "172.16.100.10"
WEB1_6, WEB2_6 = "fd00:100::9", "fd00:100::a"
GATES = ("172.16.100.1", "fd00:100::1")
SECOND = {"subnet_id": trees.identifier(8, 2), "ip_address": VIP6}


class Balanced:
    """The picture, running; `serve` makes the load balancer be what a tree says."""

    def __init__(self, state: Path, engines: Mapping[str, base.Engine]) -> None:
        self.site = topology.new_site(state, engines)
        self.outside = self.site.network("outside")
        self.inside = self.site.network("inside")
        gates = ("10.10.10.1", "2001:db8::1")
        self.client = self._host("client", self.outside, f"{CLIENT}/24", f"{CLIENT6}/64", gateways=gates)
        self.web1 = self._host("web1", self.inside, f"{WEB1}/24", f"{WEB1_6}/64", gateways=GATES)
        self.web2 = self._host("web2", self.inside, f"{WEB2}/24", f"{WEB2_6}/64", gateways=GATES)
        self.router = spec.Router(
            id=topology.identifier("router"),
            revision=1,
            interfaces=(topology.port(self.inside, "172.16.100.1/24", "fd00:100::1/64"),),
            gateway=topology.port(self.outside, "10.10.10.1/24", "2001:db8::1/64"),
            floating_ips=(spec.FloatingIp(id="f", external=FLOATING, internal=VIP),),
        )
        self.site.make(self.router)
        self.vip = topology.port(self.inside, f"{VIP}/24", f"{VIP6}/64", gateways=GATES)
        self.item: spec.LoadBalancer | None = None
        self.echoes: dict[str, datagrams.Echo] = {}

    def _host(self, name: str, segment: spec.Segment, *addresses: str, gateways: tuple[str, ...]) -> spec.Plug:
        return self.site.host(name, topology.port(segment, *addresses, gateways=gateways))

    @property
    def namespace(self) -> str:
        """The load balancer's."""
        return attach.loadbalancer_namespace(trees.LOADBALANCER)

    @property
    def router_namespace(self) -> str:
        """The router's."""
        return router.namespace_name(self.router.id)

    def serve(self, wanted: tree.Tree, **more: Any) -> tuple[str, ...]:
        """Make the load balancer so, then see that nothing is left to do; what was done, in words."""
        said = self.put(wanted, **more)
        assert self.again() == ()
        return said

    def put(self, wanted: tree.Tree, **more: Any) -> tuple[str, ...]:
        """Make the load balancer so; what was done, in words."""
        item = spec.LoadBalancer(id=trees.LOADBALANCER, revision=1, tree=wanted, vip=self.vip)
        self.item = dataclasses.replace(item, **more)
        return self.again()

    def again(self) -> tuple[str, ...]:
        """Make the load balancer what it is to be once more; what was done, in words."""
        assert self.item is not None
        return self.site.hand.realise(self.item, announce_all=False).words

    def watch(self) -> str:
        """Why the load balancer must be made so again, if it must; as the agent does, that is then done."""
        hand = self.site.hand
        assert self.item is not None
        why = hand.engine(self.item).watch([hand.place(trees.LOADBALANCER)]).get(self.namespace, "")
        if why:
            self.again()
        return why

    def observe(self) -> spec.Observation | None:
        """What the data plane says now."""
        assert self.item is not None
        return self.site.hand.look(self.item)

    def echo(self, namespace: str, address: str, name: str = "", port: int = 53) -> datagrams.Echo:
        """Have a host answer datagrams with the name, which is its own unless another is given."""
        made = datagrams.Echo(namespace, address, name or namespace, port).start()
        self.echoes[made.name] = made
        return made

    def close(self) -> None:
        """End everything."""
        for each in self.echoes.values():
            each.stop()
        if self.item is not None:
            self.site.hand.remove(self.item)
        self.site.end()


CALLERS = """
table inet callers {
    set four { type ipv4_addr; flags dynamic; size 64; }
    set six { type ipv6_addr; flags dynamic; size 64; }
    chain c {
        type filter hook input priority 0
        tcp dport PORT tcp flags & (syn | ack) == syn add @four { ip saddr }
        tcp dport PORT tcp flags & (syn | ack) == syn add @six { ip6 saddr }
    }
}
"""


class Callers:
    """Who begins TCP connections to a port of a host, whatever becomes of them."""

    def __init__(self, namespace: str, port: int) -> None:
        self._command = ["ip", "netns", "exec", namespace, "nft"]
        text = CALLERS.replace("PORT", str(port))
        subprocess.run([*self._command, "-f", "-"], input=text, text=True, check=True)

    def seen(self) -> set[str]:
        """Their addresses."""
        found: set[str] = set()
        for name in ("four", "six"):
            command = [*self._command, "-j", "list", "set", "inet", "callers", name]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            (told,) = (each["set"] for each in json.loads(text)["nftables"] if "set" in each)
            found |= set(told.get("elem", ()))
        return found


def tcp(*members: dict[str, Any], **more: Any) -> tree.Tree:
    """A TCP listener on port 80 of both VIPs, with these members on port 80."""
    front = {"id": trees.identifier(2, 1), "protocol": "TCP", "protocol_port": 80}
    return picture([{**front, **more}], "TCP", members)


def picture(fronts: list[dict[str, Any]], protocol: str, members: tuple[dict[str, Any], ...], **back: Any) -> tree.Tree:
    """Listeners in front of one pool, on both VIPs."""
    pool_id = trees.identifier(3, 1)
    common = {"pool_id": pool_id, "protocol_port": 80}
    return trees.load(
        {
            "loadbalancer": {"vip_address": VIP, "vip_subnet_id": trees.identifier(8, 1), "additional_vips": [SECOND]},
            "listeners": [{"default_pool_id": pool_id, **each} for each in fronts],
            "pools": [{"id": pool_id, "protocol": protocol, "lb_algorithm": "ROUND_ROBIN", **back}],
            "members": [{"id": trees.identifier(4, at), **common, **each} for at, each in enumerate(members, 1)],
        }
    )
