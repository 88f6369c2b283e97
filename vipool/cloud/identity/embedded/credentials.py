"""Application credentials: making, finding and removing them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vipool.cloud.identity.embedded import accessrules, bodies, finding, grants, meaning, moments, roles, tokens
from vipool.model import attr, credential, faults, role, types, user
from vipool.store import rows, session

SECRET = types.String(255, least=1)
# What clients may say, and what is read elsewhere than by the declarations.
KNOWN = frozenset({"name", "description", "expires_at", "unrestricted"})
ELSEWHERE = frozenset({"roles", "secret", "access_rules", "project_id"})


def secret(body: Mapping[str, Any]) -> str | None:
    """The secret somebody chose, or None; raises faults.BadAttribute, without repeating it."""
    if body.get("secret") is None:
        return None
    try:
        return SECRET.parse(body["secret"])
    except ValueError as error:
        raise faults.BadAttribute("secret", "***", str(error)) from error


def create(
    held: session.Session,
    body: Mapping[str, Any],
    who: meaning.Token,
    secret_hash: str,
    new_id: Callable[[], str],
) -> credential.ApplicationCredential:
    """Make a credential with the roles of the caller's token, or some of them.

    Of a token without a scope it is one without a project: its tokens show who their user is, and no more.
    """
    check_manages(who)
    if who.claims.kind not in {tokens.Kind.PROJECT, tokens.Kind.UNSCOPED}:
        raise faults.Invalid("An application credential is for one project: ask with a token for that project.")
    moments.check(body.get("expires_at"), held.now)
    values = bodies.new(credential.ApplicationCredential, _readable(body))
    name = str(values["name"])
    if finding.named(held, credential.ApplicationCredential, name, user_id=who.user.id) is not None:
        raise faults.Conflict(
            f"Conflict occurred attempting to store application_credential - Duplicate entry found with name {name}."
        )
    made = credential.ApplicationCredential.build(
        {
            **values,
            "id": new_id(),
            "user_id": who.user.id,
            "project_id": who.project.id if who.project else None,
            "role_ids": _roles(held, body.get("roles"), who.roles),
            "access_rule_ids": accessrules.wanted(held, who.user.id, body.get("access_rules"), new_id),
            "secret_hash": secret_hash,
        }
    )
    rows.add(held, made)
    return made


def check_manages(who: meaning.Token) -> None:
    """Refuse tokens that must not beget others: those of a restricted application credential, or of a trust."""
    if who.trust is not None:
        raise faults.Forbidden(
            "You are not authorized to perform the requested action: A token of a trust is not for making or deleting "
            "other ways to log in."
        )
    if tokens.Method.APPLICATION_CREDENTIAL in who.claims.methods and not (
        who.credential is not None and who.credential.unrestricted
    ):
        raise faults.Forbidden(
            "You are not authorized to perform the requested action: Using method 'application_credential' is not "
            "allowed for managing additional application credentials.."
        )


def _readable(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without what is read elsewhere; Keystone knows these attributes and no others."""
    rest = {name: value for name, value in body.items() if name not in ELSEWHERE}
    if unknown := [name for name in rest if name not in KNOWN]:
        reason = f"Additional properties are not allowed ({unknown[0]!r} was unexpected)"
        raise faults.BadAttribute("application_credential", {**rest}, reason)
    return rest


def _roles(held: session.Session, asked: object, has: Iterable[role.Role]) -> tuple[str, ...]:
    """The ids of the roles to give: all of the token's, or those asked for with what they imply."""
    held_ids = [each.id for each in has]
    if asked is None or asked == []:
        return tuple(held_ids)
    wanted = [roles.named(held, each) for each in bodies.objects("roles", asked)]
    if any(each.id not in held_ids for each in wanted):
        raise faults.Invalid(
            "Invalid application credential: Cannot create an application credential with unassigned role"
        )
    given = grants.implied(grants.inferences(held), [each.id for each in wanted])
    return tuple(each for each in held_ids if each in given)


def delete(held: session.Session, user_id: str, identifier: str) -> None:
    """Remove a credential; its tokens stop working."""
    finding.one(held, user.User, user_id)
    gone = finding.own(held, credential.ApplicationCredential, user_id, identifier)
    rows.remove(held, credential.ApplicationCredential, gone.id)


def show(held: session.Session, *found: credential.ApplicationCredential) -> list[dict[str, object]]:
    """What replies show: with the roles in full, and the access rules where there are any."""
    wanted = dict.fromkeys(each for one in found for each in one.role_ids)
    known = rows.find_by_ids(held, role.Role, wanted)
    shown = []
    for each in found:
        given = [attr.show(known[role_id]) for role_id in each.role_ids if role_id in known]
        rules = accessrules.of_credential(held, each)
        more = {} if rules is None else {"access_rules": [attr.show(one) for one in rules]}
        shown.append({**attr.show(each), "expires_at": moments.microseconds(each.expires_at), "roles": given, **more})
    return shown
