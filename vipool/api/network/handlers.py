"""What all objects of the network service have in common over HTTP: being listed, shown, made, changed and removed."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.network import bodies, policy, queries, views
from vipool.cloud.network.embedded import groups, quotas, verbs, visible
from vipool.model import caller, faults, owned, securitygroup
from vipool.store import rows, session

Noun = type[owned.Owned]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The handlers, over a store."""

    database: session.Database
    new_id: Callable[[], str]

    def routes(self, base: str, cls: Noun) -> Iterator[exchange.Route]:
        """The rows of the table for one kind of object, whose collection is at ``base``."""
        for method, path, handler in (
            ("GET", base, self.index),
            ("GET", base + ".json", self.index),
            ("POST", base, self.create),
            ("POST", base + ".json", self.create),
            ("PUT", base, self.nothing),
            ("DELETE", base, self.nothing),
            ("GET", base + "/{id}", self.show),
            ("PUT", base + "/{id}", self.update),
            ("DELETE", base + "/{id}", self.delete),
        ):
            rule = "read" if method == "GET" else "write"
            bound = functools.partial(handler, cls=cls)
            yield exchange.Route(method=method, path=path, policy=rule, handler=bound)

    def index(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A list of what the caller may see."""
        if cls in {securitygroup.SecurityGroup, securitygroup.Rule}:
            self._spring_to_life(call.who)
        with self.database.read() as held:
            query, found = queries.page(held, call, cls)
            shown = views.views(held, found, call.who)
        cut = queries.fields(call, shown)
        return exchange.Answer(body={cls.NOUN.collection: cut, **queries.links(call, cls, query, found)})

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
            view = queries.fields(call, views.views(held, [found], call.who))[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def _seen(self, held: session.Session, call: exchange.Call, cls: Noun) -> owned.Owned:
        identifier = call.parts["id"].removesuffix(".json")
        return visible.need(visible.get(held, call.who, cls, identifier), cls, identifier)

    def create(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A new object, or several, all or none."""
        sent, bulk = bodies.objects(call, cls)
        parsed = [bodies.created(cls, body, call.who) for body in sent]
        for values in parsed:
            policy.may_create(call.who, cls, values)
        with self.database.write() as held:
            for project in {values["project_id"] for values in parsed}:
                count = sum(values["project_id"] == project for values in parsed)
                quotas.check(held, project, cls.NOUN.wrapper, count)
            writes = [
                self._write(held, call, {**values, "id": self.new_id()}, body)
                for values, body in zip(parsed, sent, strict=True)
            ]
            made = [verbs.create(cls, write) for write in writes]
            shown = views.views(held, made, call.who, fresh=True)
        noun = cls.NOUN
        return exchange.Answer(status=201, body={noun.collection: shown} if bulk else {noun.wrapper: shown[0]})

    def _write(
        self, held: session.Session, call: exchange.Call, values: dict[str, Any], sent: Mapping[str, Any]
    ) -> verbs.Write:
        return verbs.Write(held=held, who=call.who, new_id=self.new_id, values=values, sent=sent)

    def update(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """A changed object."""
        body = bodies.single(call, cls)
        values = bodies.changed(cls, body, call.who)
        with self.database.write() as held:
            before = self._seen(held, call, cls)
            policy.may_update(call.who, before, values)
            _check_revision(call, before)
            after = verbs.change(before, self._write(held, call, values, body))
            view = views.views(held, [after], call.who)[0]
        return exchange.Answer(body={cls.NOUN.wrapper: view})

    def delete(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """An object removed."""
        with self.database.write() as held:
            gone = self._seen(held, call, cls)
            policy.may_delete(call.who, gone)
            _check_revision(call, gone)
            verbs.remove(held, gone)
        return exchange.NOTHING

    def nothing(self, call: exchange.Call, cls: Noun) -> exchange.Answer:
        """PUT and DELETE on a collection: Neutron looks for an object without a name."""
        raise visible.missing(cls, "None")


def _check_revision(call: exchange.Call, present: owned.Owned) -> None:
    condition = re.fullmatch(r"\s*revision_number\s*=\s*([0-9]{1,18})\s*", call.headers.get("if-match", ""))
    if condition is not None and int(condition[1]) != present.revision_number:
        raise faults.PreconditionFailed(
            f"Constrained to {condition[1]}, but current revision is {present.revision_number}",
            kind="RevisionNumberConstraintFailed",
        )
