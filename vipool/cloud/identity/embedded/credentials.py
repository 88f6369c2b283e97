"""Application credentials: making, finding and removing them.

Not served: access rules.  vipool does not hold requests against them, so a credential that asks for them is refused
rather than given more than it should have.
"""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from vipool.cloud.identity.embedded import authority as authorities
from vipool.cloud.identity.embedded import bodies, finding, grants, tokens
from vipool.model import attr, credential, faults, role, types, user
from vipool.store import rows, session

SECRET = types.String(255, least=1)
UNTIL = types.Timestamp()


def secret(body: Mapping[str, Any]) -> str | None:
    """The secret somebody chose, or None; raises faults.BadAttribute, without repeating it."""
    if body.get("secret") is None:
        return None
    try:
        return SECRET.parse(body["secret"])
    except ValueError as error:
        raise faults.BadAttribute("secret", "***", str(error)) from error


def create(
    held: session.Session, identifier: str, body: Mapping[str, Any], who: "authorities.Token", secret_hash: str
) -> credential.ApplicationCredential:
    """Make a credential with the roles of the caller's token, or some of them."""
    check_manages(who)
    if who.project is None:
        raise faults.Invalid("An application credential is for one project: ask with a token for that project.")
    values = bodies.new(credential.ApplicationCredential, _readable(body, held.now))
    name = str(values["name"])
    if finding.named(held, credential.ApplicationCredential, name, user_id=who.user.id) is not None:
        raise faults.Conflict(
            f"Conflict occurred attempting to store application_credential - Duplicate entry found with name {name}."
        )
    made = credential.ApplicationCredential.build(
        {
            **values,
            "id": identifier,
            "user_id": who.user.id,
            "project_id": who.project.id,
            "role_ids": _roles(held, body.get("roles"), who.roles),
            "secret_hash": secret_hash,
        }
    )
    rows.add(held, made)
    return made


def check_manages(who: "authorities.Token") -> None:
    """Refuse tokens that must not beget credentials: those of a restricted application credential."""
    if tokens.Method.APPLICATION_CREDENTIAL in who.claims.methods and not (
        who.credential is not None and who.credential.unrestricted
    ):
        raise faults.Forbidden(
            "You are not authorized to perform the requested action: Using method 'application_credential' is not "
            "allowed for managing additional application credentials.."
        )


def _readable(body: Mapping[str, Any], now: datetime.datetime) -> dict[str, Any]:
    """The body without what is read elsewhere; Keystone knows these attributes and no others."""
    if body.get("access_rules"):
        raise faults.NotServed("Access rules are not served: make the application credential without them.")
    rest = {
        name: value for name, value in body.items() if name not in {"roles", "secret", "access_rules", "project_id"}
    }
    known = {"name", "description", "expires_at", "unrestricted"}
    if unknown := [name for name in rest if name not in known]:
        reason = f"Additional properties are not allowed ({unknown[0]!r} was unexpected)"
        raise faults.BadAttribute("application_credential", {**rest}, reason)
    if rest.get("expires_at") is not None:
        _check_moment(rest["expires_at"], now)
    return rest


def _check_moment(text: object, now: datetime.datetime) -> None:
    try:
        moment = UNTIL.parse(text)
    except ValueError as error:
        raise faults.Invalid("Timestamp not in expected format.") from error
    if moment <= now:
        raise faults.Invalid("The 'expires_at' must not be before now.")


def _roles(held: session.Session, asked: object, has: Iterable[role.Role]) -> tuple[str, ...]:
    """The ids of the roles to give: all of the token's, or those asked for with what they imply."""
    held_ids = [each.id for each in has]
    if asked is None or asked == []:
        return tuple(held_ids)
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise faults.BadAttribute("roles", asked, f"{asked!r} is not of type 'array'")
    wanted = [_role(held, each) for each in asked]
    if any(each.id not in held_ids for each in wanted):
        raise faults.Invalid(
            "Invalid application credential: Cannot create an application credential with unassigned role"
        )
    given = grants.implied(grants.inferences(held), [each.id for each in wanted])
    return tuple(each for each in held_ids if each in given)


def _role(held: session.Session, asked: Mapping[str, object]) -> role.Role:
    identifier, name = asked.get("id"), asked.get("name")
    if identifier is not None:
        return finding.one(held, role.Role, str(identifier))
    found = finding.named(held, role.Role, str(name), domain_id=None)
    if found is None:
        raise faults.NotFound(f"Role {name} is not defined")
    return found


def of_user(held: session.Session, user_id: str, identifier: str) -> credential.ApplicationCredential:
    """A user's credential; raises faults.NotFound, for another's too."""
    found = finding.maybe(held, credential.ApplicationCredential, identifier)
    if found is None or found.user_id != user_id:
        raise finding.missing(credential.ApplicationCredential, identifier)
    return found


def delete(held: session.Session, user_id: str, identifier: str) -> None:
    """Remove a credential; its tokens stop working."""
    finding.one(held, user.User, user_id)
    rows.remove(held, credential.ApplicationCredential, of_user(held, user_id, identifier).id)


def show(held: session.Session, *found: credential.ApplicationCredential) -> list[dict[str, object]]:
    """What replies show: with the roles in full."""
    wanted = dict.fromkeys(each for one in found for each in one.role_ids)
    known = rows.find_by_ids(held, role.Role, wanted)
    shown = []
    for each in found:
        roles = [attr.show(known[role_id]) for role_id in each.role_ids if role_id in known]
        shown.append({**attr.show(each), "expires_at": _microseconds(each.expires_at), "roles": roles})
    return shown


def _microseconds(moment: datetime.datetime | None) -> str | None:
    """Keystone's form here: microseconds and no zone."""
    return None if moment is None else moment.isoformat(timespec="microseconds")
