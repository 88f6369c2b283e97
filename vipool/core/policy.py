"""Who may do what: Octavia's policy actions, and the classes of caller they are open to.

The classes are those of Octavia's own defaults (new defaults: reader, member, admin), and the older load-balancer_*
roles beside them.  Pure: an action, a caller and the owner of the object in, a refusal or nothing out.
"""

import enum
from typing import assert_never

from vipool.model import caller, faults

PREFIX = "os_load-balancer_api"


class Rule(enum.StrEnum):
    """A class of caller."""

    READ = "read"
    READ_GLOBAL = "read-global"
    WRITE = "write"
    MEMBER_LIST = "member-list"
    ADMIN = "admin"


READERS = frozenset({"reader", "member", "load-balancer_observer", "load-balancer_member"})
WRITERS = frozenset({"member", "load-balancer_member"})
GLOBAL_READERS = frozenset({"load-balancer_global_observer"})
ADMINS = frozenset({"admin", "load-balancer_admin"})

RESOURCES = ("loadbalancer", "listener", "pool", "member", "healthmonitor")
VERBS = {
    "get_all": Rule.READ,
    "get_all-global": Rule.READ_GLOBAL,
    "get_one": Rule.READ,
    "post": Rule.WRITE,
    "put": Rule.WRITE,
    "delete": Rule.WRITE,
}
ACTIONS: dict[str, Rule] = {
    **{f"{PREFIX}:{noun}:{verb}": rule for noun in RESOURCES for verb, rule in VERBS.items()},
    f"{PREFIX}:member:get_all": Rule.MEMBER_LIST,
    f"{PREFIX}:loadbalancer:get_status": Rule.READ,
    f"{PREFIX}:loadbalancer:get_stats": Rule.READ,
    f"{PREFIX}:loadbalancer:put_failover": Rule.ADMIN,
    f"{PREFIX}:listener:get_stats": Rule.READ,
    f"{PREFIX}:provider:get_all": Rule.READ,
}


def check(action: str, who: caller.Caller, owner: str | None) -> None:
    """Refuse an action on an object of project ``owner``, or of the caller's own when that is None."""
    own = owner is None or who.owns(owner)
    if not _may(ACTIONS[action], who, own=own):
        raise faults.Forbidden("Policy does not allow this request to be performed.")


def allows(action: str, who: caller.Caller) -> bool:
    """Whether the action is open to the caller at all, whoever owns the object."""
    return _may(ACTIONS[action], who, own=True)


def _may(rule: Rule, who: caller.Caller, *, own: bool) -> bool:
    if who.roles & ADMINS:
        return True
    match rule:
        case Rule.READ:
            return bool(who.roles & GLOBAL_READERS) or (own and bool(who.roles & READERS))
        case Rule.READ_GLOBAL:
            return bool(who.roles & GLOBAL_READERS)
        case Rule.WRITE:
            return own and bool(who.roles & WRITERS)
        case Rule.MEMBER_LIST:
            return "service" in who.roles or _may(Rule.READ, who, own=own)
        case Rule.ADMIN:
            return False
        case _:
            assert_never(rule)
