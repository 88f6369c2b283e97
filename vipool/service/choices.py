"""What a new load balancer is made of beside its VIP: the provider, the flavor and the availability zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from vipool.core import offers
from vipool.model import faults, flavor, zone
from vipool.providers import base
from vipool.store import rows, session

Values = Mapping[str, Any]
Providers = Mapping[str, base.Capabilities]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen: the provider's name as it was given, and what flavor and zone say."""

    provider: str
    flavor: Mapping[str, Any]
    zone: Mapping[str, Any]


def choose(held: session.Session, values: Values, providers: Providers, usual: str) -> Choice:
    """The choices that the values of a new load balancer make, ``usual`` being the provider of who names none.

    A flavor or zone that is named and null is none there is, as in Octavia.

    Raises faults.Invalid for what does not exist, is disabled or does not fit, faults.NotServed for what the provider
    cannot do.
    """
    chosen = _flavor(held, values["flavor_id"]) if "flavor_id" in values else None
    place = _zone(held, values["availability_zone"]) if "availability_zone" in values else None
    provider = _provider(values, chosen, providers, usual)
    capable = providers[provider]
    flavor_data = {} if chosen is None else _data(chosen.flavor_data)
    zone_data = {} if place is None else _data(place.availability_zone_data)
    refuse_unserved(provider, offers.refuse(flavor_data, capable.flavors))
    refuse_unserved(provider, offers.refuse(zone_data, capable.zones))
    return Choice(provider=provider, flavor=flavor_data, zone=zone_data)


def refuse_unserved(provider: str, reason: str | None) -> None:
    """Refuse what a provider cannot do, if there is a reason."""
    if reason is not None:
        raise faults.NotServed(f"Provider '{provider}' does not support a requested option: {reason}")


def refuse_unknown(provider: str, providers: Providers) -> None:
    """Refuse a provider that is not there."""
    if provider not in providers:
        raise faults.Invalid(f"Provider '{provider}' is not enabled.")


def _data(text: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(text)
    return found


def _flavor(held: session.Session, named: str | None) -> flavor.Profile:
    found = None if named is None else rows.get(held, flavor.Flavor, named)
    profile = None if found is None else rows.get(held, flavor.Profile, found.flavor_profile_id)
    if found is None or profile is None:
        raise faults.Invalid("Validation failure: Invalid flavor_id.")
    if not found.enabled:
        raise faults.Invalid(f"The selected flavor is not allowed in this deployment: {found.id}")
    return profile


def _zone(held: session.Session, named: str | None) -> zone.Profile:
    found = None if named is None else rows.get(held, zone.Zone, named)
    profile = None if found is None else rows.get(held, zone.Profile, found.availability_zone_profile_id)
    if found is None or profile is None:
        raise faults.Invalid("Validation failure: Invalid availability zone.")
    if not found.enabled:
        raise faults.Invalid(f"The selected availability_zone is not allowed in this deployment: {found.name}")
    return profile


def _provider(values: Values, chosen: flavor.Profile | None, providers: Providers, usual: str) -> str:
    named = values.get("provider")
    if chosen is None:
        provider = usual if named is None else str(named)
    elif named is None:
        provider = chosen.provider_name
    elif providers.get(named) is not providers.get(chosen.provider_name):
        raise faults.Invalid(f"Flavor '{values['flavor_id']}' is not compatible with provider '{named}'")
    else:
        provider = str(named)
    refuse_unknown(provider, providers)
    return provider
