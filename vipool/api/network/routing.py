"""What only routers have over HTTP: interfaces put on and taken off, and routes one by one."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.network import bodies, policy, views
from vipool.cloud.network.embedded import routers, visible
from vipool.model import router
from vipool.store import session


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def routes(self) -> Iterator[exchange.Route]:
        """The rows of the table."""
        for verb, add in (("add", True), ("remove", False)):
            for what, handler in (("router_interface", self.interface), ("extraroutes", self.extra_routes)):
                path, bound = f"/v2.0/routers/{{id}}/{verb}_{what}", functools.partial(handler, add=add)
                yield exchange.Route(method="PUT", path=path, policy="write", handler=bound)

    def _own(self, held: session.Session, call: exchange.Call, rule: str) -> router.Router:
        identifier = call.parts["id"]
        of = visible.need(visible.get(held, call.who, router.Router, identifier), router.Router, identifier)
        if not policy.owns(call.who, of):
            raise policy.disallowed(rule)
        return of

    def interface(self, call: exchange.Call, *, add: bool) -> exchange.Answer:
        """PUT add_router_interface and remove_router_interface."""
        if not isinstance(call.body, dict):
            raise bodies.bad("Body contains invalid data")
        with self.database.write() as held:
            of = self._own(held, call, "add_router_interface" if add else "remove_router_interface")
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

    def extra_routes(self, call: exchange.Call, *, add: bool) -> exchange.Answer:
        """PUT add_extraroutes and remove_extraroutes: some routes more or less, whatever others do meanwhile."""
        body = bodies.single(call, router.Router)
        if body.keys() != {"routes"}:
            raise bodies.bad("Name the routes, and nothing else.")
        named = bodies.changed(router.Router, body, call.who)["routes"]
        with self.database.write() as held:
            before = self._own(held, call, "add_extraroutes" if add else "remove_extraroutes")
            wanted = routers.with_routes(before, named) if add else routers.without_routes(before, named)
            after = routers.change(held, call.who, before, {"routes": wanted}, self.new_id)
            view = views.views(held, [after], call.who)[0]
        return exchange.Answer(body={"router": view})
