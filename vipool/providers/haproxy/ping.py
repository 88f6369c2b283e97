"""PING monitors: who is pinged, and what HAProxy calls them.

HAProxy can ping only by running a program for each check, which costs most of a core for a thousand members; so the
agent pings (`vipool.providers.probing`) and tells HAProxy the verdict. Promises: pure; sends nothing.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from vipool.core import enabled
from vipool.model import healthmonitor, member, tree
from vipool.providers.haproxy import served
from vipool.providers.probing import target


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinged:
    """One member that is pinged, and HAProxy's names for it (`backend/server`)."""

    target: target.Target
    names: tuple[str, ...]


def pinged(wanted: tree.Tree) -> Iterator[Pinged]:
    """The members that are to be pinged: those in service, of pools that answer, with an enabled PING monitor."""
    names: dict[str, list[str]] = {}
    for front, back in served.pairs(wanted):
        for each in wanted.members_of(back.id):
            names.setdefault(each.id, []).append(f"{served.backend_name(back.id, front)}/{each.id}")
    for each in wanted.members:
        monitor = monitor_of(wanted, each.pool_id)
        if monitor is not None and each.id in names and each.admin_state_up:
            yield Pinged(target=_target(wanted, each, monitor), names=tuple(names[each.id]))


def _target(wanted: tree.Tree, row: member.Member, monitor: healthmonitor.HealthMonitor) -> target.Target:
    address = row.monitor_address or row.address
    return target.Target(
        member_id=row.id,
        kind=monitor.type,
        address=str(ipaddress.ip_address(address)),
        port=row.protocol_port,
        source=wanted.loadbalancer.source(address, row.subnet_id),
        delay=monitor.delay,
        timeout=monitor.timeout,
        rise=monitor.max_retries,
        fall=monitor.max_retries_down,
    )


def monitor_of(wanted: tree.Tree, pool_id: str) -> healthmonitor.HealthMonitor | None:
    """The enabled PING monitor of a pool, or None."""
    found = enabled.monitor_of(wanted, pool_id)
    return found if found and found.type is healthmonitor.Type.PING else None
