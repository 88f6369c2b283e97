"""How L7 policies are made consistent: what they do with a request, and their order on a listener.

Pure: values and trees in, values and trees out.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from vipool.model import faults, l7policy, tree

Action = l7policy.Action
# The attribute that says where each action leads, and Octavia's name for it in refusals.
LEADS = {
    Action.REDIRECT_TO_URL: ("redirect_url", "redirect_url"),
    Action.REDIRECT_TO_POOL: ("redirect_pool_id", "redirect_pool_id or redirect_pool"),
    Action.REDIRECT_PREFIX: ("redirect_prefix", "redirect_prefix"),
}
TARGETS = tuple(name for name, _ in LEADS.values())
NO_TARGET: Mapping[str, None] = dict.fromkeys(TARGETS)


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
