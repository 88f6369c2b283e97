"""The single-call tree: a nested body made into the steps that build it one by one.

Pools may be defined at the top or where a listener uses them, and referred to by name elsewhere.  The steps go through
``core.admit``, so that a tree is accepted exactly when its objects are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.core import admit
from vipool.model import attr, faults, healthmonitor, listener, member, pool, tree

PARENTS = frozenset({"loadbalancer_id", "pool_id", "listener_id"})
WHERE = "load_balancer.loadbalancer"
Bodies = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What every step of the building needs: the moment of the write, and where ids come from."""

    when: admit.Moment
    new_id: Callable[[], str]


def build(root: tree.Tree, body: Mapping[str, Any], step: Step) -> tree.Tree:
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


def _objects(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = body.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise faults.BadAttribute(key, found, f"Value not a valid list of objects: {faults.said(found)}")
    return found


def _mentions(pools: Bodies, fronts: Bodies) -> Iterator[Mapping[str, Any]]:
    yield from pools
    for front in fronts:
        mentioned = front.get("default_pool")
        if mentioned is None:
            continue
        if not isinstance(mentioned, Mapping):
            raise faults.BadAttribute("default_pool", mentioned, "Value should be an object")
        yield mentioned


def _definitions(pools: Bodies, fronts: Bodies) -> dict[str, Mapping[str, Any]]:
    """The full definitions by name; every mere reference must have one."""
    found: dict[str, Mapping[str, Any]] = {}
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


def _add_pool(whole: tree.Tree, body: Mapping[str, Any], step: Step) -> tuple[tree.Tree, str]:
    members = _objects(body, "members")
    monitor = body.get("healthmonitor")
    own = {key: value for key, value in body.items() if key not in {"members", "healthmonitor"}}
    values = _parsed(pool.Pool, own, f"{WHERE}.pools")
    pool.refuse_untyped(values)
    row = pool.Pool.build({**values, **_identity(whole, step)})
    whole = admit.create(whole, row, step.when)
    if monitor is not None:
        if not isinstance(monitor, Mapping):
            raise faults.BadAttribute("healthmonitor", monitor, "Value should be an object")
        whole = _add_monitor(whole, row.id, monitor, step)
    rows = []
    for each in members:
        values = _parsed(member.Member, each, f"{WHERE}.pools.members")
        rows.append(member.Member.build({**values, **_identity(whole, step), "pool_id": row.id}))
    return admit.create_members(whole, tuple(rows), step.when), row.id


def _add_monitor(whole: tree.Tree, pool_id: str, body: Mapping[str, Any], step: Step) -> tree.Tree:
    values = _parsed(healthmonitor.HealthMonitor, body, f"{WHERE}.pools.healthmonitor")
    kind = healthmonitor.Type(str(values["type"]))
    values = healthmonitor.complete(kind, values)
    row = healthmonitor.HealthMonitor.build({**values, **_identity(whole, step), "pool_id": pool_id})
    return admit.create(whole, row, step.when)


def _add_listener(whole: tree.Tree, body: Mapping[str, Any], pools: Mapping[str, str], step: Step) -> tree.Tree:
    own = {key: value for key, value in without_policies(body).items() if key != "default_pool"}
    values = _parsed(listener.Listener, own, f"{WHERE}.listeners")
    if body.get("default_pool") is not None:
        values["default_pool_id"] = pools[body["default_pool"]["name"]]
    row = listener.Listener.build({**values, **_identity(whole, step)})
    return admit.create(whole, row, step.when)


def without_policies(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a listener without its L7 policies.  Raises faults.NotServed when it has some."""
    found = body.get("l7policies")
    if found is not None and not isinstance(found, list):
        raise faults.BadAttribute("l7policies", found, f"Value not a valid list: {faults.said(found)}")
    if found:
        raise faults.NotServed("L7 policies are not served by this release: leave l7policies out, or empty.")
    return {key: value for key, value in body.items() if key != "l7policies"}


def _parsed(cls: type[attr.Resource], body: Mapping[str, Any], where: str) -> dict[str, object]:
    own = {key: value for key, value in body.items() if key not in {"project_id", "tenant_id"}}
    return attr.parse_create(cls, own, where=where, without=PARENTS)


def _identity(whole: tree.Tree, step: Step) -> dict[str, object]:
    root = whole.loadbalancer
    return {"id": step.new_id(), "project_id": root.project_id, "loadbalancer_id": root.id}
