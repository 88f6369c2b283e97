"""Users: making, changing and removing them.

Passwords come here hashed: hashing takes longer than a transaction should last.
"""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding, grants, groups, hashes, trusts
from vipool.model import accessrule, attr, credential, domain, faults, types, user
from vipool.store import rows, session

PASSWORD = types.String(hashes.LONGEST)


def password(body: Mapping[str, Any], name: str = "password") -> str | None:
    """The password in a body, or None; raises faults.BadAttribute, without repeating it."""
    given = body.get(name)
    if given is None:
        return None
    try:
        return PASSWORD.parse(given)
    except ValueError as error:
        reason = str(error) if isinstance(given, str) else "*** is not of type 'string', 'null'"
        raise faults.BadAttribute(name, "***", reason) from error


def create(
    held: session.Session, identifier: str, body: Mapping[str, Any], home: str, password_hash: str | None
) -> user.User:
    """Make a user, in the domain ``home`` unless the body names another."""
    values = bodies.new(user.User, _without_password(body))
    domain_id = str(values.get("domain_id") or home)
    finding.one(held, domain.Domain, domain_id)
    made = user.User.build({**values, "id": identifier, "domain_id": domain_id, "password_hash": password_hash})
    _check_name(held, made)
    rows.add(held, made)
    return made


def update(held: session.Session, identifier: str, body: Mapping[str, Any], password_hash: str | None) -> user.User:
    """Change a user.  A new password, and being disabled, void every token issued so far."""
    found = finding.one(held, user.User, identifier)
    values = bodies.changes(found, _without_password(body))
    if "password" in body:
        values["password_hash"] = password_hash
    changed = found.having(values)
    if "password" in body or (found.enabled and not changed.enabled):
        changed = changed.having({"epoch": found.epoch + 1})
    _check_name(held, changed)
    rows.put(held, changed)
    return changed


def change_password(held: session.Session, was: user.User, password_hash: str) -> None:
    """Keep a new password, provided that the old one was not changed meanwhile."""
    found = rows.get(held, user.User, was.id)
    if found is None or found.password_hash != was.password_hash:
        raise faults.Conflict("The password was changed by another request meanwhile: try again.")
    rows.change(held, user.User, was.id, {"password_hash": password_hash, "epoch": found.epoch + 1})


def delete(held: session.Session, identifier: str) -> None:
    """Remove a user, its roles, its places in groups, its application credentials and its trusts."""
    finding.one(held, user.User, identifier)
    remove(held, identifier)


def remove(held: session.Session, identifier: str) -> None:
    """Remove a user that is there."""
    grants.forget(held, actor_id=identifier)
    groups.forget(held, user_id=identifier)
    rows.remove_where(held, credential.ApplicationCredential, user_id=identifier)
    rows.remove_where(held, accessrule.AccessRule, user_id=identifier)
    trusts.forget(held, trustor_user_id=identifier)
    trusts.forget(held, trustee_user_id=identifier)
    rows.remove(held, user.User, identifier)


def show(found: user.User) -> dict[str, object]:
    """What replies show; no key at all for a default project that is not set."""
    shown = attr.show(found)
    if found.default_project_id is None:
        del shown["default_project_id"]
    return shown


def _without_password(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in bodies.SECRET}


def _check_name(held: session.Session, wanted: user.User) -> None:
    if finding.other(held, wanted, domain_id=wanted.domain_id) is not None:
        raise faults.Conflict(
            f"Conflict occurred attempting to store user - Duplicate entry found with name {wanted.name} "
            f"at domain ID {wanted.domain_id}."
        )
