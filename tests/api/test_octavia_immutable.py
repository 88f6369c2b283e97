"""Octavia's lock, for those who test clients against it: writes are refused with 409 while one is under way."""

import pytest

from tests.api import balancing
from vipool.model import deployment

LOCKED = deployment.Deployment(immutable=deployment.Immutable.CONFLICT)


@pytest.fixture
def cloud(tmp_path):
    made = balancing.Cloud(tmp_path, allowed=LOCKED)
    yield made
    made.database.close()


@pytest.fixture
def grown(cloud):
    """One of everything, realised."""
    root = cloud.balancer()["id"]
    cloud.settle()
    front = cloud.listener(root)["id"]
    cloud.settle()
    back = cloud.pool(root, listener_id=front)["id"]
    cloud.settle()
    member = cloud.member(back)["id"]
    cloud.settle()
    watch = cloud.monitor(back)["id"]
    cloud.settle()
    above = cloud.make("l7policy", "/l7policies", listener_id=front, action="REJECT")["id"]
    cloud.settle()
    return {
        "loadbalancer": f"/loadbalancers/{root}",
        "listener": f"/listeners/{front}",
        "pool": f"/pools/{back}",
        "member": f"/pools/{back}/members/{member}",
        "healthmonitor": f"/healthmonitors/{watch}",
        "l7policy": f"/l7policies/{above}",
    }


def refused(cloud, method, path, body=None, **more):
    reply = cloud.call(method, path, body, **more)
    return reply.status_code, balancing.sentence(reply)


def test_while_a_load_balancer_changes_nothing_of_it_may(cloud, grown):
    root = grown["loadbalancer"].rsplit("/", 1)[1]
    cloud.change("loadbalancer", grown["loadbalancer"], name="x")
    said = f"Load Balancer {root} is immutable and cannot be updated."
    for noun, path in grown.items():
        if noun != "loadbalancer":
            assert refused(cloud, "PUT", path, {noun: {}}) == (409, said), noun
            assert refused(cloud, "DELETE", path) == (409, said), noun
    new = {"listener": {**balancing.LISTENER, "loadbalancer_id": root, "protocol_port": 81}}
    assert refused(cloud, "POST", "/listeners", new) == (409, said)
    members = f"{grown['pool']}/members"
    assert refused(cloud, "PUT", members, {"members": []}) == (409, said)
    said = f"Invalid state PENDING_UPDATE of loadbalancer resource {root}"
    assert refused(cloud, "PUT", grown["loadbalancer"], {"loadbalancer": {}}) == (409, said)
    assert refused(cloud, "DELETE", f"{grown['loadbalancer']}?cascade=true") == (409, said)
    assert refused(cloud, "PUT", f"{grown['loadbalancer']}/failover", who="admin") == (409, said)
    cloud.settle()
    assert cloud.call("PUT", grown["listener"], {"listener": {}}).status_code == 200


def test_a_new_load_balancer_is_locked_until_it_is_there(cloud):
    root = cloud.balancer()["id"]
    body = {"listener": {**balancing.LISTENER, "loadbalancer_id": root}}
    assert cloud.call("POST", "/listeners", body).status_code == 409
    cloud.settle()
    assert cloud.call("POST", "/listeners", body).status_code == 201


def test_one_in_error_may_be_deleted_or_failed_over(cloud):
    one, other = (cloud.balancer()["id"] for _ in range(2))
    cloud.settle(fault="It could not.")
    said = f"Invalid state ERROR of loadbalancer resource {one}"
    assert refused(cloud, "PUT", f"/loadbalancers/{one}", {"loadbalancer": {}}) == (409, said)
    assert cloud.call("PUT", f"/loadbalancers/{one}/failover", who="admin").status_code == 202
    assert cloud.call("DELETE", f"/loadbalancers/{other}").status_code == 204
    reply = cloud.call("DELETE", f"/loadbalancers/{other}")
    assert reply.status_code == 409


def test_reading_is_always_possible(cloud, grown):
    cloud.change("loadbalancer", grown["loadbalancer"], name="x")
    for path in grown.values():
        assert cloud.call("GET", path).status_code == 200
