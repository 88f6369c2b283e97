"""A project's auto-allocated topology over HTTP: looking at it makes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.network import bodies, policy
from vipool.cloud.network.embedded import autoallocation
from vipool.store import session

# What clients say for the project of their token.
OWN = frozenset({"None", "tenant", "project"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def routes(self) -> Iterator[exchange.Route]:
        """The rows of the table."""
        path = "/v2.0/auto-allocated-topology/{project}"
        yield exchange.Route(method="GET", path=path, policy="read", handler=self.show)
        yield exchange.Route(method="DELETE", path=path, policy="write", handler=self.delete)

    def _project(self, call: exchange.Call) -> str:
        asked = call.parts["project"].removesuffix(".json")
        found = call.who.project_id if asked in OWN else asked
        if not call.who.is_admin and not call.who.owns(found):
            raise policy.disallowed("get_auto_allocated_topology")
        if not found:
            raise bodies.bad("The token has no project: log in to one, or name it.")
        return found

    def show(self, call: exchange.Call) -> exchange.Answer:
        """The project's network, made at the first look; with ``fields=dry-run`` only whether it could be made."""
        project = self._project(call)
        shown = {"id": "dry-run=pass", "tenant_id": project, "project_id": project}
        if ("fields", "dry-run") in call.query:
            with self.database.read() as held:
                autoallocation.requirements(held)
        else:
            self._check_writes(call)
            with self.database.write() as held:
                shown["id"] = autoallocation.ensure(held, call.who, project, self.new_id)
        return exchange.Answer(body={"auto_allocated_topology": shown})

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove it."""
        project = self._project(call)
        self._check_writes(call)
        with self.database.write() as held:
            autoallocation.remove(held, project)
        return exchange.NOTHING

    def _check_writes(self, call: exchange.Call) -> None:
        if not call.who.roles & policy.WRITERS:
            raise policy.disallowed("create_auto_allocated_topology")
