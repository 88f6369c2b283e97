"""May a write begin: never below what is going, and with Octavia's lock not while another is under way."""

import dataclasses

import pytest

from tests.core import test_admit as trees
from vipool.core import admit, terms
from vipool.model import deployment, faults, l7policy, l7rule, member, status

LOCKED = deployment.Deployment(immutable=deployment.Immutable.CONFLICT)


def states():
    """The same tree at rest, changing, in error and going."""
    rest = trees.grown()
    root = rest.loadbalancer
    changing = rest.replacing(root.having({"generation": root.generation + 1, "touched": root.generation + 1}))
    failed = changing.replacing(changing.loadbalancer.having({"failed": root.generation + 1}))
    going = changing.replacing(changing.loadbalancer.having({"dying": True}))
    return {"rest": rest, "changing": changing, "failed": failed, "going": going}


def may(begin, whole, allowed, *also):
    try:
        begin(whole, trees.NOW, allowed, *also)
    except faults.Conflict:
        return False
    return True


@pytest.mark.parametrize(
    ("begin", "also", "usually", "locked"),
    [
        (terms.below, (), {"rest", "changing", "failed"}, {"rest"}),
        (terms.itself, (), {"rest", "changing", "failed"}, {"rest"}),
        (terms.itself, (status.Provisioning.ERROR,), {"rest", "changing", "failed"}, {"rest", "failed"}),
        (terms.deletion, (), {"rest", "changing", "failed"}, {"rest", "failed"}),
    ],
)
def test_when_a_write_may_begin(begin, also, usually, locked):
    for allowed, expected in ((deployment.USUAL, usually), (LOCKED, locked)):
        assert {name for name, whole in states().items() if may(begin, whole, allowed, *also)} == expected


def test_a_write_makes_the_next_generation():
    whole = trees.grown()
    for begin in (terms.below, terms.itself, terms.deletion):
        when = begin(whole, trees.NOW, LOCKED)
        assert (when.generation, when.now, when.allowed) == (whole.loadbalancer.generation + 1, trees.NOW, LOCKED)


def test_what_is_below_something_that_changes_waits_for_it_where_that_is_wanted():
    whole = trees.grown()
    busy = whole.replacing(dataclasses.replace(whole.pools[0], touched=whole.loadbalancer.generation + 1))
    row = busy.members[0]
    terms.refuse_busy(busy, row, deployment.USUAL)
    terms.refuse_busy(whole, row, LOCKED)
    terms.refuse_busy(busy, busy.listeners[0], LOCKED)
    with pytest.raises(faults.Conflict, match="Pool p is immutable and cannot be updated"):
        terms.refuse_busy(busy, row, LOCKED)


def test_a_rule_waits_for_its_policy():
    whole = trees.grown()
    policy = l7policy.L7Policy(
        id="y", project_id="", loadbalancer_id="lb", listener_id="l", action=l7policy.Action.REJECT
    )
    whole = admit.create(whole, policy, trees.when(whole))
    rule = l7rule.L7Rule(
        id="r",
        project_id="",
        loadbalancer_id="lb",
        l7policy_id="y",
        type=l7rule.Type.PATH,
        compare_type=l7rule.Compare.EQUAL_TO,
        value="/",
    )
    with pytest.raises(faults.Conflict, match="L7Policy y is immutable and cannot be updated"):
        terms.refuse_busy(whole, rule, LOCKED)


def test_a_batch_waits_too():
    whole = trees.grown()
    busy = whole.replacing(dataclasses.replace(whole.pools[0], touched=whole.loadbalancer.generation + 1))
    entry = trees.row(member.Member, "new", {"pool_id": "p"}, address="10.0.0.77")
    when = dataclasses.replace(trees.when(busy), allowed=LOCKED)
    with pytest.raises(faults.Conflict, match="Pool p is immutable"):
        admit.create(busy, entry, when)
