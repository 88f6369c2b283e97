"""The tree: one load balancer and everything under it, the unit of desired state.

A value: changing it means making another.  Rows that are going (``dying``) stay in it until the nodes have realised
their going; ``live()`` is the tree without them, which is what is served.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from vipool.model import healthmonitor, l7policy, l7rule, listener, loadbalancer, member, pool

Child: TypeAlias = (
    listener.Listener | pool.Pool | member.Member | healthmonitor.HealthMonitor | l7policy.L7Policy | l7rule.L7Rule
)
Row: TypeAlias = loadbalancer.LoadBalancer | Child
T = TypeVar("T", bound=Child)
Answer = TypeVar("Answer")

# The field of the tree that holds each kind of child.
FIELDS: Mapping[type[Any], str] = {
    listener.Listener: "listeners",
    pool.Pool: "pools",
    member.Member: "members",
    healthmonitor.HealthMonitor: "healthmonitors",
    l7policy.L7Policy: "l7policies",
    l7rule.L7Rule: "l7rules",
}


class _Indexed:
    """What a tree has found out about itself. No field of it: equal trees are equal whatever they were asked."""

    __slots__ = ("_found",)
    _found: dict[Any, Any]

    def _by(self, cls: type[Any], key: str, made: Callable[[type[Any], str], dict[Any, Any]]) -> dict[Any, Any]:
        found = self._known()
        index: dict[Any, Any] | None = found.get((cls, key))
        if index is None:
            index = found[cls, key] = made(cls, key)
        return index

    def once(self, question: Callable[[Any], Answer]) -> Answer:
        """What a function says of the tree, which it is called with once: a pure one that always is the same object."""
        found = self._known()
        if question not in found:
            found[question] = question(self)
        answer: Answer = found[question]
        return answer

    def _known(self) -> dict[Any, Any]:
        try:
            return self._found
        except AttributeError:
            found: dict[Any, Any] = {}
            object.__setattr__(self, "_found", found)
            return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree(_Indexed):
    """A load balancer with everything under it, each kind in the order in which its rows were made.

    To look for one row takes no longer where there are thousands: each asks for its pool, a pool for its members.
    """

    loadbalancer: loadbalancer.LoadBalancer
    listeners: tuple[listener.Listener, ...] = ()
    pools: tuple[pool.Pool, ...] = ()
    members: tuple[member.Member, ...] = ()
    healthmonitors: tuple[healthmonitor.HealthMonitor, ...] = ()
    l7policies: tuple[l7policy.L7Policy, ...] = ()
    l7rules: tuple[l7rule.L7Rule, ...] = ()

    def rows(self) -> Iterator[Row]:
        """Every row, the load balancer first."""
        yield self.loadbalancer
        for field in FIELDS.values():
            yield from getattr(self, field)

    def children(self, cls: type[T]) -> tuple[T, ...]:
        """The rows of one kind."""
        found: tuple[T, ...] = getattr(self, FIELDS[cls])
        return found

    def find(self, cls: type[T], identifier: str) -> T | None:
        """The row of that kind with that id, or None."""
        return self._by(cls, "id", self._index).get(identifier)

    def members_of(self, pool_id: str) -> tuple[member.Member, ...]:
        """The members of a pool."""
        return self._grouped(member.Member, "pool_id").get(pool_id, ())

    def monitor_of(self, pool_id: str) -> healthmonitor.HealthMonitor | None:
        """The health monitor of a pool, or None: of one that is going and its successor, the successor."""
        found = self._grouped(healthmonitor.HealthMonitor, "pool_id").get(pool_id, ())
        return next((each for each in found if not each.dying), found[0] if found else None)

    def policies_of(self, listener_id: str) -> tuple[l7policy.L7Policy, ...]:
        """The L7 policies of a listener, in their order."""
        found = self._grouped(l7policy.L7Policy, "listener_id").get(listener_id, ())
        return tuple(sorted(found, key=lambda each: each.position))

    def rules_of(self, l7policy_id: str) -> tuple[l7rule.L7Rule, ...]:
        """The rules of an L7 policy."""
        return self._grouped(l7rule.L7Rule, "l7policy_id").get(l7policy_id, ())

    def listeners_of(self, pool_id: str) -> tuple[listener.Listener, ...]:
        """The listeners whose requests the pool may answer: as their default pool, or through an L7 policy.

        A policy counts when it is enabled and has a rule, as in Octavia: without one it is never met.
        """
        through = {
            each.listener_id
            for each in self._grouped(l7policy.L7Policy, "redirect_pool_id").get(pool_id, ())
            if each.admin_state_up and self.rules_of(each.id)
        }
        if not through:
            return self._grouped(listener.Listener, "default_pool_id").get(pool_id, ())
        return tuple(each for each in self.listeners if each.default_pool_id == pool_id or each.id in through)

    def _index(self, cls: type[T], key: str) -> dict[str, T]:
        return {getattr(row, key): row for row in reversed(self.children(cls))}

    def _grouped(self, cls: type[T], attribute: str) -> dict[str, tuple[T, ...]]:
        """The rows of one kind by what an attribute of theirs says, each group in its order."""
        return self._by(cls, attribute, self._groups)

    def _groups(self, cls: type[T], attribute: str) -> dict[Any, tuple[T, ...]]:
        groups: dict[Any, list[T]] = {}
        for row in self.children(cls):
            groups.setdefault(getattr(row, attribute), []).append(row)
        return {key: tuple(rows) for key, rows in groups.items()}

    def live(self) -> "Tree":
        """The tree without the rows that are going: the same where none is, with what was found out about it."""
        going = any(row.dying for field in FIELDS.values() for row in getattr(self, field))
        return self.keep(lambda row: not row.dying) if going else self

    def keep(self, wanted: Callable[[Child], bool]) -> "Tree":
        """The tree with only the children that are wanted."""
        return self.having({field: tuple(filter(wanted, getattr(self, field))) for field in FIELDS.values()})

    def adding(self, row: Child) -> "Tree":
        """The tree with one more row."""
        field = FIELDS[type(row)]
        return self.having({field: (*getattr(self, field), row)})

    def replacing(self, *rows: Row) -> "Tree":
        """The tree with these rows in place of those with their ids."""
        fields: dict[str, Any] = {}
        for row in rows:
            field = FIELDS.get(type(row))
            if field is None:
                fields["loadbalancer"] = row
            else:
                fields.setdefault(field, {})[row.id] = row
        for field, changed in fields.items():
            if field != "loadbalancer":
                fields[field] = tuple(changed.get(each.id, each) for each in getattr(self, field))
        return self.having(fields)

    def having(self, fields: Mapping[str, Any]) -> "Tree":
        """The tree with some of its fields changed."""
        return dataclasses.replace(self, **fields) if fields else self


def differing(before: Tree | None, after: Tree) -> Iterator[tuple[Row | None, Row | None]]:
    """The rows that are not the same objects in two states of a tree, as they were and as they are; None where not.

    Those of the later state come in its order, those that are in the earlier alone after the others of their kind. A
    write makes few new objects, however large the tree is: to find them takes no look into the others.
    """
    kinds = [((before.loadbalancer,) if before else (), (after.loadbalancer,))]
    kinds += [(getattr(before, field, ()), getattr(after, field)) for field in FIELDS.values()]
    for old, new in kinds:
        left = {id(row): row for row in old}
        fresh = [row for row in new if left.pop(id(row), None) is None]
        was = {row.id: row for row in left.values()}
        yield from ((was.pop(row.id, None), row) for row in fresh)
        yield from ((row, None) for row in was.values())
