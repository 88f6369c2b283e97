"""Who may do what with load balancers: readers, members, administrators, and other projects."""

from typing import Any

import pytest

from tests.api import balancing
from tests.service import world
from vipool.core import policy
from vipool.core.policy import sets

DENIED = "Policy does not allow this request to be performed."


@pytest.fixture
def advanced(tmp_path):
    """A cloud whose operator chose the rules of the load-balancer roles."""
    made = balancing.Cloud(tmp_path, rules=policy.make(sets.Name.ADVANCED_RBAC))
    yield made
    made.database.close()


@pytest.fixture
def tree(cloud):
    """One of everything, as the paths it is under."""
    root = cloud.balancer()["id"]
    front, back = cloud.listener(root)["id"], cloud.pool(root)["id"]
    row, watch = cloud.member(back)["id"], cloud.monitor(back)["id"]
    return {
        "loadbalancer": f"/loadbalancers/{root}",
        "listener": f"/listeners/{front}",
        "pool": f"/pools/{back}",
        "member": f"/pools/{back}/members/{row}",
        "healthmonitor": f"/healthmonitors/{watch}",
    }


def calls(tree: dict[str, str]) -> dict[str, list[tuple[str, str, Any]]]:
    """Every call of the API on this tree: reading, writing, and what only administrators do."""
    root, back = tree["loadbalancer"].split("/")[-1], tree["pool"].split("/")[-1]
    reads = [("GET", path, None) for path in tree.values()]
    reads += [("GET", tree["loadbalancer"] + more, None) for more in ("/status", "/statuses", "/stats")]
    reads += [("GET", tree["listener"] + "/stats", None)]
    lists = [("GET", path.rsplit("/", 1)[0], None) for path in tree.values()]
    new = {
        "/listeners": {"listener": {**balancing.LISTENER, "loadbalancer_id": root}},
        "/pools": {"pool": {**balancing.POOL, "loadbalancer_id": root}},
        f"/pools/{back}/members": {"member": balancing.MEMBER},
        "/healthmonitors": {"healthmonitor": {**balancing.MONITOR, "pool_id": back}},
    }
    writes: list[tuple[str, str, Any]] = [("POST", path, body) for path, body in new.items()]
    writes += [("PUT", path, {noun: {}}) for noun, path in tree.items()]
    writes += [("PUT", f"/pools/{back}/members", {"members": []})]
    writes += [("DELETE", path, None) for path in tree.values()]
    own = {"loadbalancer": {"vip_subnet_id": world.SUBNET}}
    return {"read": reads, "list": lists, "write": writes, "own": [("POST", "/loadbalancers", own)]}


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        ("reader", ["write", "own"]),
        ("stranger", ["read", "write"]),
        ("nobody", ["read", "list", "write", "own"]),
        ("unscoped", ["read", "write"]),
    ],
)
def test_what_a_role_does_not_cover_is_denied(cloud, tree, who, refused):
    kinds = calls(tree)
    for kind in refused:
        for method, path, body in kinds[kind]:
            reply = cloud.call(method, path, body, who=who)
            assert (reply.status_code, balancing.sentence(reply)) == (403, DENIED), (method, path)
    assert cloud.get(tree["loadbalancer"])["loadbalancer"]["updated_at"] is None


def test_a_reader_reads(cloud, tree):
    for kind in ("read", "list"):
        for method, path, body in calls(tree)[kind]:
            assert cloud.call(method, path, body, who="reader").status_code == 200, (method, path)


def test_the_chosen_set_of_rules_decides(advanced):
    made = advanced.make("loadbalancer", "/loadbalancers", who="balancer", vip_subnet_id=world.SUBNET)
    path = f"/loadbalancers/{made['id']}"
    assert advanced.call("GET", path, who="observer").status_code == 200
    assert advanced.get("/loadbalancers", who="observer")["loadbalancers"][0]["id"] == made["id"]
    assert advanced.call("PUT", path, {"loadbalancer": {}}, who="observer").status_code == 403
    for who in ("member", "reader"):
        assert advanced.call("GET", path, who=who).status_code == 403


@pytest.mark.parametrize("who", ["member", "admin"])
def test_who_may_write_reaches_everything(cloud, tree, who):
    for kind in ("read", "list", "write"):
        for method, path, body in calls(tree)[kind]:
            assert cloud.call(method, path, body, who=who).status_code != 403, (method, path)


def test_a_service_may_list_members_and_nothing_else(cloud, tree):
    members = tree["member"].rsplit("/", 1)[0]
    assert cloud.call("GET", members, who="service").status_code == 200
    assert cloud.call("GET", tree["member"], who="service").status_code == 403
    assert cloud.call("GET", "/pools", who="service").status_code == 403


def test_a_list_holds_one_s_own_and_an_administrator_sees_all(cloud):
    mine = cloud.balancer(name="mine")
    theirs = cloud.make("loadbalancer", "/loadbalancers", who="admin", vip_subnet_id=world.SUBNET, name="theirs")
    assert theirs["project_id"] == world.OTHER

    def seen(who, query=""):
        return [each["name"] for each in cloud.get(f"/loadbalancers{query}", who=who)["loadbalancers"]]

    assert (seen("member"), seen("stranger"), seen("admin")) == (["mine"], ["theirs"], ["mine", "theirs"])
    assert seen("admin", f"?project_id={world.PROJECT}") == ["mine"]
    assert seen("member", f"?project_id={world.PROJECT}") == ["mine"]
    for name in ("project_id", "tenant_id"):
        reply = cloud.call("GET", f"/loadbalancers?{name}={world.OTHER}")
        assert (reply.status_code, balancing.sentence(reply)) == (403, DENIED)
    assert cloud.call("GET", "/loadbalancers", who="unscoped").status_code == 403
    assert mine["project_id"] == world.PROJECT


def test_an_administrator_makes_load_balancers_for_other_projects(cloud):
    for name in ("project_id", "tenant_id"):
        values = {"vip_subnet_id": world.SUBNET, name: world.PROJECT}
        made = cloud.make("loadbalancer", "/loadbalancers", who="admin", **values)
        assert (made["project_id"], made["tenant_id"]) == (world.PROJECT, world.PROJECT)
    front = cloud.make("listener", "/listeners", who="admin", **balancing.LISTENER, loadbalancer_id=made["id"])
    assert front["project_id"] == world.PROJECT


def test_a_caller_without_a_project_must_name_one(cloud):
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET}}
    reply = cloud.call("POST", "/loadbalancers", body, who="root")
    assert (reply.status_code, balancing.sentence(reply)) == (
        400,
        "Validation failure: Missing project ID in request where one is required. An administrator should check the "
        "keystone settings in the Octavia configuration.",
    )


def test_a_stranger_s_network_cannot_be_seen(cloud):
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET}}
    reply = cloud.call("POST", "/loadbalancers", body, who="stranger")
    assert (reply.status_code, balancing.sentence(reply)) == (400, f"Subnet {world.SUBNET} not found.")


def test_providers_are_shown_to_readers(cloud):
    found = cloud.get("/providers", who="reader")["providers"]
    assert [each["name"] for each in found] == ["amphora", "haproxy"]
    assert cloud.get("/providers?fields=name", who="reader")["providers"][0] == {"name": "amphora"}
    assert cloud.call("GET", "/providers", who="nobody").status_code == 403
