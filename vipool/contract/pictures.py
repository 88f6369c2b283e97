"""The trees of the suite, in a short form: a load balancer, its listeners, and one pool with its members.

Promises: every attribute has its declared default where it is not given; ids say what they are of; addresses are those
that `vipool.contract.stage` builds. Values only.
"""

from collections.abc import Mapping
from typing import Any

from vipool.model import attr, loadbalancer, tree

PORT = 8000
"""The port of the first listener, and of every member."""

VIP, VIP6 = "172.16.100.11", "fd00:100::b"
MEMBERS = ("172.16.100.21", "172.16.100.22", "172.16.100.23")
MEMBERS6 = ("fd00:100::15", "fd00:100::16", "fd00:100::17")
NAMES = ("one", "two", "three")
"""What the members at these addresses answer."""

# What the pool behind a listener speaks.
SPOKEN = {"HTTPS": "HTTPS", "HTTP": "HTTP", "TERMINATED_HTTPS": "HTTP", "TCP": "TCP", "UDP": "UDP", "SCTP": "SCTP"}
_KINDS = {"loadbalancer": 1, "listener": 2, "pool": 3, "member": 4, "monitor": 5, "policy": 6, "rule": 7, "subnet": 8}


def identifier(kind: str, number: int = 1) -> str:
    """A UUID that says what it is of."""
    return f"{_KINDS[kind]}0000000-0000-4000-8000-{number:012d}"


LOADBALANCER, LISTENER, POOL = (identifier(kind) for kind in ("loadbalancer", "listener", "pool"))


def load(body: Mapping[str, Any]) -> tree.Tree:
    """The tree whose rows are given by what differs from the defaults."""
    further = {"subnet_id": identifier("subnet"), "ip_address": VIP6}
    top: dict[str, Any] = {"id": LOADBALANCER, "project_id": "p", "vip_address": VIP, "provider": "subject"}
    top = {**top, "additional_vips": [further], **body.get("loadbalancer", {})}

    def rows(cls: type[Any]) -> tuple[Any, ...]:
        common = {"project_id": "p", "loadbalancer_id": LOADBALANCER}
        return tuple(attr.load(cls, {**common, **each}) for each in body.get(tree.FIELDS[cls], ()))

    whole = tree.Tree(loadbalancer=attr.load(loadbalancer.LoadBalancer, top))
    return whole.having({field: rows(cls) for cls, field in tree.FIELDS.items()})


def picture(protocol: str, *members: Mapping[str, Any], **more: Any) -> tree.Tree:
    """A listener of that protocol, its pool, and members: the first three addresses unless others are given.

    `front`, `back` and `monitor` are what differs of the listener, the pool and its health monitor, which is there when
    it is given; everything else goes to `load`.
    """
    back: dict[str, Any] = {
        "id": POOL,
        "protocol": SPOKEN[protocol],
        "lb_algorithm": "ROUND_ROBIN",
        **more.pop("back", {}),
    }
    check: dict[str, Any] = {
        "id": identifier("monitor"),
        "pool_id": POOL,
        "type": "TCP",
        "delay": 1,
        "timeout": 1,
        "max_retries": 1,
    }
    monitor = more.pop("monitor", None)
    return load(
        {
            "listeners": [listener(protocol, **more.pop("front", {}))],
            "pools": [back],
            "members": [member(at, **each) for at, each in enumerate(members)],
            "healthmonitors": [] if monitor is None else [{**check, "max_retries_down": 1, **monitor}],
            **more,
        }
    )


def listener(protocol: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A listener, each number on a port of its own, in front of the one pool."""
    at = {"id": identifier("listener", number), "protocol_port": PORT + number - 1}
    return {**at, "protocol": protocol, "default_pool_id": POOL, **more}


def member(at: int, **more: Any) -> dict[str, Any]:
    """A member of the one pool, at that place among the addresses."""
    place = {"id": identifier("member", at + 1), "address": MEMBERS[at % len(MEMBERS)]}
    return {**place, "pool_id": POOL, "protocol_port": PORT, **more}


def three(protocol: str, **more: Any) -> tree.Tree:
    """The picture with three members that differ in nothing."""
    return picture(protocol, {}, {}, {}, **more)
