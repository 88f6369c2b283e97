"""What nginx's stream module carries as vipool uses it, and the sentence for everything else.

Promises: pure. An attribute that is not in `CARRIED` is refused unless it has its default, so that one which vipool
gets tomorrow is refused until somebody carries it.
"""

from collections.abc import Iterator, Mapping

from vipool.core import offers
from vipool.model import healthmonitor, l7policy, listener, member, pool, tree
from vipool.providers import refusals

TIMEOUTS = ("timeout_client_data", "timeout_member_data", "timeout_member_connect")
CARRIED: refusals.Carried = {
    listener.Listener: frozenset({"protocol", "protocol_port", "default_pool_id", "allowed_cidrs", *TIMEOUTS}),
    pool.Pool: frozenset({"protocol", "lb_algorithm"}),
    # Where a member is checked means nothing without a monitor, and one is refused.
    member.Member: frozenset({"address", "protocol_port", "weight", "subnet_id", "monitor_address", "monitor_port"}),
}


class Capabilities:
    """nginx's, as `vipool.providers.base.Capabilities` asks for them."""

    name = "nginx"
    description = "TCP and UDP are carried by the stream module of one nginx per load balancer."
    flavors: Mapping[str, offers.Offer] = {}
    zones: Mapping[str, offers.Offer] = {}

    def refuse(self, wanted: tree.Tree) -> str | None:
        """The first reason why the tree cannot be carried, naming the object and the attribute; None when it can."""
        reasons = (f"{refusals.called(row)}: {each}" for row in wanted.live().rows() for each in _of(row))
        return next(reasons, None)


def _of(row: tree.Row) -> Iterator[str]:
    match row:
        case healthmonitor.HealthMonitor():
            yield "nginx checks no members; leave the health monitor out."
        case l7policy.L7Policy():
            yield "nginx's stream module does not look into requests; leave L7 policies out."
        case listener.Listener() | pool.Pool() if row.protocol not in {"TCP", "UDP"}:
            yield f"protocol {row.protocol} is not carried by nginx; it carries TCP and UDP."
        case listener.Listener() if row.timeout_client_data != row.timeout_member_data:
            yield "timeout_client_data and timeout_member_data must be the same: nginx has one timeout for both."
        case listener.Listener() if not (row.timeout_client_data and row.timeout_member_connect):
            yield "timeouts must be at least 1 millisecond."
        case _:
            pass
    for each in refusals.unknown(row, CARRIED):
        yield f"{each.wire} is not carried by nginx; leave it out."
