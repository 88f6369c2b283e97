"""How L7 policies are made consistent: what they do with a request, and their order on a listener.

Pure: values and trees in, values and trees out.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipool.core import enabled
from vipool.model import faults, l7policy, l7rule, listener, pool, tree

Action = l7policy.Action
# The attribute that says where each action leads, and Octavia's name for it in refusals.
LEADS = {
    Action.REDIRECT_TO_URL: ("redirect_url", "redirect_url"),
    Action.REDIRECT_TO_POOL: ("redirect_pool_id", "redirect_pool_id or redirect_pool"),
    Action.REDIRECT_PREFIX: ("redirect_prefix", "redirect_prefix"),
}
TARGETS = tuple(name for name, _ in LEADS.values())
NO_TARGET: Mapping[str, None] = dict.fromkeys(TARGETS)
# Which actions are asked first, whatever the positions: Octavia's order (OCTAVIA-SPEC 5.6).
ORDER = {Action.REJECT: 0, Action.REDIRECT_TO_URL: 1, Action.REDIRECT_PREFIX: 1, Action.REDIRECT_TO_POOL: 2}


def settle(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a body says, made consistent: one target at most, and the action that goes with it.

    A target that is given decides the action, as in Octavia; changing the action forgets the targets of the others.
    Raises faults.Invalid.
    """
    action = values.get("action")
    found = dict(values)
    if action is Action.REJECT:
        return {**found, **NO_TARGET}
    if action is not None:
        name, called = LEADS[action]
        if not found.get(name):
            raise invalid(f"{called} must not be None")
        if action is Action.REDIRECT_TO_POOL:
            found["redirect_url"] = None
    if found.get("redirect_pool_id") and (found.get("redirect_url") or found.get("redirect_prefix")):
        raise invalid("Cannot specify redirect_pool_id and redirect_url or redirect_prefix at the same time")
    given = [each for each, (name, _) in LEADS.items() if found.get(name)]
    if not given:
        return found
    chosen = action if action in given else given[-1]
    name, _ = LEADS[chosen]
    return {**found, **NO_TARGET, name: found[name], "action": chosen}


def invalid(reason: str) -> faults.Invalid:
    """The refusal of a policy's arguments."""
    return faults.Invalid(f"Invalid L7 Policy arguments: {reason}")


def complete(row: l7policy.L7Policy) -> l7policy.L7Policy:
    """The policy with the code that a redirection has when nobody chose another."""
    if row.action.redirects_the_client and row.redirect_http_code is None:
        return dataclasses.replace(row, redirect_http_code=l7policy.USUAL_CODE)
    if row.action is Action.REDIRECT_TO_POOL and row.redirect_http_code is not None:
        return dataclasses.replace(row, redirect_http_code=None)
    return row


def arrange(whole: tree.Tree, row: l7policy.L7Policy) -> tree.Tree:
    """The tree with this policy at the place it asks for, the others of its listener moved up or down.

    Places are counted from 1 without gaps; one beyond the end is the end.  A policy that is going has none any more.
    """
    others = [each for each in whole.policies_of(row.listener_id) if each.id != row.id and not each.dying]
    if not row.dying:
        others.insert(row.position - 1, row)
    placed = [dataclasses.replace(each, position=place) for place, each in enumerate(others, 1)]
    return whole.replacing(*(each for each in placed if each != whole.find(l7policy.L7Policy, each.id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A policy that is asked, the rules that must all hold for it to be met, and the pool that then answers, if any."""

    policy: l7policy.L7Policy
    rules: tuple[l7rule.L7Rule, ...]
    answer: pool.Pool | None = None


def in_force(whole: tree.Tree, front: listener.Listener) -> tuple[Question, ...]:
    """The policies that a request to the listener is held against, in that order: the first that is met decides.

    One that is disabled, has no enabled rule, or leads to a pool that is out of service, is never met.
    """
    rules: dict[str, list[l7rule.L7Rule]] = {}
    for each in whole.l7rules:
        if each.admin_state_up:
            rules.setdefault(each.l7policy_id, []).append(each)
    found = [
        Question(policy=each, rules=tuple(rules[each.id]), answer=enabled.pool_of(whole, each.redirect_pool_id))
        for each in whole.policies_of(front.id)
        if each.admin_state_up and each.id in rules
    ]
    asked = (each for each in found if each.answer is not None or each.policy.action is not Action.REDIRECT_TO_POOL)
    return tuple(sorted(asked, key=lambda each: ORDER[each.policy.action]))


def pools_in_force(whole: tree.Tree, front: listener.Listener) -> tuple[pool.Pool, ...]:
    """The pools that may answer a request to the listener: its default pool, then those that policies lead to."""
    found = [enabled.pool_of(whole, front.default_pool_id), *(each.answer for each in in_force(whole, front))]
    return tuple({each.id: each for each in found if each is not None}.values())
