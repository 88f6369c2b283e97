"""The Neutron v2.0 API, as much of it as unmodified clients need: the table of routes and its handlers."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import (
    exchange,
    network_bodies,
    network_dialect,
    network_extras,
    network_listing,
    network_policy,
    network_views,
)
from vipool.api.face import Face
from vipool.cloud.network.embedded import groups, quotas, routers, verbs, visible
from vipool.model import caller, faults, owned, qospolicy, router, securitygroup
from vipool.store import rows, session

Noun = type[owned.Owned]
# Paths that are not the key of the list.
PATHS: Mapping[Noun, str] = {
    securitygroup.SecurityGroup: "security-groups",
    securitygroup.Rule: "security-group-rules",
    qospolicy.QosPolicy: "qos/policies",
}


def path_of(cls: Noun) -> str:
    """Where a collection is."""
    return f"/v2.0/{PATHS.get(cls, cls.NOUN.collection)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def index(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A list of what the caller may see."""
        if cls in {securitygroup.SecurityGroup, securitygroup.Rule}:
            self._spring_to_life(call.who)
        with self.database.read() as held:
            query, found = network_listing.page(held, call, cls)
            views = network_views.views(held, found, call.who)
        cut = network_listing.fields(call, views)
        return exchange.Answer(body={cls.NOUN.collection: cut, **network_listing.links(call, cls, query, found)})

    def _spring_to_life(self, who: caller.Caller) -> None:
        """The project's default security group, made when somebody looks at its groups, as Neutron does."""
        if not who.project_id:
            return
        with self.database.read() as held:
            known = {"project_id": who.project_id, "name": securitygroup.DEFAULT}
            if rows.count(held, securitygroup.SecurityGroup, **known):
                return
        with self.database.write() as held:
            groups.ensure_default(held, who.project_id, self.new_id)

    def show(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """One object."""
        with self.database.read() as held:
            found = self._seen(held, call, cls)
            view = network_listing.fields(call, network_views.views(held, [found], call.who))[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def _seen(self, held: session.Session, call: exchange.Call, cls: Noun) -> owned.Owned:
        identifier = call.parts["id"].removesuffix(".json")
        return visible.need(visible.get(held, call.who, cls, identifier), cls, identifier)

    def create(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A new object, or several, all or none."""
        bodies, bulk = network_bodies.objects(call, cls)
        parsed = [network_bodies.created(cls, body, call.who) for body in bodies]
        for values in parsed:
            network_policy.may_create(call.who, cls, values)
        with self.database.write() as held:
            for project in {values["project_id"] for values in parsed}:
                count = sum(values["project_id"] == project for values in parsed)
                quotas.check(held, project, cls.NOUN.wrapper, count)
            writes = [
                self._write(held, call, {**values, "id": self.new_id()}, body)
                for values, body in zip(parsed, bodies, strict=True)
            ]
            made = [verbs.create(cls, write) for write in writes]
            views = network_views.views(held, made, call.who, fresh=True)
        noun = cls.NOUN
        return exchange.Answer(status=201, body={noun.collection: views} if bulk else {noun.wrapper: views[0]})

    def _write(
        self, held: session.Session, call: exchange.Call, values: dict[str, Any], sent: Mapping[str, Any]
    ) -> verbs.Write:
        return verbs.Write(held=held, who=call.who, new_id=self.new_id, values=values, sent=sent)

    def update(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A changed object."""
        body = network_bodies.single(call, cls)
        values = network_bodies.changed(cls, body, call.who)
        with self.database.write() as held:
            before = self._seen(held, call, cls)
            network_policy.may_update(call.who, before, values)
            _check_revision(call, before)
            after = verbs.change(before, self._write(held, call, values, body))
            view = network_views.views(held, [after], call.who)[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def delete(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """An object removed."""
        with self.database.write() as held:
            gone = self._seen(held, call, cls)
            network_policy.may_delete(call.who, gone)
            _check_revision(call, gone)
            verbs.remove(held, gone)
        return exchange.NOTHING

    def interface(self, call: exchange.Call, *, add: bool) -> exchange.Answer:
        """PUT routers/{id}/add_router_interface and remove_router_interface."""
        if not isinstance(call.body, dict):
            raise network_bodies.bad("Body contains invalid data")
        rule = "add_router_interface" if add else "remove_router_interface"
        with self.database.write() as held:
            identifier = call.parts["id"]
            of = visible.need(visible.get(held, call.who, router.Router, identifier), router.Router, identifier)
            if not network_policy.owns(call.who, of):
                raise network_policy.disallowed(rule)
            if add:
                found = routers.add_interface(held, call.who, of, call.body, self.new_id)
            else:
                found = routers.remove_interface(held, of, call.body)
        subnet_ids = [each["subnet_id"] for each in found.fixed_ips]
        return exchange.Answer(
            body={
                "id": of.id,
                "project_id": of.project_id,
                "port_id": found.id,
                "network_id": found.network_id,
                "subnet_id": subnet_ids[0] if subnet_ids else None,
                "subnet_ids": subnet_ids,
            }
        )

    def nothing(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """PUT and DELETE on a collection: Neutron looks for an object without a name."""
        raise visible.missing(cls, "None")


def _check_revision(call: exchange.Call, present: owned.Owned) -> None:
    name, _, number = call.headers.get("if-match", "").partition("=")
    if name.strip() == "revision_number" and number.strip().isdigit() and int(number) != present.revision_number:
        raise faults.PreconditionFailed(
            f"Constrained to {number.strip()}, but current revision is {present.revision_number}",
            kind="RevisionNumberConstraintFailed",
        )


def _rule_types(call: exchange.Call) -> exchange.Answer:
    """No rule is enforced, so there is no type of them."""
    return exchange.Answer(body={"rule_types": []})


def routes(handlers: Handlers) -> Iterator[exchange.Route]:
    """The table."""
    yield from network_extras.routes(handlers.database)
    yield exchange.Route(method="GET", path="/v2.0/qos/rule-types", policy="read", handler=_rule_types)
    for cls in network_views.NOUNS:
        base = path_of(cls)
        for method, path, handler in (
            ("GET", base, handlers.index),
            ("GET", base + ".json", handlers.index),
            ("POST", base, handlers.create),
            ("POST", base + ".json", handlers.create),
            ("PUT", base, handlers.nothing),
            ("DELETE", base, handlers.nothing),
            ("GET", base + "/{id}", handlers.show),
            ("PUT", base + "/{id}", handlers.update),
            ("DELETE", base + "/{id}", handlers.delete),
        ):
            policy = "read" if method == "GET" else "write"
            bound = functools.partial(handler, cls=cls)
            yield exchange.Route(method=method, path=path, policy=policy, handler=bound)
        yield from network_extras.Tags(database=handlers.database, cls=cls).routes(base)
    for verb, add in (("add", True), ("remove", False)):
        bound = functools.partial(handlers.interface, add=add)
        path = f"/v2.0/routers/{{id}}/{verb}_router_interface"
        yield exchange.Route(method="PUT", path=path, policy="write", handler=bound)


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
        routes=tuple(routes(Handlers(database=database, new_id=new_id))),
        dialect=network_dialect.NetworkDialect(),
        authenticate=authenticate,
        allow=allow,
        new_request_id=lambda: f"req-{new_id()}",
        service="network",
    )
