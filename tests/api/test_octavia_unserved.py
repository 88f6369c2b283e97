"""What HAProxy does not carry is refused with 501 and the name of the attribute, and nothing is made."""

import pytest

from tests.api import balancing
from vipool.providers.haproxy import capabilities

ENDING = {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"}


@pytest.fixture
def cloud(tmp_path):
    made = balancing.Cloud(tmp_path, {"amphora": capabilities.Capabilities()})
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("noun", "values", "named"),
    [
        ("listener", {"protocol": "UDP"}, "protocol UDP"),
        ("listener", {"protocol": "SCTP"}, "protocol SCTP"),
        ("listener", {**ENDING, "tls_versions": ["TLSv1", "TLSv1.2"]}, "tls_versions must have no gap"),
        ("listener", {**ENDING, "tls_versions": ["SSLv3"]}, "SSLv3"),
        ("pool", {"tls_enabled": True, "tls_versions": ["TLSv1", "TLSv1.3"]}, "tls_versions must have no gap"),
        ("pool", {"protocol": "UDP"}, "protocol UDP"),
        ("healthmonitor", {"delay": 0}, "delay must be"),
        ("l7policy", {}, "TCP protocol listeners do not support L7 policies"),
    ],
)
def test_a_child_with_what_is_not_carried_is_refused_and_the_tree_stays(cloud, noun, values, named):
    root = cloud.balancer()["id"]
    back, front = cloud.pool(root)["id"], cloud.listener(root, protocol="TCP", protocol_port=81)["id"]
    cloud.settle()
    least = {
        "listener": {**balancing.LISTENER, "loadbalancer_id": root},
        "pool": {**balancing.POOL, "loadbalancer_id": root},
        "healthmonitor": {**balancing.MONITOR, "pool_id": back},
        "l7policy": {"listener_id": front, "action": "REJECT"},
    }[noun]
    path = "/l7policies" if noun == "l7policy" else f"/{noun}s"
    reply = cloud.call("POST", path, {noun: {**least, **values}})
    assert (reply.status_code, named in balancing.sentence(reply)) == (501, True), reply.text
    shown = cloud.get(f"/loadbalancers/{root}")["loadbalancer"]
    assert (shown["listeners"], shown["provisioning_status"]) == ([{"id": front}], "ACTIVE")


def test_an_update_to_what_is_not_carried_is_refused_too(cloud):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    monitor = cloud.monitor(back)["id"]
    reply = cloud.call("PUT", f"/healthmonitors/{monitor}", {"healthmonitor": {"delay": 0}})
    assert reply.status_code == 501
    assert cloud.get(f"/healthmonitors/{monitor}")["healthmonitor"]["delay"] == balancing.MONITOR["delay"]
