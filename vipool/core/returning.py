"""How what members answer to clients themselves comes back by way of the load balancer that sent the clients.

Where a pool preserves the client's address, a member answers the client, who knows only the VIP: the load balancer must
see the answer, to make it come from there. Members answer by way of their router, and it passes on to the VIP what
comes from the address and port of such a member. So these belong to one load balancer, and who calls them beside it, by
way of a router, gets no answer. Promises: pure; equal values give equal text. Who shares a link with a member is out of
reach: its answers meet no router.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from vipool.core import ruleset
from vipool.model import port, spec, tree

TABLE = "vipool_returns"


def of(wanted: tree.Tree) -> tuple[port.Return, ...]:
    """The ends that answer clients themselves: the members of pools that preserve the client's address."""
    if wanted.loadbalancer.dying:
        return ()
    live = wanted.live()
    found = {
        port.Return(
            address=str(ipaddress.ip_address(each.address)),
            protocol=back.protocol.transport.lower(),
            port=each.protocol_port,
        )
        for back in live.pools
        if back.preserve_client_ip and live.listeners_of(back.id)
        for each in live.members_of(back.id)
    }
    return tuple(sorted(found, key=lambda each: (each.address, each.protocol, each.port)))


def render(returns: Iterable[spec.Return]) -> str:
    """The nft text by which a router passes answers on; empty where there are none.

    A copy goes to the VIP, as a neighbour of the router, and the packet itself no further. Neither is tracked: of this
    connection the router knows only the way to the VIP.
    """
    found = list(returns)
    return "".join(ruleset.table(TABLE, lines, family) for family, lines in _tables(found) if lines)


def _tables(found: list[spec.Return]) -> Iterator[tuple[str, list[str]]]:
    for version, family in ruleset.IP.items():
        same = [each for each in found if ipaddress.ip_address(each.via).version == version]
        names = {via: f"via_{at}" for at, via in enumerate(sorted({each.via for each in same}))}
        lines = [
            line
            for via, name in names.items()
            for line in ruleset.chain(name, [f"dup to {ipaddress.ip_address(via)}", "drop"])
        ]
        if names:
            rule = f"{family} saddr . meta l4proto . th sport vmap {ruleset.mapping(_ways(same, names))}"
            lines += ruleset.base("prerouting", "filter hook prerouting priority raw", [rule])
        yield family, lines


def _ways(found: Iterable[spec.Return], names: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Where what comes from each end goes; an end that several load balancers send to answers one of them."""
    return {
        f"{ipaddress.ip_address(each.address)} . {each.protocol} . {int(each.port)}": f"goto {names[each.via]}"
        for each in sorted(found, key=lambda each: each.via, reverse=True)
    }.items()
