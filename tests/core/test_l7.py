"""L7 policies: their action and target, their place, and which rules make sense."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core import test_admit as trees
from vipool.core import admit, l7
from vipool.core.rules import policies
from vipool.model import faults, l7policy, l7rule, listener, pool

Action, Type, Compare = l7policy.Action, l7rule.Type, l7rule.Compare
URL, POOL = "https://example.org/", "p"
TARGETS = {"redirect_url": URL, "redirect_prefix": URL, "redirect_pool_id": POOL}
LEADS = {
    Action.REDIRECT_TO_URL: "redirect_url",
    Action.REDIRECT_PREFIX: "redirect_prefix",
    Action.REDIRECT_TO_POOL: "redirect_pool_id",
}


def added(whole, **values):
    number = len(whole.l7policies)
    made = {"listener_id": "l", "action": Action.REJECT, **values, "project_id": "", "loadbalancer_id": ""}
    return admit.create(whole, l7policy.L7Policy.build({"id": f"y{number}", **made}), trees.when(whole))


def ruled(whole, above="y0", identifier="r0", **values):
    usual = {"type": Type.PATH, "compare_type": Compare.EQUAL_TO, "value": "/", "l7policy_id": above}
    row = l7rule.L7Rule.build({"id": identifier, "project_id": "", "loadbalancer_id": "", **usual, **values})
    return admit.create(whole, row, trees.when(whole))


def settle(values):
    """What became of the values, or None when they were refused."""
    try:
        return l7.settle(values)
    except faults.Invalid:
        return None


@given(
    action=st.sampled_from([None, *Action]),
    given_targets=st.dictionaries(st.sampled_from(sorted(TARGETS)), st.booleans()),
)
def test_a_policy_has_one_target_at_most_and_the_action_that_goes_with_it(action, given_targets):
    values = {name: TARGETS[name] if there else None for name, there in given_targets.items()}
    if action is not None:
        values["action"] = action
    settled = settle(values)
    if settled is None:
        both = values.get("redirect_pool_id") and (values.get("redirect_url") or values.get("redirect_prefix"))
        assert both or not values.get(LEADS[action])
        return
    led = [name for name in TARGETS if settled.get(name)]
    if settled.get("action") is Action.REJECT:
        assert not led
    elif led:
        assert [LEADS[settled["action"]]] == led
        assert action in (None, settled["action"]) or not values.get(LEADS[action])


@pytest.mark.parametrize(
    ("action", "code", "kept"),
    [
        (Action.REDIRECT_TO_URL, None, 302),
        (Action.REDIRECT_PREFIX, 301, 301),
        (Action.REDIRECT_TO_POOL, 301, None),
        (Action.REJECT, 301, 301),
        (Action.REJECT, None, None),
    ],
)
def test_a_redirection_has_a_code(action, code, kept):
    row = l7policy.L7Policy(
        id="y", project_id="", loadbalancer_id="", listener_id="l", action=action, redirect_http_code=code
    )
    assert l7.complete(row).redirect_http_code == kept


def order(whole):
    found = whole.live().policies_of("l")
    assert [each.position for each in found] == list(range(1, len(found) + 1))
    return [each.id for each in found]


def test_policies_move_up_and_down_without_gaps():
    whole = trees.grown()
    for _ in range(3):
        whole = added(whole)
    assert order(added(whole, position=1)) == ["y3", "y0", "y1", "y2"]
    moved = admit.update(whole, l7policy.L7Policy, "y2", {"position": 1}, trees.when(whole))
    assert order(moved) == ["y2", "y0", "y1"]
    assert order(admit.update(whole, l7policy.L7Policy, "y0", {"position": 99}, trees.when(whole))) == [
        "y1", "y2", "y0",
    ]  # fmt: skip
    gone = admit.delete(whole, l7policy.L7Policy, "y1", trees.when(whole))
    assert order(gone) == ["y0", "y2"]
    assert trees.pending(gone) == {"lb", "l", "y1", "y0", "y2"}


def test_the_place_of_others_is_no_change_of_theirs():
    whole = added(added(trees.grown()))
    settled = whole.replacing(whole.loadbalancer.having({"settled": whole.loadbalancer.generation}))
    first = added(settled, position=1)
    assert trees.pending(first) == {"lb", "l", "y2"}


def test_policies_of_other_listeners_stay_where_they_are():
    whole = trees.grown()
    whole = admit.create(whole, trees.row(listener.Listener, "k", protocol_port=81), trees.when(whole))
    whole = added(whole)
    whole = added(whole, listener_id="k")
    assert [each.position for each in whole.l7policies] == [1, 1]


def test_a_pool_is_answered_through_a_policy_that_can_be_met():
    whole = trees.grown()
    whole = admit.create(whole, trees.row(pool.Pool, "q"), trees.when(whole))
    whole = added(whole, action=Action.REDIRECT_TO_POOL, redirect_pool_id="q")
    assert whole.listeners_of("q") == ()
    whole = ruled(whole)
    assert [each.id for each in whole.listeners_of("q")] == ["l"]
    with pytest.raises(faults.Conflict, match="Pool q is in use by L7 policy y0"):
        admit.delete(whole, pool.Pool, "q", trees.when(whole))
    off = admit.update(whole, l7policy.L7Policy, "y0", {"admin_state_up": False}, trees.when(whole))
    assert off.listeners_of("q") == ()


def test_what_stands_above_a_rule_is_stamped_with_it():
    whole = added(trees.grown())
    settled = whole.replacing(whole.loadbalancer.having({"settled": whole.loadbalancer.generation}))
    assert trees.pending(ruled(settled)) == {"lb", "l", "y0", "r0"}


def test_rules_go_with_their_policy_and_policies_with_their_listener():
    whole = ruled(added(trees.grown()))
    assert {each.id for each in admit.below(whole, whole.listeners[0])} == {"y0", "r0"}
    gone = admit.delete(whole, listener.Listener, "l", trees.when(whole))
    assert not gone.live().l7policies
    assert not gone.live().l7rules
    gone = admit.delete(whole, l7policy.L7Policy, "y0", trees.when(whole))
    assert [each.dying for each in gone.l7rules] == [True]
    with pytest.raises(faults.Conflict, match="L7Policy y0 is immutable"):
        ruled(gone, identifier="r1")
    assert admit.below(whole, whole.l7rules[0]) == ()


def test_parents_must_be_there_and_stay():
    whole = added(trees.grown())
    with pytest.raises(faults.NotFound, match="Listener nobody not found"):
        added(whole, listener_id="nobody")
    with pytest.raises(faults.NotFound, match="L7 Policy nobody not found"):
        ruled(whole, above="nobody")
    with pytest.raises(faults.NotFound, match="Pool nobody not found"):
        added(whole, action=Action.REDIRECT_TO_POOL, redirect_pool_id="nobody")
    front = whole.find(listener.Listener, "l")
    going = whole.replacing(dataclasses.replace(front, dying=True))
    with pytest.raises(faults.Conflict, match="Listener l is immutable"):
        added(going)


def test_a_listener_that_answers_by_itself_has_no_policy():
    whole = trees.root()
    front = trees.row(listener.Listener, "l", protocol="PROMETHEUS")
    whole = admit.create(whole, front, trees.when(whole))
    with pytest.raises(faults.Invalid, match="cannot have child objects"):
        added(whole)


def test_a_policy_has_so_many_rules_and_no_more():
    whole = added(trees.grown())
    for number in range(policies.MOST_RULES):
        whole = ruled(whole, identifier=f"r{number}")
    with pytest.raises(faults.Conflict, match="Too many rules on L7 policy y0"):
        ruled(whole, identifier="one-more")
    changed = admit.update(whole, l7rule.L7Rule, "r0", {"value": "/x"}, trees.when(whole))
    assert changed.l7rules[0].value == "/x"


GOOD = {
    Type.HOST_NAME: (None, "example.org"),
    Type.PATH: (None, "/x"),
    Type.FILE_TYPE: (None, "png"),
    Type.HEADER: ("X-Kind", "good"),
    Type.COOKIE: ("session", "good"),
    Type.SSL_CONN_HAS_CERT: (None, "True"),
    Type.SSL_VERIFY_RESULT: (None, "0"),
    Type.SSL_DN_FIELD: ("CN", "vipool"),
}
SENSIBLE = {
    Type.FILE_TYPE: frozenset({Compare.EQUAL_TO, Compare.REGEX}),
    Type.SSL_CONN_HAS_CERT: frozenset({Compare.EQUAL_TO}),
    Type.SSL_VERIFY_RESULT: frozenset({Compare.EQUAL_TO}),
}


@pytest.mark.parametrize(("kind", "compare"), list(itertools.product(Type, Compare)))
def test_each_comparison_is_accepted_where_it_makes_sense(kind, compare):
    key, value = GOOD[kind]
    whole = added(trees.grown())
    if compare in SENSIBLE.get(kind, Compare):
        assert ruled(whole, type=kind, compare_type=compare, key=key, value=value).l7rules[0].value == value
        return
    with pytest.raises(faults.Invalid, match="Error parsing L7Rule: Invalid L7 Rule: "):
        ruled(whole, type=kind, compare_type=compare, key=key, value=value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"value": ""}, "requires a value"),
        ({"type": Type.HEADER, "key": None}, "requires a key"),
        ({"type": Type.HEADER, "key": "a b"}, "Invalid characters in key"),
        ({"value": "/a b"}, "Invalid characters in header value"),
        ({"value": '/"'}, None),
        ({"value": '"a b"'}, None),
        ({"type": Type.COOKIE, "key": "c", "value": "a;"}, "Invalid characters in cookie value"),
        ({"compare_type": Compare.REGEX, "value": "["}, "Unable to parse regular expression"),
        ({"type": Type.SSL_DN_FIELD, "key": None, "value": "x"}, "needs to specify a key and a value"),
        ({"type": Type.SSL_DN_FIELD, "key": "9", "value": "x"}, "Invalid L7rule distinguished name field"),
        ({"type": Type.SSL_DN_FIELD, "key": "O", "value": "a b"}, "Invalid characters in comparison value"),
        ({"type": Type.SSL_CONN_HAS_CERT, "key": "k", "value": "true"}, 'does not use the "key" field'),
        ({"type": Type.SSL_CONN_HAS_CERT, "value": "no"}, "is not a boolean True string"),
        ({"type": Type.SSL_VERIFY_RESULT, "value": "x"}, "needs a int value"),
    ],
)
def test_what_no_request_could_meet_is_refused(values, sentence):
    whole = added(trees.grown())
    if sentence is None:
        assert ruled(whole, **values).l7rules
        return
    with pytest.raises(faults.Invalid, match=sentence):
        ruled(whole, **values)
