"""The catalog as objects: regions, services and endpoints, vipool's own and those an operator added."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from vipool.api import exchange
from vipool.api.identity import auth, desk, views
from vipool.cloud.identity.embedded import catalog as catalogs
from vipool.cloud.identity.embedded import offering
from vipool.model import attr, catalog, faults
from vipool.store import session

Shown: TypeAlias = dict[str, Any]
Views: TypeAlias = list[Shown]  # inside Catalog, `list` is a handler
Write: TypeAlias = Callable[[session.Session, str, Any], attr.Resource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The handlers of one kind of entry: ``/v3/<collection>`` and ``/v3/<collection>/{<noun>_id}``."""

    desk: desk.Desk
    cls: type[attr.Resource]
    create: Write
    update: Write
    remove: Callable[[session.Session, str], None]

    def routes(self) -> tuple[exchange.Route, ...]:
        """The route table."""
        noun = self.cls.NOUN
        many, single = f"/v3/{noun.collection}", f"/v3/{noun.collection}/{{{noun.wrapper}_id}}"
        table = [
            ("GET", many, f"list_{noun.collection}", self.list),
            ("POST", many, f"create_{noun.wrapper}", self.add),
            ("GET", single, f"get_{noun.wrapper}", self.show),
            ("PATCH", single, f"update_{noun.wrapper}", self.change),
            ("DELETE", single, f"delete_{noun.wrapper}", self.delete),
        ]
        if self.cls is catalog.Region:
            table.append(("PUT", single, "create_region", self.add))
        return tuple(
            exchange.Route(method=method, path=path, policy=f"identity:{rule}", handler=handler)
            for method, path, rule, handler in table
        )

    def _id(self, call: exchange.Call) -> str:
        return call.parts[f"{self.cls.NOUN.wrapper}_id"]

    def list(self, call: exchange.Call) -> exchange.Answer:
        """Those whose attributes are as the query asks; names it does not know are ignored."""
        shown = [
            each
            for each in self._all(call)
            if all(_same(each[name], value) for name, value in call.query if name in each)
        ]
        return views.many(call, self.cls.NOUN.collection, shown)

    def show(self, call: exchange.Call) -> exchange.Answer:
        """One of them."""
        for each in self._all(call):
            if each["id"] == self._id(call):
                return exchange.Answer(body={self.cls.NOUN.wrapper: each})
        raise faults.NotFound(f"Could not find {self.cls.NOUN.title}: {self._id(call)}.")

    def _all(self, call: exchange.Call) -> Views:
        collection = self.cls.NOUN.collection
        own, added = catalogs.own(auth.base(call)), self.desk.authority.added()
        return [_show(call, each) for each in (*getattr(own, collection), *getattr(added, collection))]

    def add(self, call: exchange.Call) -> exchange.Answer:
        """Add one; a region may be named in the path."""
        body = desk.inside(call, self.cls.NOUN)
        named = call.parts.get(f"{self.cls.NOUN.wrapper}_id")
        body = body if named is None else {**body, "id": named}
        with self.desk.authority.writing() as held:
            return self._answer(call, self.create(held, self.desk.new_id(), body), status=201)

    def change(self, call: exchange.Call) -> exchange.Answer:
        """Change one that was added."""
        body = desk.inside(call, self.cls.NOUN)
        with self.desk.authority.writing() as held:
            return self._answer(call, self.update(held, self._id(call), body))

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """Remove one that was added."""
        with self.desk.authority.writing() as held:
            self.remove(held, self._id(call))
        return exchange.NOTHING

    def _answer(self, call: exchange.Call, found: attr.Resource, *, status: int = 200) -> exchange.Answer:
        return exchange.Answer(status=status, body={self.cls.NOUN.wrapper: _show(call, found)})


def all_of_them(tools: desk.Desk) -> tuple[Catalog, ...]:
    """The three kinds."""
    return (
        Catalog(
            desk=tools,
            cls=catalog.Region,
            create=offering.create_region,
            update=offering.update_region,
            remove=offering.delete_region,
        ),
        Catalog(
            desk=tools,
            cls=catalog.Service,
            create=offering.create_service,
            update=offering.update_service,
            remove=offering.delete_service,
        ),
        Catalog(
            desk=tools,
            cls=catalog.Endpoint,
            create=offering.create_endpoint,
            update=offering.update_endpoint,
            remove=offering.delete_endpoint,
        ),
    )


def _show(call: exchange.Call, found: attr.Resource) -> Shown:
    shown = views.noun(call, found)
    return {**shown, "region": found.region_id} if isinstance(found, catalog.Endpoint) else shown


def _same(shown: object, asked: str) -> bool:
    return str(shown) == asked or (isinstance(shown, bool) and str(shown).lower() == asked.lower())
