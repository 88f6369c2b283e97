"""Objects on their way there and back: bodies that the rules allow, and what should come back of them.

``settle`` says what the API makes of values beside their canonical form: the defaults that depend on the rest of an
object.  It is written from Octavia's documentation and does not ask the code under test.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.api import balancing, drawing
from tests.api.drawing import Said
from tests.service import world
from vipool.api.openapi import schemas
from vipool.core import admit, complete, terms
from vipool.model import (
    attr,
    deployment,
    faults,
    listener,
    pool,
    qospolicy,
    securitygroup,
    tree,
)
from vipool.providers.haproxy import capabilities
from vipool.store import rows, trees

Sent = Mapping[str, Said]
Values = dict[str, Any]
Strategy = st.SearchStrategy[Any]
Front, Back = listener.Protocol, pool.Protocol
ALLOWED = deployment.USUAL


class Ground:
    """One service for all the examples, with what its objects may refer to."""

    def __init__(self, directory: Path) -> None:
        self.cloud = cloud = balancing.Cloud(directory)
        cloud.capabilities.flavors, cloud.capabilities.zones = capabilities.FLAVORS, capabilities.ZONES
        cloud.add_subnet(world.NETWORK, world.SMALL, "10.0.0.0/16", first=2, last=250)
        self.group, self.qos = cloud.new_id(), cloud.new_id()
        with cloud.database.write() as held:
            rows.add(held, securitygroup.SecurityGroup(id=self.group, name="g", project_id=world.PROJECT))
            rows.add(held, qospolicy.QosPolicy(id=self.qos, name="q", project_id=world.PROJECT))
        self.root = cloud.balancer()["id"]
        self.pools = {each: cloud.pool(self.root, protocol=each.value)["id"] for each in Back}
        self.front = cloud.listener(self.root, protocol_port=65535)["id"]
        self.policy = cloud.make("l7policy", "/l7policies", listener_id=self.front, action="REJECT")["id"]
        self.profiles = {
            each: cloud.make(each, path, who="admin", name="p", provider_name="amphora", **{data: "{}"})["id"]
            for each, path, data in (
                ("flavorprofile", "/flavorprofiles", "flavor_data"),
                ("availability_zone_profile", "/availabilityzoneprofiles", "availability_zone_data"),
            )
        }
        link = {"flavor_profile_id": self.profiles["flavorprofile"]}
        self.flavor = cloud.make("flavor", "/flavors", who="admin", name="usual", **link)["id"]
        link = {"availability_zone_profile_id": self.profiles["availability_zone_profile"]}
        self.zone = cloud.make("availability_zone", "/availabilityzones", who="admin", name="usual", **link)["name"]
        cloud.settle()

    def __repr__(self) -> str:
        return "Ground"

    def tree(self) -> tree.Tree:
        """The tree in which children are made."""
        with self.cloud.database.read() as held:
            found = trees.load(held, self.root)
        assert found is not None
        return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """What every kind of object has in common."""

    ground: Ground
    cls: Any
    who: str = "member"

    @property
    def path(self) -> str:
        """The collection."""
        return f"/{self.cls.NOUN.collection}"

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        """What must be sent, and what the rest of the body depends on."""
        raise NotImplementedError

    def special(self) -> Mapping[str, Strategy | None]:
        """Values of attributes whose kind does not say enough; None leaves one out."""
        return {}

    def fits(self, sent: Values, before: Values | None, whole: tree.Tree) -> bool:
        """Whether the rules of a tree allow a body; ``before`` is the object it changes."""
        return True

    def settle(self, kept: Values, sent: Sent, before: Values | None) -> Values:
        """What becomes of an object, ``kept`` being what was sent over what was there or the defaults."""
        return kept


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Child(Trip):
    """An object of the tree: the pure rules say whether it may be."""

    parents: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def fits(self, sent: Values, before: Values | None, whole: tree.Tree) -> bool:
        when = terms.Terms(generation=whole.loadbalancer.generation + 1, now=world.START)
        try:
            if before is not None:
                row = whole.find(self.cls, before["id"])
                assert row is not None
                values = complete.changed(row, attr.parse_update(self.cls, sent), ALLOWED)
                admit.update(whole, self.cls, row.id, values, when)
            else:
                own = {key: value for key, value in sent.items() if (self.cls, key) != (pool.Pool, "loadbalancer_id")}
                values = complete.new(self.cls, attr.parse_create(self.cls, own), ALLOWED)
                identity = {"id": "new", "project_id": world.PROJECT, "loadbalancer_id": self.ground.root}
                admit.create(whole, self.cls.build({**values, **self.parents, **identity}), when)
        except faults.Refusal:
            return False
        return True


def chosen(values: Any) -> st.SearchStrategy[Said]:
    """One of a few values, sent as it is."""
    return drawing.same(st.sampled_from(values))


def given(**values: Strategy) -> st.SearchStrategy[dict[str, Said]]:
    """A body of exactly these attributes."""
    return st.fixed_dictionaries(values)


def exactly(value: Any) -> st.SearchStrategy[Said]:
    """One value, sent as it is."""
    return st.just(Said(sent=value, kept=value))


def kind_of(cls: Any, wire: str) -> st.SearchStrategy[Said]:
    """The values of an attribute as its kind has them."""
    return drawing.said(attr.by_wire(cls)[wire].kind)


# What replies show that follows from more than what was sent.
VOLATILE = frozenset({"updated_at", "provisioning_status", "operating_status"})


def drawn(data: st.DataObject, trip: Trip, before: dict[str, Any] | None) -> dict[str, Said]:
    """A body that the rules allow: the least, and of everything else what goes with it."""
    update = before is not None
    body = {} if update else data.draw(trip.least())
    whole = trip.ground.tree()
    if not update:
        assume(trip.fits(sent(body), None, whole))
    special = trip.special()
    optional = {}
    for each in attr.attributes(trip.cls):
        if (each.attr.update if update else each.attr.create) and each.wire not in body:
            values = special[each.wire] if each.wire in special else drawing.said(each.kind)
            if values is None:
                continue
            takes_null = schemas.takes_null(each, update=update)
            optional[each.wire] = values | drawing.NULL if takes_null else values
    for wire, said in data.draw(st.fixed_dictionaries({}, optional=optional)).items():
        if trip.fits(sent({**body, wire: said}), before, whole):
            body[wire] = said
    return body


def sent(body: Mapping[str, Said]) -> dict[str, Any]:
    return {wire: said.sent for wire, said in body.items()}


def expected(trip: Trip, body: Mapping[str, Said], before: dict[str, Any] | None) -> dict[str, Any]:
    """The attributes of an object after a body, those that are shown."""
    known = attr.by_wire(trip.cls)
    there = defaults(trip.cls) if before is None else {wire: before[wire] for wire in before if wire in known}
    kept = {
        wire: drawing.null_of(known[wire], there.get(wire)) if said.sent is None else said.kept
        for wire, said in body.items()
    }
    found = trip.settle({**there, **kept}, body, before)
    return {wire: value for wire, value in found.items() if known[wire].attr.show and wire not in VOLATILE}


def defaults(cls: type[attr.Resource]) -> dict[str, Any]:
    """The declared defaults of what may be sent."""
    found = {}
    for each in attr.attributes(cls):
        if each.attr.create and not each.required:
            found[each.wire] = attr.jsonable(each.default)
    return found


def agree(shown: Mapping[str, Any], wanted: Mapping[str, Any], *but: str) -> None:
    """Fail where an object is not as it should be; ``but`` is given by the server where nobody asks for it."""
    wrong = {
        wire: (shown[wire], value)
        for wire, value in wanted.items()
        if shown[wire] != value and not (wire in but and value is None)
    }
    assert not wrong, f"shown, and wanted: {wrong}"
