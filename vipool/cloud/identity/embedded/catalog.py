"""The catalog: vipool's own services, and those an operator added.

The entries of vipool's own services are made from the address that the client itself used, never stored, and nobody
changes them; what an operator adds is kept and shown beside them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vipool.cloud.identity.embedded import finding
from vipool.model import caller, catalog, faults
from vipool.store import rows, session

REGION = "RegionOne"
INTERFACES = (catalog.Interface.ADMIN, catalog.Interface.PUBLIC, catalog.Interface.INTERNAL)
# What an address may leave open, in either spelling that OpenStack's documents use.
OPEN = re.compile(r"[$%]\((\w*)\)s")
OPENINGS = frozenset({"project_id", "tenant_id", "user_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """One of vipool's own services; ``path`` follows the scheme and host of the request."""

    type: str
    name: str
    path: str

    @property
    def id(self) -> str:
        """The same on every installation, as there is only one of each."""
        return _identifier(self.type)

    def service(self) -> catalog.Service:
        """It as an entry."""
        return catalog.Service(id=self.id, name=self.name, type=self.type)

    def endpoint(self, interface: catalog.Interface, base: str) -> catalog.Endpoint:
        """Where it answers; ``base`` is scheme and host."""
        identifier = _identifier(f"{self.type}:{interface}")
        return catalog.Endpoint(
            id=identifier, interface=interface, region_id=REGION, service_id=self.id, url=base + self.path
        )


SERVICES = (
    Own(type="network", name="neutron", path="/network"),
    Own(type="load-balancer", name="octavia", path="/load-balancer"),
    Own(type="identity", name="keystone", path="/identity/v3"),
    Own(type="key-manager", name="barbican", path="/key-manager"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Regions, services and endpoints: those that are kept, or all there are."""

    regions: tuple[catalog.Region, ...] = ()
    services: tuple[catalog.Service, ...] = ()
    endpoints: tuple[catalog.Endpoint, ...] = ()


def kept(held: session.Session) -> Entries:
    """What an operator added."""
    return Entries(
        regions=rows.find(held, catalog.Region),
        services=rows.find(held, catalog.Service),
        endpoints=rows.find(held, catalog.Endpoint),
    )


def own(base: str) -> Entries:
    """vipool's own; ``base`` is scheme and host."""
    return Entries(
        regions=(catalog.Region(id=REGION),),
        services=tuple(each.service() for each in SERVICES),
        endpoints=tuple(each.endpoint(interface, base) for each in SERVICES for interface in INTERFACES),
    )


def is_own(identifier: str) -> bool:
    """Whether this is the id of an entry that is vipool's own."""
    entries = own("")
    return any(each.id == identifier for each in (*entries.regions, *entries.services, *entries.endpoints))


def show(added: Entries, base: str, who: caller.Caller) -> list[dict[str, object]]:
    """The catalog as tokens of a caller carry it: what is enabled, with the caller's ids in its addresses."""
    mine = own(base)
    inside: dict[str, list[dict[str, object]]] = {}
    ids = {"project_id": who.project_id, "tenant_id": who.project_id, "user_id": who.user_id}
    for each in (*mine.endpoints, *added.endpoints):
        url = _filled(each.url, ids)
        if each.enabled and url is not None:
            inside.setdefault(each.service_id, []).append(_endpoint(each, url))
    return [
        {"endpoints": inside.get(each.id, []), "id": each.id, "type": each.type, "name": each.name}
        for each in (*mine.services, *added.services)
        if each.enabled
    ]


def _endpoint(of: catalog.Endpoint, url: str) -> dict[str, object]:
    return {
        "id": of.id,
        "interface": str(of.interface),
        "region_id": of.region_id,
        "url": url,
        "region": of.region_id,
    }


def _filled(url: str, ids: Mapping[str, str | None]) -> str | None:
    """The address with the ids in it; None where the caller has not got one of them."""
    if any(ids.get(name) is None for name in OPEN.findall(url)):
        return None
    return OPEN.sub(lambda found: str(ids[found[1]]), url)


def check_url(url: str) -> None:
    """Refuse an address that leaves open what no token can fill in."""
    unknown: Iterable[str] = (name for name in OPEN.findall(url) if name not in OPENINGS)
    for name in unknown:
        raise faults.Invalid(
            f"The endpoint's url leaves '{name}' open, which no token has: use {', '.join(sorted(OPENINGS))}."
        )


def _identifier(words: str) -> str:
    return finding.derived(f"catalog:{words}")
