"""`openstack loadbalancer` for operators: quotas, providers, flavors, availability zones and amphorae."""

import json

import pytest

from tests import live as lives
from tests.compat import offered

LIMITS = {
    "healthmonitor": "health_monitor",
    "listener": "listener",
    "loadbalancer": "load_balancer",
    "member": "member",
    "pool": "pool",
    "l7policy": "l7policy",
    "l7rule": "l7rule",
}
ROLES = ("STANDALONE", "MASTER", "BACKUP")
STATUSES = (
    "ALLOCATED", "BOOTING", "READY", "PENDING_CREATE", "PENDING_DELETE", "DELETED", "ERROR", "FAILOVER_STOPPED",
)  # fmt: skip


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-operators")


@pytest.fixture(scope="module")
def balancer(member, subnet):
    """A load balancer with one listener, active."""
    made = member.get("loadbalancer create", "--name", "lb", "--vip-subnet-id", subnet)
    member.do("loadbalancer listener create --name web --protocol HTTP --protocol-port 80 lb")
    lives.within(10, lambda: status(member) == "ACTIVE", "it is active")
    return made


def status(member):
    return member.get("loadbalancer show", "lb")["provisioning_status"]


def listed(console, noun, *words):
    return sorted(each["name"] for each in console.get(f"loadbalancer {noun} list", *words))


# --- quotas ----------------------------------------------------------------------------------------------------------


def test_quotas_are_set_shown_and_reset(operator, member):
    project = operator.get("project show", "octaviaclient-operators")["id"]
    usual = dict.fromkeys(LIMITS.values(), -1)
    assert operator.get("loadbalancer quota defaults show") == usual
    assert operator.get("loadbalancer quota show", "octaviaclient-operators") == usual
    words = [word for place, each in enumerate(LIMITS) for word in (f"--{each}", str(10 + place))]
    wanted = {name: 10 + place for place, name in enumerate(LIMITS.values())}
    assert operator.get("loadbalancer quota set", *words, "octaviaclient-operators") == wanted
    assert member.get("loadbalancer quota show", project) == wanted
    assert operator.get("loadbalancer quota list", "--project", project) == [{"project_id": project, **wanted}]
    assert project in [each["project_id"] for each in operator.get("loadbalancer quota list")]
    operator.do("loadbalancer quota unset", "--listener", "--l7rule", project)
    assert operator.get("loadbalancer quota show", project) == {**wanted, "listener": -1, "l7rule": -1}
    operator.do("loadbalancer quota unset", *(f"--{each}" for each in LIMITS), project)
    assert operator.get("loadbalancer quota show", project) == usual
    operator.do("loadbalancer quota set", "--pool", "0", project)
    operator.do("loadbalancer quota reset", project)
    assert operator.get("loadbalancer quota show", project) == usual
    assert "Policy does not allow" in member.refused("loadbalancer quota set", "--pool", "1", project)


def test_a_quota_that_is_met_refuses(operator, member, balancer):
    operator.do("loadbalancer quota set", "--loadbalancer", "1", balancer["project_id"])
    again = member.refused("loadbalancer create", "--vip-subnet-id", "inside")
    assert "Quota has been met for resources: Load Balancer" in again
    operator.do("loadbalancer quota reset", balancer["project_id"])


# --- providers, flavors, availability zones --------------------------------------------------------------------------


def test_providers_say_what_they_offer(operator, member):
    assert {"amphora", "haproxy", "octavia"} <= {each["name"] for each in member.get("loadbalancer provider list")}
    both = operator.get("loadbalancer provider capability list", "haproxy")
    assert {each["type"] for each in both} == {"flavor", "availability_zone"}
    flavors = operator.get("loadbalancer provider capability list", "--flavor", "haproxy")
    assert {each["name"] for each in flavors} >= {"loadbalancer_topology", "compute_flavor"}
    zones = operator.get("loadbalancer provider capability list", "--availability-zone", "haproxy")
    assert {each["name"] for each in zones} >= {"compute_zone", "valid_vip_networks"}
    assert len(flavors) + len(zones) == len(both)


def test_flavors_are_made_changed_and_deleted(operator):
    data = json.dumps({"loadbalancer_topology": "SINGLE"})
    profile = operator.get("loadbalancer flavorprofile create --name p --provider haproxy --flavor-data", data)
    assert (profile["name"], profile["provider_name"], profile["flavor_data"]) == ("p", "haproxy", data)
    flavor = operator.get("loadbalancer flavor create --name f --flavorprofile p --description d --disable")
    assert flavor == {**flavor, "name": "f", "description": "d", "enabled": False, "flavor_profile_id": profile["id"]}
    operator.do("loadbalancer flavor create", "--name", "g", "--flavorprofile", profile["id"], "--enable")
    assert listed(operator, "flavor", "--name", "f") == ["f"]
    assert listed(operator, "flavor", "--flavorprofile", "p") == ["f", "g"]
    assert (listed(operator, "flavor", "--enable"), listed(operator, "flavor", "--disable")) == (["g"], ["f"])
    assert listed(operator, "flavorprofile", "--name", "p", "--provider", "haproxy") == ["p"]
    assert listed(operator, "flavorprofile", "--provider", "amphora") == []
    operator.do("loadbalancer flavor set", "--name", "h", "--description", "e", "--enable", "f")
    shown = operator.get("loadbalancer flavor show", "h")
    assert (shown["id"], shown["description"], shown["enabled"]) == (flavor["id"], "e", True)
    operator.do("loadbalancer flavor unset", "--description", "h")
    operator.do("loadbalancer flavor set", "--disable", flavor["id"])
    shown = operator.get("loadbalancer flavor show", flavor["id"])
    assert (shown["description"], shown["enabled"]) == ("", False)
    used = operator.refused("loadbalancer flavorprofile set", "--flavor-data", "{}", "p")
    assert "is in use and cannot be modified" in used
    for name in ("g", "h"):
        operator.do("loadbalancer flavor delete", name)
    data = json.dumps({"compute_flavor": "m1"})
    operator.do("loadbalancer flavorprofile set p --name q --provider amphora --flavor-data", data)
    shown = operator.get("loadbalancer flavorprofile show", "q")
    assert (shown["provider_name"], shown["flavor_data"]) == ("amphora", data)
    operator.do("loadbalancer flavorprofile delete", profile["id"])
    assert (listed(operator, "flavorprofile"), listed(operator, "flavor")) == ([], [])


def test_availability_zones_are_made_changed_and_deleted(operator):
    data = json.dumps({"compute_zone": "nova"})
    create = "loadbalancer availabilityzoneprofile create --name p --provider haproxy"
    profile = operator.get(create, "--availability-zone-data", data)
    assert (profile["name"], profile["availability_zone_data"]) == ("p", data)
    create = "loadbalancer availabilityzone create"
    zone = operator.get(f"{create} --name z --availabilityzoneprofile p --description d --disable")
    assert zone == {"name": "z", "description": "d", "enabled": False, "availability_zone_profile_id": profile["id"]}
    operator.do(f"{create} --name y --availabilityzoneprofile {profile['id']} --enable")
    assert listed(operator, "availabilityzone", "--name", "z") == ["z"]
    assert listed(operator, "availabilityzone", "--availabilityzoneprofile", "p") == ["y", "z"]
    assert listed(operator, "availabilityzone", "--enable") == ["y"]
    assert listed(operator, "availabilityzone", "--disable") == ["z"]
    assert listed(operator, "availabilityzoneprofile", "--name", "p", "--provider", "haproxy") == ["p"]
    operator.do("loadbalancer availabilityzone set", "--description", "e", "--enable", "z")
    shown = operator.get("loadbalancer availabilityzone show", "z")
    assert (shown["description"], shown["enabled"]) == ("e", True)
    operator.do("loadbalancer availabilityzone unset", "--description", "z")
    operator.do("loadbalancer availabilityzone set", "--disable", "z")
    shown = operator.get("loadbalancer availabilityzone show", "z")
    assert (shown["description"], shown["enabled"]) == ("", False)
    for name in ("y", "z"):
        operator.do("loadbalancer availabilityzone delete", name)
    data = json.dumps({"volume_zone": "v"})
    change = "loadbalancer availabilityzoneprofile set p --name q --provider amphora"
    operator.do(change, "--availability-zone-data", data)
    shown = operator.get("loadbalancer availabilityzoneprofile show", "q")
    assert (shown["provider_name"], shown["availability_zone_data"]) == ("amphora", data)
    operator.do("loadbalancer availabilityzoneprofile delete", "q")
    assert listed(operator, "availabilityzoneprofile") == []


# --- amphorae --------------------------------------------------------------------------------------------------------


def amphorae(operator, *words):
    return [each["id"] for each in operator.get("loadbalancer amphora list", *words)]


def test_amphorae_are_listed_and_shown(operator, member, balancer):
    (row,) = operator.get("loadbalancer amphora list", "--loadbalancer", "lb", "--long")
    assert (row["loadbalancer_id"], row["status"], row["role"]) == (balancer["id"], "ALLOCATED", "STANDALONE")
    assert (row["ha_ip"], row["lb_network_ip"]) == (balancer["vip_address"], "127.0.0.1")
    shown = operator.get("loadbalancer amphora show", row["id"])
    assert shown == {**shown, "id": row["id"], "compute_id": row["compute_id"], "ha_port_id": balancer["vip_port_id"]}
    assert row["id"] in amphorae(operator, "--compute-id", row["compute_id"])
    assert amphorae(operator, "--image-id", row["id"]) == []
    for name, values, own in (("--role", ROLES, "STANDALONE"), ("--status", STATUSES, "ALLOCATED")):
        found = {value for value in values if amphorae(operator, "--loadbalancer", "lb", name, value) == [row["id"]]}
        assert found == {own}
    assert "Policy does not allow" in member.refused("loadbalancer amphora list")


def test_amphorae_are_configured_counted_and_replaced(operator, member, balancer):
    (before,) = amphorae(operator, "--loadbalancer", "lb")
    operator.do("loadbalancer amphora configure", before)
    words = ("--listener", "web", before)
    # Until the first report there are none.
    lives.within(15, lambda: operator.works("loadbalancer amphora stats show", *words), "its counters are known")
    assert operator.get("loadbalancer amphora stats show", *words)["total_connections"] == 0
    assert operator.get("loadbalancer amphora stats show", before)["request_errors"] == 0
    assert "is immutable" in operator.refused("loadbalancer amphora delete", before)
    operator.do("loadbalancer amphora failover", before)
    lives.within(10, lambda: status(member) == "ACTIVE", "it is active again")
    (after,) = amphorae(operator, "--loadbalancer", "lb")
    assert after != before


def test_an_amphora_that_failed_is_deleted_and_another_takes_its_place(live, operator, member, balancer):
    program = live.inside("sh", "-c", "PATH=$PATH:/usr/sbin command -v haproxy").strip()
    live.inside("mount", "--bind", "/dev/null", program)
    try:
        member.do("loadbalancer create", "--name", "ill", "--vip-subnet-id", "inside")
        member.do("loadbalancer listener create --protocol TCP --protocol-port 80 ill")
        failed = ("--loadbalancer", "ill", "--status", "ERROR")
        (before,) = lives.within(15, lambda: amphorae(operator, *failed), "the amphora failed")
        assert "ill" in listed(member, "", "--provisioning-status", "ERROR")
        operator.do("loadbalancer amphora delete", "--wait", before)
        assert amphorae(operator, "--loadbalancer", "ill") != [before]
    finally:
        live.inside("umount", program)


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
