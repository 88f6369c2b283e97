"""Which members of a pool take traffic, given which of them do not answer.

Promises: pure. A member is able when it is in service and not known to be down. New flows go to able members that have
a weight and are no backups; where there are none, to able backups with a weight. Knows no addresses.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from vipool.core import enabled
from vipool.model import healthmonitor, member, pool, tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """`serving` members take new flows; `staying` ones keep the clients they have: those, and drained ones."""

    serving: tuple[member.Member, ...]
    staying: tuple[member.Member, ...]


NOBODY = Rotation(serving=(), staying=())


def of(members: Iterable[member.Member], down: Collection[str]) -> Rotation:
    """The rotation of these members, `down` being the ids of those that do not answer."""
    able = [each for each in members if each.admin_state_up and each.id not in down]
    first = [each for each in able if not each.backup]
    serving = tuple(each for each in first if each.weight) or tuple(
        each for each in able if each.backup and each.weight
    )
    drained = tuple(each for each in first if not each.weight)
    return Rotation(serving=serving, staying=(*serving, *drained))


def backs(wanted: tree.Tree) -> tuple[pool.Pool, ...]:
    """The pools that answer for any listener, each once."""
    return wanted.once(_backs)


def _backs(wanted: tree.Tree) -> tuple[pool.Pool, ...]:
    found = (enabled.pool_of(wanted, front.default_pool_id) for front in enabled.listeners(wanted))
    return tuple({back.id: back for back in found if back is not None}.values())


def pool_states(wanted: tree.Tree, down: Collection[str]) -> dict[str, str]:
    """The states of the pools that answer, by id, in the words of `spec.Observation`.

    One is up while somebody serves, and also when it has no members: then nobody is missing.
    """
    found = {}
    for back in backs(wanted):
        members = wanted.members_of(back.id)
        found[back.id] = "up" if not members or of(members, down).serving else "down"
    return found


def member_states(wanted: tree.Tree, down: Collection[str]) -> dict[str, str]:
    """The states of their members, by id, in the same words."""
    return {
        each.id: _state(each, monitor, down)
        for back in backs(wanted)
        for monitor in (enabled.monitor_of(wanted, back.id),)
        for each in wanted.members_of(back.id)
    }


def _state(row: member.Member, monitor: healthmonitor.HealthMonitor | None, down: Collection[str]) -> str:
    if not row.admin_state_up:
        return "maint"
    if monitor is None:
        return "no_check"
    if row.id in down:
        return "down"
    return "up" if row.weight else "drain"
