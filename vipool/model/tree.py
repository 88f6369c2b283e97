"""The tree: one load balancer and everything under it, the unit of desired state.

A value: changing it means making another.  Rows that are going (``dying``) stay in it until the nodes have realised
their going; ``live()`` is the tree without them, which is what is served.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from vipool.model import healthmonitor, listener, loadbalancer, member, pool

Row: TypeAlias = loadbalancer.LoadBalancer | listener.Listener | pool.Pool | member.Member | healthmonitor.HealthMonitor
Child: TypeAlias = listener.Listener | pool.Pool | member.Member | healthmonitor.HealthMonitor
T = TypeVar("T", bound=Child)

# The field of the tree that holds each kind of child.
FIELDS: dict[type[Any], str] = {
    listener.Listener: "listeners",
    pool.Pool: "pools",
    member.Member: "members",
    healthmonitor.HealthMonitor: "healthmonitors",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A load balancer with its listeners, pools, members and health monitors."""

    loadbalancer: loadbalancer.LoadBalancer
    listeners: tuple[listener.Listener, ...] = ()
    pools: tuple[pool.Pool, ...] = ()
    members: tuple[member.Member, ...] = ()
    healthmonitors: tuple[healthmonitor.HealthMonitor, ...] = ()

    def rows(self) -> Iterator[Row]:
        """Every row, the load balancer first."""
        yield self.loadbalancer
        yield from self.listeners
        yield from self.pools
        yield from self.members
        yield from self.healthmonitors

    def children(self, cls: type[T]) -> tuple[T, ...]:
        """The rows of one kind."""
        found: tuple[T, ...] = getattr(self, FIELDS[cls])
        return found

    def find(self, cls: type[T], identifier: str) -> T | None:
        """The row of that kind with that id, or None."""
        return next((row for row in self.children(cls) if row.id == identifier), None)

    def members_of(self, pool_id: str) -> tuple[member.Member, ...]:
        """The members of a pool."""
        return tuple(each for each in self.members if each.pool_id == pool_id)

    def monitor_of(self, pool_id: str) -> healthmonitor.HealthMonitor | None:
        """The health monitor of a pool, or None: of one that is going and its successor, the successor."""
        found = [each for each in self.healthmonitors if each.pool_id == pool_id]
        return next((each for each in found if not each.dying), found[0] if found else None)

    def listeners_of(self, pool_id: str) -> tuple[listener.Listener, ...]:
        """The listeners whose default pool it is."""
        return tuple(each for each in self.listeners if each.default_pool_id == pool_id)

    def live(self) -> "Tree":
        """The tree without the rows that are going."""
        return self.keep(lambda row: not row.dying)

    def keep(self, wanted: Callable[[Child], bool]) -> "Tree":
        """The tree with only the children that are wanted."""
        return dataclasses.replace(
            self,
            listeners=tuple(filter(wanted, self.listeners)),
            pools=tuple(filter(wanted, self.pools)),
            members=tuple(filter(wanted, self.members)),
            healthmonitors=tuple(filter(wanted, self.healthmonitors)),
        )

    def adding(self, row: Child) -> "Tree":
        """The tree with one more row."""
        field = FIELDS[type(row)]
        return with_children(self, field, (*getattr(self, field), row))

    def replacing(self, *rows: Row) -> "Tree":
        """The tree with these rows in place of those with their ids."""
        changed = {row.id: row for row in rows}

        def swap(old: tuple[T, ...]) -> tuple[T, ...]:
            return tuple(changed.get(each.id, each) for each in old)  # type: ignore[misc]

        return Tree(
            loadbalancer=changed.get(self.loadbalancer.id, self.loadbalancer),  # type: ignore[arg-type]
            listeners=swap(self.listeners),
            pools=swap(self.pools),
            members=swap(self.members),
            healthmonitors=swap(self.healthmonitors),
        )


def with_children(whole: Tree, field: str, children: tuple[Child, ...]) -> Tree:
    """The tree with these children in one of its fields."""
    return dataclasses.replace(whole, **{field: children})  # type: ignore[arg-type]
