"""Adding to the catalog: services, endpoints and regions made, changed and removed.

vipool's own entries stand beside them and stay as they are.
"""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding
from vipool.cloud.identity.embedded import catalog as catalogs
from vipool.model import attr, catalog, faults
from vipool.store import rows, session


def create_service(held: session.Session, identifier: str, body: Mapping[str, Any]) -> catalog.Service:
    """Add a service."""
    made = catalog.Service.build({"id": identifier, **bodies.new(catalog.Service, body)})
    rows.add(held, made)
    return made


def update_service(held: session.Session, identifier: str, body: Mapping[str, Any]) -> catalog.Service:
    """Change a service that was added."""
    found = _added(held, catalog.Service, identifier)
    changed = found.having(bodies.changes(found, body))
    rows.put(held, changed)
    return changed


def delete_service(held: session.Session, identifier: str) -> None:
    """Remove a service that was added, with its endpoints."""
    _added(held, catalog.Service, identifier)
    rows.remove_where(held, catalog.Endpoint, service_id=identifier)
    rows.remove(held, catalog.Service, identifier)


def create_endpoint(held: session.Session, identifier: str, body: Mapping[str, Any]) -> catalog.Endpoint:
    """Add an endpoint, to a service of either kind; a region named only by the old ``region`` is made with it."""
    made = catalog.Endpoint.build({"id": identifier, **bodies.new(catalog.Endpoint, _with_region(held, body))})
    _check_endpoint(held, made)
    rows.add(held, made)
    return made


def update_endpoint(held: session.Session, identifier: str, body: Mapping[str, Any]) -> catalog.Endpoint:
    """Change an endpoint that was added."""
    found = _added(held, catalog.Endpoint, identifier)
    changed = found.having(bodies.changes(found, _with_region(held, body)))
    _check_endpoint(held, changed)
    rows.put(held, changed)
    return changed


def delete_endpoint(held: session.Session, identifier: str) -> None:
    """Remove an endpoint that was added."""
    _added(held, catalog.Endpoint, identifier)
    rows.remove(held, catalog.Endpoint, identifier)


def create_region(held: session.Session, identifier: str, body: Mapping[str, Any]) -> catalog.Region:
    """Add a region, under the id in the body or this one.  Raises faults.Conflict for an id in use."""
    made = catalog.Region.build({"id": identifier, **bodies.new(catalog.Region, body)})
    if catalogs.is_own(made.id) or rows.get(held, catalog.Region, made.id) is not None:
        raise faults.Conflict(f"Conflict occurred attempting to store region - Duplicate ID, {made.id}.")
    _check_parent(held, made)
    rows.add(held, made)
    return made


def update_region(held: session.Session, identifier: str, body: Mapping[str, Any]) -> catalog.Region:
    """Change a region that was added."""
    found = _added(held, catalog.Region, identifier)
    changed = found.having(bodies.changes(found, body))
    _check_parent(held, changed)
    rows.put(held, changed)
    return changed


def delete_region(held: session.Session, identifier: str) -> None:
    """Remove a region that was added, with those in it.  Raises faults.Forbidden while an endpoint is in one."""
    _added(held, catalog.Region, identifier)
    gone = _below(held, identifier)
    if any(rows.count(held, catalog.Endpoint, region_id=each) for each in gone):
        raise faults.Forbidden(
            f"Unable to delete region {identifier} because it or its child regions have associated endpoints: delete "
            "those first."
        )
    rows.remove(held, catalog.Region, *gone)


def _below(held: session.Session, identifier: str) -> tuple[str, ...]:
    """The region and everything in it."""
    found = [identifier]
    for above in found:  # grows while it is walked; no region is in itself, so it ends
        found += rows.column(held, catalog.Region, "id", parent_region_id=above)
    return tuple(found)


def _added(held: session.Session, cls: type[attr.R], identifier: str) -> attr.R:
    """An entry that may be changed; raises faults.NotFound, or Forbidden for vipool's own."""
    if catalogs.is_own(identifier):
        raise faults.Forbidden(
            f"The {cls.NOUN.wrapper} {identifier} is vipool's own and follows the address that clients use: leave it, "
            "and add one of your own beside it."
        )
    return finding.one(held, cls, identifier)


def _with_region(held: session.Session, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with ``region_id`` for the ``region`` of older clients, which need not have made it before."""
    sent = {**body}
    named = sent.pop("region", None)
    if named is None or sent.get("region_id") is not None:
        return sent
    try:
        identifier = catalog.REGION_ID.parse(named)
    except ValueError as error:
        raise faults.BadAttribute("region", named, str(error)) from error
    if not _region_exists(held, identifier):
        rows.add(held, catalog.Region(id=identifier))
    return {**sent, "region_id": identifier}


def _region_exists(held: session.Session, identifier: str) -> bool:
    return identifier == catalogs.REGION or finding.maybe(held, catalog.Region, identifier) is not None


def _check_endpoint(held: session.Session, made: catalog.Endpoint) -> None:
    own = {each.id for each in catalogs.SERVICES}
    if made.service_id not in own and finding.maybe(held, catalog.Service, made.service_id) is None:
        raise faults.Invalid(f"There is no service {made.service_id} for the endpoint: make it first.")
    if made.region_id is not None and not _region_exists(held, made.region_id):
        raise faults.Invalid(f"There is no region {made.region_id} for the endpoint: make it first.")
    catalogs.check_url(made.url)


def _check_parent(held: session.Session, made: catalog.Region) -> None:
    above = made.parent_region_id
    if above is not None and not _region_exists(held, above):
        raise finding.missing(catalog.Region, above)
    while above is not None:
        if above == made.id:
            raise faults.Invalid(f"The region {made.id} would be in itself: choose another parent_region_id.")
        found = rows.get(held, catalog.Region, above)
        above = None if found is None else found.parent_region_id
