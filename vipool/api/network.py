"""The Neutron v2.0 API, as much of it as unmodified clients need: the table of routes and its handlers."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange, network_dialect, network_listing, network_views
from vipool.api.face import Face
from vipool.cloud.network.embedded import routers, verbs, visible
from vipool.model import attr, caller, faults, floatingip, network, owned, port, router, subnet
from vipool.store import listing, rows, session

Noun = type[owned.Owned]
NOUNS: tuple[Noun, ...] = (network.Network, subnet.Subnet, port.Port, router.Router, floatingip.FloatingIp)
ADMIN_ONLY = frozenset({"shared", "router:external", "provider:network_type", "provider:physical_network"})
WRITERS = frozenset({"member", "manager", "admin"})
EXTENSIONS = {
    "router": "Neutron L3 Router",
    "external-net": "Neutron external network",
    "allowed-address-pairs": "Allowed Address Pairs",
    "project-id": "project_id field enabled",
    "port-security": "Port Security",
    "provider": "Provider Network",
    "binding": "Port Binding",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def index(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A list of what the caller may see."""
        query = network_listing.parse(cls, call)
        with self.database.read() as held:
            found = listing.select(held, cls, query)
            seen = [each for each in found if _sees(held, call.who, each)]
            views = network_views.views(held, seen, call.who)
        cut = network_listing.fields(call, views)
        return exchange.Answer(body={cls.NOUN.collection: cut, **network_listing.links(call, cls, query, seen)})

    def show(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """One object."""
        with self.database.read() as held:
            found = self._seen(held, call, cls)
            view = network_listing.fields(call, network_views.views(held, [found], call.who))[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def _seen(self, held: session.Session, call: exchange.Call, cls: Noun) -> Any:
        found = rows.get(held, cls, call.parts["id"])
        if found is None or not _sees(held, call.who, found):
            raise visible.missing(cls, call.parts["id"])
        return found

    def _own(self, held: session.Session, call: exchange.Call, cls: Noun, verb: str) -> Any:
        found = self._seen(held, call, cls)
        mine = call.who.is_admin or call.who.owns(found.project_id)
        if not mine or not call.who.roles & WRITERS:
            raise _disallowed(verb, cls)
        return found

    def create(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A new object, or several, all or none."""
        bodies, bulk = _bodies(call, cls)
        parsed = [self._values(call, cls, body) for body in bodies]
        with self.database.write() as held:
            writes = [self._write(held, call, *each) for each in zip(parsed, bodies, strict=True)]
            made = [verbs.create(cls, write) for write in writes]
            views = network_views.views(held, made, call.who)
        noun = cls.NOUN
        return exchange.Answer(status=201, body={noun.collection: views} if bulk else {noun.wrapper: views[0]})

    def _write(
        self, held: session.Session, call: exchange.Call, values: dict[str, Any], sent: Mapping[str, Any]
    ) -> verbs.Write:
        return verbs.Write(held=held, who=call.who, new_id=self.new_id, values=values, sent=sent)

    def _values(self, call: exchange.Call, cls: Noun, body: Mapping[str, Any]) -> dict[str, Any]:
        who = call.who
        project = body.get("project_id", body.get("tenant_id", who.project_id))
        if project is None:
            raise faults.Invalid("The token has no project: name one.", kind="HTTPBadRequest")
        if project != who.project_id and not who.is_admin:
            raise faults.Invalid(f"Tenant {who.project_id} not allowed to create for {project}", kind="HTTPBadRequest")
        own = {key: value for key, value in body.items() if key != "tenant_id"}
        values = attr.parse_create(cls, {**own, "project_id": project})
        if not who.roles & {"member", "admin", "manager"}:
            raise faults.Forbidden(
                f"rule:create_{cls.NOUN.wrapper} is disallowed by policy", kind="PolicyNotAuthorized"
            )
        if not who.is_admin and any(body.get(key) for key in ADMIN_ONLY):
            raise faults.Forbidden(
                f"rule:create_{cls.NOUN.wrapper} is disallowed by policy", kind="PolicyNotAuthorized"
            )
        return {**values, "id": self.new_id()}

    def update(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A changed object."""
        body = _body(call, cls)
        values = attr.parse_update(cls, body)
        with self.database.write() as held:
            before = self._own(held, call, cls, "update")
            after = verbs.change(before, self._write(held, call, values, body))
            view = network_views.views(held, [after], call.who)[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def delete(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """An object removed."""
        with self.database.write() as held:
            gone = self._own(held, call, cls, "delete")
            verbs.remove(held, gone)
        return exchange.NOTHING

    def interface(self, call: exchange.Call, *, add: bool) -> exchange.Answer:
        """PUT routers/{id}/add_router_interface and remove_router_interface."""
        if not isinstance(call.body, dict):
            raise faults.Invalid("The body needs a subnet_id or a port_id.", kind="HTTPBadRequest")
        with self.database.write() as held:
            of = self._own(held, call, router.Router, "update")
            if add:
                found = routers.add_interface(held, call.who, of, call.body, self.new_id)
            else:
                found = routers.remove_interface(held, of, call.body)
        subnet_ids = [each["subnet_id"] for each in found.fixed_ips]
        return exchange.Answer(
            body={
                "id": of.id,
                "project_id": of.project_id,
                "tenant_id": of.project_id,
                "port_id": found.id,
                "network_id": found.network_id,
                "subnet_id": subnet_ids[0] if subnet_ids else None,
                "subnet_ids": subnet_ids,
            }
        )

    def extensions(self, call: exchange.Call) -> exchange.Answer:
        """GET extensions: what is served beyond networks, subnets and ports."""
        shown = [_extension(alias) for alias in EXTENSIONS]
        return exchange.Answer(body={"extensions": shown})

    def extension(self, call: exchange.Call) -> exchange.Answer:
        """GET extensions/{id}."""
        alias = call.parts["id"]
        if alias not in EXTENSIONS:
            raise faults.NotFound(f"Extension with alias {alias} does not exist", kind="HTTPNotFound")
        return exchange.Answer(body={"extension": _extension(alias)})


def _disallowed(verb: str, cls: Noun) -> faults.Forbidden:
    rule = f"rule:{verb}_{cls.NOUN.wrapper} is disallowed by policy"
    return faults.Forbidden(rule, kind="PolicyNotAuthorized")


def _extension(alias: str) -> dict[str, Any]:
    name = EXTENSIONS[alias]
    return {"name": name, "alias": alias, "description": name, "updated": "2014-01-01T00:00:00-00:00", "links": []}


def _sees(held: session.Session, who: caller.Caller, found: owned.Owned) -> bool:
    if who.is_admin or who.owns(found.project_id):
        return True
    if isinstance(found, network.Network):
        return visible.may_use_network(who, found)
    return isinstance(found, subnet.Subnet) and visible.get_subnet(held, who, found.id) is not None


def _body(call: exchange.Call, cls: Noun) -> dict[str, Any]:
    found = call.body.get(cls.NOUN.wrapper) if isinstance(call.body, dict) else None
    if not isinstance(found, dict):
        raise faults.Invalid(f"Unable to find '{cls.NOUN.wrapper}' in request body", kind="HTTPBadRequest")
    return found


def _bodies(call: exchange.Call, cls: Noun) -> tuple[list[dict[str, Any]], bool]:
    found = call.body.get(cls.NOUN.collection) if isinstance(call.body, dict) else None
    if isinstance(found, list) and found and all(isinstance(each, dict) for each in found):
        return found, True
    return [_body(call, cls)], False


def _discovery(call: exchange.Call) -> exchange.Answer:
    links = [{"rel": "self", "href": f"{call.mount}/v2.0/"}]
    return exchange.Answer(body={"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})


def routes(handlers: Handlers) -> tuple[exchange.Route, ...]:
    """The table."""
    found = [
        exchange.Route(method="GET", path="/", policy="", handler=_discovery, token=False),
        exchange.Route(method="GET", path="/v2.0/extensions", policy="read", handler=handlers.extensions),
        exchange.Route(method="GET", path="/v2.0/extensions/{id}", policy="read", handler=handlers.extension),
    ]
    for cls in NOUNS:
        base = f"/v2.0/{cls.NOUN.collection}"
        for method, path, handler in (
            ("GET", base, handlers.index),
            ("POST", base, handlers.create),
            ("GET", base + "/{id}", handlers.show),
            ("PUT", base + "/{id}", handlers.update),
            ("DELETE", base + "/{id}", handlers.delete),
        ):
            policy = "read" if method == "GET" else "write"
            bound = functools.partial(handler, cls=cls)
            found.append(exchange.Route(method=method, path=path, policy=policy, handler=bound))
    for verb, add in (("add", True), ("remove", False)):
        bound = functools.partial(handlers.interface, add=add)
        path = f"/v2.0/routers/{{id}}/{verb}_router_interface"
        found.append(exchange.Route(method="PUT", path=path, policy="write", handler=bound))
    return tuple(found)


def face(
    database: session.Database,
    *,
    authenticate: Callable[[str], caller.Caller],
    new_id: Callable[[], str],
) -> Face:
    """The network service, mounted at /network."""

    def allow(policy: str, who: caller.Caller) -> None:
        """Everybody with a token may ask; the handlers decide what is seen and who may write."""

    return Face(
        mount="/network",
        routes=routes(Handlers(database=database, new_id=new_id)),
        dialect=network_dialect.NetworkDialect(),
        authenticate=authenticate,
        allow=allow,
        new_request_id=lambda: f"req-{new_id()}",
    )
