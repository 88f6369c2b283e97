"""Who may do what, as a table: the names are Keystone's, so that its documentation explains them.

A rule says who may without being asked about the object; ``OWN`` adds whose object it may be.  Both are decided before
the object is looked for, so that a stranger cannot find out what exists (403 comes before 404).
"""

import enum
from collections.abc import Callable, Mapping
from typing import TypeAlias

from vipool.cloud.identity.embedded import meaning
from vipool.model import caller, faults


class Rule(enum.Enum):
    """Who may, whatever the object."""

    EVERYBODY = "without a token"
    ANYBODY = "with any token"
    READER = "administrators, and readers of the whole system"
    SERVICE = "administrators, other services, and readers of the whole system"
    ADMIN = "administrators"
    NOBODY = "only whom OWN lets"


Parts: TypeAlias = Mapping[str, str]
Own: TypeAlias = Callable[[meaning.Token, Parts], bool]


def _own_project(token: meaning.Token, parts: Parts) -> bool:
    return token.project is not None and token.project.id == parts["project_id"]


def _own_domain(token: meaning.Token, parts: Parts) -> bool:
    return parts["domain_id"] in {token.user_domain.id, token.domain.id if token.domain else None}


def _self(token: meaning.Token, parts: Parts) -> bool:
    return token.user.id == parts["user_id"]


RULES: Mapping[str, Rule] = {
    "identity:versions": Rule.EVERYBODY,
    "identity:authenticate": Rule.EVERYBODY,
    "identity:change_password": Rule.EVERYBODY,
    "identity:validate_token": Rule.SERVICE,
    "identity:revoke_token": Rule.ADMIN,
    "identity:get_auth_catalog": Rule.ANYBODY,
    "identity:get_auth_projects": Rule.ANYBODY,
    "identity:get_auth_domains": Rule.ANYBODY,
    "identity:get_auth_system": Rule.ANYBODY,
    "identity:list_regions": Rule.ANYBODY,
    "identity:get_region": Rule.ANYBODY,
    "identity:list_services": Rule.READER,
    "identity:get_service": Rule.READER,
    "identity:list_endpoints": Rule.READER,
    "identity:get_endpoint": Rule.READER,
    **{
        f"identity:{verb}_{one}": Rule.ADMIN
        for verb in ("create", "update", "delete")
        for one in ("region", "service", "endpoint")
    },
    **{f"identity:list_{many}": Rule.READER for many in ("projects", "users", "groups", "domains", "roles")},
    **{f"identity:get_{one}": Rule.READER for one in ("project", "user", "group", "domain", "role")},
    **{
        f"identity:{verb}_{one}": Rule.ADMIN
        for verb in ("create", "update", "delete")
        for one in ("project", "user", "group", "domain", "role")
    },
    **{
        f"identity:{verb}_{one}": Rule.ADMIN for verb in ("create", "delete") for one in ("project_tag", "implied_role")
    },
    "identity:list_project_tags": Rule.READER,
    "identity:get_project_tag": Rule.READER,
    "identity:update_project_tags": Rule.ADMIN,
    "identity:delete_project_tags": Rule.ADMIN,
    "identity:list_user_projects": Rule.READER,
    "identity:list_groups_for_user": Rule.READER,
    "identity:list_users_in_group": Rule.READER,
    "identity:check_user_in_group": Rule.READER,
    "identity:add_user_to_group": Rule.ADMIN,
    "identity:remove_user_from_group": Rule.ADMIN,
    "identity:list_grants": Rule.READER,
    "identity:check_grant": Rule.READER,
    "identity:create_grant": Rule.ADMIN,
    "identity:revoke_grant": Rule.ADMIN,
    **{f"identity:list_system_grants_for_{who}": Rule.READER for who in ("user", "group")},
    **{f"identity:check_system_grant_for_{who}": Rule.READER for who in ("user", "group")},
    **{f"identity:create_system_grant_for_{who}": Rule.ADMIN for who in ("user", "group")},
    **{f"identity:revoke_system_grant_for_{who}": Rule.ADMIN for who in ("user", "group")},
    "identity:list_role_assignments": Rule.READER,
    "identity:list_role_inference_rules": Rule.READER,
    "identity:list_implied_roles": Rule.READER,
    "identity:get_implied_role": Rule.READER,
    "identity:list_application_credentials": Rule.READER,
    "identity:get_application_credential": Rule.READER,
    "identity:create_application_credential": Rule.NOBODY,
    "identity:delete_application_credential": Rule.ADMIN,
    "identity:list_access_rules": Rule.READER,
    "identity:get_access_rule": Rule.READER,
    "identity:delete_access_rule": Rule.ADMIN,
    "identity:list_credentials": Rule.ANYBODY,
    "identity:ec2_list_credentials": Rule.READER,
    "identity:list_trusts": Rule.READER,
    "identity:create_trust": Rule.NOBODY,
    "identity:get_trust": Rule.READER,
    "identity:delete_trust": Rule.ADMIN,
    "identity:list_roles_for_trust": Rule.READER,
    "identity:get_role_for_trust": Rule.READER,
}

OWN: Mapping[str, Own] = {
    "identity:get_project": _own_project,
    "identity:list_project_tags": _own_project,
    "identity:get_project_tag": _own_project,
    "identity:get_domain": _own_domain,
    **{
        f"identity:{name}": _self
        for name in (
            "get_user",
            "list_user_projects",
            "list_groups_for_user",
            "list_application_credentials",
            "get_application_credential",
            "create_application_credential",
            "delete_application_credential",
            "list_access_rules",
            "get_access_rule",
            "delete_access_rule",
            "ec2_list_credentials",
        )
    },
}
# Decided by the handler, which knows whose token it is about, or whom the trust names.
BY_HANDLER = frozenset({"identity:validate_token", "identity:revoke_token"}) | frozenset(
    f"identity:{name}"
    for name in (
        "list_trusts",
        "create_trust",
        "get_trust",
        "delete_trust",
        "list_roles_for_trust",
        "get_role_for_trust",
    )
)


def allow(policy: str, who: caller.Caller) -> None:
    """Raise faults.Forbidden unless the rule lets the caller, or might once the object is known."""
    if policy not in OWN and policy not in BY_HANDLER and not holds(RULES[policy], who):
        raise forbidden(policy)


def holds(rule: Rule, who: caller.Caller) -> bool:
    """Whether a caller satisfies a rule."""
    match rule:
        case Rule.EVERYBODY | Rule.ANYBODY:
            return True
        case Rule.READER:
            return who.is_admin or (who.system and "reader" in who.roles)
        case Rule.SERVICE:
            return who.is_admin or "service" in who.roles or (who.system and "reader" in who.roles)
        case Rule.ADMIN:
            return who.is_admin
        case Rule.NOBODY:
            return False


def check_own(policy: str, token: meaning.Token, parts: Parts) -> None:
    """Raise faults.Forbidden unless the rule lets the caller, or the object is its own."""
    own = OWN.get(policy)
    if own is not None and not holds(RULES[policy], token.caller) and not own(token, parts):
        raise forbidden(policy)


def forbidden(policy: str) -> faults.Forbidden:
    """The refusal that names what was tried."""
    return faults.Forbidden(f"You are not authorized to perform the requested action: {policy}.")
