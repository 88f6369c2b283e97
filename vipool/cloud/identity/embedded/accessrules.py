"""Access rules: kept for a user, shared by those of its application credentials that say the same."""

from collections.abc import Callable, Mapping
from typing import Any

from vipool.cloud.identity.embedded import bodies, finding
from vipool.model import accessrule, credential, faults
from vipool.store import rows, session

# Each is compared with each request.
MOST = 100


def wanted(held: session.Session, user_id: str, asked: object, new_id: Callable[[], str]) -> tuple[str, ...] | None:
    """The ids of the rules a credential is made with, new ones kept; None where it asks for none.

    An empty list asks for none, as in Keystone: it is what the `openstack` command sends when nobody spoke of rules.
    """
    if asked is None or asked == []:
        return None
    given = bodies.objects("access_rules", asked)
    if len(given) > MOST:
        raise faults.Invalid(f"A credential has at most {MOST} access rules: use wildcards.")
    return tuple(dict.fromkeys(_one(held, user_id, each, new_id) for each in given))


def _one(held: session.Session, user_id: str, asked: Mapping[str, Any], new_id: Callable[[], str]) -> str:
    if "id" in asked:
        return finding.own(held, accessrule.AccessRule, user_id, str(asked["id"])).id
    unknown = [name for name in asked if name not in {"service", "path", "method"}]
    if unknown:
        reason = f"Additional properties are not allowed ({unknown[0]!r} was unexpected)"
        raise faults.BadAttribute("access_rules", {**asked}, reason)
    values = bodies.new(accessrule.AccessRule, asked)
    known = rows.find(held, accessrule.AccessRule, user_id=user_id, **values)
    if known:
        return known[0].id
    made = accessrule.AccessRule.build({**values, "id": new_id(), "user_id": user_id})
    rows.add(held, made)
    return made.id


def delete(held: session.Session, user_id: str, identifier: str) -> None:
    """Remove a rule.  Raises faults.Forbidden while a credential has it: without it, that could do more."""
    gone = finding.own(held, accessrule.AccessRule, user_id, identifier)
    for each in rows.find(held, credential.ApplicationCredential, user_id=user_id):
        if gone.id in (each.access_rule_ids or ()):
            raise faults.Forbidden(
                f"Unable to delete access rule {gone.id}: the application credential {each.id} ({each.name}) has it. "
                "Delete that first."
            )
    rows.remove(held, accessrule.AccessRule, gone.id)


def of_credential(
    held: session.Session, found: credential.ApplicationCredential
) -> tuple[accessrule.AccessRule, ...] | None:
    """The rules that the tokens of a credential are held to, or None."""
    if found.access_rule_ids is None:
        return None
    known = rows.find_by_ids(held, accessrule.AccessRule, found.access_rule_ids)
    return tuple(known[each] for each in found.access_rule_ids if each in known)
