"""The whole route table of the load-balancer service, and the face that serves it under ``/load-balancer``."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from vipool.api import arrivals, exchange
from vipool.api.face import Face
from vipool.api.octavia import (
    amphorae,
    asking,
    conditions,
    dialect,
    extensions,
    healthcheck,
    idempotency,
    listing,
    papers,
    providers,
    quotas,
    shelves,
    tree_operations,
    trees,
    versions,
)
from vipool.core import policy
from vipool.core.policy import actions
from vipool.model import caller, faults, healthmonitor, l7policy, l7rule, listener, loadbalancer, member, pool, tree
from vipool.service import shelves as shelf_service
from vipool.service import write

MOUNT = "/load-balancer"
PREFIXES = ("/v2/lbaas", "/v2.0/lbaas", "/v2", "/v2.0")
# The path of a collection may end in it.
SUFFIX = ".json"
Root = loadbalancer.LoadBalancer
CHILDREN: tuple[type[tree.Child], ...] = (
    listener.Listener,
    pool.Pool,
    healthmonitor.HealthMonitor,
    l7policy.L7Policy,
)
BELOW: Mapping[str, trees.Nested] = {
    "/pools/{pool_id}/members": member.Member,
    "/l7policies/{l7policy_id}/rules": l7rule.L7Rule,
}


class Dialect(dialect.OctaviaDialect):
    """Octavia's dialect with its answers from before the controllers."""

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """Malformed paging and unknown parents come from the routing layer."""
        if isinstance(refusal, trees.Unfound):
            return dialect.routing(404, refusal.sentence, title="Bad Request")
        if isinstance(refusal, listing.Malformed | dialect.NotAcceptable):
            return dialect.routing(refusal.status, refusal.sentence)
        return super().refusal(refusal, call)


def face(
    writer: write.Writer,
    rules: policy.Policy,
    *,
    authenticate: Callable[[str], caller.Caller],
    healthy: bool = False,
    arriving: arrivals.Arrivals | None = None,
) -> Face:
    """The load-balancer service, mounted at ``MOUNT``; ``healthy`` says whether it tells anybody that it is well.

    Looks at what is on its way wait for ``arriving``, where that is given.
    """

    def allow(action: str, who: caller.Caller) -> None:
        if not rules.allows(action, who):
            raise faults.Forbidden("Policy does not allow this request to be performed.")

    desk = asking.Desk(database=writer.database, rules=rules, most=writer.allowed.pagination_max_limit)
    rows = (
        *versions.routes(),
        *healthcheck.Healthcheck(database=writer.database, enabled=healthy).routes(),
        *extensions.Extensions(desk=desk).routes(),
        *conditions.Conditions(desk=desk, base=extensions.BASE).routes(),
        *amphorae.Amphorae(desk=desk, writer=writer).routes(),
        *_spelled([idempotency.guarded(writer.database, row) for row in table(writer, desk)]),
    )
    return Face(
        mount=MOUNT,
        routes=(*papers.routes(MOUNT, rows), *rows),
        dialect=Dialect(),
        authenticate=authenticate,
        allow=allow,
        new_request_id=lambda: f"req-{writer.new_id()}",
        service="load-balancer",
        arrivals=arriving,
        guarded=True,
    )


def _spelled(rows: Sequence[exchange.Route]) -> Iterator[exchange.Route]:
    """The rows under every prefix and spelling of their paths; the document has the first of each."""
    collections = {route.path for route in rows if route.policy.endswith(":get_all")}
    for prefix in PREFIXES:
        for route in rows:
            for path in (route.path, *([route.path + SUFFIX] if route.path in collections else [])):
                usual = prefix == PREFIXES[0] and path == route.path
                yield dataclasses.replace(route, path=prefix + path, operation=route.operation if usual else None)


def table(writer: write.Writer, desk: asking.Desk) -> tuple[exchange.Route, ...]:
    """The routes below the usual prefixes."""

    def shelf(kind: shelf_service.Kind) -> shelf_service.Shelf:
        return shelf_service.Shelf(
            kind=kind, database=writer.database, providers=writer.providers, new_id=writer.new_id
        )

    laid_out = shelves.all_of_them(desk, shelf(shelf_service.FLAVORS), shelf(shelf_service.ZONES))
    return (
        *_tree_routes(trees.Trees(desk=desk, writer=writer)),
        *quotas.Quotas(desk=desk, allowed=writer.allowed).routes(),
        *providers.Providers(providers=writer.providers).routes(),
        *(route for each in laid_out for route in each.routes()),
    )


def _tree_routes(handlers: trees.Trees) -> Iterator[exchange.Route]:
    yield from _root_routes(handlers)
    for cls in CHILDREN:
        base = f"/{cls.NOUN.collection}"
        yield _route("GET", base, cls, "get_all", functools.partial(handlers.index, cls=cls))
        yield _route("POST", base, cls, "post", functools.partial(handlers.create, cls=cls))
        yield from _object_routes(handlers, cls, base)
    for base, nested in BELOW.items():
        yield _route("GET", base, nested, "get_all", functools.partial(handlers.index_below, cls=nested))
        yield _route("POST", base, nested, "post", functools.partial(handlers.create_below, cls=nested))
        yield from _object_routes(handlers, nested, base)
    stats = functools.partial(handlers.stats, cls=listener.Listener)
    yield _route("GET", "/listeners/{id}/stats", listener.Listener, "get_stats", stats)
    batch = _route("PUT", "/pools/{pool_id}/members", member.Member, "put", handlers.replace_members)
    yield dataclasses.replace(batch, operation=tree_operations.REPLACE_MEMBERS)


def _root_routes(handlers: trees.Trees) -> Iterator[exchange.Route]:
    base, one = "/loadbalancers", "/loadbalancers/{id}"
    yield _route("GET", base, Root, "get_all", functools.partial(handlers.index, cls=Root))
    yield _route("POST", base, Root, "post", handlers.create_root)
    yield _route("GET", one, Root, "get_one", functools.partial(handlers.show, cls=Root))
    yield _route("PUT", one, Root, "put", handlers.update_root)
    yield _route("DELETE", one, Root, "delete", handlers.delete_root)
    yield _route("GET", f"{one}/status", Root, "get_status", handlers.statuses)
    again = _route("GET", f"{one}/statuses", Root, "get_status", handlers.statuses)
    yield dataclasses.replace(again, operation=tree_operations.STATUSES_AGAIN)
    yield _route("GET", f"{one}/stats", Root, "get_stats", functools.partial(handlers.stats, cls=Root))
    yield _route("PUT", f"{one}/failover", Root, "put_failover", handlers.fail_over)


def _object_routes(handlers: trees.Trees, cls: type[tree.Child], base: str) -> Iterator[exchange.Route]:
    one = base + "/{id}"
    yield _route("GET", one, cls, "get_one", functools.partial(handlers.show, cls=cls))
    yield _route("PUT", one, cls, "put", functools.partial(handlers.update, cls=cls))
    yield _route("DELETE", one, cls, "delete", functools.partial(handlers.delete, cls=cls))


def _route(method: str, path: str, cls: type[tree.Row], verb: str, handler: exchange.Handler) -> exchange.Route:
    policy_action = actions.named(trees.policy_noun(cls), verb)
    said = tree_operations.of(cls, verb)
    return exchange.Route(method=method, path=path, policy=policy_action, handler=handler, operation=said)
