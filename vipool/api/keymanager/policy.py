"""Who may do what, as a table: the names are Barbican's, so that its documentation explains them.

A rule names the roles it takes, or the right to the object, which is asked once that is known.  An object of another
project is refused with 403 and one that does not exist with 404, as in Barbican: identifiers are random, and nobody
finds one by trying.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vipool.api import exchange
from vipool.cloud.secrets.embedded import access
from vipool.model import caller, faults, guarded

Right = access.Right
ADMIN = frozenset({"admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is done, and which roles it takes in any project; or which right to the object, where that decides."""

    operation: str
    roles: frozenset[str] | None = None
    right: access.Right | None = None


def _makes(operation: str) -> Rule:
    return Rule(operation=operation, roles=access.WRITERS | ADMIN)


def _lists(operation: str) -> Rule:
    return Rule(operation=operation, roles=access.READERS | ADMIN)


def _needs(right: access.Right, operation: str) -> Rule:
    return Rule(operation=operation, right=right)


def _acls(title: str) -> dict[str, Rule]:
    return {
        f"{title}_acls:get": _needs(Right.INSPECT, f"{title.title()}ACL(s) retrieval"),
        f"{title}_acls:put_patch": _needs(Right.CHANGE, f"{title.title()}ACL(s) update"),
        f"{title}_acls:delete": _needs(Right.CHANGE, f"{title.title()}ACL(s) deletion"),
    }


def _consumers(title: str) -> dict[str, Rule]:
    words = {"get": "retrieval", "post": "creation", "delete": "deletion"}
    return {
        f"{title}_consumers:{verb}": _needs(Right.READ, f"{title.title()}Consumer {word}")
        for verb, word in words.items()
    }


RULES: Mapping[str, Rule] = {
    "versions:get": Rule(operation="Version retrieval"),
    "version:get": Rule(operation="Version retrieval"),
    "secrets:post": _makes("Secret creation"),
    "secrets:get": _lists("Secret(s) retrieval"),
    "secret:get": _needs(Right.LOOK, "Secret retrieval"),
    "secret:decrypt": _needs(Right.READ, "Secret payload retrieval"),
    "secret:put": _needs(Right.CHANGE, "Secret update"),
    "secret:delete": _needs(Right.REMOVE, "Secret deletion"),
    **_acls("secret"),
    **_consumers("secret"),
    "containers:post": _makes("Container creation"),
    "containers:get": _lists("Container(s) retrieval"),
    "container:get": _needs(Right.READ, "Container retrieval"),
    "container:delete": _needs(Right.CHANGE, "Container deletion"),
    "container_secret:post": _needs(Right.CHANGE, "Container secret addition"),
    "container_secret:delete": _needs(Right.CHANGE, "Container secret removal"),
    **_acls("container"),
    **_consumers("container"),
    "orders:get": _lists("Order(s) retrieval"),
    "orders:post": _makes("Order creation"),
    "order:get": _lists("Order retrieval"),
    "order:delete": _makes("Order deletion"),
    "quotas:get": _lists("Quotas retrieval"),
}


def allow(policy: str, who: caller.Caller) -> None:
    """Raise faults.Forbidden unless the rule lets the caller, or might once the object is known."""
    rule = RULES[policy]
    if rule.roles is not None and not (who.roles & rule.roles and who.project_id):
        raise _forbidden(rule, "it takes a token of a project with the role member in it")


def check(call: exchange.Call, found: guarded.Guarded, *, policy: str = "") -> None:
    """Raise faults.Forbidden unless the caller has the right to the object that the call's rule asks for."""
    rule = RULES[policy or call.policy]
    if rule.right is None or not access.may(rule.right, call.who, found):
        title = found.NOUN.title
        raise _forbidden(rule, f"{title} {found.id} is not open to you: ask its owner, or for the role member there")


def _forbidden(rule: Rule, reason: str) -> faults.Forbidden:
    return faults.Forbidden(f"{rule.operation} attempt not allowed: {reason}.")
