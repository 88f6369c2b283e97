"""The Octavia v2 API: the table of routes, and the handlers that join bodies, services and views."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange, octavia_dialect, octavia_listing, octavia_unserved, octavia_versions
from vipool.api.face import Face
from vipool.core import policy
from vipool.model import (
    caller,
    faults,
    healthmonitor,
    listener,
    loadbalancer,
    member,
    pool,
    tree,
    types,
)
from vipool.service import read, write
from vipool.store import rows, session, trees

PREFIXES = ("/v2/lbaas", "/v2.0/lbaas", "/v2", "/v2.0")
SUFFIX = ".json"
Noun = type[tree.Row]
COLLECTIONS = frozenset({"loadbalancers", "listeners", "pools", "members", "healthmonitors", "providers"})
CHILDREN: tuple[type[tree.Child], ...] = (listener.Listener, pool.Pool, healthmonitor.HealthMonitor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Octavia:
    """The handlers, over a store and a writer."""

    database: session.Database
    writer: write.Writer

    # Bodies

    def body(self, call: exchange.Call, cls: Noun) -> dict[str, Any]:
        """The object inside a body's wrapper."""
        noun = cls.NOUN
        _only(call, set())
        if not call.raw:
            raise faults.Invalid(f'Missing argument: "{noun.argument}"')
        if not isinstance(call.body, dict):
            raise faults.Invalid(f"Invalid input for field/attribute {noun.argument}. The body should be an object")
        unknown = [key for key in call.body if key != noun.wrapper]
        if unknown:
            raise faults.UnknownAttributes(noun.argument, unknown)
        inner = call.body.get(noun.wrapper)
        if not isinstance(inner, dict):
            raise faults.Invalid(f'Missing argument: "{noun.argument}": the body needs an object "{noun.wrapper}"')
        return inner

    # Collections

    def index(self, call: exchange.Call, cls: Noun, **parents: str) -> exchange.Answer:
        """A list, of everything the caller may see or of one project."""
        action = _action(cls, "get_all")
        query = octavia_listing.parse(cls, call, extra=read.computed(cls))
        scope = (
            {name: (value,) for name, value in parents.items()}
            if parents
            else _scope(call.who, action, call.asked("project_id") or call.asked("tenant_id"))
        )
        with self.database.read() as held:
            _check_marker(held, cls, query.marker, scope)
            found = read.page(held, cls, dataclasses.replace(query, equals={**query.equals, **scope}))
            views = octavia_listing.fields(call, read.views(held, cls, found))
        noun = cls.NOUN
        pages = octavia_listing.links(call, query, [each.id for each in found])
        return exchange.Answer(body={noun.collection: views, noun.links_key: pages})

    def members(self, call: exchange.Call) -> exchange.Answer:
        """The members of a pool."""
        self._parent(call)
        return self.index(call, member.Member, pool_id=call.parts["pool_id"])

    def _parent(self, call: exchange.Call) -> None:
        with self.database.read() as held:
            try:
                read.one(held, call.who, _action(member.Member, "get_all"), pool.Pool, call.parts["pool_id"])
            except faults.NotFound as refusal:
                raise Unfound(refusal.sentence) from refusal

    # Objects

    def show(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """One object."""
        with self.database.read() as held:
            row = read.one(held, call.who, _action(cls, "get_one"), cls, call.parts["id"])
            if isinstance(row, member.Member) and row.pool_id != call.parts["pool_id"]:
                raise faults.not_found("Member", row.id)
            view = octavia_listing.fields(call, read.views(held, cls, (row,)))[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def create_root(self, call: exchange.Call) -> exchange.Answer:
        """POST loadbalancers: alone or with its whole tree."""
        action = _action(loadbalancer.LoadBalancer, "post")
        whole = self.writer.create_root(call.who, action, self.body(call, loadbalancer.LoadBalancer))
        return exchange.Answer(status=201, body={"loadbalancer": read.expanded(whole)})

    def update_root(self, call: exchange.Call) -> exchange.Answer:
        """PUT loadbalancers/{id}."""
        cls = loadbalancer.LoadBalancer
        whole = self.writer.update_root(call.who, _action(cls, "put"), call.parts["id"], self.body(call, cls))
        return exchange.Answer(body={"loadbalancer": read.in_tree(whole, whole.loadbalancer)})

    def delete_root(self, call: exchange.Call) -> exchange.Answer:
        """DELETE loadbalancers/{id}?cascade=."""
        _only(call, {"cascade"})
        cascade = (call.asked("cascade") or "").lower() in types.TRUE
        action = _action(loadbalancer.LoadBalancer, "delete")
        self.writer.delete_root(call.who, action, call.parts["id"], cascade=cascade)
        return exchange.NOTHING

    def create(self, call: exchange.Call, cls: type[tree.Child]) -> exchange.Answer:
        """POST of a listener, pool or health monitor."""
        make: dict[Any, Callable[..., tuple[tree.Tree, str]]] = {
            listener.Listener: self.writer.create_listener,
            pool.Pool: self.writer.create_pool,
            healthmonitor.HealthMonitor: self.writer.create_monitor,
        }
        whole, identifier = make[cls](call.who, _action(cls, "post"), self.body(call, cls))
        return _shown(whole, cls, identifier, status=201)

    def update(self, call: exchange.Call, cls: type[tree.Child]) -> exchange.Answer:
        """PUT of a listener, pool, member or health monitor."""
        self._check_pool(call, cls)
        identifier = call.parts["id"]
        whole = self.writer.update(call.who, _action(cls, "put"), cls, identifier, self.body(call, cls))
        return _shown(whole, cls, identifier)

    def delete(self, call: exchange.Call, cls: type[tree.Child]) -> exchange.Answer:
        """DELETE of a listener, pool, member or health monitor."""
        _only(call, set())
        self._check_pool(call, cls)
        self.writer.delete(call.who, _action(cls, "delete"), cls, call.parts["id"])
        return exchange.NOTHING

    def create_member(self, call: exchange.Call) -> exchange.Answer:
        """POST pools/{pool_id}/members."""
        self._parent(call)
        action = _action(member.Member, "post")
        body = self.body(call, member.Member)
        whole, identifier = self.writer.create_member(call.who, action, call.parts["pool_id"], body)
        return _shown(whole, member.Member, identifier, status=201)

    def replace_members(self, call: exchange.Call) -> exchange.Answer:
        """PUT pools/{pool_id}/members: all of them at once."""
        self._parent(call)
        _only(call, {"additive_only"})
        additive = (call.asked("additive_only") or "").lower() in types.TRUE
        bodies = call.body.get("members") if isinstance(call.body, dict) and set(call.body) == {"members"} else None
        if not isinstance(bodies, list) or not all(isinstance(each, dict) for each in bodies):
            raise faults.Invalid('Missing argument: "members_": the body needs a list "members" of objects')
        verbs = ("post", "put") if additive else ("post", "put", "delete")
        actions = [_action(member.Member, verb) for verb in verbs]
        self.writer.replace_members(call.who, actions, call.parts["pool_id"], bodies, additive=additive)
        return exchange.Answer(status=202, empty=True)

    def _check_pool(self, call: exchange.Call, cls: type[tree.Child]) -> None:
        """A member is found only under its own pool."""
        if cls is not member.Member:
            return
        self._parent(call)
        with self.database.read() as held:
            row = rows.get(held, member.Member, call.parts["id"])
        if row is None or row.pool_id != call.parts["pool_id"]:
            raise faults.not_found("Member", call.parts["id"])

    # Statuses and statistics

    def statuses(self, call: exchange.Call) -> exchange.Answer:
        """GET loadbalancers/{id}/status."""
        action = f"{policy.PREFIX}:loadbalancer:get_status"
        with self.database.read() as held:
            root = read.one(held, call.who, action, loadbalancer.LoadBalancer, call.parts["id"])
            return exchange.Answer(body={"statuses": read.status_tree(trees.load_many(held, (root,))[0])})

    def stats(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """GET loadbalancers/{id}/stats and listeners/{id}/stats."""
        action = f"{policy.PREFIX}:{cls.NOUN.wrapper}:get_stats"
        with self.database.read() as held:
            row = read.one(held, call.who, action, cls, call.parts["id"])
            key = "loadbalancer_id" if cls is loadbalancer.LoadBalancer else "id"
            return exchange.Answer(body={"stats": read.totals(held, **{key: row.id})})

    def list_providers(self, call: exchange.Call) -> exchange.Answer:
        """GET providers."""
        shown = [{"name": name, "description": each.description} for name, each in self.writer.providers.items()]
        return exchange.Answer(body={"providers": octavia_listing.fields(call, shown)})


class Unfound(faults.NotFound):
    """A parent in the path that does not exist: Octavia answers it before its controllers, with this odd title."""


class Dialect(octavia_dialect.OctaviaDialect):
    """Octavia's dialect with its answers from before the controllers."""

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """Malformed paging and unknown parents come from the routing layer."""
        if isinstance(refusal, Unfound):
            return octavia_dialect.routing(404, refusal.sentence, title="Bad Request")
        if isinstance(refusal, octavia_listing.Malformed):
            return octavia_dialect.routing(400, refusal.sentence)
        return super().refusal(refusal, call)


def _shown(whole: tree.Tree, cls: type[tree.Child], identifier: str, *, status: int = 200) -> exchange.Answer:
    """An object as the write left it, whatever has happened since."""
    row = next(each for each in whole.children(cls) if each.id == identifier)
    return exchange.Answer(status=status, body={cls.NOUN.wrapper: read.in_tree(whole, row)})


def _action(cls: Noun, verb: str) -> str:
    return f"{policy.PREFIX}:{cls.NOUN.wrapper}:{verb}"


def _scope(who: caller.Caller, action: str, asked: str | None) -> dict[str, tuple[str, ...]]:
    """What limits a list to what the caller may see: nothing, or a project."""
    if policy.allows(f"{action}-global", who):
        return {}
    project = asked or who.project_id
    if project is None:
        raise faults.Forbidden("Policy does not allow this request to be performed.")
    policy.check(action, who, project)
    return {"project_id": (project,)}


def _check_marker(held: session.Session, cls: Noun, marker: str | None, scope: Mapping[str, tuple[str, ...]]) -> None:
    """A marker that the list may not show is as unknown as any: else its place would tell what it is."""
    row = None if marker is None else rows.get(held, cls, marker)
    if row is not None and any(getattr(row, name) not in values for name, values in scope.items()):
        raise faults.BadQuery(f"Supplied pagination marker '{marker}' is not valid.")


def _only(call: exchange.Call, known: set[str]) -> None:
    for key, _ in call.query:
        if key not in known:
            raise faults.Invalid(f'Unknown argument: "{key}"')


def routes(octavia: Octavia) -> tuple[exchange.Route, ...]:
    """The table: method, path, policy action, handler."""

    def route(method: str, path: str, action: str, handler: exchange.Handler) -> exchange.Route:
        return exchange.Route(method=method, path=path, policy=f"{policy.PREFIX}:{action}", handler=handler)

    root = loadbalancer.LoadBalancer
    found = [
        route("GET", "/loadbalancers", "loadbalancer:get_all", functools.partial(octavia.index, cls=root)),
        route("POST", "/loadbalancers", "loadbalancer:post", octavia.create_root),
        route("GET", "/loadbalancers/{id}", "loadbalancer:get_one", functools.partial(octavia.show, cls=root)),
        route("PUT", "/loadbalancers/{id}", "loadbalancer:put", octavia.update_root),
        route("DELETE", "/loadbalancers/{id}", "loadbalancer:delete", octavia.delete_root),
        route("GET", "/loadbalancers/{id}/status", "loadbalancer:get_status", octavia.statuses),
        route("GET", "/loadbalancers/{id}/statuses", "loadbalancer:get_status", octavia.statuses),
        route("GET", "/loadbalancers/{id}/stats", "loadbalancer:get_stats", functools.partial(octavia.stats, cls=root)),
        route(
            "GET",
            "/listeners/{id}/stats",
            "listener:get_stats",
            functools.partial(octavia.stats, cls=listener.Listener),
        ),
        route("GET", "/pools/{pool_id}/members", "member:get_all", octavia.members),
        route("POST", "/pools/{pool_id}/members", "member:post", octavia.create_member),
        route("PUT", "/pools/{pool_id}/members", "member:put", octavia.replace_members),
        route("GET", "/providers", "provider:get_all", octavia.list_providers),
        *_object_routes(octavia, member.Member, "/pools/{pool_id}/members"),
    ]
    for cls in CHILDREN:
        base, noun = f"/{cls.NOUN.collection}", cls.NOUN.wrapper
        found.append(route("GET", base, f"{noun}:get_all", functools.partial(octavia.index, cls=cls)))
        found.append(route("POST", base, f"{noun}:post", functools.partial(octavia.create, cls=cls)))
        found.extend(_object_routes(octavia, cls, base))
    return tuple(found)


def _object_routes(octavia: Octavia, cls: type[tree.Child], base: str) -> Sequence[exchange.Route]:
    handlers: Mapping[str, tuple[str, Callable[..., exchange.Answer]]] = {
        "GET": ("get_one", octavia.show),
        "PUT": ("put", octavia.update),
        "DELETE": ("delete", octavia.delete),
    }
    return [
        exchange.Route(
            method=method,
            path=base + "/{id}",
            policy=_action(cls, verb),
            handler=functools.partial(handler, cls=cls),
        )
        for method, (verb, handler) in handlers.items()
    ]


def face(octavia: Octavia, *, authenticate: Callable[[str], caller.Caller], new_id: Callable[[], str]) -> Face:
    """The load-balancer service, mounted at /load-balancer."""

    def allow(action: str, who: caller.Caller) -> None:
        if not policy.allows(action, who):
            raise faults.Forbidden("Policy does not allow this request to be performed.")

    table = (*routes(octavia), *octavia_unserved.routes())
    served = tuple(
        exchange.Route(method=route.method, path=prefix + path, policy=route.policy, handler=route.handler)
        for prefix in PREFIXES
        for route in table
        for path in _spellings(route.path)
    )
    return Face(
        mount="/load-balancer",
        routes=(*octavia_versions.routes(), *octavia_unserved.absolute_routes(), *served),
        dialect=Dialect(),
        authenticate=authenticate,
        allow=allow,
        new_request_id=lambda: f"req-{new_id()}",
        service="load-balancer",
        guarded=True,
    )


def _spellings(path: str) -> tuple[str, ...]:
    """The path of a collection may end in .json too."""
    return (path, path + SUFFIX) if path.rsplit("/", 1)[1] in COLLECTIONS else (path,)
