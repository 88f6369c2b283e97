"""Which members are checked, and by whom: the health monitors of a tree, as values.

A check that is a packet and its answer is made by a thread of the agent (`vipool.providers.probing`), one that speaks
HTTP or TLS by a checker that the engine is given (`vipool.providers.base.Checker`).

Promises: pure. Members are checked from the VIP that their traffic comes from, at their monitor address and port where
they have one. Sends nothing.
"""

from collections.abc import Iterator

from vipool.core import enabled
from vipool.model import healthmonitor, member, pool, tree, types
from vipool.providers.nftables import rotation
from vipool.providers.probing import target


def targets(wanted: tree.Tree) -> Iterator[target.Target]:
    """The members that the agent's thread checks."""
    for back, monitor in _monitored(wanted):
        if monitor.type in target.KINDS:
            for each in wanted.members_of(back.id):
                if each.admin_state_up:
                    yield _target(wanted, each, monitor)


def handed(wanted: tree.Tree) -> tree.Tree:
    """What is handed to a checker: the pools whose checks speak HTTP or TLS, their monitors, the members in service."""
    backs = {back.id: monitor for back, monitor in _monitored(wanted) if monitor.type not in target.KINDS}
    return tree.Tree(
        loadbalancer=wanted.loadbalancer,
        pools=tuple(each for each in wanted.pools if each.id in backs),
        members=tuple(each for each in wanted.members if each.pool_id in backs and each.admin_state_up),
        healthmonitors=tuple(backs.values()),
    )


def checked(wanted: tree.Tree) -> frozenset[str]:
    """The members that are checked, whoever does it."""
    others = (each.id for each in handed(wanted).members)
    return frozenset((*(each.member_id for each in targets(wanted)), *others))


def _monitored(wanted: tree.Tree) -> tuple[tuple[pool.Pool, healthmonitor.HealthMonitor], ...]:
    """The pools that answer for a listener and have an enabled monitor."""
    return wanted.once(_with_monitors)


def _with_monitors(wanted: tree.Tree) -> tuple[tuple[pool.Pool, healthmonitor.HealthMonitor], ...]:
    found = ((back, enabled.monitor_of(wanted, back.id)) for back in rotation.backs(wanted))
    return tuple((back, monitor) for back, monitor in found if monitor is not None)


def _target(wanted: tree.Tree, row: member.Member, monitor: healthmonitor.HealthMonitor) -> target.Target:
    address, port = row.monitor_address or row.address, row.monitor_port or row.protocol_port
    return target.Target(
        member_id=row.id,
        kind=monitor.type,
        address=str(types.address(address)),
        port=port,
        source=wanted.loadbalancer.source(address, row.subnet_id),
        delay=monitor.delay,
        timeout=monitor.timeout,
        rise=monitor.max_retries,
        fall=monitor.max_retries_down,
        serves=types.address(address) == types.address(row.address) and port == row.protocol_port,
    )
