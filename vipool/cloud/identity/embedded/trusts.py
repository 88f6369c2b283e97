"""Trusts: made by whom they are about, used by whom they name, removed with either of them.

Not served: handing a trust on to a third (redelegation).
"""

from collections.abc import Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, credentials, finding, grants, meaning, moments, roles
from vipool.model import attr, faults, project, role, trust, user
from vipool.store import rows, session

ELSEWHERE = frozenset({"roles", "allow_redelegation", "redelegation_count", "redelegated_trust_id"})


def create(held: session.Session, identifier: str, body: Mapping[str, Any], who: meaning.Token) -> trust.Trust:
    """Make a trust with some of the roles that the trustor, who must be the caller, has in the project.

    Raises faults.Forbidden, NotFound or Invalid.
    """
    credentials.check_manages(who)
    if body.get("allow_redelegation") or body.get("redelegation_count"):
        raise faults.NotServed("Trusts are not handed on: leave allow_redelegation and redelegation_count out.")
    moments.check(body.get("expires_at"), held.now)
    values = bodies.new(trust.Trust, {name: value for name, value in body.items() if name not in ELSEWHERE})
    made = trust.Trust.build({**values, "id": identifier})
    finding.one(held, user.User, made.trustee_user_id)
    finding.one(held, project.Project, made.project_id)
    kept = made.having({"role_ids": _roles(held, made, body.get("roles"))})
    rows.add(held, kept)
    return kept


def _roles(held: session.Session, made: trust.Trust, asked: object) -> tuple[str, ...]:
    if asked is None or asked == []:
        raise faults.Forbidden(
            "You are not authorized to perform the requested action: At least one role should be specified."
        )
    given = bodies.objects("roles", asked)
    has = {each.id for each in grants.effective(held, made.trustor_user_id, grants.Place.project(made.project_id))}
    wanted = [roles.named(held, each) for each in given]
    for each in wanted:
        if each.id not in has:
            raise finding.missing(role.Role, each.id)
    return tuple(dict.fromkeys(each.id for each in wanted))


def usable(held: session.Session, identifier: str) -> trust.Trust:
    """The trust, if it still gives tokens; raises faults.NotFound."""
    found = finding.one(held, trust.Trust, identifier)
    if found.remaining_uses == 0 or (found.expires_at is not None and found.expires_at <= held.now):
        raise finding.missing(trust.Trust, identifier)
    return found


def use(held: session.Session, identifier: str) -> None:
    """Count one token of a trust that gives only so many.  Raises faults.NotFound when it gave the last one."""
    found = usable(held, identifier)
    if found.remaining_uses is not None:
        rows.change(held, trust.Trust, identifier, {"remaining_uses": found.remaining_uses - 1})


def delete(held: session.Session, identifier: str) -> None:
    """Remove a trust; its tokens stop working."""
    rows.remove(held, trust.Trust, finding.one(held, trust.Trust, identifier).id)


def forget(held: session.Session, **equals: str) -> None:
    """Remove every trust with these values, because what they name is being removed."""
    rows.remove_where(held, trust.Trust, **equals)


def given(held: session.Session, of: trust.Trust) -> tuple[role.Role, ...]:
    """The roles of a trust, as they were named."""
    known = rows.find_by_ids(held, role.Role, of.role_ids)
    return tuple(known[each] for each in of.role_ids if each in known)


def show(found: trust.Trust) -> dict[str, object]:
    """What lists show of a trust: everything but its roles."""
    return {**attr.show(found), "expires_at": moments.microseconds(found.expires_at, "Z")}
