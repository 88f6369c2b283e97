"""What every handler of the load-balancer API does with a call: read its body, check its query, say what is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.core import policy
from vipool.core.policy import actions
from vipool.model import attr, faults
from vipool.service import act
from vipool.store import session


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What handlers work with: the store, the policy, and the longest page of a list."""

    database: session.Database
    rules: policy.Policy
    most: int

    def act(self, call: exchange.Call, noun: str, verb: str, *also: str) -> act.Act:
        """What a call is about to do, by the name of the policy's noun and its verbs."""
        more = tuple(actions.named(noun, each) for each in also)
        return act.Act(who=call.who, action=actions.named(noun, verb), rules=self.rules, also=more)

    def scope(self, call: exchange.Call, noun: str) -> Mapping[str, tuple[str, ...]]:
        """What limits a list to what the caller may see: nothing, or a project.  Raises faults.Forbidden."""
        who, asked = call.who, call.asked("project_id") or call.asked("tenant_id")
        if self.rules.allows(actions.named(noun, "get_all-global"), who):
            return {}
        project = asked or who.project_id
        if project is None:
            raise faults.Forbidden("Policy does not allow this request to be performed.")
        self.rules.check(actions.named(noun, "get_all"), who, project)
        return {"project_id": (project,)}


def body(call: exchange.Call, noun: attr.Noun) -> dict[str, Any]:
    """The object inside a body's wrapper.  Raises faults.Invalid."""
    only(call)
    if not call.raw:
        raise faults.Invalid(f'Missing argument: "{noun.argument}"')
    if not isinstance(call.body, dict):
        raise faults.Invalid(f"Invalid input for field/attribute {noun.argument}. The body should be an object")
    unknown = [key for key in call.body if key != noun.wrapper]
    if unknown:
        raise faults.UnknownAttributes(noun.argument, unknown)
    inner = call.body.get(noun.wrapper)
    if not isinstance(inner, dict):
        raise faults.Invalid(f'Missing argument: "{noun.argument}": the body needs an object "{noun.wrapper}"')
    return inner


def objects(call: exchange.Call, key: str, argument: str) -> Sequence[dict[str, Any]]:
    """The list of objects that a body is.  Raises faults.Invalid."""
    found = call.body.get(key) if isinstance(call.body, dict) and set(call.body) == {key} else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise faults.Invalid(f'Missing argument: "{argument}": the body needs a list "{key}" of objects')
    return found


def only(call: exchange.Call, *known: str) -> None:
    """Refuse query arguments that are not known here."""
    for key, _ in call.query:
        if key not in known:
            raise faults.Invalid(f'Unknown argument: "{key}"')
