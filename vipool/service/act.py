"""An act: what somebody is about to do, by the name of its policy action."""

from dataclasses import dataclass

from vipool.core import policy
from vipool.model import caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who is asking, for what, and the policy that decides whether they may.

    ``action`` is one of ``core.policy.actions``; an act that needs several names the others in ``also``.
    """

    who: caller.Caller
    action: str
    rules: policy.Policy
    also: tuple[str, ...] = ()

    def check(self, owner: str | None) -> None:
        """Refuse the act on an object of a project (None: of the caller's own).  Raises faults.Forbidden."""
        for action in (self.action, *self.also):
            self.rules.check(action, self.who, owner)
