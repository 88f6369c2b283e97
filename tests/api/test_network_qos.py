"""QoS policies: their rules, who reads them, and where a policy is shown."""

import pytest

from tests.api import network_cloud

RULES = {
    "bandwidth_limit": {"max_kbps": 1000},
    "dscp_marking": {"dscp_mark": 26},
    "minimum_bandwidth": {"min_kbps": 10},
    "minimum_packet_rate": {"min_kpps": 10},
    "packet_rate_limit": {"max_kpps": 10},
}


@pytest.fixture
def cloud(tmp_path):
    made = network_cloud.Cloud(tmp_path / "state.db")
    yield made
    made.database.close()


@pytest.fixture
def policy(cloud):
    """The path of a policy that everybody may use."""
    _, answer = cloud.call("POST", "qos/policies", {"policy": {"name": "gold", "shared": True}})
    return f"qos/policies/{answer['policy']['id']}"


def add(cloud, policy, kind, **values):
    return cloud.call("POST", f"{policy}/{kind}_rules", {f"{kind}_rule": {**RULES[kind], **values}})


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_is_made_shown_listed_changed_and_removed(cloud, policy, kind):
    status, answer = add(cloud, policy, kind)
    made = answer[f"{kind}_rule"]
    path, many = f"{policy}/{kind}_rules/{made['id']}", f"{policy}/{kind}_rules"
    assert status == 201
    assert made.items() >= RULES[kind].items()
    assert cloud.get(path, who="admin") == {f"{kind}_rule": made}
    assert cloud.get(many, who="admin") == {f"{kind}_rules": [made]}
    (inside,) = cloud.get(policy)["policy"]["rules"]
    assert inside == {**made, "qos_policy_id": policy.rpartition("/")[2], "type": kind}
    name = next(iter(RULES[kind]))
    assert cloud.call("PUT", path, {f"{kind}_rule": {name: 8}})[1][f"{kind}_rule"][name] == 8
    assert cloud.call("DELETE", path)[0] == 204
    assert cloud.refused("GET", path, who="admin") == (404, "QosRuleNotFound")
    assert cloud.get(policy)["policy"]["rules"] == []
    assert cloud.get(policy)["policy"]["revision_number"] == 3


def test_the_kinds_that_are_named_are_those_that_are_served(cloud):
    named = {each["type"] for each in cloud.get("qos/rule-types")["rule_types"]}
    assert named == RULES.keys()
    assert cloud.get("qos/rule-types/dscp_marking", who="admin")["rule_type"]["type"] == "dscp_marking"
    assert cloud.refused("GET", "qos/rule-types/nothing", who="admin") == (404, "QosRuleTypeNotFound")
    assert len(cloud.get("qos/rule-types?all_rules=True&type=dscp_marking")["rule_types"]) == 1


def test_two_rules_of_one_kind_go_different_ways(cloud, policy):
    first = add(cloud, policy, "bandwidth_limit")[1]["bandwidth_limit_rule"]
    assert add(cloud, policy, "bandwidth_limit", max_kbps=5)[0] == 409
    status, answer = add(cloud, policy, "bandwidth_limit", direction="ingress")
    assert status == 201
    back = {"bandwidth_limit_rule": {"direction": "egress"}}
    path = f"{policy}/bandwidth_limit_rules/{answer['bandwidth_limit_rule']['id']}"
    assert cloud.refused("PUT", path, back, who="admin") == (409, "QoSRulesConflict")
    same = {"bandwidth_limit_rule": {"direction": "egress", "max_kbps": 7}}
    assert cloud.call("PUT", f"{policy}/bandwidth_limit_rules/{first['id']}", same)[0] == 200


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("dscp_marking", {"dscp_mark": 25}),
        ("dscp_marking", {"dscp_mark": "high"}),
        ("bandwidth_limit", {"max_kbps": -1}),
        ("bandwidth_limit", {"max_kbps": None}),
        ("bandwidth_limit", {"max_kbps": 2**40}),
        ("bandwidth_limit", {"direction": "up"}),
        ("bandwidth_limit", {"direction": "any"}),
        ("bandwidth_limit", {"nothing": 1}),
        ("bandwidth_limit", {"id": "x"}),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(cloud, policy, kind, values):
    assert add(cloud, policy, kind, **values)[0] == 400


def test_tenants_see_rules_in_the_policy_and_change_none(cloud, policy):
    made = add(cloud, policy, "dscp_marking")[1]["dscp_marking_rule"]
    many = f"{policy}/dscp_marking_rules"
    body = {"dscp_marking_rule": {"dscp_mark": 0}}
    assert cloud.get(many) == {"dscp_marking_rules": []}
    assert cloud.refused("POST", many, body) == (403, "PolicyNotAuthorized")
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        assert cloud.refused(method, f"{many}/{made['id']}", sent) == (404, "QosRuleNotFound")
    private = cloud.call("POST", "qos/policies", {"policy": {"name": "private"}})[1]["policy"]["id"]
    assert cloud.refused("GET", f"qos/policies/{private}/dscp_marking_rules") == (404, "QosPolicyNotFound")


def test_a_rule_is_found_below_its_own_policy_alone(cloud, policy):
    made = add(cloud, policy, "dscp_marking")[1]["dscp_marking_rule"]["id"]
    other = cloud.call("POST", "qos/policies", {"policy": {"name": "other"}})[1]["policy"]["id"]
    path = f"qos/policies/{other}/dscp_marking_rules/{made}"
    assert cloud.refused("DELETE", path, who="admin") == (404, "QosRuleNotFound")


def test_a_policy_takes_its_rules_along(cloud, policy):
    add(cloud, policy, "dscp_marking")
    assert cloud.call("DELETE", policy)[0] == 204
    assert cloud.refused("GET", f"{policy}/dscp_marking_rules", who="admin") == (404, "QosPolicyNotFound")


def test_a_project_has_one_default_policy(cloud):
    first = cloud.call("POST", "qos/policies", {"policy": {"name": "a", "is_default": True}})[1]["policy"]["id"]
    second = {"policy": {"name": "b", "is_default": True}}
    assert cloud.refused("POST", "qos/policies", second, who="admin") == (409, "QoSPolicyDefaultAlreadyExists")
    assert cloud.call("PUT", f"qos/policies/{first}", {"policy": {"is_default": True}})[0] == 200


def test_a_port_shows_the_policy_of_its_network_beside_its_own(cloud, policy):
    identifier = policy.rpartition("/")[2]
    on = cloud.make("network", qos_policy_id=identifier)
    made = cloud.make("port", network_id=on["id"])
    assert (made["qos_policy_id"], made["qos_network_policy_id"]) == (None, identifier)


def test_rules_are_filtered_sorted_and_cut_like_everything_else(cloud, policy):
    for direction in ("egress", "ingress"):
        add(cloud, policy, "bandwidth_limit", direction=direction)
    many = f"{policy}/bandwidth_limit_rules"
    found = cloud.get(f"{many}?direction=ingress&fields=direction", who="admin")["bandwidth_limit_rules"]
    assert found == [{"direction": "ingress"}]
    found = cloud.get(f"{many}?sort_key=direction&sort_dir=desc&limit=1", who="admin")["bandwidth_limit_rules"]
    assert [each["direction"] for each in found] == ["ingress"]
    assert cloud.refused("GET", f"{many}?nothing=1", who="admin")[0] == 400
