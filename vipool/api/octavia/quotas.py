"""Quotas over HTTP: the limits of a project, and what projects have when nobody gave them others."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import asking, listing, operations, shapes
from vipool.api.openapi import operation
from vipool.core.policy import actions
from vipool.model import attr, deployment, quota
from vipool.service import quotas, read
from vipool.store import rows

Noun = quota.Quota.NOUN
# Clients ask for the defaults as if they were a project's (python-octaviaclient, openstacksdk).
DEFAULTS = frozenset({"default", "defaults"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The handlers."""

    desk: asking.Desk
    allowed: deployment.Deployment

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas: of every project that has one, or of the caller's own."""
        scope = self.desk.scope(call, "quota")
        query = listing.parse(quota.Quota, call, most=self.desk.most)
        with self.desk.database.read() as held:
            found = read.page(held, quota.Quota, listing.within(held, quota.Quota, query, scope))
        return listing.answer(call, query, Noun, found, [quotas.show(each.id, each, self.allowed) for each in found])

    def show(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}: of any project, whether it exists or not."""
        asking.only(call)
        project = call.parts["id"]
        if project in DEFAULTS:
            return self.defaults(call)
        self.desk.act(call, "quota", "get_one").check(project)
        with self.desk.database.read() as held:
            found = rows.get(held, quota.Quota, project)
        return exchange.Answer(body={Noun.wrapper: quotas.show(project, found, self.allowed)})

    def defaults(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}/default, quotas/default and quotas/defaults."""
        asking.only(call)
        return exchange.Answer(body={Noun.wrapper: quotas.limits(None, self.allowed)})

    def update(self, call: exchange.Call) -> exchange.Answer:
        """PUT quotas/{project}."""
        project = call.parts["id"]
        self.desk.act(call, "quota", "put").check(project)
        values = attr.parse_update(quota.Quota, _one_spelling(asking.body(call, Noun)))
        with self.desk.database.write() as held:
            found = quotas.change(held, project, values)
        return exchange.Answer(status=202, body={Noun.wrapper: quotas.show(project, found, self.allowed)})

    def reset(self, call: exchange.Call) -> exchange.Answer:
        """DELETE quotas/{project}: the deployment's limits hold again."""
        asking.only(call)
        project = call.parts["id"]
        self.desk.act(call, "quota", "delete").check(project)
        with self.desk.database.write() as held:
            quotas.reset(held, project)
        return exchange.Answer(status=202, empty=True)

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table."""
        rows_of = (
            ("GET", "/quotas", "get_all", self.index),
            ("GET", "/quotas/{id}", "get_one", self.show),
            ("GET", "/quotas/{id}/default", "get_defaults", self.defaults),
            ("PUT", "/quotas/{id}", "put", self.update),
            ("DELETE", "/quotas/{id}", "delete", self.reset),
        )
        return tuple(
            exchange.Route(
                method=method,
                path=path,
                policy=actions.named("quota", verb),
                handler=handler,
                operation=OPERATIONS[verb],
            )
            for method, path, verb, handler in rows_of
        )


def _one_spelling(body: Mapping[str, object]) -> dict[str, object]:
    """The body with the deprecated spellings of kinds replaced."""
    known = attr.by_wire(quota.Quota)
    spelled = {alias: wire for wire, attribute in known.items() for alias in attribute.attr.aliases}
    return {spelled.get(key, key): value for key, value in body.items()}


PROJECT = operation.Parameter(
    name="id",
    schema=attr.by_wire(quota.Quota)["project_id"].kind.schema(),
    doc="The id of the project; of any, whether it exists or not. `default` and `defaults` stand for no project.",
)
TAG = Noun.title
WHOLE = operation.reply({Noun.wrapper: operation.ref("Quotas")})
OPERATIONS: Mapping[str, operation.Operation] = {
    "get_all": dataclasses.replace(
        operations.index(quota.Quota), name="list_quotas", summary="List the quotas of projects"
    ),
    "get_one": operation.Operation(
        name="show_quotas",
        summary="Show the quotas of a project",
        tag=TAG,
        reply=WHOLE,
        refuses=frozenset({400}),
        parts=(PROJECT,),
    ),
    "get_defaults": operation.Operation(
        name="show_default_quotas",
        summary="Show the quotas of projects that nobody gave others",
        tag=TAG,
        reply=operation.reply({Noun.wrapper: operation.reply(shapes.limits())}),
        refuses=frozenset({400}),
        parts=(PROJECT,),
    ),
    "put": operation.Operation(
        name="update_quotas",
        summary="Change the quotas of a project",
        tag=TAG,
        doc="A null is the deployment's limit again.",
        body=operations.body(quota.Quota, "Update"),
        reply=operation.reply({Noun.wrapper: shapes.whole("Quotas")}),
        status=202,
        parts=(PROJECT,),
    ),
    "delete": operation.Operation(
        name="reset_quotas",
        summary="Give a project the deployment's limits again",
        tag=TAG,
        status=202,
        parts=(PROJECT,),
    ),
}
