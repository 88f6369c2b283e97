"""L7 policies and rules: what makes one whole, where it stands, and what is refused in Octavia's words."""

import pytest

from tests.core import test_admit as trees
from vipool.core import l7
from vipool.core.rules import check, policies
from vipool.model import deployment, faults, l7policy, l7rule, listener, pool, tree

Action = l7policy.Action


def policy(identifier: str, position: int = l7policy.LAST, **more: object) -> l7policy.L7Policy:
    values = {"action": Action.REJECT, "listener_id": "l", **more}
    return l7policy.L7Policy(id=identifier, project_id="", loadbalancer_id="lb", position=position, **values)


def rule(**more: object) -> l7rule.L7Rule:
    values = {"type": l7rule.Type.PATH, "compare_type": l7rule.Compare.EQUAL_TO, "value": "/", "l7policy_id": "y"}
    return l7rule.L7Rule(id="r", project_id="", loadbalancer_id="lb", **{**values, **more})


def whole(*more: tree.Child) -> tree.Tree:
    found = trees.grown().adding(policy("y", 1))
    for each in more:
        found = found.adding(each)
    return found


URL, PREFIX = "http://www.example.org/", "http://www.example.org"


@pytest.mark.parametrize(
    ("values", "settled"),
    [
        ({"action": Action.REJECT, "redirect_url": URL}, {"action": Action.REJECT, **l7.NO_TARGET}),
        ({"redirect_url": URL}, {**l7.NO_TARGET, "action": Action.REDIRECT_TO_URL, "redirect_url": URL}),
        ({"redirect_prefix": PREFIX}, {**l7.NO_TARGET, "action": Action.REDIRECT_PREFIX, "redirect_prefix": PREFIX}),
        (
            {"action": Action.REDIRECT_TO_POOL, "redirect_pool_id": "p", "redirect_url": URL},
            {**l7.NO_TARGET, "action": Action.REDIRECT_TO_POOL, "redirect_pool_id": "p"},
        ),
        ({"name": "x"}, {"name": "x"}),
    ],
)
def test_a_target_decides_the_action_and_an_action_forgets_the_other_targets(values, settled):
    assert l7.settle(values) == settled


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"action": Action.REDIRECT_TO_URL}, "redirect_url must not be None"),
        ({"action": Action.REDIRECT_PREFIX}, "redirect_prefix must not be None"),
        ({"action": Action.REDIRECT_TO_POOL}, "redirect_pool_id or redirect_pool must not be None"),
        ({"redirect_pool_id": "p", "redirect_url": URL}, "Cannot specify redirect_pool_id and redirect_url"),
    ],
)
def test_an_action_without_its_target_is_refused(values, sentence):
    with pytest.raises(faults.Invalid, match=f"Invalid L7 Policy arguments: {sentence}"):
        l7.settle(values)


def test_a_redirection_has_a_code_and_other_actions_have_none():
    assert l7.complete(policy("y", action=Action.REDIRECT_TO_URL)).redirect_http_code == 302
    assert l7.complete(policy("y", action=Action.REDIRECT_PREFIX, redirect_http_code=308)).redirect_http_code == 308
    assert l7.complete(policy("y", action=Action.REDIRECT_TO_POOL, redirect_http_code=308)).redirect_http_code is None
    assert l7.complete(policy("y")) == policy("y")


def test_policies_make_room_for_one_another():
    found = whole()
    for identifier, position in (("z", l7policy.LAST), ("x", 1), ("w", 2)):
        new = policy(identifier, position)
        found = l7.arrange(found.adding(new), new)
    assert [(each.id, each.position) for each in found.policies_of("l")] == [("x", 1), ("w", 2), ("y", 3), ("z", 4)]
    gone = found.l7policies[0].having({"dying": True})
    found = l7.arrange(found.replacing(gone), gone)
    alive = [(each.id, each.position) for each in found.policies_of("l") if not each.dying]
    assert alive == [("x", 1), ("w", 2), ("z", 3)]


def test_a_policy_belongs_to_a_listener_that_stays_and_leads_to_a_pool_that_fits():
    found = whole()
    with pytest.raises(faults.NotFound, match="Listener nobody not found"):
        check.check(found, policy("z", listener_id="nobody"), deployment.USUAL)
    with pytest.raises(faults.NotFound, match="Pool nobody not found"):
        check.check(found, policy("z", redirect_pool_id="nobody"), deployment.USUAL)
    tcp = trees.row(pool.Pool, "tcp", protocol="TCP")
    with pytest.raises(
        faults.Invalid, match="The pool protocol 'TCP' is invalid while the listener protocol is 'HTTP'"
    ):
        check.check(found.adding(tcp), policy("z", redirect_pool_id="tcp"), deployment.USUAL)
    going = found.replacing(found.listeners[0].having({"dying": True}))
    with pytest.raises(faults.Conflict, match="Listener l is immutable"):
        check.check(going, policy("z"), deployment.USUAL)
    metrics = found.adding(trees.row(listener.Listener, "m", protocol="PROMETHEUS", protocol_port=81))
    with pytest.raises(faults.Invalid, match="PROMETHEUS listeners cannot have child objects"):
        check.check(metrics, policy("z", listener_id="m"), deployment.USUAL)


def test_a_rule_belongs_to_a_policy_that_stays_and_has_room():
    found = whole()
    with pytest.raises(faults.NotFound, match="L7 Policy nobody not found"):
        check.check(found, rule(l7policy_id="nobody"), deployment.USUAL)
    going = found.replacing(found.l7policies[0].having({"dying": True}))
    with pytest.raises(faults.Conflict, match="L7Policy y is immutable"):
        check.check(going, rule(), deployment.USUAL)
    full = whole(*(rule().having({"id": f"r{each}"}) for each in range(policies.MOST_RULES)))
    with pytest.raises(faults.Conflict, match="Too many rules on L7 policy y"):
        check.check(full, rule(), deployment.USUAL)


Type, Compare = l7rule.Type, l7rule.Compare
CONN = {"type": Type.SSL_CONN_HAS_CERT, "value": "True"}
RESULT = {"type": Type.SSL_VERIFY_RESULT, "value": "1"}
DN = {"type": Type.SSL_DN_FIELD, "key": "CN", "value": "a"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"value": ""}, "requires a value"),
        ({"value": '""'}, "requires a value"),
        ({"value": "a b"}, "Invalid characters in header value"),
        ({"type": Type.COOKIE, "key": "k", "value": "a b"}, "Invalid characters in cookie value"),
        ({"type": Type.HEADER}, "requires a key"),
        ({"type": Type.COOKIE, "key": "a b"}, "Invalid characters in key"),
        ({"type": Type.FILE_TYPE, "compare_type": Compare.CONTAINS}, "invalid comparison type for rule type"),
        ({"compare_type": Compare.REGEX, "value": "("}, "Unable to parse regular expression: missing \\)"),
        ({"compare_type": Compare.REGEX, "value": r"(a)\1"}, r"Unable to parse regular expression: \\1 does not mean"),
        ({**CONN, "key": "k"}, 'SSL_CONN_HAS_CERT does not use the "key" field'),
        ({**CONN, "value": "no"}, "L7rule value no is not a boolean True string"),
        ({**CONN, "compare_type": Compare.CONTAINS}, "only supports the EQUAL_TO compare type"),
        ({**RESULT, "value": "-1"}, "needs a int value, which is >= 0"),
        ({**DN, "key": None}, "needs to specify a key and a value"),
        ({**DN, "key": "1x"}, "Invalid L7rule distinguished name field"),
        ({**DN, "value": "a b"}, "Invalid characters in comparison value"),
    ],
)
def test_a_rule_that_no_request_could_meet_is_refused(values, sentence):
    with pytest.raises(faults.Invalid, match=f"Error parsing L7Rule: .*{sentence}"):
        check.check(whole(), rule(**values), deployment.USUAL)


@pytest.mark.parametrize("values", [CONN, RESULT, DN, {"value": '"two words"'}, {**DN, "compare_type": Compare.REGEX}])
def test_a_rule_that_a_request_can_meet_is_let_in(values):
    check.check(whole(), rule(**values), deployment.USUAL)
