"""Who may do what in the load-balancer API.

A policy is one of Octavia's sets of rules with what an operator wrote over it.  Pure: an action, a caller and the owner
of the object in, a refusal or nothing out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vipool.core.policy import actions, language, sets
from vipool.model import caller, faults


class Misruled(ValueError):
    """Rules that cannot be used; the sentence names the rule, the reason and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Every rule by its name: those of actions, and those that they refer to."""

    rules: Mapping[str, language.Check]

    def check(self, action: str, who: caller.Caller, owner: str | None) -> None:
        """Refuse an action on an object of project ``owner``, or of the caller's own when that is None."""
        if not self._may(action, who, who.project_id if owner is None else owner):
            raise faults.Forbidden("Policy does not allow this request to be performed.")

    def allows(self, action: str, who: caller.Caller) -> bool:
        """Whether the action is open to the caller on something of its own."""
        return self._may(action, who, who.project_id)

    def _may(self, action: str, who: caller.Caller, owner: str | None) -> bool:
        asked = language.Asked(
            roles=frozenset(role.lower() for role in who.roles),
            properties=_properties(who),
            target={} if owner is None else {"project_id": owner, "tenant_id": owner},
        )
        return language.met(self.rules[action], self.rules, asked)


def _properties(who: caller.Caller) -> Mapping[str, str]:
    known = {
        "user_id": who.user_id,
        "project_id": who.project_id,
        "tenant_id": who.project_id,
        "domain_id": who.domain_id,
        "system_scope": "all" if who.system else None,
    }
    return {key: value for key, value in known.items() if value is not None}


def make(chosen: sets.Name = sets.Name.DEFAULT, overrides: Mapping[str, str] | None = None) -> Policy:
    """The policy of a set with an operator's own rules over it.  Raises Misruled."""
    texts = {**actions.ACTIONS, **sets.SETS[chosen], **(overrides or {})}
    rules = {name: _read(name, text) for name, text in texts.items()}
    for name, check in rules.items():
        for other in language.references(check):
            if other not in rules:
                raise Misruled(f"The policy rule {name} refers to the rule {other}, which does not exist: define it.")
    _refuse_circles(rules)
    return Policy(rules=rules)


def _read(name: str, text: str) -> language.Check:
    if name.startswith(f"{actions.PREFIX}:") and name not in actions.ACTIONS:
        raise Misruled(f"There is no policy action {name}: see the reference for those that exist.")
    try:
        return language.parse(text)
    except language.Unreadable as error:
        raise Misruled(f"The policy rule {name} cannot be read: {error}.") from error


def _refuse_circles(rules: Mapping[str, language.Check]) -> None:
    safe: set[str] = set()
    for name in rules:
        _walk(name, rules, [], safe)


def _walk(name: str, rules: Mapping[str, language.Check], path: list[str], safe: set[str]) -> None:
    if name in safe:
        return
    if name in path:
        raise Misruled(f"The policy rule {name} leads back to itself: {' -> '.join([*path, name])}.")
    path.append(name)
    for other in language.references(rules[name]):
        _walk(other, rules, path, safe)
    path.pop()
    safe.add(name)
