"""Taking the reports of nodes: generations settle, rows that were going are gone, the data plane's word is kept."""

from collections.abc import Sequence
from typing import Any

from vipool.cloud.network import base
from vipool.core import health
from vipool.model import loadbalancer, spec, statistics, status, tree
from vipool.store import rows, session, trees

Change = tuple[type[tree.Row], str, dict[str, Any]]


def settle(held: session.Session, networks: base.Network, reports: Sequence[spec.Report]) -> None:
    """Take reports, in any order and any number of times: old ones change nothing."""
    plane = [report for report in reports if report.kind != "loadbalancer"]
    if plane:
        networks.settle(held, plane)
    for report in reports:
        if report.kind == "loadbalancer":
            _settle_balancer(held, networks, report)


def _settle_balancer(held: session.Session, networks: base.Network, report: spec.Report) -> None:
    whole = trees.load(held, report.id)
    if whole is None:
        return
    if report.gone:
        if whole.loadbalancer.dying:
            _forget(held, networks, whole)
        return
    if report.generation:
        whole = _progress(held, whole, report)
    if report.observation is not None:
        _observe(held, whole, report.observation)


def _forget(held: session.Session, networks: base.Network, whole: tree.Tree) -> None:
    root = whole.loadbalancer
    if root.vip_port_id is not None:
        networks.release_port(held, root.vip_port_id, delete=root.vip_owned)
    rows.remove(held, statistics.Statistics, *(each.id for each in whole.listeners))
    trees.remove(held, whole)


def _progress(held: session.Session, whole: tree.Tree, report: spec.Report) -> tree.Tree:
    root = whole.loadbalancer
    told = status.Report(generation=report.generation, fault=report.fault)
    progress = status.settle(root.progress, told)
    fault = report.fault if progress.failed else None
    if progress == root.progress and fault == root.fault:
        return whole
    values: dict[str, Any] = {"settled": progress.settled, "failed": progress.failed, "fault": fault}
    rows.change(held, loadbalancer.LoadBalancer, root.id, values)
    gone = [row for row in whole.rows() if row.dying and row.touched <= progress.settled and row.id != root.id]
    for row in gone:
        rows.remove(held, type(row), row.id)
        rows.remove(held, statistics.Statistics, row.id)
    left = {row.id for row in gone}
    return whole.keep(lambda row: row.id not in left).replacing(root.having(values))


def _observe(held: session.Session, whole: tree.Tree, seen: spec.Observation) -> None:
    states = health.derive(whole.live(), seen)
    for row in whole.rows():
        state = states.get(row.id)
        if state is not None and state is not row.operating_status:
            rows.change(held, type(row), row.id, {"operating_status": state})
    known = {each.id: each for each in rows.find(held, statistics.Statistics, loadbalancer_id=whole.loadbalancer.id)}
    fronts = {each.id for each in whole.listeners}
    for identifier, counters in seen.counters.items():
        if identifier not in fronts:
            continue
        counted = statistics.Statistics(
            id=identifier,
            loadbalancer_id=whole.loadbalancer.id,
            active_connections=counters.active_connections,
            bytes_in=counters.bytes_in,
            bytes_out=counters.bytes_out,
            request_errors=counters.request_errors,
            total_connections=counters.total_connections,
        )
        if identifier not in known:
            rows.add(held, counted)
        elif counted != known[identifier]:
            rows.put(held, counted)
