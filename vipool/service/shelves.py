"""What administrators lay out for users to choose from: flavors and availability zones, each with its profiles.

Both work alike: a profile says in a provider's words what is to be had, a flavor or zone gives it a name.  What is in
use does not change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from vipool.core import offers
from vipool.model import attr, faults, flavor, loadbalancer, zone
from vipool.providers import base
from vipool.service import choices
from vipool.store import rows, session

Body = Mapping[str, Any]
Thing: TypeAlias = flavor.Flavor | zone.Zone
Profile: TypeAlias = flavor.Profile | zone.Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the two kinds.

    ``data`` names the attribute of a profile that says what is to be had, ``link`` that of a thing that names its
    profile, ``used_as`` that of a load balancer that names the thing; ``offered`` is what a provider has of it.
    """

    thing: type[Thing]
    profile: type[Profile]
    data: str
    link: str
    used_as: str
    offered: Callable[[base.Capabilities], Mapping[str, offers.Offer]]


FLAVORS = Kind(
    thing=flavor.Flavor,
    profile=flavor.Profile,
    data="flavor_data",
    link="flavor_profile_id",
    used_as="flavor_id",
    offered=lambda capable: capable.flavors,
)
ZONES = Kind(
    thing=zone.Zone,
    profile=zone.Profile,
    data="availability_zone_data",
    link="availability_zone_profile_id",
    used_as="availability_zone",
    offered=lambda capable: capable.zones,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The writes of one kind."""

    kind: Kind
    database: session.Database
    providers: choices.Providers
    new_id: Callable[[], str]

    def create_thing(self, body: Body) -> Thing:
        """A new flavor or zone.  Raises faults.Conflict when its name is taken."""
        cls, link = self.kind.thing, self.kind.link
        values = attr.parse_create(cls, body)
        with self.database.write() as held:
            if rows.get(held, self.kind.profile, str(values[link])) is None:
                raise faults.Invalid(f"{self.kind.profile.NOUN.title} {values[link]} not found: name one that exists.")
            name = str(values["name"])
            if rows.count(held, cls, name=name):
                raise faults.Conflict(f"A {cls.NOUN.title.lower()} of {name} already exists.")
            made = cls.build({**values, "id": name if cls is zone.Zone else self.new_id()})
            rows.add(held, made)
            return made

    def update_thing(self, identifier: str, body: Body) -> Thing:
        """A changed flavor or zone."""
        values = attr.parse_update(self.kind.thing, body)
        with self.database.write() as held:
            before = need(held, self.kind.thing, identifier)
            name = values.get("name", before.name)
            if name != before.name and rows.count(held, self.kind.thing, name=name):
                raise faults.Conflict(f"A {self.kind.thing.NOUN.title.lower()} of {name} already exists.")
            after = before.having(values)
            rows.put(held, after)
            return after

    def delete_thing(self, identifier: str) -> None:
        """A flavor or zone that no load balancer has."""
        with self.database.write() as held:
            gone = need(held, self.kind.thing, identifier)
            if rows.count(held, loadbalancer.LoadBalancer, **{self.kind.used_as: gone.id}):
                raise in_use(gone, gone.id)
            rows.remove(held, self.kind.thing, gone.id)

    def create_profile(self, body: Body) -> Profile:
        """A new profile.  Raises faults.Invalid for an unknown provider, faults.NotServed for what it does not have."""
        values = attr.parse_create(self.kind.profile, body)
        made = self.kind.profile.build({**values, "id": self.new_id()})
        self._check(made)
        with self.database.write() as held:
            rows.add(held, made)
        return made

    def update_profile(self, identifier: str, body: Body) -> Profile:
        """A changed profile; what it says may change only while nothing uses it."""
        values = attr.parse_update(self.kind.profile, body)
        with self.database.write() as held:
            before = need(held, self.kind.profile, identifier)
            after = before.having(values)
            if set(values) & {"provider_name", self.kind.data}:
                self._refuse_used(held, before)
                self._check(after)
            rows.put(held, after)
            return after

    def delete_profile(self, identifier: str) -> None:
        """A profile that nothing uses."""
        with self.database.write() as held:
            gone = need(held, self.kind.profile, identifier)
            self._refuse_used(held, gone)
            rows.remove(held, self.kind.profile, gone.id)

    def _refuse_used(self, held: session.Session, found: Profile) -> None:
        if rows.count(held, self.kind.thing, **{self.kind.link: found.id}):
            raise in_use(found, found.id)

    def _check(self, profile: Profile) -> None:
        """Refuse a profile whose provider is not there, or does not have what it says."""
        choices.refuse_unknown(profile.provider_name, self.providers)
        text = getattr(profile, self.kind.data)
        try:
            said = orjson.loads(text)
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict):
            raise faults.Invalid(f"{faults.said(text)} is not a valid option for {self.kind.data}")
        offered = self.kind.offered(self.providers[profile.provider_name])
        choices.refuse_unserved(profile.provider_name, offers.refuse(said, offered))


def need(held: session.Session, cls: type[attr.R], identifier: str) -> attr.R:
    """The object with that id.  Raises faults.NotFound."""
    found = None if identifier == flavor.NONE else rows.get(held, cls, identifier)
    if found is None:
        raise faults.not_found(cls.NOUN.title, identifier)
    return found


def in_use(found: Thing | Profile, identifier: str) -> faults.Conflict:
    """The refusal to change what something is made of."""
    return faults.Conflict(
        f"{found.NOUN.title.replace('Profile', 'profile')} {identifier} is in use and cannot be modified."
    )
