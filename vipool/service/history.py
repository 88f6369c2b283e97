"""The history of load balancers: every accepted write with what became of it, every condition that began or ended.

An entry is written in the transaction of the write itself; what nodes say of it later is added when they say it.  It
outlives its load balancer, so that it can still be asked who removed it.
"""

import dataclasses
import datetime
import uuid
from typing import Any

from vipool.core import changes
from vipool.model import event, faults, loadbalancer, status, tree
from vipool.service import act
from vipool.store import events, rows, session


def record(held: session.Session, what: act.Act, before: tree.Tree | None, after: tree.Tree) -> None:
    """Note a write."""
    made = _entry(held, after.loadbalancer, what.action, changes.between(before, after))
    rows.add(held, dataclasses.replace(made, user_id=what.who.user_id, user_name=what.who.user_name))


def noted(
    held: session.Session, root: loadbalancer.LoadBalancer, action: str, found: tuple[dict[str, Any], ...]
) -> None:
    """Note what came about by itself, with nobody asking for it."""
    rows.add(held, dataclasses.replace(_entry(held, root, action, found), realised_at=held.now))


def _entry(
    held: session.Session, root: loadbalancer.LoadBalancer, action: str, found: tuple[dict[str, Any], ...]
) -> event.Event:
    """An entry of nobody, of this moment."""
    return event.Event(
        id=str(uuid.uuid4()),
        loadbalancer_id=root.id,
        project_id=root.project_id,
        created_at=held.now,
        user_id="",
        action=action,
        generation=root.generation,
        changes=found,
    )


def settle(held: session.Session, root: loadbalancer.LoadBalancer, after: status.Progress, words: str) -> None:
    """Note on the writes of a load balancer that a node has made them so, or could not, in its words."""
    if after.settled > root.settled:
        events.realised(held, root.id, after.settled, words or None)
    elif after.failed > max(root.failed, after.settled):
        events.failed(held, root.id, after.failed, words)


def gone(held: session.Session, root: loadbalancer.LoadBalancer) -> None:
    """Note on the last writes of a load balancer that nothing of it is left."""
    events.realised(held, root.id, root.generation, "removed it")


def need(held: session.Session, what: act.Act, identifier: str) -> None:
    """Refuse the history of a load balancer that never was, or that the caller may not see.

    Raises faults.NotFound or Forbidden.
    """
    owner = events.owner(held, identifier)
    if owner is None:
        raise faults.not_found("Load Balancer", identifier)
    what.check(owner)


def forget(database: session.Database, days: int) -> int:
    """Remove what is older than some days; returns how many entries went."""
    with database.write() as held:
        return events.forget(held, held.now - datetime.timedelta(days=days))
