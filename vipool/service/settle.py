"""Taking the reports of nodes: generations settle, rows that were going are gone, the data plane's word is kept.

Promises: a report that says nothing new costs one reading transaction and takes no lock, and a crowd of reports lets
users write in between.  Old, doubled and unordered reports change nothing.
"""

import dataclasses
import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vipool.cloud.network import base
from vipool.core import health
from vipool.model import condition, loadbalancer, spec, statistics, status, tree
from vipool.service import amphorae, conditions, history
from vipool.store import rows, session, trees

# How many reports are taken in one transaction: some tens of milliseconds of the writers' lock.
TOGETHER = 16
# What is counted, and of what.
COUNTED = (statistics.Statistics, statistics.MemberStatistics)
COUNTS = tuple(each.name for each in dataclasses.fields(spec.Counters))
_counts = operator.attrgetter(*COUNTS)
Counted: TypeAlias = Mapping[str, statistics.Statistics]
Found: TypeAlias = Mapping[str, condition.Condition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is kept of a load balancer beside its tree: the counters of its listeners, its conditions; by their ids."""

    counted: Counted
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a report changes: the progress of its tree, rows that are gone, states, counters, conditions; or the whole
    tree goes."""

    whole: tree.Tree
    forgets: bool = False
    progress: dict[str, Any]
    words: str = ""
    gone: tuple[tree.Child, ...] = ()
    states: tuple[tuple[tree.Row, status.Operating], ...] = ()
    new_counters: tuple[statistics.Statistics, ...] = ()
    counters: tuple[statistics.Statistics, ...] = ()
    named: conditions.Change = conditions.NOTHING

    @property
    def is_news(self) -> bool:
        """Whether there is anything to write."""
        found = (self.forgets, self.progress, self.gone, self.states, self.new_counters, self.counters)
        return any(found) or self.named != conditions.NOTHING


def take(database: session.Database, networks: base.Network, reports: Iterable[spec.Report]) -> None:
    """Take reports, in any order and any number of times."""
    waiting = iter(reports)
    while some := tuple(itertools.islice(waiting, TOGETHER)):
        with database.read() as held:
            news = _telling(held, some)
        if news:
            with database.write() as held:
                settle(held, networks, news)


def settle(held: session.Session, networks: base.Network, reports: Sequence[spec.Report]) -> None:
    """Take reports in one transaction."""
    plane = [report for report in reports if report.kind != "loadbalancer"]
    if plane:
        networks.settle(held, plane)
    told = [report for report in reports if report.kind == "loadbalancer"]
    loaded = _load(held, {report.id for report in told})
    for report in told:
        # A second report on one tree finds it as the first has left it.
        found = loaded.pop(report.id, None) or _load(held, {report.id}).get(report.id)
        if found is not None:
            change = changes(*found, report)
            if change.is_news:
                _apply(held, networks, change)


def _telling(held: session.Session, reports: Sequence[spec.Report]) -> list[spec.Report]:
    """The reports that may change something; what is said of networks always may.

    Whole trees are looked at only where nothing is new about how far they have come.
    """
    told = {report.id for report in reports if report.kind == "loadbalancer"}
    roots = rows.find_by_ids(held, loadbalancer.LoadBalancer, told)
    advanced = {report.id for report in reports if report.id in roots and settled(roots[report.id], report)}
    found = _load(held, told - advanced)

    def tells(report: spec.Report) -> bool:
        if report.kind != "loadbalancer" or report.id in advanced:
            return True
        return report.id in found and changes(*found[report.id], report).is_news

    return [report for report in reports if tells(report)]


def _load(held: session.Session, identifiers: set[str]) -> dict[str, tuple[tree.Tree, Known]]:
    """The trees with these ids that are there, and what else is kept of each of them."""
    if not identifiers:
        return {}
    roots = rows.find_by_ids(held, loadbalancer.LoadBalancer, sorted(identifiers))
    counted: dict[str, dict[str, statistics.Statistics]] = {identifier: {} for identifier in roots}
    for cls in COUNTED:
        for each in rows.among(held, cls, "loadbalancer_id", roots):
            counted[each.loadbalancer_id][each.id] = each
    found = conditions.known(held, roots)
    return {
        whole.loadbalancer.id: (
            whole,
            Known(counted=counted[whole.loadbalancer.id], found=found[whole.loadbalancer.id]),
        )
        for whole in trees.load_many(held, roots.values())
    }


def changes(whole: tree.Tree, known: Known, report: spec.Report) -> Change:
    """What a report changes of a tree of which the rest is known; pure."""
    if report.gone:
        return Change(whole=whole, forgets=whole.loadbalancer.dying, progress={})
    progress = settled(whole.loadbalancer, report)
    root = whole.loadbalancer.having(progress)
    gone = _gone(whole, root.settled) if progress else ()
    left = {row.id for row in gone}
    after = (whole.keep(lambda row: row.id not in left) if left else whole).replacing(root)
    seen = report.observation
    # What was seen before a generation that is realised by now is late.
    if seen is None or report.generation < root.settled:
        told = report.fault or report.done
        return Change(
            whole=whole, progress=progress, words=told, gone=gone, states=_news(after, health.by_itself(after.live()))
        )
    counted = _counted(after, seen, known.counted)
    return Change(
        whole=whole,
        progress=progress,
        words=report.fault or report.done,
        gone=gone,
        states=_news(after, health.derive(after.live(), seen)),
        new_counters=tuple(each for each in counted if each.id not in known.counted),
        counters=tuple(each for each in counted if each.id in known.counted),
        named=conditions.changes(after, known.found, seen.conditions),
    )


def settled(root: loadbalancer.LoadBalancer, report: spec.Report) -> dict[str, Any]:
    """What of the progress of a load balancer a report changes."""
    if not report.generation:
        return {}
    told = status.Report(generation=report.generation, fault=report.fault)
    after = status.settle(root.progress, told)
    values: dict[str, Any] = {"settled": after.settled, "failed": after.failed, "fault": _words(root, after, report)}
    return {name: value for name, value in values.items() if value != getattr(root, name)}


def _words(root: loadbalancer.LoadBalancer, after: status.Progress, report: spec.Report) -> str | None:
    """What to say of the last failure: the words stay until what failed is realised.

    A node that says again what it still serves does not take them away.  A node that can no longer make what it once
    realised (its disk is full, its HAProxy is gone) is heard too, though what was realised stays realised.
    """
    if report.fault is not None:
        return report.fault if report.generation == max(after.failed, after.settled) else root.fault
    if after.failed:
        return root.fault
    advanced = after != root.progress or (report.generation == after.settled and report.revision >= root.revision)
    return None if advanced else root.fault


def _gone(whole: tree.Tree, reached: int) -> tuple[tree.Child, ...]:
    children = (row for row in whole.rows() if not isinstance(row, loadbalancer.LoadBalancer))
    return tuple(row for row in children if row.dying and row.touched <= reached)


def _news(whole: tree.Tree, states: Mapping[str, status.Operating]) -> tuple[tuple[tree.Row, status.Operating], ...]:
    """The rows that are in another state than before.  Nothing was derived for a row that is going."""
    return tuple(
        (row, states[row.id])
        for row in whole.rows()
        if states.get(row.id, row.operating_status) != row.operating_status
    )


def _counted(whole: tree.Tree, seen: spec.Observation, known: Counted) -> tuple[statistics.Statistics, ...]:
    """What was counted otherwise than is known of the listeners and members that are there.

    Of what is not spoken of nothing is open.
    """
    spoken = {**seen.counters, **seen.members}
    kinds = ((statistics.Statistics, whole.listeners), (statistics.MemberStatistics, whole.members))
    root = whole.loadbalancer.id
    told = (
        cls(id=row.id, loadbalancer_id=root, **dict(zip(COUNTS, _counts(spoken[row.id]), strict=True)))
        for cls, those in kinds
        for row in those
        if row.id in spoken and not (row.id in known and _counts(known[row.id]) == _counts(spoken[row.id]))
    )
    silent = (each for key, each in known.items() if each.active_connections and key not in spoken)
    return (*told, *(dataclasses.replace(each, active_connections=0) for each in silent))


def _apply(held: session.Session, networks: base.Network, change: Change) -> None:
    root = change.whole.loadbalancer
    if change.forgets:
        _forget(held, networks, change.whole)
        return
    trees.settle(held, change.whole, change.progress, change.gone, change.states)
    if change.progress:
        history.settle(held, root, root.having(change.progress).progress, change.words)
        if not root.settled and change.progress.get("settled") and root.vip_port_id is not None:
            networks.carried(held, root.vip_port_id)
    for cls in COUNTED:
        rows.remove(held, cls, *(row.id for row in change.gone))
    rows.add(held, *change.new_counters)
    rows.put(held, *change.counters)
    conditions.keep(held, root, change.named)


def _forget(held: session.Session, networks: base.Network, whole: tree.Tree) -> None:
    root = whole.loadbalancer
    if root.vip_port_id is not None:
        networks.release_port(held, root.vip_port_id, delete=root.vip_owned)
    amphorae.forget(held, root.id)
    conditions.forget(held, root.id)
    history.gone(held, root)
    for cls in COUNTED:
        rows.remove_where(held, cls, loadbalancer_id=root.id)
    trees.remove(held, whole)
