"""Groups: making, changing and removing them, and who is in them."""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding, grants
from vipool.model import domain, faults, group, user
from vipool.store import rows, session


def create(held: session.Session, identifier: str, body: Mapping[str, Any], home: str) -> group.Group:
    """Make a group, in the domain ``home`` unless the body names another."""
    values = bodies.new(group.Group, body)
    domain_id = str(values.get("domain_id") or home)
    finding.one(held, domain.Domain, domain_id)
    made = group.Group.build({**values, "id": identifier, "domain_id": domain_id})
    _check_name(held, made)
    rows.add(held, made)
    return made


def update(held: session.Session, identifier: str, body: Mapping[str, Any]) -> group.Group:
    """Change a group."""
    found = finding.one(held, group.Group, identifier)
    changed = found.having(bodies.changes(found, body))
    _check_name(held, changed)
    rows.put(held, changed)
    return changed


def delete(held: session.Session, identifier: str) -> None:
    """Remove a group; everybody in it loses the roles it had."""
    finding.one(held, group.Group, identifier)
    remove(held, identifier)


def remove(held: session.Session, identifier: str) -> None:
    """Remove a group that is there."""
    grants.forget(held, actor_id=identifier)
    forget(held, group_id=identifier)
    rows.remove(held, group.Group, identifier)


def forget(held: session.Session, **equals: str) -> None:
    """Remove every membership with these values, because what they name is being removed."""
    rows.remove_where(held, group.Membership, **equals)


def add(held: session.Session, identifier: str, user_id: str) -> None:
    """Put a user into a group; nothing happens if it is in it.  Raises faults.NotFound."""
    _check(held, identifier, user_id)
    key = finding.derived(identifier, user_id)
    if rows.get(held, group.Membership, key) is None:
        rows.add(held, group.Membership(id=key, group_id=identifier, user_id=user_id))


def check(held: session.Session, identifier: str, user_id: str) -> None:
    """Raise faults.NotFound unless the user is in the group."""
    _check(held, identifier, user_id)
    if rows.get(held, group.Membership, finding.derived(identifier, user_id)) is None:
        raise faults.NotFound(f"User '{user_id}' not found in group '{identifier}'.")


def take(held: session.Session, identifier: str, user_id: str) -> None:
    """Take a user out of a group; raises faults.NotFound if it is not in it."""
    check(held, identifier, user_id)
    rows.remove(held, group.Membership, finding.derived(identifier, user_id))


def members(held: session.Session, identifier: str) -> tuple[str, ...]:
    """The ids of the users in a group.  Raises faults.NotFound."""
    finding.one(held, group.Group, identifier)
    return rows.column(held, group.Membership, "user_id", group_id=identifier)


def of_user(held: session.Session, user_id: str) -> tuple[str, ...]:
    """The ids of the groups a user is in.  Raises faults.NotFound."""
    finding.one(held, user.User, user_id)
    return rows.column(held, group.Membership, "group_id", user_id=user_id)


def _check(held: session.Session, identifier: str, user_id: str) -> None:
    finding.one(held, group.Group, identifier)
    finding.one(held, user.User, user_id)


def _check_name(held: session.Session, wanted: group.Group) -> None:
    if finding.other(held, wanted, domain_id=wanted.domain_id) is not None:
        raise faults.Conflict(
            f"Conflict occurred attempting to store group - Duplicate entry found with name {wanted.name} "
            f"at domain ID {wanted.domain_id}."
        )
