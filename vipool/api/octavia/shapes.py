"""The schemas of the load-balancer API's objects: their declared attributes, and what bodies and replies add to them.

Every object has up to three, under its name: as it is shown, as it is made (``…Create``) and as it is changed
(``…Update``).  A new load balancer is shown with its whole tree, in shapes of its own (``…Expanded``).
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from vipool.api.openapi import operation, schemas
from vipool.core import graph
from vipool.model import (
    amphora,
    attr,
    condition,
    event,
    flavor,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    quota,
    statistics,
    status,
    tree,
    types,
    zone,
)
from vipool.service import quotas, read

Root = loadbalancer.LoadBalancer
Noun = type[attr.Resource]
Schemas = dict[str, dict[str, Any]]
TREE: tuple[type[tree.Row], ...] = (Root, *tree.FIELDS)
SHELVES: tuple[Noun, ...] = (flavor.Flavor, flavor.Profile, zone.Zone, zone.Profile)

TEXT: Mapping[str, Any] = {"type": "string"}
UUID = types.Uuid().schema()
IDS = {**operation.array(operation.ref("Reference")), "description": "The ids of those that belong to it."}
ABOVE = {**operation.array(operation.ref("Reference")), "description": "The id of the one it belongs to."}
USERS = {**operation.array(operation.ref("Reference")), "description": "The ids of those whose requests it answers."}
MONITOR = {**UUID, "description": "The health monitor; left out where there is none."}
PROVISIONING = {
    **types.Choice(status.Provisioning).schema(),
    "description": "What is being done about the object.",
}
OWNER = {**TEXT, "description": "The project, under its former name."}
# What views show of each object beside its own attributes (vipool.service.views).
KIN: Mapping[type[tree.Row], Mapping[str, operation.Schema]] = {
    Root: {"listeners": IDS, "pools": IDS},
    listener.Listener: {"loadbalancers": ABOVE, "l7policies": IDS},
    pool.Pool: {"loadbalancers": ABOVE, "listeners": USERS, "members": IDS, "healthmonitor_id": MONITOR},
    healthmonitor.HealthMonitor: {"pools": ABOVE},
    l7policy.L7Policy: {"rules": IDS},
}
# What a pool without a monitor does not show.
ABSENT = frozenset({"healthmonitor_id", "healthmonitor"})
# What the body of a new object may name beside its attributes: its owner, and where it belongs.
PROJECT: Mapping[str, operation.Schema] = {
    name: {
        "type": ["string", "null"],
        "maxLength": 36,
        "description": "The project it is for. Below a load balancer it is that one's, whatever is sent.",
    }
    for name in ("project_id", "tenant_id")
}


def _some(ref: str, doc: str) -> dict[str, Any]:
    return {**schemas.or_null(operation.array(operation.ref(ref))), "description": doc}


def _perhaps(ref: str, doc: str) -> dict[str, Any]:
    return {"anyOf": [operation.ref(ref), {"type": "null"}], "description": doc}


# What the body of a new load balancer may hold of its tree, and each object in it of what is below (vipool.core.graph).
GROWN: Mapping[type[tree.Row], Mapping[str, operation.Schema]] = {
    Root: {
        "listeners": _some("ListenerInTree", "The listeners to make with it."),
        "pools": _some("PoolInUse", "The pools to make with it."),
    },
    listener.Listener: {
        "default_pool": _perhaps("PoolInUse", "The pool that answers."),
        "l7policies": _some("L7PolicyInTree", "Its L7 policies."),
    },
    pool.Pool: {
        "members": _some("MemberInTree", "Its members."),
        "healthmonitor": _perhaps("HealthMonitorInTree", "What checks them."),
    },
    l7policy.L7Policy: {
        "redirect_pool": _perhaps("PoolInUse", "The pool that answers, for REDIRECT_TO_POOL."),
        "rules": _some("L7RuleInTree", "Its rules."),
    },
}
PLACES: Mapping[type[tree.Row], Mapping[str, operation.Schema]] = {
    pool.Pool: {
        "loadbalancer_id": {
            **schemas.or_null(UUID),
            "description": "The load balancer it belongs to; may be left out when listener_id is given.",
        },
        "listener_id": {
            **schemas.or_null(UUID),
            "description": "A listener without a default pool: the new pool becomes it.",
        },
    }
}


def name(cls: Noun) -> str:
    """What the document calls a noun."""
    return cls.NOUN.title.replace(" ", "")


@functools.cache
def every() -> Schemas:
    """All schemas by name: declarations never change."""
    found: Schemas = {"Reference": operation.reply({"id": UUID}), "Link": _link()}
    for cls in TREE:
        found |= {name(cls): _shown(cls), f"{name(cls)}Create": _create(cls), f"{name(cls)}Update": schemas.update(cls)}
    for shelf in SHELVES:
        found[name(shelf)] = operation.reply(schemas.shown(shelf), ())
        found[f"{name(shelf)}Create"] = operation.closed(schemas.create(shelf), schemas.needed(shelf))
        found[f"{name(shelf)}Update"] = schemas.update(shelf)
    found |= {f"{name(noun)}InTree": shape for noun, shape in _planted()}
    found |= {f"{name(noun)}Expanded": operation.reply(shape, _always(shape)) for noun, shape in _expanded()}
    for noun in (event.Event, condition.Condition):
        found[name(noun)] = operation.reply(schemas.shown(noun), ())
    found |= {"Amphora": _amphora(), "Quotas": _quotas(), "QuotasUpdate": _quotas_update()}
    return found | {"PoolInUse": _pool_in_use(), "Counters": counters(), "LoadBalancerStatuses": _statuses()}


def whole(named: str) -> dict[str, Any]:
    """An object with all that it shows."""
    return {**operation.ref(named), "required": _always(every()[named]["properties"])}


def _always(shape: Mapping[str, Any]) -> list[str]:
    return [key for key in shape if key not in ABSENT]


def _link() -> dict[str, Any]:
    return operation.reply({"href": {"type": "string", "format": "uri"}, "rel": {"enum": ["next", "previous"]}})


def _common(cls: Noun) -> dict[str, dict[str, Any]]:
    return {**schemas.shown(cls), "tenant_id": dict(OWNER), "provisioning_status": dict(PROVISIONING)}


def _shown(cls: type[tree.Row]) -> dict[str, Any]:
    """An object in a reply; nothing of it is sure to be there, because of ``fields``."""
    return operation.reply({**_common(cls), **KIN.get(cls, {})}, ())


def _create(cls: type[tree.Row]) -> dict[str, Any]:
    below = GROWN[cls] if cls is Root else {}
    places = PLACES.get(cls, {})
    found = operation.closed({**schemas.create(cls), **places, **PROJECT, **below}, schemas.needed(cls))
    if cls is pool.Pool:
        found["anyOf"] = [{"required": ["loadbalancer_id"]}, {"required": ["listener_id"]}]
    return found


def _planted() -> Iterator[tuple[Noun, dict[str, Any]]]:
    """What stands in the body of a new load balancer: objects that name no parent (vipool.core.graph)."""
    for cls in tree.FIELDS:
        own = {**schemas.create(cls, without=graph.PARENTS), **PROJECT, **GROWN.get(cls, {})}
        named = ["name"] if cls is pool.Pool else []
        yield cls, operation.closed(own, [*named, *schemas.needed(cls, without=graph.PARENTS)])


def _pool_in_use() -> dict[str, Any]:
    """A pool where one is used: defined on the spot, or named, if it is defined elsewhere in the same body."""
    named = operation.closed({"name": {**TEXT, "minLength": 1, "description": "The name of its definition."}})
    return {"anyOf": [operation.ref("PoolInTree"), named]}


def _expanded() -> Iterator[tuple[Noun, dict[str, Any]]]:
    """A new load balancer with its tree, as ``views.expanded`` shows it."""

    def all_of(cls: Noun) -> dict[str, Any]:
        return operation.array(operation.ref(f"{name(cls)}Expanded"))

    yield l7rule.L7Rule, _common(l7rule.L7Rule)
    yield l7policy.L7Policy, {**_common(l7policy.L7Policy), "rules": all_of(l7rule.L7Rule)}
    yield listener.Listener, {**_common(listener.Listener), "l7policies": all_of(l7policy.L7Policy)}
    yield member.Member, _common(member.Member)
    yield healthmonitor.HealthMonitor, _common(healthmonitor.HealthMonitor)
    monitor = operation.ref(f"{name(healthmonitor.HealthMonitor)}Expanded")
    below = {"listeners": USERS, "members": all_of(member.Member), "healthmonitor": monitor}
    yield pool.Pool, {**_common(pool.Pool), **below}
    yield Root, {**_common(Root), "listeners": all_of(listener.Listener), "pools": all_of(pool.Pool)}


def _amphora() -> dict[str, Any]:
    state = {**types.Choice(amphora.Status).schema(), "description": "How far it has come."}
    return operation.reply({**schemas.shown(amphora.Amphora), "status": state}, ())


def _quotas() -> dict[str, Any]:
    return operation.reply({**{each: dict(TEXT) for each in ("project_id", "tenant_id")}, **limits()}, ())


def limits() -> dict[str, dict[str, Any]]:
    """The limits of a project, every kind under each of its names."""
    known = attr.by_wire(quota.Quota)
    return {
        spelling: {**known[kind].kind.schema(), "description": known[kind].attr.doc}
        for kind in quotas.KINDS
        for spelling in (kind, *known[kind].attr.aliases)
    }


def _quotas_update() -> dict[str, Any]:
    spellings = {key: schemas.or_null(schema) for key, schema in limits().items()}
    return operation.closed(spellings, ())


def counters() -> dict[str, Any]:
    """The counters of a listener, or the sums of several."""
    known = schemas.shown(statistics.Statistics)
    return operation.reply({counter: known[counter] for counter in read.COUNTERS})


def of_amphora() -> dict[str, Any]:
    """The counters of a listener as those of the amphora that carries it."""
    ids = {key: UUID for key in ("id", "loadbalancer_id", "listener_id")}
    return operation.reply({**ids, **counters()["properties"]})


def _statuses() -> dict[str, Any]:
    """The statuses of a load balancer and of what its listeners reach, as ``views.status_tree`` shows them."""
    monitor = _state(healthmonitor.HealthMonitor, {"type": types.Choice(healthmonitor.Type).schema()})
    where = {key: attr.by_wire(member.Member)[key].kind.schema() for key in ("address", "protocol_port")}
    members = operation.array(_state(member.Member, where))
    pools = operation.array(_state(pool.Pool, {"health_monitor": monitor, "members": members}, ("health_monitor",)))
    return _state(Root, {"listeners": operation.array(_state(listener.Listener, {"pools": pools}))})


def _state(cls: type[tree.Row], more: Mapping[str, Any], absent: tuple[str, ...] = ()) -> dict[str, Any]:
    known = _common(cls)
    own = {key: known[key] for key in ("id", "name", "provisioning_status", "operating_status")}
    shape = {**own, **more}
    return operation.reply(shape, [key for key in shape if key not in absent])
