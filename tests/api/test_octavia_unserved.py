"""What the usual provider does not carry is refused with 501 and the name of the attribute, and nothing is made."""

import pytest

from tests.api import balancing
from vipool import wiring

ENDING = {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"}


@pytest.fixture
def cloud(tmp_path):
    made = balancing.Cloud(tmp_path, wiring.providers())
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("noun", "values", "named"),
    [
        ("listener", {**ENDING, "tls_versions": ["TLSv1", "TLSv1.2"]}, "tls_versions must have no gap"),
        ("listener", {**ENDING, "tls_versions": ["SSLv3"]}, "SSLv3"),
        ("pool", {"tls_enabled": True, "tls_versions": ["TLSv1", "TLSv1.3"]}, "tls_versions must have no gap"),
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


def datagrams(cloud, protocol="UDP"):
    """A load balancer with a listener and a pool for datagrams; the pool's id."""
    root = cloud.balancer()["id"]
    back = cloud.pool(root, protocol=protocol)["id"]
    cloud.listener(root, protocol=protocol, protocol_port=53, default_pool_id=back)
    cloud.settle()
    return back


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
def test_a_member_of_the_family_of_no_vip_is_refused_in_octavias_words(cloud, protocol):
    back = datagrams(cloud, protocol)
    refused = (
        "Provider 'amphora' does not support a requested option: This provider doesn't support mixing IPv4 and IPv6 "
        f"addresses for its VIP and members in {protocol} load balancers."
    )
    six = {"address": "2001:db8::1", "protocol_port": 53}
    for method, path, body in (
        ("POST", f"/pools/{back}/members", {"member": six}),
        ("PUT", f"/pools/{back}/members", {"members": [balancing.MEMBER, six]}),
    ):
        reply = cloud.call(method, path, body)
        assert (reply.status_code, balancing.sentence(reply)) == (501, refused)
    assert cloud.get(f"/pools/{back}/members")["members"] == []
    idle = cloud.pool(cloud.balancer()["id"], protocol=protocol)
    cloud.settle()
    assert cloud.call("POST", f"/pools/{idle['id']}/members", {"member": six}).status_code == 201
    front = {"loadbalancer_id": idle["loadbalancers"][0]["id"], "protocol": protocol, "protocol_port": 53}
    reply = cloud.call("POST", "/listeners", {"listener": {**front, "default_pool_id": idle["id"]}})
    assert (reply.status_code, balancing.sentence(reply)) == (501, refused)
    http = cloud.pool(cloud.balancer()["id"])["id"]
    cloud.settle()
    assert cloud.call("POST", f"/pools/{http}/members", {"member": six}).status_code == 201


@pytest.mark.parametrize(
    ("noun", "values", "named"),
    [
        ("pool", {"tls_enabled": True}, "tls_enabled"),
        ("pool", {"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 0}}, "persistence_timeout"),
        ("healthmonitor", {"delay": 86_401}, "delay must be"),
        ("l7policy", {}, "L7 policies"),
    ],
)
def test_what_datagrams_cannot_have_is_refused(cloud, noun, values, named):
    back = datagrams(cloud)
    front = cloud.get("/listeners")["listeners"][0]
    least = {
        "pool": {**balancing.POOL, "protocol": "UDP", "loadbalancer_id": front["loadbalancers"][0]["id"]},
        "healthmonitor": {"type": "UDP-CONNECT", "delay": 5, "timeout": 2, "max_retries": 2, "pool_id": back},
        "l7policy": {"listener_id": front["id"], "action": "REJECT"},
    }[noun]
    path = "/l7policies" if noun == "l7policy" else f"/{noun}s"
    reply = cloud.call("POST", path, {noun: {**least, **values}})
    assert (reply.status_code, named in balancing.sentence(reply)) == (501, True), reply.text


@pytest.mark.parametrize("kind", ["UDP-CONNECT", "SCTP", "TCP", "HTTP"])
def test_every_monitor_that_datagrams_may_have_is_carried(cloud, kind):
    values = {"type": kind, "delay": 5, "timeout": 2, "max_retries": 2, "pool_id": datagrams(cloud)}
    assert cloud.call("POST", "/healthmonitors", {"healthmonitor": values}).status_code == 201
