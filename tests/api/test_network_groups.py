"""Security groups as the network API shows and keeps them: whose they are, what stays, what a rule must say."""

import pytest

from tests.api import network_cloud


@pytest.fixture
def cloud(tmp_path):
    made = network_cloud.Cloud(tmp_path / "state.db")
    yield made
    made.database.close()


def test_a_group_that_a_port_or_another_group_names_stays(cloud):
    inside = cloud.subnet()
    one = cloud.make("security_group", name="one")
    two = cloud.make("security_group", name="two")
    cloud.make("security_group_rule", security_group_id=two["id"], direction="ingress", remote_group_id=one["id"])
    cloud.make("port", network_id=inside["network_id"], security_groups=[two["id"]])
    for each in (one, two):
        assert cloud.refused("DELETE", f"security-groups/{each['id']}") == (409, "SecurityGroupInUse")


def test_a_rule_cannot_name_somebody_elses_group(cloud):
    theirs = cloud.make("security_group", who="bob", name="theirs")
    mine = cloud.make("security_group", name="mine")
    rule = {"security_group_id": mine["id"], "direction": "ingress", "remote_group_id": theirs["id"]}
    refused = cloud.refused("POST", "security-group-rules", {"security_group_rule": rule})
    assert refused == (404, "SecurityGroupNotFound")
    stolen = {"security_group_id": theirs["id"], "direction": "ingress"}
    assert cloud.refused("POST", "security-group-rules", {"security_group_rule": stolen})[0] == 404


def test_an_administrator_clears_up_the_default_group_and_its_project_gets_another(cloud):
    (default,) = cloud.get("security-groups?name=default")["security_groups"]
    path = f"security-groups/{default['id']}"
    assert cloud.refused("DELETE", path) == (409, "SecurityGroupCannotRemoveDefault")
    assert cloud.call("DELETE", path)[0] == 204
    (another,) = cloud.get("security-groups?name=default")["security_groups"]
    assert another["id"] != default["id"]


def test_no_group_is_renamed_to_the_default_one(cloud):
    made = cloud.make("security_group", name="mine")
    rename = {"security_group": {"name": "default"}}
    refusal = cloud.refused("PUT", f"security-groups/{made['id']}", rename)
    assert refusal == (409, "SecurityGroupDefaultAlreadyExists")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"port_range_max": 6}, "SecurityGroupMissingIcmpType"),
        ({"port_range_min": 300, "port_range_max": 1}, "SecurityGroupInvalidIcmpValue"),
        ({"port_range_min": 1, "port_range_max": 256}, "SecurityGroupInvalidIcmpValue"),
    ],
)
def test_an_icmp_rule_has_a_type_before_a_code(cloud, values, kind):
    made = cloud.make("security_group", name="mine")
    rule = {"security_group_id": made["id"], "direction": "ingress", "protocol": "icmp", **values}
    assert cloud.refused("POST", "security-group-rules", {"security_group_rule": rule}) == (400, kind)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"protocol": "²"}, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": "٣"}, "SecurityGroupRuleInvalidProtocol"),
        ({"ethertype": "IPv6", "remote_ip_prefix": "fe80::%eth0/64"}, "InvalidCIDR"),
        ({"ethertype": "IPv6", "remote_ip_prefix": "fe80::% } accept\n}\n}\nflush ruleset\n#/64"}, "InvalidCIDR"),
    ],
)
def test_no_text_gets_into_the_rules_as_a_number_or_a_network(cloud, values, kind):
    made = cloud.make("security_group", name="mine")
    rule = {"security_group_id": made["id"], "direction": "ingress", **values}
    assert cloud.refused("POST", "security-group-rules", {"security_group_rule": rule}) == (400, kind)


def test_the_rules_that_groups_begin_with_are_those_they_have(cloud):
    said = cloud.get("default-security-group-rules")["default_security_group_rules"]
    (default,) = cloud.get("security-groups?name=default")["security_groups"]
    other = cloud.make("security_group", name="other")
    for group, flag in ((default, "used_in_default_sg"), (other, "used_in_non_default_sg")):
        wanted = {(each["ethertype"], each["direction"]) for each in said if each[flag]}
        assert {(each["ethertype"], each["direction"]) for each in group["security_group_rules"]} == wanted
    assert cloud.get(f"default-security-group-rules/{said[0]['id']}")["default_security_group_rule"] == said[0]
    assert (
        len(
            cloud.get("default-security-group-rules?ethertype=IPv4&direction=egress&fields=id")[
                "default_security_group_rules"
            ]
        )
        == 1
    )
    assert cloud.refused("GET", "default-security-group-rules?nothing=1")[0] == 400
    assert cloud.refused("GET", "default-security-group-rules/1")[0] == 404
