"""Which class of caller may do what, in the words of Octavia's defaults."""

import pytest

from vipool.core import policy
from vipool.model import caller, faults

MINE, OTHERS = "mine", "others"
READ = f"{policy.PREFIX}:pool:get_one"
READ_GLOBAL = f"{policy.PREFIX}:pool:get_all-global"
WRITE = f"{policy.PREFIX}:pool:put"
LIST_MEMBERS = f"{policy.PREFIX}:member:get_all"
FAIL_OVER = f"{policy.PREFIX}:loadbalancer:put_failover"
EVERYTHING = {READ, READ_GLOBAL, WRITE, LIST_MEMBERS, FAIL_OVER}


def may(role: str, owner: str | None) -> set[str]:
    """What somebody with one role may do to objects of a project."""
    who = caller.Caller(user_id="somebody", project_id=MINE, roles=frozenset({role}))
    found = set()
    for action in EVERYTHING:
        try:
            policy.check(action, who, owner)
        except faults.Forbidden:
            continue
        found.add(action)
    return found


@pytest.mark.parametrize(
    ("role", "own", "others"),
    [
        ("reader", {READ, LIST_MEMBERS}, set()),
        ("load-balancer_observer", {READ, LIST_MEMBERS}, set()),
        ("member", {READ, LIST_MEMBERS, WRITE}, set()),
        ("load-balancer_member", {READ, LIST_MEMBERS, WRITE}, set()),
        ("load-balancer_global_observer", {READ, READ_GLOBAL, LIST_MEMBERS}, {READ, READ_GLOBAL, LIST_MEMBERS}),
        ("service", {LIST_MEMBERS}, {LIST_MEMBERS}),
        ("admin", EVERYTHING, EVERYTHING),
        ("load-balancer_admin", EVERYTHING, EVERYTHING),
        ("manager", set(), set()),
    ],
)
def test_a_role_may_do_this_to_its_own_and_that_to_others(role, own, others):
    assert may(role, MINE) == own
    assert may(role, None) == own
    assert may(role, OTHERS) == others


def test_an_action_is_open_to_who_may_do_it_to_something_of_theirs():
    reader = caller.Caller(user_id="somebody", project_id=MINE, roles=frozenset({"reader"}))
    assert policy.allows(READ, reader)
    assert not policy.allows(WRITE, reader)


def test_every_action_has_a_rule():
    actions = {f"{policy.PREFIX}:{noun}:{verb}" for noun in policy.RESOURCES for verb in policy.VERBS}
    assert actions <= set(policy.ACTIONS)
