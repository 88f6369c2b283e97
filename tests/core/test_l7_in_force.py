"""Which policies a request is held against, and in which order."""

import dataclasses

import hypothesis
from hypothesis import strategies as st

from tests.providers import trees
from vipool.core import l7
from vipool.model import l7policy, tree

LISTENER, POOL, OFF = trees.identifier(2, 1), trees.identifier(3, 1), trees.identifier(3, 2)


def policy(at: int, action: str, **more: object) -> dict[str, object]:
    return {"id": f"p{at}", "listener_id": LISTENER, "action": action, "position": at, **more}


def whole(*policies: dict[str, object], **rules: list[dict[str, object]]) -> tree.Tree:
    """Two pools, of which one is off, and the policies with one rule each, unless others are given."""
    met = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
    back = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
    return trees.load(
        {
            "listeners": [{"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL}],
            "pools": [{"id": POOL, **back}, {"id": OFF, **back, "admin_state_up": False}],
            "l7policies": list(policies),
            "l7rules": [
                {"id": f"{each['id']}-{at}", "l7policy_id": each["id"], **met, **rule}
                for each in policies
                for at, rule in enumerate(rules.get(str(each["id"]), [{}]))
            ],
        }
    )


def asked(found: tree.Tree) -> list[str]:
    return [each.policy.id for each in l7.in_force(found, found.listeners[0])]


@hypothesis.given(st.permutations(["REDIRECT_TO_POOL", "REDIRECT_PREFIX", "REJECT", "REDIRECT_TO_URL", "REJECT"]))
def test_rejections_come_first_then_redirections_then_pools_each_by_position(actions):
    found = whole(*(policy(at, action, redirect_pool_id=POOL) for at, action in enumerate(actions, 1)))
    ranks = {"REJECT": 0, "REDIRECT_TO_URL": 1, "REDIRECT_PREFIX": 1, "REDIRECT_TO_POOL": 2}
    expected = sorted(range(1, len(actions) + 1), key=lambda at: (ranks[actions[at - 1]], at))
    assert asked(found) == [f"p{at}" for at in expected]


def test_every_action_has_its_place():
    assert set(l7.ORDER) == set(l7policy.Action)


def test_a_policy_that_is_off_has_no_rule_or_leads_nowhere_is_not_asked():
    found = whole(
        policy(1, "REJECT", admin_state_up=False),
        policy(2, "REJECT"),
        policy(3, "REJECT"),
        policy(4, "REDIRECT_TO_POOL", redirect_pool_id=OFF),
        policy(5, "REDIRECT_TO_POOL", redirect_pool_id="gone"),
        policy(6, "REJECT"),
        p2=[],
        p3=[{"admin_state_up": False}],
        p6=[{}, {"admin_state_up": False}],
    )
    assert asked(found) == ["p6"]
    assert len(l7.in_force(found, found.listeners[0])[0].rules) == 1


def test_the_pools_of_a_listener_are_its_own_and_those_of_its_policies_once_each():
    to_pool = policy(1, "REDIRECT_TO_POOL", redirect_pool_id=POOL)
    found = whole(to_pool, policy(2, "REDIRECT_TO_POOL", redirect_pool_id=OFF))
    assert [each.id for each in l7.pools_in_force(found, found.listeners[0])] == [POOL]
    alone = dataclasses.replace(found.listeners[0], default_pool_id=OFF)
    assert [each.id for each in l7.pools_in_force(found, alone)] == [POOL]
    assert l7.pools_in_force(found, dataclasses.replace(alone, id="another")) == ()
