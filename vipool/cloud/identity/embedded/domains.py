"""Domains: making, changing and removing them."""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding, grants, groups, projects, roles, users
from vipool.model import domain, faults, group, named, project, role, user
from vipool.store import rows, session


def create(held: session.Session, identifier: str, body: Mapping[str, Any]) -> domain.Domain:
    """Make a domain; raises faults.Conflict for a name in use."""
    made = domain.Domain.build({"id": identifier, **bodies.new(domain.Domain, body)})
    _check_name(held, made)
    rows.add(held, made)
    return made


def update(held: session.Session, identifier: str, body: Mapping[str, Any]) -> domain.Domain:
    """Change a domain.  Disabling it voids the tokens of everything in it for as long as it lasts."""
    found = finding.one(held, domain.Domain, identifier)
    finding.check_mutable(found, body.get("options"), "update")
    changed = found.having(bodies.changes(found, body))
    _check_name(held, changed)
    rows.put(held, changed)
    return changed


def delete(held: session.Session, identifier: str) -> None:
    """Remove a disabled domain with its projects, users, groups and roles."""
    found = finding.one(held, domain.Domain, identifier)
    if identifier == named.DEFAULT_DOMAIN:
        raise faults.Forbidden("The default domain cannot be deleted: the administrator lives in it.")
    if found.enabled:
        raise faults.Forbidden("Cannot delete a domain that is enabled, please disable it first.")
    finding.check_mutable(found, None, "delete")
    for each in rows.find(held, project.Project, domain_id=identifier):
        projects.remove(held, each.id)
    for someone in rows.find(held, user.User, domain_id=identifier):
        users.remove(held, someone.id)
    for many in rows.find(held, group.Group, domain_id=identifier):
        groups.remove(held, many.id)
    for one in rows.find(held, role.Role, domain_id=identifier):
        roles.remove(held, one.id)
    grants.forget(held, scope=role.Scope.DOMAIN, scope_id=identifier)
    rows.remove(held, domain.Domain, identifier)


def _check_name(held: session.Session, wanted: domain.Domain) -> None:
    if finding.other(held, wanted) is not None:
        raise faults.Conflict(
            "Conflict occurred attempting to store project - it is not permitted to have two projects acting as "
            f"domains with the same name: {wanted.name}."
        )
