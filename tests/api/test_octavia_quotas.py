"""Quotas: what is shown, who may change it, and that nobody gets more than it says, however many ask at once."""

import threading

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import deployment, loadbalancer

KINDS = ("loadbalancer", "listener", "pool", "member", "healthmonitor", "l7policy", "l7rule")
NAMES = {*KINDS, "load_balancer", "health_monitor"}


def limit(cloud, project=world.PROJECT, **values):
    reply = cloud.call("PUT", f"/quotas/{project}", {"quota": values}, who="admin")
    assert reply.status_code == 202, reply.text
    return reply.json()["quota"]


def test_a_project_without_a_quota_has_the_defaults(cloud):
    shown = cloud.get(f"/quotas/{world.PROJECT}")["quota"]
    assert shown == {"project_id": world.PROJECT, "tenant_id": world.PROJECT, **dict.fromkeys(NAMES, -1)}
    for path in (f"/quotas/{world.PROJECT}/default", "/quotas/default", "/quotas/defaults"):
        assert cloud.get(path)["quota"] == dict.fromkeys(NAMES, -1)
    assert cloud.get("/quotas")["quotas"] == []


def test_a_limit_is_known_under_both_of_its_names(cloud):
    shown = limit(cloud, load_balancer=5, health_monitor="7", pool=0)
    assert [shown[name] for name in ("loadbalancer", "load_balancer", "healthmonitor", "health_monitor", "pool")] == [
        5, 5, 7, 7, 0,
    ]  # fmt: skip
    assert cloud.get(f"/quotas/{world.PROJECT}")["quota"] == shown
    assert cloud.get("/quotas", who="admin")["quotas"] == [shown]
    assert cloud.get("/quotas?load_balancer=5", who="admin")["quotas"] == [shown]
    assert cloud.get("/quotas?loadbalancer=6", who="admin")["quotas"] == []
    assert limit(cloud, loadbalancer=None)["loadbalancer"] == -1


def test_a_quota_can_be_given_back(cloud):
    limit(cloud, loadbalancer=5)
    assert cloud.call("DELETE", f"/quotas/{world.PROJECT}", who="admin").status_code == 202
    assert cloud.get(f"/quotas/{world.PROJECT}")["quota"]["loadbalancer"] == -1
    reply = cloud.call("DELETE", f"/quotas/{world.PROJECT}", who="admin")
    assert (reply.status_code, balancing.sentence(reply)) == (404, f"Quotas {world.PROJECT} not found.")


def test_a_project_has_a_quota_from_its_first_object_on(cloud):
    cloud.balancer()
    assert [each["project_id"] for each in cloud.get("/quotas", who="admin")["quotas"]] == [world.PROJECT]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"router": 5}, "Unknown attribute for argument quotas.quota: router"),
        ({"project_id": "x"}, "Unknown attribute for argument quotas.quota: project_id"),
        ({"pool": -2}, "Invalid input for field/attribute pool. Value: '-2'. Value should be greater or equal to -1"),
        ({"pool": "x"}, "Invalid input for field/attribute pool. Value: 'x'. invalid literal for int() with base 10: "
         "'x'"),
    ],
)  # fmt: skip
def test_a_limit_that_is_none_is_refused(cloud, values, sentence):
    reply = cloud.call("PUT", f"/quotas/{world.PROJECT}", {"quota": values}, who="admin")
    assert (reply.status_code, balancing.sentence(reply)) == (400, sentence)


def test_who_may_see_and_who_may_change(cloud):
    assert cloud.call("GET", f"/quotas/{world.PROJECT}", who="reader").status_code == 200
    assert cloud.call("GET", f"/quotas/{world.OTHER}", who="reader").status_code == 403
    assert cloud.call("GET", f"/quotas/{world.OTHER}", who="admin").status_code == 200
    for method, body in (("PUT", {"quota": {}}), ("DELETE", None)):
        assert cloud.call(method, f"/quotas/{world.PROJECT}", body, who="member").status_code == 403
    reply = cloud.call("GET", f"/quotas/{world.PROJECT}?fields=pool")
    assert (reply.status_code, balancing.sentence(reply)) == (400, 'Unknown argument: "fields"')
    assert cloud.call("POST", "/quotas", {"quota": {}}, who="admin").status_code == 405


def test_the_last_place_of_each_kind_is_the_last(cloud):
    limit(cloud, **dict.fromkeys(KINDS, 1))
    root = cloud.balancer()["id"]
    front, back = cloud.listener(root)["id"], cloud.pool(root)["id"]
    cloud.member(back)
    cloud.monitor(back)
    above = cloud.make("l7policy", "/l7policies", listener_id=front, action="REJECT")["id"]
    met = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
    cloud.make("rule", f"/l7policies/{above}/rules", **met)
    more = [
        ("/loadbalancers", "loadbalancer", {"vip_subnet_id": world.SUBNET}, "Load Balancer"),
        ("/listeners", "listener", {**balancing.LISTENER, "loadbalancer_id": root, "protocol_port": 81}, "Listener"),
        ("/pools", "pool", {**balancing.POOL, "loadbalancer_id": root}, "Pool"),
        (f"/pools/{back}/members", "member", {**balancing.MEMBER, "protocol_port": 81}, "Member"),
        ("/l7policies", "l7policy", {"listener_id": front, "action": "REJECT"}, "L7 Policy"),
        (f"/l7policies/{above}/rules", "rule", {**met, "value": "/x"}, "L7 Rule"),
    ]
    for path, noun, body, called in more:
        reply = cloud.call("POST", path, {noun: body})
        assert (reply.status_code, balancing.sentence(reply)) == (403, f"Quota has been met for resources: {called}")


def test_a_whole_tree_pays_for_everything_in_it(cloud):
    limit(cloud, member=1, l7policy=0)
    members = [{**balancing.MEMBER, "protocol_port": port} for port in (80, 81)]
    body = {
        "vip_subnet_id": world.SUBNET,
        "pools": [{"name": "p", **balancing.POOL, "members": members}],
        "listeners": [{**balancing.LISTENER, "l7policies": [{"action": "REJECT"}]}],
    }
    reply = cloud.call("POST", "/loadbalancers", {"loadbalancer": body})
    assert (reply.status_code, balancing.sentence(reply)) == (
        403,
        "Quota has been met for resources: Member, L7 Policy",
    )
    assert cloud.count(loadbalancer.LoadBalancer) == 0


def test_a_batch_pays_for_the_difference(cloud):
    limit(cloud, member=2)
    back = cloud.pool(cloud.balancer()["id"])["id"]
    one, two, three = ({**balancing.MEMBER, "address": f"10.0.0.{last}"} for last in (1, 2, 3))

    def put(*members, query=""):
        return cloud.call("PUT", f"/pools/{back}/members{query}", {"members": members}).status_code

    assert put(one, two) == 202
    assert put(one, three) == 202
    cloud.settle()
    assert put(two, query="?additive_only=true") == 403
    assert put(two, one) == 202


def test_a_place_is_free_again_once_what_had_it_is_gone(cloud):
    limit(cloud, loadbalancer=1)
    root = cloud.balancer()["id"]
    cloud.settle()
    cloud.call("DELETE", f"/loadbalancers/{root}")
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET}}
    assert cloud.call("POST", "/loadbalancers", body).status_code == 403
    cloud.settle()
    assert cloud.call("POST", "/loadbalancers", body).status_code == 201


def test_the_deployment_s_limits_hold_where_a_project_has_none(tmp_path):
    cloud = balancing.Cloud(tmp_path, allowed=deployment.Deployment(quotas={"pool": 1}))
    root = cloud.balancer()["id"]
    cloud.pool(root)
    assert cloud.get("/quotas/defaults")["quota"]["pool"] == 1
    reply = cloud.call("POST", "/pools", {"pool": {**balancing.POOL, "loadbalancer_id": root}})
    assert reply.status_code == 403
    limit(cloud, pool=-1)
    cloud.pool(root)
    cloud.database.close()


def test_a_crowd_cannot_race_past_a_limit(cloud):
    limit(cloud, loadbalancer=3)
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET}}
    found = []

    def ask():
        found.append(cloud.call("POST", "/loadbalancers", body).status_code)

    crowd = [threading.Thread(target=ask) for _ in range(12)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert sorted(found) == [201] * 3 + [403] * 9
    assert cloud.count(loadbalancer.LoadBalancer) == 3
