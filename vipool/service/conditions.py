"""The conditions of load balancers, as the nodes tell them: kept from their beginning to their end, and no longer.

Promises: what a node says again changes nothing; beginnings and ends are in the history. A condition is about a row
that is there: with the row it ends. Names that only a newer node knows are passed over.
"""

import collections
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.core import conditions, exposition
from vipool.model import attr, condition, loadbalancer, spec, tree
from vipool.service import history
from vipool.store import rows, session

BEGIN, END = "condition:begin", "condition:end"
NAMES = frozenset(condition.Name)
ABOUT = frozenset(condition.About)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be written: conditions that begin, the new message of some by their ids, conditions that end.

    Those that begin have no moment yet: it is that of the write.
    """

    begun: tuple[tuple[str, spec.Condition], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    ended: tuple[condition.Condition, ...] = ()


NOTHING = Change()


def known(held: session.Session, roots: Iterable[str]) -> dict[str, dict[str, condition.Condition]]:
    """The conditions of these load balancers, by theirs and their own ids."""
    found: dict[str, dict[str, condition.Condition]] = {identifier: {} for identifier in roots}
    for each in rows.among(held, condition.Condition, "loadbalancer_id", list(found)):
        found[each.loadbalancer_id][each.id] = each
    return found


def changes(
    whole: tree.Tree, before: Mapping[str, condition.Condition], told: tuple[spec.Condition, ...] | None
) -> Change:
    """What a node's word changes of what is kept; it says nothing where it has not looked. Pure."""
    if not before and not told:
        return NOTHING
    there = {row.id for row in whole.rows()}
    now = {
        identifier(whole.loadbalancer.id, each): each
        for each in told or ()
        if each.name in NAMES and each.object_type in ABOUT and each.object_id in there
    }
    messages = {key: condition.message(condition.Name(each.name), each.measured) for key, each in now.items()}
    return Change(
        begun=tuple((key, each) for key, each in now.items() if key not in before),
        changed=tuple(
            (key, words) for key, words in messages.items() if key in before and before[key].message != words
        ),
        ended=tuple(
            each for key, each in before.items() if each.object_id not in there or (told is not None and key not in now)
        ),
    )


def identifier(root: str, told: spec.Condition) -> str:
    """The id of a condition: the same as long as it is there, and when it comes again."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join((root, *conditions.key(told)))))


def keep(held: session.Session, root: loadbalancer.LoadBalancer, change: Change) -> None:
    """Write a change."""
    begun = [_made(held, root, key, each) for key, each in change.begun]
    rows.add(held, *begun)
    for key, words in change.changed:
        rows.change(held, condition.Condition, key, {"message": words})
    rows.remove(held, condition.Condition, *(each.id for each in change.ended))
    for each in begun:
        history.noted(held, root, BEGIN, ({**_object(each), "before": None, "after": _said(each)},))
    for each in change.ended:
        history.noted(held, root, END, ({**_object(each), "before": _said(each), "after": None},))


def _made(
    held: session.Session, root: loadbalancer.LoadBalancer, key: str, told: spec.Condition
) -> condition.Condition:
    name = condition.Name(told.name)
    return condition.Condition(
        id=key,
        loadbalancer_id=root.id,
        project_id=root.project_id,
        name=name,
        since=held.now,
        object_type=condition.About(told.object_type),
        object_id=told.object_id,
        address=told.address,
        message=condition.message(name, told.measured),
    )


def _object(found: condition.Condition) -> dict[str, Any]:
    return {"object": condition.Condition.NOUN.wrapper, "id": found.id}


def _said(found: condition.Condition) -> dict[str, Any]:
    return {
        name: value for name, value in attr.show(found).items() if name not in {"id", "loadbalancer_id", "project_id"}
    }


def forget(held: session.Session, root: str) -> None:
    """Remove the conditions of a load balancer that is gone."""
    rows.remove_where(held, condition.Condition, loadbalancer_id=root)


def gauges(held: session.Session) -> tuple[exposition.Family, ...]:
    """The conditions of every load balancer as metrics; those of no load balancer are counted too, as 0."""
    found = rows.find(held, condition.Condition)
    counted = collections.Counter(each.name for each in found)
    return (
        exposition.Family(
            name="vipool_conditions",
            help="How many conditions there are, by name.",
            samples=[({"condition": name}, counted[name]) for name in condition.Name],
        ),
        exposition.Family(
            name="vipool_loadbalancer_condition",
            help="1 for each condition of a load balancer that is there.",
            samples=[(_labels(each), 1) for each in found],
        ),
    )


def _labels(found: condition.Condition) -> dict[str, str]:
    return {
        "condition": found.name,
        "loadbalancer": found.loadbalancer_id,
        "project": found.project_id,
        "object_type": found.object_type,
        "object": found.object_id,
        "address": found.address,
    }
