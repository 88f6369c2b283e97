"""What the kernel carries, and the sentence for everything else.

Promises: pure; a tree that is not refused renders, and nft accepts what was rendered. An attribute that would be stored
and have no effect on traffic is refused, but for the timeouts of listeners: Octavia takes them for UDP and SCTP too and
does nothing with them (OCTAVIA-SPEC 4.4), and there is no second connection to wait for where one is translated. Does
not repeat what the API refuses for every provider.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping

from vipool.core import offers
from vipool.model import healthmonitor, l7policy, listener, member, pool, tree, types
from vipool.providers import refusals
from vipool.providers.nftables import carried, persistence, streams
from vipool.providers.probing import target

MONITORS = target.KINDS | {healthmonitor.Type.HTTP, healthmonitor.Type.HTTPS, healthmonitor.Type.TLS_HELLO}

CARRIED: refusals.Carried = {
    listener.Listener: (
        "protocol", "protocol_port", "default_pool_id", "connection_limit", "allowed_cidrs",
        # Those of these that do nothing are named at the head of this module.
        "timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect",
    ),
    pool.Pool: ("protocol", "lb_algorithm", "session_persistence", "preserve_client_ip"),
}  # fmt: skip

# A day between two checks is as good as none; the API sets no bound.
LONGEST_SECONDS = 86_400
BY = "address translation"


FLAVORS: Mapping[str, offers.Offer] = {
    streams.ENDING: offers.Offer(
        description=(
            "What becomes of the TCP connections of a member that was removed or does not answer. One of: RESET - Both "
            "ends are told that it is over (the default). LEAVE - They stay with the member."
        ),
        kind=types.Choice(streams.Ending),
    ),
}


class Capabilities:
    """The kernel's, as `vipool.providers.base.Capabilities` asks for them."""

    name = "nftables"
    zones: Mapping[str, offers.Offer] = {}

    def __init__(self, part: carried.Part = carried.DATAGRAMS) -> None:
        self._part = part
        self.description = part.description
        self.flavors: Mapping[str, offers.Offer] = FLAVORS if "TCP" in part.transports else {}

    def refuse(self, wanted: tree.Tree) -> str | None:
        """The first reason why the tree cannot be carried, naming the object and the attribute; None when it can."""
        return next(reasons(wanted.live(), self._part), None)


def reasons(wanted: tree.Tree, part: carried.Part) -> Iterator[str]:
    """Every reason why the tree cannot be carried, in the order of its rows."""
    versions = {ipaddress.ip_address(vip).version for vip in wanted.loadbalancer.vips}
    listeners, pools = part.listeners, part.pools
    for row in wanted.rows():
        for each in refusals.unknown(row, CARRIED):
            yield f"{refusals.called(row)}: {each.wire} has no meaning where {part.words} are translated; leave it out."
        match row:
            case listener.Listener():
                yield from refusals.choice(row, "protocol", row.protocol, listeners, BY)
            case pool.Pool():
                yield from _pool(row, pools)
            case member.Member():
                yield from _member(row, wanted, versions)
            case healthmonitor.HealthMonitor():
                yield from _monitor(row)
            case l7policy.L7Policy():
                yield f"{refusals.called(row)}: address translation has no L7 policies: requests are not looked into."
            case _:
                pass


def _pool(row: pool.Pool, pools: Collection[pool.Protocol]) -> Iterator[str]:
    yield from refusals.choice(row, "protocol", row.protocol, pools, BY)
    kept = row.session_persistence
    if kept is None:
        return
    yield from refusals.choice(row, "session_persistence", str(kept.get("type")), {pool.Persistence.SOURCE_IP}, BY)
    reason = persistence.wrong(row)
    if reason is not None:
        yield f"{refusals.called(row)}: session_persistence {reason}."


def _member(row: member.Member, wanted: tree.Tree, versions: Collection[int]) -> Iterator[str]:
    if (6 if ":" in row.address else 4) in versions:
        return
    back = wanted.find(pool.Pool, row.pool_id)
    # As in Octavia: what no listener names yet may hold any address.
    if back is not None and wanted.listeners_of(back.id):
        # Octavia's sentence, which clients know (OCTAVIA-SPEC 4.7).
        yield (
            "This provider doesn't support mixing IPv4 and IPv6 addresses for its VIP and members in "
            f"{back.protocol} load balancers."
        )


def _monitor(row: healthmonitor.HealthMonitor) -> Iterator[str]:
    yield from refusals.choice(row, "type", row.type, MONITORS, BY)
    yield from refusals.pace(row, LONGEST_SECONDS, "this provider")
    if not row.type.speaks_http:
        return
    yield from refusals.host(row)
    if not healthmonitor.good_codes(row.expected_codes):
        yield f"{refusals.called(row)}: expected_codes must be a list such as 200,202 or one range such as 200-204."
