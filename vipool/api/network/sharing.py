"""RBAC policies over HTTP: networks shared with single projects."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.network import bodies, policy, queries
from vipool.cloud.network.embedded import quotas, sharing, visible
from vipool.model import attr, rbacpolicy
from vipool.store import listing, rows, session

BASE = "/v2.0/rbac-policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def routes(self) -> Iterator[exchange.Route]:
        """The rows of the table."""
        for method, path, handler in (
            ("GET", BASE, self.index),
            ("POST", BASE, self.create),
            ("GET", BASE + "/{id}", self.show),
            ("PUT", BASE + "/{id}", self.update),
            ("DELETE", BASE + "/{id}", self.delete),
        ):
            rule = "read" if method == "GET" else "write"
            yield exchange.Route(method=method, path=path, policy=rule, handler=handler)

    def _own(self, held: session.Session, call: exchange.Call) -> rbacpolicy.RbacPolicy:
        identifier = call.parts["id"]
        found = rows.get(held, rbacpolicy.RbacPolicy, identifier)
        if found is None or not (call.who.is_admin or call.who.owns(found.project_id)):
            raise visible.missing(rbacpolicy.RbacPolicy, identifier)
        return found

    def index(self, call: exchange.Call) -> exchange.Answer:
        """The policies of the caller's project, or of all for administrators."""
        with self.database.read() as held:
            query = queries.parse(rbacpolicy.RbacPolicy, call)
            own = () if call.who.is_admin else ({"project_id": (call.who.project_id,)},)
            found = listing.select(held, rbacpolicy.RbacPolicy, dataclasses.replace(query, any_of=own))
        shown = queries.fields(call, [_show(each) for each in found])
        links = queries.links(call, rbacpolicy.RbacPolicy, query, found)
        return exchange.Answer(body={"rbac_policies": shown, **links})

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One policy."""
        with self.database.read() as held:
            return exchange.Answer(body={"rbac_policy": queries.fields(call, [_show(self._own(held, call))])[0]})

    def create(self, call: exchange.Call) -> exchange.Answer:
        """A new policy."""
        cls = rbacpolicy.RbacPolicy
        body = bodies.single(call, cls)
        project = bodies.project(body, call.who)
        values = attr.parse_create(cls, {key: value for key, value in body.items() if key != "tenant_id"})
        self._check_may(call, "create", values)
        with self.database.write() as held:
            quotas.check(held, project, cls.NOUN.wrapper, 1)
            made = cls.build({**values, "id": self.new_id(), "project_id": project})
            return _answer(sharing.create(held, call.who, made), status=201)

    def update(self, call: exchange.Call) -> exchange.Answer:
        """A changed policy."""
        values = attr.parse_update(rbacpolicy.RbacPolicy, bodies.single(call, rbacpolicy.RbacPolicy))
        with self.database.write() as held:
            before = self._own(held, call)
            self._check_may(call, "update", values)
            return _answer(sharing.change(held, before, values))

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """A policy removed."""
        with self.database.write() as held:
            gone = self._own(held, call)
            self._check_may(call, "delete", {})
            sharing.remove(held, gone)
        return exchange.NOTHING

    def _check_may(self, call: exchange.Call, verb: str, values: dict[str, Any]) -> None:
        rule = f"{verb}_rbac_policy"
        if not call.who.roles & policy.WRITERS:
            raise policy.disallowed(rule)
        # What everybody may use is an administrator's to say, as with `shared` of a network.
        if values.get("target_tenant") == rbacpolicy.EVERYBODY and not call.who.is_admin:
            raise policy.disallowed(rule, "target_tenant")


def _show(found: rbacpolicy.RbacPolicy) -> dict[str, Any]:
    return {**attr.show(found), "tenant_id": found.project_id}


def _answer(found: rbacpolicy.RbacPolicy, *, status: int = 200) -> exchange.Answer:
    return exchange.Answer(status=status, body={"rbac_policy": _show(found)})
