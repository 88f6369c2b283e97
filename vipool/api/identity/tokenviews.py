"""A token as the Identity API shows it; in Keystone's order, which some people read."""

from typing import Any

from vipool.cloud.identity.embedded import meaning, moments, tokens
from vipool.model import attr, domain, project


def show(token: meaning.Token, catalog: list[dict[str, object]] | None) -> dict[str, Any]:
    """The body of a token, with this catalog or none."""
    shown = {**_begin(token), **_scope(token)}
    if catalog is not None:
        shown["catalog"] = catalog
    key = token.credential
    if key is not None:
        rules = {} if token.rules is None else {"access_rules": [attr.show(each) for each in token.rules]}
        shown["application_credential"] = {"id": key.id, "name": key.name, "restricted": not key.unrestricted, **rules}
    return shown


def _begin(token: meaning.Token) -> dict[str, Any]:
    return {
        "methods": [str(method) for method in token.claims.methods],
        "user": {
            "domain": _brief(token.user_domain),
            "id": token.user.id,
            "name": token.user.name,
            "password_expires_at": None,
        },
        "audit_ids": list(token.claims.audit_ids),
        "expires_at": moments.microseconds(token.claims.expires_at, "Z"),
        "issued_at": moments.microseconds(token.claims.issued_at, "Z"),
    }


def _scope(token: meaning.Token) -> dict[str, Any]:
    inside = {"domain": _brief(token.domain), **_brief(token.project)}
    roles = [{"id": each.id, "name": each.name} for each in token.roles]
    match token.claims.kind:
        case tokens.Kind.PROJECT:
            return {"project": inside, "is_domain": False, "roles": roles}
        case tokens.Kind.DOMAIN:
            return {"domain": _brief(token.domain), "roles": roles}
        case tokens.Kind.SYSTEM:
            return {"roles": roles, "system": {"all": True}}
        case tokens.Kind.TRUST:
            # Here, and only here, Keystone shows roles in full.
            return {**_trust(token), "project": inside, "roles": [attr.show(each) for each in token.roles]}
        case tokens.Kind.UNSCOPED:
            return {}


def _trust(token: meaning.Token) -> dict[str, Any]:
    found = token.trust
    if found is None:
        return {}
    shown = {
        "id": found.id,
        "trustor_user": {"id": found.trustor_user_id},
        "trustee_user": {"id": found.trustee_user_id},
        "impersonation": found.impersonation,
    }
    return {"OS-TRUST:trust": shown}


def _brief(found: domain.Domain | project.Project | None) -> dict[str, Any]:
    return {} if found is None else {"id": found.id, "name": found.name}
