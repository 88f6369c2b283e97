"""Networks shared with single projects by RBAC policies, and a project's network made on request."""

import pytest

from tests.api import network_cloud

OTHER, DEMO = network_cloud.PROJECTS["other"], network_cloud.PROJECTS["demo"]
OBJECT_TYPE = {"object_type": "network", "action": "access_as_shared"}


@pytest.fixture
def cloud(tmp_path):
    made = network_cloud.Cloud(tmp_path / "state.db")
    yield made
    made.database.close()


@pytest.fixture
def inside(cloud):
    """A subnet of Alice's."""
    return cloud.subnet()


def share(cloud, network_id, target=OTHER, *, who="alice", **more):
    values = {**OBJECT_TYPE, "object_id": network_id, "target_tenant": target, **more}
    return cloud.call("POST", "rbac-policies", {"rbac_policy": values}, who=who)


def names(cloud, path, who="bob"):
    return [each["id"] for each in cloud.get(path, who=who)[path.partition("?")[0]]]


def test_who_is_lent_a_network_sees_it_as_shared_and_puts_ports_on_it(cloud, inside):
    network_id = inside["network_id"]
    assert cloud.refused("GET", f"networks/{network_id}", who="bob") == (404, "NetworkNotFound")
    status, answer = share(cloud, network_id)
    assert status == 201
    assert answer["rbac_policy"]["target_tenant"] == OTHER
    assert cloud.get(f"networks/{network_id}", who="bob")["network"]["shared"] is True
    assert cloud.get(f"networks/{network_id}", who="alice")["network"]["shared"] is False
    assert network_id in names(cloud, "networks")
    assert names(cloud, "networks?shared=true") == [network_id]
    assert network_id not in names(cloud, "networks?shared=false")
    assert names(cloud, "subnets") == [inside["id"]]
    assert cloud.make("port", who="bob", network_id=network_id)["fixed_ips"][0]["subnet_id"] == inside["id"]


def test_who_is_lent_a_network_may_no_more_than_use_it(cloud, inside):
    share(cloud, inside["network_id"])
    path = f"networks/{inside['network_id']}"
    assert cloud.refused("PUT", path, {"network": {"name": "mine"}}, who="bob") == (403, "PolicyNotAuthorized")
    assert cloud.refused("DELETE", path, who="bob") == (403, "PolicyNotAuthorized")
    values = {"network_id": inside["network_id"], "fixed_ips": [{"ip_address": inside["gateway_ip"]}]}
    assert cloud.refused("POST", "ports", {"port": values}, who="bob") == (403, "PolicyNotAuthorized")
    onward = share(cloud, inside["network_id"], network_cloud.PROJECTS["service"], who="bob")
    assert onward[0] == 403


def test_a_network_goes_back_when_nobody_uses_it(cloud, inside):
    identifier = share(cloud, inside["network_id"])[1]["rbac_policy"]["id"]
    made = cloud.make("port", who="bob", network_id=inside["network_id"])
    path = f"rbac-policies/{identifier}"
    assert cloud.refused("DELETE", path) == (409, "RbacPolicyInUse")
    moved = {"rbac_policy": {"target_tenant": network_cloud.PROJECTS["service"]}}
    assert cloud.refused("PUT", path, moved) == (409, "RbacPolicyInUse")
    cloud.call("DELETE", f"ports/{made['id']}", who="bob")
    assert cloud.call("PUT", path, moved, who="alice")[0] == 200
    assert cloud.refused("GET", f"networks/{inside['network_id']}", who="bob")[0] == 404
    assert cloud.call("DELETE", path, who="alice")[0] == 204


def test_one_of_two_ways_to_a_network_may_go(cloud, inside):
    single = share(cloud, inside["network_id"])[1]["rbac_policy"]["id"]
    everybody = share(cloud, inside["network_id"], "*", who="admin", project_id=DEMO)[1]["rbac_policy"]["id"]
    cloud.make("port", who="bob", network_id=inside["network_id"])
    assert cloud.call("DELETE", f"rbac-policies/{single}", who="alice")[0] == 204
    assert cloud.refused("DELETE", f"rbac-policies/{everybody}") == (409, "RbacPolicyInUse")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"target_tenant": "*"}, 403),
        ({"object_type": "qos_policy"}, 400),
        ({"action": "access_as_external"}, 400),
        ({"object_id": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"object_id": "x"}, 400),
        ({"target_tenant": ""}, 400),
        ({"target_tenant": None}, 400),
        ({"nothing": 1}, 400),
        ({"project_id": OTHER}, 400),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(cloud, inside, more, status):
    values = {**OBJECT_TYPE, "object_id": inside["network_id"], "target_tenant": OTHER, **more}
    assert cloud.call("POST", "rbac-policies", {"rbac_policy": values}, who="alice")[0] == status


def test_readers_share_nothing(cloud, inside):
    assert share(cloud, inside["network_id"], who="rita(reader)")[0] == 403


def test_a_network_is_shared_with_a_project_once(cloud, inside):
    share(cloud, inside["network_id"])
    assert share(cloud, inside["network_id"])[0] == 409


def test_policies_of_others_are_not_there(cloud, inside):
    identifier = share(cloud, inside["network_id"])[1]["rbac_policy"]["id"]
    for method, body in (("GET", None), ("PUT", {"rbac_policy": {"target_tenant": DEMO}}), ("DELETE", None)):
        assert cloud.refused(method, f"rbac-policies/{identifier}", body, who="bob") == (404, "RbacPolicyNotFound")
    assert cloud.get("rbac-policies", who="bob") == {"rbac_policies": []}
    listed = cloud.get(f"rbac-policies?target_tenant={OTHER}&fields=id")["rbac_policies"]
    assert listed == [{"id": identifier}]


def test_a_network_takes_its_policies_along(cloud):
    made = cloud.make("network")
    share(cloud, made["id"])
    assert cloud.call("DELETE", f"networks/{made['id']}", who="alice")[0] == 204
    assert cloud.get("rbac-policies") == {"rbac_policies": []}


def test_policies_count_against_the_quota(cloud, inside):
    quota = {"quota": {"rbac_policy": 1}}
    assert cloud.call("PUT", f"quotas/{DEMO}", quota)[0] == 200
    assert share(cloud, inside["network_id"])[0] == 201
    assert share(cloud, inside["network_id"], network_cloud.PROJECTS["service"])[0] == 409


@pytest.fixture
def defaults(cloud):
    """What an administrator marks as the default."""
    values = {"router:external": True, "is_default": True}
    outside = cloud.make("network", who="admin", **values)
    cloud.make("subnet", who="admin", network_id=outside["id"], ip_version=4, cidr="203.0.113.0/24")
    pools = (("10.0.0.0/16", 24), ("fd00::/48", 64))
    for prefix, length in pools:
        more = {"is_default": True, "shared": True, "default_prefixlen": length}
        cloud.make("subnetpool", who="admin", prefixes=[prefix], **more)
    return outside


def test_looking_at_a_topology_makes_it_once(cloud, defaults):
    path = f"auto-allocated-topology/{DEMO}"
    assert cloud.get(f"{path}?fields=dry-run")["auto_allocated_topology"]["id"] == "dry-run=pass"
    assert cloud.get("routers")["routers"] == []
    made = cloud.get(path)["auto_allocated_topology"]["id"]
    assert cloud.get("auto-allocated-topology/None")["auto_allocated_topology"]["id"] == made
    found = cloud.get(f"networks/{made}")["network"]
    assert (found["name"], len(found["subnets"])) == ("auto_allocated_network", 2)
    (router,) = cloud.get("routers")["routers"]
    assert router["external_gateway_info"]["network_id"] == defaults["id"]
    assert len(cloud.get(f"ports?device_id={router['id']}")["ports"]) == 2
    assert cloud.call("DELETE", path, who="alice")[0] == 204
    assert cloud.get("routers")["routers"] == []
    assert cloud.refused("GET", f"networks/{made}") == (404, "NetworkNotFound")
    assert cloud.call("DELETE", path, who="alice")[0] == 204


def test_a_topology_in_use_stays_whole(cloud, defaults):
    made = cloud.get(f"auto-allocated-topology/{DEMO}")["auto_allocated_topology"]["id"]
    cloud.make("port", network_id=made)
    assert cloud.refused("DELETE", f"auto-allocated-topology/{DEMO}") == (409, "NetworkInUse")
    assert len(cloud.get("routers")["routers"]) == 1


def test_without_defaults_there_is_no_topology(cloud):
    for query in ("", "?fields=dry-run"):
        refusal = cloud.refused("GET", f"auto-allocated-topology/{DEMO}{query}")
        assert refusal == (409, "AutoAllocationFailure")


def test_a_topology_is_for_ones_own_project_and_for_who_may_write(cloud, defaults):
    path = f"auto-allocated-topology/{DEMO}"
    assert cloud.refused("GET", path, who="bob")[0] == 403
    assert cloud.refused("GET", path, who="rita(reader)")[0] == 403
    assert cloud.refused("GET", "auto-allocated-topology/None", who="alice-unscoped")[0] == 403
    assert cloud.get(path, who="admin")["auto_allocated_topology"]["tenant_id"] == DEMO


def test_a_topology_counts_against_the_quota(cloud, defaults):
    cloud.call("PUT", f"quotas/{DEMO}", {"quota": {"router": 0}})
    assert cloud.refused("GET", f"auto-allocated-topology/{DEMO}") == (409, "OverQuota")
    assert cloud.get("networks?shared=false&router:external=false")["networks"] == []
