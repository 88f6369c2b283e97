"""The single-call tree: a nested body made into the steps that build it one by one.

Pools may be defined at the top, where a listener uses them, or where an L7 policy leads to them, and referred to by
name elsewhere.  The steps go through ``core.admit``, so that a tree is accepted exactly when its objects are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.core import admit, complete, terms
from vipool.model import attr, faults, healthmonitor, l7policy, l7rule, listener, member, pool, tree

PARENTS = frozenset({"loadbalancer_id", "pool_id", "listener_id", "l7policy_id"})
WHERE = "load_balancer.loadbalancer"
Body = Mapping[str, Any]
Bodies = Sequence[Body]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What every step of the building needs: the terms of the write, and where ids come from."""

    when: terms.Terms
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a body stands in the nest: what it makes, its path in refusals, and the parents its rows name."""

    cls: type[tree.Child]
    where: str
    parents: Mapping[str, str]


def build(root: tree.Tree, body: Body, step: Step) -> tree.Tree:
    """The tree of a new load balancer with the ``listeners`` and ``pools`` of the body.  Raises a Refusal."""
    fronts = _objects(body, "listeners")
    definitions = _definitions(_objects(body, "pools"), fronts)
    whole = root
    ids: dict[str, str] = {}
    for name, definition in definitions.items():
        whole, ids[name] = _add_pool(whole, definition, step)
    for front in fronts:
        whole = _add_listener(whole, front, ids, step)
    return whole


def _objects(body: Body, key: str) -> list[Body]:
    found = body.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise faults.BadAttribute(key, found, f"Value not a valid list of objects: {faults.said(found)}")
    return found


def _object(body: Body, key: str) -> Body | None:
    found = body.get(key)
    if found is not None and not isinstance(found, Mapping):
        raise faults.BadAttribute(key, found, "Value should be an object")
    return found


def _mentions(pools: Bodies, fronts: Bodies) -> Iterator[Body]:
    yield from pools
    for front in fronts:
        for user, key in (
            (front, "default_pool"),
            *((each, "redirect_pool") for each in _objects(front, "l7policies")),
        ):
            mentioned = _object(user, key)
            if mentioned is not None:
                yield mentioned


def _definitions(pools: Bodies, fronts: Bodies) -> dict[str, Body]:
    """The full definitions by name; every mere reference must have one."""
    found: dict[str, Body] = {}
    referred: list[str] = []
    for mention in _mentions(pools, fronts):
        name = mention.get("name")
        if not name or not isinstance(name, str):
            raise faults.Invalid(
                "Validation failure: Pools must be named when creating a fully populated loadbalancer."
            )
        if set(mention) == {"name"}:
            referred.append(name)
        elif name in found:
            raise faults.Invalid(
                "Validation failure: Pool names must be unique when creating a fully populated loadbalancer."
            )
        else:
            found[name] = mention
    for name in referred:
        if name not in found:
            raise faults.Invalid(f"Validation failure: Pool '{name}' was referenced but no full definition was found.")
    for name, definition in found.items():
        for needed in ("protocol", "lb_algorithm"):
            if definition.get(needed) is None:
                raise faults.Invalid(
                    f"Validation failure: Pool definition for '{name}' missing required attribute: {needed}"
                )
    return found


def _add_pool(whole: tree.Tree, body: Body, step: Step) -> tuple[tree.Tree, str]:
    where = f"{WHERE}.pools"
    row = _row(whole, _without(body, "members", "healthmonitor"), Place(cls=pool.Pool, where=where, parents={}), step)
    whole = admit.create(whole, row, step.when)
    above = {"pool_id": row.id}
    monitor = _object(body, "healthmonitor")
    if monitor is not None:
        place = Place(cls=healthmonitor.HealthMonitor, where=f"{where}.healthmonitor", parents=above)
        whole = admit.create(whole, _row(whole, monitor, place, step), step.when)
    place = Place(cls=member.Member, where=f"{where}.members", parents=above)
    rows = [_row(whole, each, place, step) for each in _objects(body, "members")]
    return admit.create_members(
        whole, tuple(each for each in rows if isinstance(each, member.Member)), step.when
    ), row.id


def _add_listener(whole: tree.Tree, body: Body, pools: Mapping[str, str], step: Step) -> tree.Tree:
    where = f"{WHERE}.listeners"
    default = _object(body, "default_pool")
    parents = {} if default is None else {"default_pool_id": pools[default["name"]]}
    place = Place(cls=listener.Listener, where=where, parents=parents)
    row = _row(whole, _without(body, "default_pool", "l7policies"), place, step)
    whole = admit.create(whole, row, step.when)
    for each in _objects(body, "l7policies"):
        whole = _add_policy(whole, each, row.id, pools, step)
    return whole


def _add_policy(whole: tree.Tree, body: Body, listener_id: str, pools: Mapping[str, str], step: Step) -> tree.Tree:
    where = f"{WHERE}.listeners.l7policies"
    own = _without(body, "redirect_pool", "rules")
    target = _object(body, "redirect_pool")
    if target is not None:
        own["redirect_pool_id"] = pools[target["name"]]
    place = Place(cls=l7policy.L7Policy, where=where, parents={"listener_id": listener_id})
    row = _row(whole, own, place, step)
    whole = admit.create(whole, row, step.when)
    place = Place(cls=l7rule.L7Rule, where=f"{where}.rules", parents={"l7policy_id": row.id})
    for each in _objects(body, "rules"):
        whole = admit.create(whole, _row(whole, each, place, step), step.when)
    return whole


def _without(body: Body, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in keys}


def _row(whole: tree.Tree, body: Body, place: Place, step: Step) -> tree.Child:
    """A new row from its own part of the body: parsed, completed, and tied to what it stands under."""
    own = _without(body, "project_id", "tenant_id")
    parsed = attr.parse_create(place.cls, own, where=place.where, without=PARENTS)
    values = complete.new(place.cls, parsed, step.when.allowed)
    root = whole.loadbalancer
    identity = {"id": step.new_id(), "project_id": root.project_id, "loadbalancer_id": root.id}
    return place.cls.build({**values, **place.parents, **identity})
