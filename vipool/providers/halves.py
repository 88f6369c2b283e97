"""One provider made of two: what carries connections, and what carries datagrams, of the same load balancer.

A UDP or SCTP listener has only UDP or SCTP pools, and no other listener has one (OCTAVIA-SPEC 4.1): so a tree falls
into two that share nothing but the load balancer, and each half is carried by a provider that never hears of the other.
Promises: pure; a tree that either half refuses is refused. Knows providers only by `vipool.providers.base`, and does
not act: `joined` does.
"""

from collections.abc import Mapping
from typing import assert_never

from vipool.core import offers
from vipool.model import healthmonitor, l7policy, l7rule, listener, member, pool, tree
from vipool.providers import base


def stream(wanted: tree.Tree) -> tree.Tree:
    """The half that is carried by connections, and every row that says nothing of it."""
    ids = _datagram_ids(wanted)
    return wanted.keep(lambda row: not _belongs(row, ids)) if ids else wanted


def datagram(wanted: tree.Tree) -> tree.Tree | None:
    """The half that is carried by datagrams; None where there is nothing of it, which is the usual case."""
    ids = _datagram_ids(wanted)
    return wanted.keep(lambda row: _belongs(row, ids)) if ids else None


def _datagram_ids(wanted: tree.Tree) -> frozenset[str]:
    """The ids of the listeners, their policies, and the pools of the half for datagrams."""
    fronts = frozenset(each.id for each in wanted.listeners if each.protocol.transport != "TCP")
    policies = frozenset(each.id for each in wanted.l7policies if each.listener_id in fronts)
    return fronts | policies | frozenset(each.id for each in wanted.pools if each.protocol.transport != "TCP")


def _belongs(row: tree.Child, ids: frozenset[str]) -> bool:
    """Whether a row belongs to these listeners, policies and pools, or is one of them."""
    match row:
        case listener.Listener() | pool.Pool() | l7policy.L7Policy():
            return row.id in ids
        case member.Member() | healthmonitor.HealthMonitor():
            return row.pool_id in ids
        case l7rule.L7Rule():
            return row.l7policy_id in ids
        case _:
            assert_never(row)


class Capabilities:
    """What both together can do. Flavors and zones are those of the first, which is asked about every load balancer."""

    def __init__(self, streams: base.Capabilities, datagrams: base.Capabilities) -> None:
        self._streams, self._datagrams = streams, datagrams
        self.name = streams.name
        self.description = f"{streams.description} {datagrams.description}"
        self.flavors: Mapping[str, offers.Offer] = streams.flavors
        self.zones: Mapping[str, offers.Offer] = streams.zones

    def refuse(self, wanted: tree.Tree) -> str | None:
        """See `vipool.providers.base.Capabilities.refuse`."""
        reason = self._streams.refuse(stream(wanted))
        other = datagram(wanted)
        return self._datagrams.refuse(other) if reason is None and other is not None else reason
