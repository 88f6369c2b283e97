"""Roles: making, changing and removing them, and saying which implies which."""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding, grants
from vipool.model import domain, faults, role
from vipool.store import rows, session

# The role that nothing may imply, so that it is only ever given by name.
ADMIN = "admin"


def create(held: session.Session, identifier: str, body: Mapping[str, Any]) -> role.Role:
    """Make a role, of every domain or of one."""
    made = role.Role.build({"id": identifier, **bodies.new(role.Role, body)})
    if made.domain_id is not None:
        finding.one(held, domain.Domain, made.domain_id)
    _check_name(held, made)
    rows.add(held, made)
    return made


def update(held: session.Session, identifier: str, body: Mapping[str, Any]) -> role.Role:
    """Change a role."""
    found = finding.one(held, role.Role, identifier)
    finding.check_mutable(found, body.get("options"), "update")
    changed = found.having(bodies.changes(found, body))
    _check_name(held, changed)
    rows.put(held, changed)
    return changed


def delete(held: session.Session, identifier: str) -> None:
    """Remove a role; whoever had it loses it."""
    finding.check_mutable(finding.one(held, role.Role, identifier), None, "delete")
    remove(held, identifier)


def remove(held: session.Session, identifier: str) -> None:
    """Remove a role that is there, its assignments and its rules."""
    grants.forget(held, role_id=identifier)
    rows.remove_where(held, role.Inference, prior_role_id=identifier)
    rows.remove_where(held, role.Inference, implied_role_id=identifier)
    rows.remove(held, role.Role, identifier)


def imply(held: session.Session, prior_id: str, implied_id: str) -> tuple[role.Role, role.Role]:
    """Make one role imply another; nothing happens if it does already."""
    prior, implied = finding.one(held, role.Role, prior_id), finding.one(held, role.Role, implied_id)
    if implied.name == ADMIN and implied.domain_id is None:
        raise faults.Forbidden(f"{implied_id} cannot be an implied roles")
    if prior.domain_id is None and implied.domain_id is not None:
        raise faults.Forbidden(
            f"Role {prior.name} is of every domain and cannot imply {implied.name}, which is of one: let one of that "
            "domain imply it."
        )
    if prior_id in grants.implied(grants.inferences(held), (implied_id,)):
        raise faults.Invalid(f"Role {implied.name} implies {prior.name} already: the two would imply each other.")
    identifier = finding.derived(prior_id, implied_id)
    if rows.get(held, role.Inference, identifier) is None:
        rows.add(held, role.Inference(id=identifier, prior_role_id=prior_id, implied_role_id=implied_id))
    return prior, implied


def rule(held: session.Session, prior_id: str, implied_id: str) -> tuple[role.Role, role.Role]:
    """The two roles of a rule; raises faults.NotFound."""
    if rows.get(held, role.Inference, finding.derived(prior_id, implied_id)) is None:
        raise faults.NotFound(f"{prior_id} does not imply {implied_id}.")
    return finding.one(held, role.Role, prior_id), finding.one(held, role.Role, implied_id)


def imply_no_more(held: session.Session, prior_id: str, implied_id: str) -> None:
    """Remove a rule; raises faults.NotFound."""
    rule(held, prior_id, implied_id)
    rows.remove(held, role.Inference, finding.derived(prior_id, implied_id))


def named(held: session.Session, asked: Mapping[str, object]) -> role.Role:
    """The role that a client names by id or, if it is of every domain, by name.  Raises faults.NotFound."""
    identifier, name = asked.get("id"), asked.get("name")
    if identifier is not None:
        return finding.one(held, role.Role, str(identifier))
    found = finding.named(held, role.Role, str(name), domain_id=None)
    if found is None:
        raise faults.NotFound(f"Role {name} is not defined")
    return found


def _check_name(held: session.Session, wanted: role.Role) -> None:
    if finding.other(held, wanted, domain_id=wanted.domain_id) is not None:
        raise faults.Conflict(
            f"Conflict occurred attempting to store role - Duplicate entry found with name {wanted.name}."
        )
