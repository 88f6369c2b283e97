"""What the data plane says, as operating statuses: the rules of OCTAVIA-SPEC 3.5.

Promises: pure and total: every row of the tree gets a status from any observation, an empty one included. Does not say
whether anything changed, and touches no row.
"""

from collections.abc import Iterator, Mapping

from vipool.model import listener, member, pool, spec, status, tree

NOTHING = spec.Observation(frontends={}, backends={}, servers={}, counters={})

MEMBERS: Mapping[str, status.Operating] = {
    "up": status.Operating.ONLINE,
    "down": status.Operating.ERROR,
    "drain": status.Operating.DRAINING,
    "maint": status.Operating.OFFLINE,
    "no_check": status.Operating.NO_MONITOR,
}
FRONTENDS: Mapping[str, status.Operating] = {
    "open": status.Operating.ONLINE,
    "full": status.Operating.DEGRADED,
}
# What a row makes of what stands above it, the worst last.
SEVERITY = (status.Operating.ONLINE, status.Operating.DEGRADED, status.Operating.ERROR)


def derive(wanted: tree.Tree, seen: spec.Observation | None) -> dict[str, status.Operating]:
    """The operating status of every row, by id. None means that nothing runs."""
    found = seen or NOTHING
    members = {each.id: _member(each, found) for each in wanted.members}
    worse = {each.pool_id for each in wanted.members if members[each.id] is status.Operating.ERROR}
    pools = {each.id: _pool(each, found, worse=each.id in worse) for each in wanted.pools}
    listeners = {each.id: _listener(wanted, each, found) for each in wanted.listeners}
    top = _loadbalancer(wanted, listeners, pools)
    return {wanted.loadbalancer.id: top, **listeners, **pools, **members, **by_itself(wanted)}


def by_itself(wanted: tree.Tree) -> dict[str, status.Operating]:
    """The operating status, by id, of the rows whose state no data plane tells: monitors, L7 policies and rules.

    Each is ONLINE when it is in service, from the moment a node has made it so; until then it stays what it was.
    """
    found = {}
    for each in (*wanted.healthmonitors, *wanted.l7policies, *wanted.l7rules):
        state = status.Operating.ONLINE if each.admin_state_up else status.Operating.OFFLINE
        found[each.id] = state if wanted.loadbalancer.settled >= each.touched else each.operating_status
    return found


def _member(row: member.Member, seen: spec.Observation) -> status.Operating:
    said = seen.servers.get(row.id)
    if said is not None and row.pool_id in seen.backends:
        return MEMBERS.get(said, status.Operating.OFFLINE)
    # Nobody reports it: what was never checked stays so, the rest is out of service.
    kept = row.operating_status is status.Operating.NO_MONITOR
    return status.Operating.NO_MONITOR if kept else status.Operating.OFFLINE


def _pool(row: pool.Pool, seen: spec.Observation, *, worse: bool) -> status.Operating:
    """The status of a pool, of which a member is in ERROR where it is ``worse``."""
    said = seen.backends.get(row.id)
    if said is None:
        return status.Operating.OFFLINE
    if said == "down":
        return status.Operating.ERROR
    return status.Operating.DEGRADED if worse else status.Operating.ONLINE


def _listener(wanted: tree.Tree, row: listener.Listener, seen: spec.Observation) -> status.Operating:
    said = FRONTENDS.get(seen.frontends.get(row.id, ""))
    if said is not None:
        return said
    # That it should serve and does not is an error only once the node has said that it made the tree so.
    top = wanted.loadbalancer
    settled = top.settled >= max(top.touched, row.touched)
    broken = row.admin_state_up and top.admin_state_up and settled
    return status.Operating.ERROR if broken else status.Operating.OFFLINE


def _loadbalancer(
    wanted: tree.Tree, listeners: Mapping[str, status.Operating], pools: Mapping[str, status.Operating]
) -> status.Operating:
    """ONLINE, unless a listener is full or a pool is worse. A listener that is not reported is its own trouble."""
    if not wanted.loadbalancer.admin_state_up:
        return status.Operating.OFFLINE
    full = (each for each in listeners.values() if each is status.Operating.DEGRADED)
    return max((status.Operating.ONLINE, *full, *_pools(pools)), key=SEVERITY.index)


def _pools(pools: Mapping[str, status.Operating]) -> Iterator[status.Operating]:
    return (each for each in pools.values() if each in SEVERITY)
