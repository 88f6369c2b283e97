"""`openstack loadbalancer` on load balancers themselves: every command, every option."""

import json

import pytest

from tests import live as lives
from tests.compat import offered


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-balancers")


@pytest.fixture(scope="module")
def choices(operator):
    """A flavor and an availability zone, both called `small`, and a QoS policy for everybody."""
    operator.do(
        "loadbalancer flavorprofile create",
        *("--name", "small", "--provider", "haproxy", "--flavor-data", '{"compute_flavor": "m1"}'),
    )
    operator.do("loadbalancer flavor create", "--name", "small", "--flavorprofile", "small")
    operator.do(
        "loadbalancer availabilityzoneprofile create",
        *("--name", "small", "--provider", "haproxy", "--availability-zone-data", '{"compute_zone": "nova"}'),
    )
    operator.do("loadbalancer availabilityzone create", "--name", "small", "--availabilityzoneprofile", "small")
    operator.do("network qos policy create", "--share", "slow")
    yield
    for noun in ("availabilityzone", "availabilityzoneprofile", "flavor", "flavorprofile"):
        operator.do(f"loadbalancer {noun} delete", "small")
    operator.do("network qos policy delete", "slow")


@pytest.fixture(scope="module")
def full(choices, member, subnet, operator):
    """A load balancer made by the administrator for the member, with every option that one can have at once."""
    project = operator.get("project show", "octaviaclient-balancers")["id"]
    made = operator.get(
        "loadbalancer create",
        *("--name", "full", "--description", "all of it", "--vip-subnet-id", subnet, "--vip-address", "10.7.0.7"),
        *("--vip-qos-policy-id", "slow", "--project", project, "--provider", "haproxy", "--flavor", "small"),
        *("--availability-zone", "small", "--enable", "--tag", "red", "--tag", "blue"),
    )
    lives.within(10, lambda: status(member, "full") == "ACTIVE", "it is active")
    return made


@pytest.fixture(scope="module")
def others(full, member, subnet):
    """One by its network alone, one that has a port already."""
    member.do("port create", "--network", subnet, "--fixed-ip", f"subnet={subnet},ip-address=10.7.0.9", "door")
    found = {
        "whole": member.get(
            "loadbalancer create", "--name", "whole", "--vip-network-id", subnet, "--disable", "--tag", "blue"
        ),
        "ported": member.get("loadbalancer create", "--name", "ported", "--vip-port-id", "door", "--no-tag"),
    }
    for name in found:
        lives.within(10, lambda name=name: status(member, name) == "ACTIVE", f"{name} is active")
    return found


def status(member, name):
    return member.get("loadbalancer show", name)["provisioning_status"]


def listed(console, *words):
    return sorted(each["name"] for each in console.get("loadbalancer list", *words))


def test_a_load_balancer_is_made_with_all_it_can_have(full, member, operator, subnet):
    shown = member.get("loadbalancer show", full["id"])
    assert (shown["name"], shown["description"], shown["vip_address"]) == ("full", "all of it", "10.7.0.7")
    assert shown["vip_subnet_id"] == member.get("subnet show", subnet)["id"]
    assert shown["vip_network_id"] == member.get("network show", subnet)["id"]
    assert shown["vip_qos_policy_id"] == member.get("network qos policy show", "slow")["id"]
    assert shown["flavor_id"] == operator.get("loadbalancer flavor show", "small")["id"]
    assert (shown["availability_zone"], shown["provider"]) == ("small", "haproxy")
    assert (shown["admin_state_up"], sorted(shown["tags"])) == (True, ["blue", "red"])
    assert (shown["listeners"], shown["pools"], shown["additional_vips"]) == ([], [], [])
    port = member.get("port show", shown["vip_port_id"])
    assert [each["ip_address"] for each in port["fixed_ips"]] == ["10.7.0.7"]
    assert port["qos_policy_id"] == shown["vip_qos_policy_id"]


def test_a_network_or_a_port_is_enough(others, member):
    whole = member.get("loadbalancer show", "whole")
    assert (whole["admin_state_up"], whole["operating_status"], whole["tags"]) == (False, "OFFLINE", ["blue"])
    assert whole["vip_address"].startswith("10.7.0.")
    ported = member.get("loadbalancer show", "ported")
    assert (ported["vip_address"], ported["tags"]) == ("10.7.0.9", [])
    assert ported["vip_port_id"] == member.get("port show", "door")["id"]


def test_lists_hold_what_is_asked_for(others, full, member, operator):
    everything = ["full", "ported", "whole"]
    for words, names in (
        ((), everything),
        (("--name", "full"), ["full"]),
        (("--enable",), ["full", "ported"]),
        (("--disable",), ["whole"]),
        (("--vip-network-id", "inside"), everything),
        (("--vip-subnet-id", "inside"), everything),
        (("--vip-qos-policy-id", "slow"), ["full"]),
        (("--vip-port-id", "door"), ["ported"]),
        (("--provider", "haproxy"), ["full"]),
        (("--availability-zone", "small"), ["full"]),
        (("--tags", "red,blue"), ["full"]),
        (("--any-tags", "red,blue"), ["full", "whole"]),
        (("--not-tags", "red,blue"), ["ported", "whole"]),
        (("--not-any-tags", "red,blue"), ["ported"]),
    ):
        assert listed(member, *words) == names, words
    assert listed(operator, "--project", full["project_id"]) == everything
    assert listed(operator, "--flavor", "small") == ["full"]
    (row,) = member.get("loadbalancer list", "--name", "full")
    assert (row["id"], row["project_id"], row["vip_address"]) == (full["id"], full["project_id"], "10.7.0.7")
    assert (row["provisioning_status"], row["provider"]) == ("ACTIVE", "haproxy")


def test_lists_hold_what_is_in_a_state(others, member):
    assert {word: listed(member, "--provisioning-status", word) for word in PROVISIONING} == {
        **{word: [] for word in PROVISIONING},
        "ACTIVE": ["full", "ported", "whole"],
    }
    lives.within(15, lambda: listed(member, "--operating-status", "ONLINE") == ["full", "ported"], "both are online")
    assert {word: listed(member, "--operating-status", word) for word in OPERATING} == {
        **{word: [] for word in OPERATING},
        "ONLINE": ["full", "ported"],
        "OFFLINE": ["whole"],
    }


PROVISIONING = ("ACTIVE", "ERROR", "PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE")
OPERATING = ("ONLINE", "DRAINING", "OFFLINE", "DEGRADED", "ERROR", "NO_MONITOR")


def test_a_load_balancer_is_changed(others, full, member, subnet):
    member.do("loadbalancer set", "--name", "new", "--description", "other", "--disable", "--tag", "green", "full")
    shown = member.get("loadbalancer show", full["id"])
    assert (shown["name"], shown["description"], shown["admin_state_up"]) == ("new", "other", False)
    assert sorted(shown["tags"]) == ["blue", "green", "red"]
    member.do("loadbalancer set", "--enable", "--no-tag", "--tag", "one", "--vip-qos-policy-id", "None", "new")
    shown = member.get("loadbalancer show", "new")
    assert (shown["admin_state_up"], shown["tags"], shown["vip_qos_policy_id"]) == (True, ["one"], None)
    assert member.get("port show", shown["vip_port_id"])["qos_policy_id"] is None
    member.do("loadbalancer set", "--no-tag", "--vip-qos-policy-id", "slow", "new")
    shown = member.get("loadbalancer show", "new")
    assert (shown["tags"], shown["vip_qos_policy_id"]) == ([], full["vip_qos_policy_id"])


def test_settings_are_cleared(full, member):
    member.do("loadbalancer set", "--name", "clear", "--tag", "a", "--tag", "b", full["id"])
    member.do("loadbalancer unset", "--description", "--vip-qos-policy-id", "--tag", "a", "clear")
    shown = member.get("loadbalancer show", "clear")
    assert (shown["description"], shown["vip_qos_policy_id"], shown["tags"]) == ("", None, ["b"])
    member.do("loadbalancer unset", "--name", "--all-tag", "clear")
    shown = member.get("loadbalancer show", full["id"])
    assert (shown["name"], shown["tags"]) == ("", [])
    member.do("loadbalancer set", "--name", "full", full["id"])


def test_counters_and_states_are_told(full, member):
    stats = member.get("loadbalancer stats show", "full")
    assert stats == dict.fromkeys(
        ("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections"), 0
    )
    tree = json.loads(member.do("loadbalancer status show", full["id"]))["loadbalancer"]
    assert (tree["id"], tree["name"], tree["listeners"]) == (full["id"], "full", [])


def test_a_failover_replaces_the_instance(full, operator, member):
    before = operator.get("loadbalancer amphora list", "--loadbalancer", full["id"])[0]["id"]
    operator.do("loadbalancer failover", full["id"])
    lives.within(10, lambda: status(member, full["id"]) == "ACTIVE", "it is active again")
    assert operator.get("loadbalancer amphora list", "--loadbalancer", full["id"])[0]["id"] != before
    assert "Policy does not allow" in member.refused("loadbalancer failover", full["id"])


def test_what_has_parts_is_deleted_in_a_cascade_only(others, member):
    member.do("loadbalancer pool create --protocol TCP --lb-algorithm ROUND_ROBIN --loadbalancer ported")
    assert "it has children" in member.refused("loadbalancer delete", "ported")
    member.do("loadbalancer delete", "--cascade", "ported")
    member.do("loadbalancer delete", "whole")
    lives.within(15, lambda: listed(member) == ["full"], "both are gone")
    assert member.get("port show", "door")["fixed_ips"][0]["ip_address"] == "10.7.0.9", "a port that was given stays"
    assert "Unable to locate whole" in member.refused("loadbalancer show", "whole")


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
