"""What HAProxy does not carry is refused with 501 and the name of the attribute, and nothing is made."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import loadbalancer, port
from vipool.providers.haproxy import capabilities

SOMETHING = "99999999-0000-4000-8000-000000000000"


@pytest.fixture
def cloud(tmp_path):
    made = balancing.Cloud(tmp_path, {"amphora": capabilities.Capabilities()})
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vip_sg_ids", [SOMETHING]),
        ("additional_vips", [{"subnet_id": world.SUBNET}]),
    ],
)
def test_a_load_balancer_with_what_is_not_carried_is_refused_whole(cloud, name, value):
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET, name: value}}
    reply = cloud.call("POST", "/loadbalancers", body)
    said = balancing.sentence(reply)
    assert reply.status_code == 501
    assert said.startswith("Provider 'amphora' does not support a requested option: load balancer ")
    assert f" {name} is not served" in said
    assert (cloud.count(loadbalancer.LoadBalancer), cloud.count(port.Port)) == (0, 0)


@pytest.mark.parametrize(
    ("noun", "values", "named"),
    [
        ("listener", {"protocol": "UDP"}, "protocol UDP"),
        ("listener", {"protocol": "SCTP"}, "protocol SCTP"),
        ("listener", {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"}, "default_tls_container_ref"),
        ("listener", {"protocol": "PROMETHEUS"}, "protocol PROMETHEUS"),
        ("listener", {"tls_versions": ["TLSv1.2"]}, "tls_versions"),
        ("pool", {"protocol": "UDP"}, "protocol UDP"),
        ("pool", {"lb_algorithm": "SOURCE_IP_PORT"}, "lb_algorithm SOURCE_IP_PORT"),
        ("pool", {"tls_enabled": True}, "tls_enabled"),
        ("pool", {"session_persistence": {"type": "HTTP_COOKIE"}}, "session_persistence HTTP_COOKIE"),
        ("healthmonitor", {"delay": 0}, "delay must be"),
    ],
)
def test_a_child_with_what_is_not_carried_is_refused_and_the_tree_stays(cloud, noun, values, named):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    cloud.settle()
    least = {
        "listener": {**balancing.LISTENER, "loadbalancer_id": root},
        "pool": {**balancing.POOL, "loadbalancer_id": root},
        "healthmonitor": {**balancing.MONITOR, "pool_id": back},
    }[noun]
    reply = cloud.call("POST", f"/{noun}s", {noun: {**least, **values}})
    assert (reply.status_code, named in balancing.sentence(reply)) == (501, True), reply.text
    shown = cloud.get(f"/loadbalancers/{root}")["loadbalancer"]
    assert (shown["listeners"], shown["provisioning_status"]) == ([], "ACTIVE")


def test_an_update_to_what_is_not_carried_is_refused_too(cloud):
    root = cloud.balancer()["id"]
    reply = cloud.call("PUT", f"/loadbalancers/{root}", {"loadbalancer": {"vip_sg_ids": [SOMETHING]}})
    assert reply.status_code == 501
    back = cloud.pool(root)["id"]
    reply = cloud.call("PUT", f"/pools/{back}", {"pool": {"lb_algorithm": "SOURCE_IP_PORT"}})
    assert reply.status_code == 501
    assert cloud.get(f"/pools/{back}")["pool"]["lb_algorithm"] == "ROUND_ROBIN"
