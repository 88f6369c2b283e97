"""Flavors, availability zones and their profiles over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import asking, listing, operations
from vipool.api.openapi import operation
from vipool.core.policy import actions
from vipool.model import attr
from vipool.service import read, shelves


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The handlers of one kind, of its things or of its profiles.

    ``path`` is that of the collection, ``noun`` how the policy calls what is in it.
    """

    desk: asking.Desk
    writes: shelves.Shelf
    path: str
    noun: str
    profiles: bool

    @property
    def cls(self) -> type[attr.Resource]:
        """The kind of object."""
        return self.writes.kind.profile if self.profiles else self.writes.kind.thing

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET of the collection."""
        query = listing.parse(self.cls, call, most=self.desk.most)
        with self.desk.database.read() as held:
            found = read.page(held, self.cls, query)
        return listing.answer(call, query, self.cls.NOUN, found, [attr.show(each) for each in found])

    def show(self, call: exchange.Call) -> exchange.Answer:
        """GET of one."""
        with self.desk.database.read() as held:
            found = shelves.need(held, self.cls, call.parts["id"])
        return exchange.Answer(body={self.cls.NOUN.wrapper: listing.fields(call, [attr.show(found)])[0]})

    def create(self, call: exchange.Call) -> exchange.Answer:
        """POST to the collection."""
        make = self.writes.create_profile if self.profiles else self.writes.create_thing
        return self._answer(make(asking.body(call, self.cls.NOUN)), status=201)

    def update(self, call: exchange.Call) -> exchange.Answer:
        """PUT of one."""
        change = self.writes.update_profile if self.profiles else self.writes.update_thing
        return self._answer(change(call.parts["id"], asking.body(call, self.cls.NOUN)), status=200)

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """DELETE of one."""
        asking.only(call)
        remove = self.writes.delete_profile if self.profiles else self.writes.delete_thing
        remove(call.parts["id"])
        return exchange.NOTHING

    def _answer(self, found: attr.Resource, *, status: int) -> exchange.Answer:
        return exchange.Answer(status=status, body={self.cls.NOUN.wrapper: attr.show(found)})

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table of this shelf."""
        rows = (
            ("GET", "", "get_all", self.index),
            ("POST", "", "post", self.create),
            ("GET", "/{id}", "get_one", self.show),
            ("PUT", "/{id}", "put", self.update),
            ("DELETE", "/{id}", "delete", self.delete),
        )
        said = self._operations()
        return tuple(
            exchange.Route(
                method=method,
                path=self.path + rest,
                policy=actions.named(self.noun, verb),
                handler=handler,
                operation=said[verb],
            )
            for method, rest, verb, handler in rows
        )

    def _operations(self) -> Mapping[str, operation.Operation]:
        """What the document says; a profile is asked of its provider, which may not have what it says."""
        unserved = (501,) if self.profiles else ()
        return {
            "get_all": operations.index(self.cls),
            "post": operations.creation(self.cls, 409, *unserved),
            "get_one": operations.show(self.cls),
            "put": operations.update(self.cls, 409, *unserved),
            "delete": operations.deletion(self.cls),
        }


def all_of_them(desk: asking.Desk, flavors: shelves.Shelf, zones: shelves.Shelf) -> tuple[Shelf, ...]:
    """The four shelves."""
    return (
        Shelf(desk=desk, writes=flavors, path="/flavors", noun="flavor", profiles=False),
        Shelf(desk=desk, writes=flavors, path="/flavorprofiles", noun="flavor-profile", profiles=True),
        Shelf(desk=desk, writes=zones, path="/availabilityzones", noun="availability-zone", profiles=False),
        Shelf(
            desk=desk, writes=zones, path="/availabilityzoneprofiles", noun="availability-zone-profile", profiles=True
        ),
    )
