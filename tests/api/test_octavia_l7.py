"""L7 policies and rules: their order, their targets, their rules, and what cannot be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api import balancing

URL = "https://example.org/elsewhere"
RULE = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/images"}
NOWHERE = "99999999-0000-4000-8000-000000000000"


@pytest.fixture
def front(cloud):
    """A listener, with the id of its load balancer."""
    made = cloud.listener(cloud.balancer()["id"])
    cloud.settle()
    return made


def policy(cloud, front, **values):
    return cloud.make("l7policy", "/l7policies", **{"listener_id": front["id"], "action": "REJECT", **values})


def rule(cloud, above, **values):
    return cloud.make("rule", f"/l7policies/{above['id']}/rules", **{**RULE, **values})


def order(cloud, front):
    """The names of the policies of a listener, by position."""
    found = cloud.get("/l7policies?sort=position")["l7policies"]
    assert [each["position"] for each in found] == list(range(1, len(found) + 1))
    shown = cloud.get(f"/listeners/{front['id']}")["listener"]["l7policies"]
    assert shown == [{"id": each["id"]} for each in found]
    return "".join(each["name"] for each in found)


def test_a_policy_is_shown_as_it_was_made(cloud, front):
    made = policy(cloud, front, name="no", description="why", tags=["a"], admin_state_up=False)
    assert made == {
        "id": made["id"],
        "project_id": front["project_id"],
        "tenant_id": front["project_id"],
        "listener_id": front["id"],
        "name": "no",
        "description": "why",
        "admin_state_up": False,
        "action": "REJECT",
        "position": 1,
        "redirect_pool_id": None,
        "redirect_url": None,
        "redirect_prefix": None,
        "redirect_http_code": None,
        "rules": [],
        "tags": ["a"],
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "created_at": made["created_at"],
        "updated_at": None,
    }
    cloud.settle()
    shown = cloud.get(f"/l7policies/{made['id']}")["l7policy"]
    assert (shown["provisioning_status"], shown["operating_status"]) == ("ACTIVE", "OFFLINE")
    assert cloud.change("l7policy", f"/l7policies/{made['id']}", admin_state_up=True)["admin_state_up"]
    cloud.settle()
    assert cloud.get(f"/l7policies/{made['id']}")["l7policy"]["operating_status"] == "ONLINE"


def test_a_rule_is_shown_as_it_was_made(cloud, front):
    above = policy(cloud, front)
    made = rule(cloud, above, type="HEADER", key="X-Kind", value="good", invert=True, tags=["a"])
    assert made == {
        "id": made["id"],
        "project_id": front["project_id"],
        "tenant_id": front["project_id"],
        "type": "HEADER",
        "compare_type": "STARTS_WITH",
        "key": "X-Kind",
        "value": "good",
        "invert": True,
        "admin_state_up": True,
        "tags": ["a"],
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "created_at": made["created_at"],
        "updated_at": None,
    }
    assert cloud.get(f"/l7policies/{above['id']}")["l7policy"]["rules"] == [{"id": made["id"]}]
    cloud.settle()
    assert cloud.get(f"/l7policies/{above['id']}/rules")["rules"][0]["operating_status"] == "ONLINE"
    changed = cloud.change("rule", f"/l7policies/{above['id']}/rules/{made['id']}", value="bad", invert=None)
    assert (changed["value"], changed["invert"], changed["provisioning_status"]) == ("bad", False, "PENDING_UPDATE")


def test_a_write_stamps_what_stands_above_it(cloud, front):
    above = policy(cloud, front)
    cloud.settle()
    rule(cloud, above)

    def state(path, noun):
        return cloud.get(path)[noun]["provisioning_status"]

    assert state(f"/l7policies/{above['id']}", "l7policy") == "PENDING_UPDATE"
    assert state(f"/listeners/{front['id']}", "listener") == "PENDING_UPDATE"
    assert state(f"/loadbalancers/{front['loadbalancers'][0]['id']}", "loadbalancer") == "PENDING_UPDATE"


def test_positions_have_no_gaps(cloud, front):
    made = {name: policy(cloud, front, name=name) for name in "abc"}
    assert order(cloud, front) == "abc"
    policy(cloud, front, name="d", position=1)
    assert order(cloud, front) == "dabc"
    policy(cloud, front, name="e", position=99)
    assert order(cloud, front) == "dabce"
    cloud.change("l7policy", f"/l7policies/{made['c']['id']}", position=2)
    assert order(cloud, front) == "dcabe"
    cloud.change("l7policy", f"/l7policies/{made['c']['id']}", position=None, name="C")
    assert order(cloud, front) == "dCabe"
    assert cloud.call("DELETE", f"/l7policies/{made['a']['id']}").status_code == 204
    cloud.settle()
    assert order(cloud, front) == "dCbe"


@pytest.mark.parametrize(
    ("given", "action", "target"),
    [
        ({"action": "REDIRECT_TO_URL", "redirect_url": URL}, "REDIRECT_TO_URL", {"redirect_url": URL}),
        ({"action": "REDIRECT_PREFIX", "redirect_prefix": URL}, "REDIRECT_PREFIX", {"redirect_prefix": URL}),
        ({"action": "REJECT", "redirect_url": URL}, "REJECT", {}),
        ({"action": "REJECT", "redirect_prefix": URL, "redirect_http_code": 301}, "REJECT", {}),
        (
            {"action": "REDIRECT_TO_URL", "redirect_url": URL, "redirect_prefix": URL},
            "REDIRECT_TO_URL",
            {"redirect_url": URL},
        ),
    ],
)
def test_a_policy_has_the_target_of_its_action_alone(cloud, front, given, action, target):
    made = policy(cloud, front, **given)
    targets = {name: made[name] for name in ("redirect_url", "redirect_prefix", "redirect_pool_id")}
    assert (made["action"], targets) == (action, {**dict.fromkeys(targets), **target})


def test_a_target_decides_the_action(cloud, front):
    back = cloud.pool(front["loadbalancers"][0]["id"])
    made = policy(cloud, front)
    path = f"/l7policies/{made['id']}"
    changed = cloud.change("l7policy", path, redirect_url=URL)
    assert (changed["action"], changed["redirect_http_code"]) == ("REDIRECT_TO_URL", 302)
    changed = cloud.change("l7policy", path, redirect_pool_id=back["id"])
    assert (changed["action"], changed["redirect_url"], changed["redirect_http_code"]) == (
        "REDIRECT_TO_POOL",
        None,
        None,
    )
    changed = cloud.change("l7policy", path, redirect_prefix=URL, redirect_http_code=308)
    assert (changed["action"], changed["redirect_pool_id"], changed["redirect_http_code"]) == (
        "REDIRECT_PREFIX",
        None,
        308,
    )
    made = policy(cloud, front, action="REDIRECT_TO_POOL", redirect_pool_id=back["id"], redirect_url=URL)
    assert (made["redirect_pool_id"], made["redirect_url"]) == (back["id"], None)


def test_a_pool_knows_the_listeners_whose_policies_lead_to_it(cloud, front):
    back = cloud.pool(front["loadbalancers"][0]["id"])

    def listeners():
        return cloud.get(f"/pools/{back['id']}")["pool"]["listeners"]

    made = policy(cloud, front, action="REDIRECT_TO_POOL", redirect_pool_id=back["id"])
    assert listeners() == []
    rule(cloud, made)
    assert listeners() == [{"id": front["id"]}]
    cloud.settle()
    statuses = cloud.get(f"/loadbalancers/{front['loadbalancers'][0]['id']}/status")["statuses"]
    assert statuses["loadbalancer"]["listeners"][0]["pools"][0]["id"] == back["id"]
    cloud.change("l7policy", f"/l7policies/{made['id']}", admin_state_up=False)
    assert listeners() == []
    reply = cloud.call("DELETE", f"/pools/{back['id']}")
    assert (reply.status_code, balancing.sentence(reply)) == (
        409,
        f"Pool {back['id']} is in use by L7 policy {made['id']}",
    )
    cloud.call("DELETE", f"/l7policies/{made['id']}")
    assert cloud.call("DELETE", f"/pools/{back['id']}").status_code == 204


def test_what_is_under_a_listener_goes_with_it(cloud, front):
    made = policy(cloud, front)
    under = rule(cloud, made)
    assert cloud.call("DELETE", f"/listeners/{front['id']}").status_code == 204
    assert cloud.get(f"/l7policies/{made['id']}")["l7policy"]["provisioning_status"] == "PENDING_DELETE"
    cloud.settle()
    assert cloud.call("GET", f"/l7policies/{made['id']}").status_code == 404
    assert cloud.call("GET", f"/l7policies/{made['id']}/rules/{under['id']}").status_code == 404


ARGUMENTS = "Invalid L7 Policy arguments: "
BOTH = f"{ARGUMENTS}Cannot specify redirect_pool_id and redirect_url or redirect_prefix at the same time"
REFUSED = [
    ({"action": "REDIRECT_TO_URL"}, 400, f"{ARGUMENTS}redirect_url must not be None"),
    ({"action": "REDIRECT_TO_POOL"}, 400, f"{ARGUMENTS}redirect_pool_id or redirect_pool must not be None"),
    ({"action": "REDIRECT_PREFIX"}, 400, f"{ARGUMENTS}redirect_prefix must not be None"),
    ({"action": "REDIRECT_TO_URL", "redirect_url": URL, "redirect_pool_id": NOWHERE}, 400, BOTH),
    ({"action": "REDIRECT_TO_POOL", "redirect_prefix": URL, "redirect_pool_id": NOWHERE}, 400, BOTH),
    ({"action": "REDIRECT_TO_POOL", "redirect_pool_id": NOWHERE}, 404, f"Pool {NOWHERE} not found."),
    ({"action": None}, 400, "Invalid L7 Policy action specified: None"),
    ({"listener_id": NOWHERE}, 404, f"Listener {NOWHERE} not found."),
    ({"rules": [RULE]}, 400, "rules may be given only in the call that creates the load balancer: use POST "
     "l7policies/{id}/rules."),
]  # fmt: skip


@pytest.mark.parametrize(("values", "status", "sentence"), REFUSED)
def test_a_policy_that_cannot_be_is_refused_in_octavia_s_words(cloud, front, values, status, sentence):
    body = {"listener_id": front["id"], "action": "REJECT", **values}
    reply = cloud.call("POST", "/l7policies", {"l7policy": body})
    assert (reply.status_code, balancing.sentence(reply)) == (status, sentence)
    assert cloud.get("/l7policies")["l7policies"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redirect_url", "ftp://example.org/"),
        ("redirect_url", "https://"),
        ("redirect_url", "https://example.org/a b"),
        ("redirect_url", "https://example.org/\r\nX-Evil: 1"),
        ("redirect_url", "https://example.org/%zz"),
        ("redirect_url", "https://[::1/"),
        ("redirect_url", "https://example.org:port/"),
        ("redirect_prefix", "/only/a/path"),
        ("redirect_prefix", "https://exämple.org/"),
        ("redirect_http_code", 200),
        ("redirect_http_code", True),
        ("position", 0),
        ("position", 2**31),
        ("action", "DROP"),
    ],
)
def test_a_value_that_is_none_is_refused_and_echoed(cloud, front, name, value):
    body = {"listener_id": front["id"], "action": "REJECT", name: value}
    reply = cloud.call("POST", "/l7policies", {"l7policy": body})
    assert reply.status_code == 400
    assert balancing.sentence(reply).startswith(f"Invalid input for field/attribute {name}. Value: '{value}'. ")


def test_listeners_that_answer_by_themselves_have_no_policies(cloud):
    made = cloud.listener(cloud.balancer()["id"], protocol="PROMETHEUS")
    reply = cloud.call("POST", "/l7policies", {"l7policy": {"listener_id": made["id"], "action": "REJECT"}})
    assert (reply.status_code, balancing.sentence(reply)) == (
        400,
        "Protocol PROMETHEUS listeners cannot have child objects.",
    )


def test_a_pool_that_does_not_fit_the_listener_is_refused(cloud, front):
    back = cloud.pool(front["loadbalancers"][0]["id"], protocol="TCP")
    body = {"listener_id": front["id"], "action": "REDIRECT_TO_POOL", "redirect_pool_id": back["id"]}
    reply = cloud.call("POST", "/l7policies", {"l7policy": body})
    assert (reply.status_code, balancing.sentence(reply)) == (
        400,
        "Validation failure: The pool protocol 'TCP' is invalid while the listener protocol is 'HTTP'.",
    )


PARSING = "Error parsing L7Rule: "
WRONG = [
    ({"value": ""}, "Invalid L7 Rule: L7 rule type requires a value"),
    ({"type": "HEADER"}, "Invalid L7 Rule: L7 rule type requires a key"),
    ({"type": "COOKIE", "key": ""}, "Invalid L7 Rule: L7 rule type requires a key"),
    ({"type": "HEADER", "key": "X Kind"}, "Invalid characters in key"),
    ({"type": "HEADER", "key": "X-Kind", "value": "two words"}, "Invalid characters in header value"),
    ({"type": "COOKIE", "key": "c", "value": "a;b"}, "Invalid characters in cookie value"),
    ({"value": "/a b"}, "Invalid characters in header value"),
    ({"type": "FILE_TYPE", "value": "png"}, "Invalid L7 Rule: invalid comparison type for rule type"),
    ({"compare_type": "REGEX", "value": "("}, "Unable to parse regular expression: missing ), unterminated "
     "subpattern at position 0"),
    ({"type": "SSL_CONN_HAS_CERT", "key": "k", "compare_type": "EQUAL_TO", "value": "true"},
     'Invalid L7 Rule: L7rule type SSL_CONN_HAS_CERT does not use the "key" field.'),
    ({"type": "SSL_CONN_HAS_CERT", "value": "true"},
     "Invalid L7 Rule: L7rule type SSL_CONN_HAS_CERT only supports the EQUAL_TO compare type."),
    ({"type": "SSL_CONN_HAS_CERT", "compare_type": "EQUAL_TO", "value": "false"},
     "Invalid L7 Rule: L7rule value false is not a boolean True string."),
    ({"type": "SSL_VERIFY_RESULT", "compare_type": "EQUAL_TO", "value": "-1"},
     "Invalid L7 Rule: L7rule type SSL_VERIFY_RESULT needs a int value, which is >= 0"),
    ({"type": "SSL_DN_FIELD", "value": "x"},
     "Invalid L7 Rule: L7rule type SSL_DN_FIELD needs to specify a key and a value."),
    ({"type": "SSL_DN_FIELD", "key": "1O", "value": "x"},
     "Invalid L7 Rule: Invalid L7rule distinguished name field."),
    ({"type": "SSL_DN_FIELD", "key": "O", "value": "two words"}, "Invalid characters in comparison value"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "sentence"), WRONG)
def test_a_rule_that_cannot_be_is_refused_in_octavia_s_words(cloud, front, values, sentence):
    above = policy(cloud, front)
    path = f"/l7policies/{above['id']}/rules"
    reply = cloud.call("POST", path, {"rule": {**RULE, **values}})
    assert (reply.status_code, balancing.sentence(reply)) == (400, PARSING + sentence)
    made = rule(cloud, above)
    reply = cloud.call("PUT", f"{path}/{made['id']}", {"rule": {**RULE, **values}})
    assert (reply.status_code, balancing.sentence(reply)) == (400, PARSING + sentence)
    assert cloud.get(path)["rules"][0]["value"] == RULE["value"]


@pytest.mark.parametrize(
    "values",
    [
        {"type": "HOST_NAME", "compare_type": "EQUAL_TO", "value": "www.example.org", "key": "kept"},
        {"type": "PATH", "value": '"two words"'},
        {"type": "FILE_TYPE", "compare_type": "EQUAL_TO", "value": "png"},
        {"type": "HEADER", "key": "X-Kind", "compare_type": "REGEX", "value": "a+ b"},
        {"type": "COOKIE", "key": "c", "value": "a=b"},
        {"type": "SSL_CONN_HAS_CERT", "compare_type": "EQUAL_TO", "value": "TRUE"},
        {"type": "SSL_VERIFY_RESULT", "compare_type": "EQUAL_TO", "value": "0"},
        {"type": "SSL_DN_FIELD", "key": "O", "value": "vipool"},
    ],
)
def test_a_rule_that_can_be_comes_back_as_it_was_sent(cloud, front, values):
    made = rule(cloud, policy(cloud, front), **values)
    assert {name: made[name] for name in values} == values


def test_a_line_end_is_in_no_rule(cloud, front):
    above = policy(cloud, front)
    for name in ("key", "value"):
        body = {**RULE, "type": "HEADER", "key": "k", name: "a\nb"}
        reply = cloud.call("POST", f"/l7policies/{above['id']}/rules", {"rule": body})
        assert (reply.status_code, "should match the pattern" in balancing.sentence(reply)) == (400, True)


def test_a_policy_has_fifty_rules_at_most(cloud, front):
    above = policy(cloud, front)
    for number in range(50):
        rule(cloud, above, value=f"/{number}")
    reply = cloud.call("POST", f"/l7policies/{above['id']}/rules", {"rule": RULE})
    assert (reply.status_code, balancing.sentence(reply)) == (409, f"Too many rules on L7 policy {above['id']}")


def test_a_rule_is_found_under_its_own_policy_alone(cloud, front):
    one, other = policy(cloud, front), policy(cloud, front)
    made = rule(cloud, one)
    for method, body in (("GET", None), ("PUT", {"rule": {}}), ("DELETE", None)):
        reply = cloud.call(method, f"/l7policies/{other['id']}/rules/{made['id']}", body)
        assert (reply.status_code, balancing.sentence(reply)) == (404, f"L7 Rule {made['id']} not found.")
    reply = cloud.call("GET", f"/l7policies/{NOWHERE}/rules")
    assert (reply.status_code, reply.json()["title"], reply.json()["description"]) == (
        404,
        "Bad Request",
        f"L7Policy {NOWHERE} not found.",
    )
    assert cloud.get(f"/l7policies/{other['id']}/rules?type=PATH")["rules"] == []


def test_a_whole_tree_may_have_policies(cloud):
    made = cloud.balancer(
        pools=[{"name": "main", **balancing.POOL}],
        listeners=[
            {
                **balancing.LISTENER,
                "default_pool": {"name": "main"},
                "l7policies": [
                    {"action": "REJECT", "name": "no", "rules": [RULE]},
                    {"action": "REDIRECT_TO_POOL", "position": 1, "redirect_pool": {"name": "main"}},
                    {"redirect_url": URL, "action": "REDIRECT_TO_URL"},
                    {"action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "images", **balancing.POOL}},
                ],
            }
        ],
    )
    (front,) = made["listeners"]
    pools = {each["name"]: each["id"] for each in made["pools"]}
    shown = [(each["position"], each["action"], each["redirect_pool_id"]) for each in front["l7policies"]]
    assert shown == [
        (1, "REDIRECT_TO_POOL", pools["main"]),
        (2, "REJECT", None),
        (3, "REDIRECT_TO_URL", None),
        (4, "REDIRECT_TO_POOL", pools["images"]),
    ]
    (met,) = front["l7policies"][1]["rules"]
    assert {name: met[name] for name in RULE} == RULE
    assert cloud.get(f"/l7policies/{front['l7policies'][1]['id']}")["l7policy"]["rules"] == [{"id": met["id"]}]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 7)),
        st.tuples(st.just("move"), st.integers(0, 5), st.integers(1, 7)),
        st.tuples(st.just("remove"), st.integers(0, 5)),
    ),
    max_size=8,
)


@settings(max_examples=30)
@given(moves=moves)
def test_any_order_is_kept_without_gaps(tmp_path_factory, moves):
    cloud = balancing.Cloud(tmp_path_factory.mktemp("l7"))
    front = cloud.listener(cloud.balancer()["id"])
    ids: list[str] = []
    for move in moves:
        match move:
            case ("add", place):
                made = policy(cloud, front, name=str(len(ids)), position=place)
                ids.insert(place - 1, made["id"])
            case ("move", at, place) if at < len(ids):
                moved = ids.pop(at)
                cloud.change("l7policy", f"/l7policies/{moved}", position=place)
                ids.insert(place - 1, moved)
            case ("remove", at) if at < len(ids):
                cloud.call("DELETE", f"/l7policies/{ids.pop(at)}")
                cloud.settle()
    found = cloud.get("/l7policies?sort=position")["l7policies"]
    assert [(each["id"], each["position"]) for each in found] == [(each, at) for at, each in enumerate(ids, 1)]
    cloud.database.close()
