"""Access lists of secrets and containers over HTTP: who may read one, beside its project."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.keymanager import bodies, desk, views
from vipool.model import attr, container, faults, guarded, secret
from vipool.store import rows, session

Noun = type[guarded.Guarded]
SETTABLE = ("project-access", "users")
NONE: Mapping[str, Any] = {"project_access": True, "users": (), "acl_created": None, "acl_updated": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLists:
    """The handlers."""

    desk: desk.Desk

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        table = (
            ("GET", "get", self.show),
            ("PUT", "put_patch", self.replace),
            ("PATCH", "put_patch", self.merge),
            ("DELETE", "delete", self.delete),
        )
        return tuple(
            exchange.Route(
                method=method,
                path=f"/v1/{noun.NOUN.collection}/{{id}}/acl",
                policy=f"{noun.NOUN.wrapper}_acls:{rule}",
                handler=functools.partial(handler, noun=noun),
            )
            for noun in (secret.Secret, container.Container)
            for method, rule, handler in table
        )

    def show(self, call: exchange.Call, noun: Noun) -> exchange.Answer:
        """The access list."""
        with self.desk.database.read() as held:
            return exchange.Answer(body=views.access_list(self.desk.one(held, call, noun)))

    def replace(self, call: exchange.Call, noun: Noun) -> exchange.Answer:
        """This one instead: what it does not say is as at the start."""
        wanted = _wanted(call)
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, noun)
            _keep(held, found, NONE if wanted is None else {**NONE, **wanted, **_moments(held, found)})
        return self._answer(call, noun)

    def merge(self, call: exchange.Call, noun: Noun) -> exchange.Answer:
        """The same but for what this says."""
        wanted = _wanted(call)
        with self.desk.database.write() as held:
            found = self.desk.one(held, call, noun)
            if wanted is not None:
                _keep(held, found, {**wanted, **_moments(held, found)})
        return self._answer(call, noun)

    def delete(self, call: exchange.Call, noun: Noun) -> exchange.Answer:
        """As it was at the start."""
        with self.desk.database.write() as held:
            _keep(held, self.desk.one(held, call, noun), NONE)
        return exchange.Answer(body=None)

    def _answer(self, call: exchange.Call, noun: Noun) -> exchange.Answer:
        return exchange.Answer(body={"acl_ref": f"{desk.ref(call, noun, call.parts['id'])}/acl"})


def _wanted(call: exchange.Call) -> dict[str, Any] | None:
    """What a body says of reading, by field; None where it says nothing.  Raises faults.Invalid."""
    body = bodies.document(call, "ACL")
    for name in body:
        if name != "read":
            raise bodies.invalid("ACL", f"Additional properties are not allowed ('{faults.said(name)}' was unexpected)")
    if "read" not in body:
        return None
    read = body["read"]
    if not isinstance(read, dict):
        raise bodies.invalid("ACL", "it is not of type 'object'", "read")
    declared = attr.by_wire(guarded.Guarded)
    try:
        return {
            declared[wire].name: declared[wire].parse(read[wire], update=False) for wire in SETTABLE if wire in read
        }
    except faults.BadAttribute as bad:
        raise bodies.invalid("ACL", f"{bad.attribute}: {bad.reason}", "read") from bad


def _moments(held: session.Session, found: guarded.Guarded) -> dict[str, Any]:
    return {"acl_created": found.acl_created or held.now, "acl_updated": held.now}


def _keep(held: session.Session, found: guarded.Guarded, values: Mapping[str, Any]) -> None:
    rows.change(held, type(found), found.id, values)
