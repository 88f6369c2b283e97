"""What is seen of a load balancer as a page for Prometheus.

The names are Octavia's with `vipool` in front; ids are the labels. Promises: pure; each family once, with its help and
type, and each sample once; nothing of a tenant's words enters it, but ids. Counters are those of the API, which never
fall; pools have none, since the sum of a pool's members falls when one goes, which Prometheus takes for a new start.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vipool.core import enabled, exposition, ledger
from vipool.model import spec, tree

# The families of what is counted, by the attribute of the counters: kind and help.
_COUNTED: Mapping[str, tuple[str, str, str]] = {
    "active_connections": ("current_connections", "gauge", "Connections and flows open when they were last counted."),
    "total_connections": ("connections_total", "counter", "Connections and flows since it was made."),
    "bytes_in": ("bytes_in_total", "counter", "Bytes from clients, with the headers of IP."),
    "bytes_out": ("bytes_out_total", "counter", "Bytes to clients, with the headers of IP."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One object: its labels, whether it takes traffic, and what it counts."""

    labels: Mapping[str, str]
    up: bool
    counters: spec.Counters


def page(wanted: tree.Tree, seen: spec.Observation | None) -> str:
    """The page of what is served of a tree; empty where nothing is."""
    if seen is None:
        return ""
    kinds = {"listener": _listeners(wanted, seen), "pool": _pools(wanted, seen), "member": _members(wanted, seen)}
    return exposition.text(family for kind, rows in kinds.items() if rows for family in _families(kind, rows))


def _listeners(wanted: tree.Tree, seen: spec.Observation) -> Sequence[_Row]:
    return [
        _Row(
            labels={"listener": each.id},
            up=seen.frontends.get(each.id) in {"open", "full"},
            counters=seen.counters.get(each.id, spec.Counters()),
        )
        for each in enabled.listeners(wanted)
    ]


def _pools(wanted: tree.Tree, seen: spec.Observation) -> Sequence[_Row]:
    return [
        _Row(
            labels={"pool": each.id},
            up=seen.backends[each.id] == "up",
            counters=ledger.added(seen.members.get(row.id, spec.Counters()) for row in wanted.members_of(each.id)),
        )
        for each in wanted.pools
        if each.id in seen.backends
    ]


def _members(wanted: tree.Tree, seen: spec.Observation) -> Sequence[_Row]:
    return [
        _Row(
            labels={"pool": each.pool_id, "member": each.id},
            up=seen.servers[each.id] in {"up", "no_check", "drain"},
            counters=seen.members.get(each.id, spec.Counters()),
        )
        for each in wanted.members
        if each.id in seen.servers
    ]


def _families(kind: str, rows: Sequence[_Row]) -> Iterator[exposition.Family]:
    yield exposition.Family(
        name=f"vipool_{kind}_up",
        help="Whether it serves: 1 or 0.",
        samples=[(row.labels, int(row.up)) for row in rows],
    )
    for name, (family, sort, meaning) in _COUNTED.items():
        if kind != "pool" or sort != "counter":
            samples = [(row.labels, getattr(row.counters, name)) for row in rows]
            yield exposition.Family(name=f"vipool_{kind}_{family}", help=meaning, kind=sort, samples=samples)
