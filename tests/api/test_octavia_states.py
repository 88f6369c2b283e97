"""What a load-balancer object cannot do in its state, or where it is: be changed, be found, be deleted, be carried."""

from typing import Any

import pytest

from tests.api import balancing
from tests.service import world

NOWHERE = "99999999-0000-4000-8000-000000000000"


def refused(cloud, method, path, body):
    reply = cloud.call(method, path, body)
    return reply.status_code, balancing.sentence(reply)


IMMUTABLE = {
    "loadbalancer": ["vip_address", "vip_subnet_id", "vip_port_id", "provider", "flavor_id", "project_id", "listeners"],
    "listener": ["loadbalancer_id", "protocol", "protocol_port", "project_id", "created_at", "operating_status"],
    "pool": ["loadbalancer_id", "listener_id", "protocol", "members", "tenant_id", "provisioning_status"],
    "healthmonitor": ["pool_id", "type", "project_id", "id", "updated_at"],
}


@pytest.mark.parametrize(("noun", "name"), [(noun, name) for noun, names in IMMUTABLE.items() for name in names])
def test_what_cannot_be_changed_is_an_unknown_attribute_of_an_update(cloud, noun, name):
    root = cloud.balancer()["id"]
    front, back = cloud.listener(root)["id"], cloud.pool(root)["id"]
    watch = cloud.monitor(back)["id"]
    identifier = {"loadbalancer": root, "listener": front, "pool": back, "healthmonitor": watch}[noun]
    status, said = refused(cloud, "PUT", f"/{noun}s/{identifier}", {noun: {name: world.PROJECT}})
    assert (status, said.split(": ")[0].split(" argument ")[0], said.split(": ")[1]) == (
        400,
        "Unknown attribute for",
        name,
    )


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/loadbalancers", "Load Balancer"),
        ("/listeners", "Listener"),
        ("/pools", "Pool"),
        ("/healthmonitors", "Health Monitor"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("identifier", [NOWHERE, "notuuid", "%00", "a%20b"])
def test_an_object_that_is_not_there_is_not_found_whatever_its_id(cloud, path, title, method, identifier):
    noun = path.strip("/")[:-1]
    body: Any = {noun: {}} if method == "PUT" else None
    shown = {"%00": "\x00", "a%20b": "a b"}.get(identifier, identifier)
    assert refused(cloud, method, f"{path}/{identifier}", body) == (404, f"{title} {shown} not found.")


def test_a_member_is_found_only_in_its_own_pool(cloud):
    root = cloud.balancer()["id"]
    mine, other = cloud.pool(root)["id"], cloud.pool(root)["id"]
    row = cloud.member(mine)["id"]
    for method, body in (("GET", None), ("PUT", {"member": {}}), ("DELETE", None)):
        assert refused(cloud, method, f"/pools/{other}/members/{row}", body) == (404, f"Member {row} not found.")
    assert cloud.get(f"/pools/{mine}/members/{row}")["member"]["id"] == row


def test_an_unknown_pool_in_the_path_is_answered_by_the_routing_layer(cloud):
    for method, path, body in (
        ("GET", f"/pools/{NOWHERE}/members", None),
        ("POST", f"/pools/{NOWHERE}/members", {"member": balancing.MEMBER}),
        ("PUT", f"/pools/{NOWHERE}/members", {"members": []}),
        ("DELETE", f"/pools/{NOWHERE}/members/x", None),
    ):
        reply = cloud.call(method, path, body)
        assert (reply.status_code, reply.json()) == (
            404,
            {
                "code": 404,
                "title": "Bad Request",
                "description": f"Pool {NOWHERE} not found.",
                "faultcode": "Client",
                "faultstring": f"Pool {NOWHERE} not found.",
                "debuginfo": None,
            },
        )


def test_what_the_provider_cannot_do_is_refused_before_anything_is_written(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    cloud.capabilities.refusals[front] = "it cannot."
    before = cloud.get(f"/listeners/{front}")
    sentence = "Provider 'amphora' does not support a requested option: it cannot."
    assert refused(cloud, "PUT", f"/listeners/{front}", {"listener": {"name": "x"}}) == (501, sentence)
    assert cloud.get(f"/listeners/{front}") == before


def test_a_load_balancer_that_is_going_cannot_be_changed(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    back = cloud.pool(root)["id"]
    assert cloud.call("DELETE", f"/loadbalancers/{root}", params={"cascade": "true"}).status_code == 204
    invalid = (409, f"Invalid state PENDING_DELETE of loadbalancer resource {root}")
    immutable = (409, f"Load Balancer {root} is immutable and cannot be updated.")
    assert refused(cloud, "PUT", f"/loadbalancers/{root}", {"loadbalancer": {"name": "x"}}) == invalid
    assert refused(cloud, "DELETE", f"/loadbalancers/{root}?cascade=true", None) == invalid
    assert refused(cloud, "PUT", f"/listeners/{front}", {"listener": {"name": "x"}}) == immutable
    assert refused(cloud, "DELETE", f"/listeners/{front}", None) == immutable
    assert refused(cloud, "POST", f"/pools/{back}/members", {"member": balancing.MEMBER}) == immutable
    assert refused(cloud, "PUT", f"/pools/{back}/members", {"members": []}) == immutable
    body = {"listener": {**balancing.LISTENER, "protocol_port": 81, "loadbalancer_id": root}}
    assert refused(cloud, "POST", "/listeners", body) == immutable


def test_a_pool_that_is_going_takes_no_members(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    cloud.settle()
    cloud.call("DELETE", f"/pools/{back}")
    immutable = (409, f"Pool {back} is immutable and cannot be updated.")
    assert refused(cloud, "POST", f"/pools/{back}/members", {"member": balancing.MEMBER}) == immutable
    body = {"healthmonitor": {**balancing.MONITOR, "pool_id": back}}
    assert refused(cloud, "POST", "/healthmonitors", body) == immutable
    assert refused(cloud, "PUT", f"/pools/{back}", {"pool": {}}) == immutable
    assert refused(cloud, "DELETE", f"/pools/{back}", None) == immutable


def test_a_load_balancer_with_children_goes_only_by_cascade(cloud):
    root = cloud.balancer()["id"]
    cloud.pool(root)
    sentence = f"Validation failure: Cannot delete Load Balancer {root} - it has children"
    for query in ("", "?cascade=false", "?cascade=banana"):
        assert refused(cloud, "DELETE", f"/loadbalancers/{root}{query}", None) == (400, sentence)
    assert cloud.call("DELETE", f"/loadbalancers/{root}?cascade=yes").status_code == 204


def test_a_deletion_that_failed_can_be_asked_for_again(cloud):
    root = cloud.balancer()["id"]
    cloud.pool(root)
    cloud.call("DELETE", f"/loadbalancers/{root}?cascade=true")
    cloud.settle(fault="The node is on fire.")
    shown = cloud.get(f"/loadbalancers/{root}")["loadbalancer"]
    assert (shown["provisioning_status"], shown["provisioning_fault"]) == ("ERROR", "The node is on fire.")
    assert cloud.call("PUT", f"/loadbalancers/{root}", {"loadbalancer": {}}).status_code == 409
    assert cloud.call("DELETE", f"/loadbalancers/{root}").status_code == 204
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["provisioning_status"] == "PENDING_DELETE"
    cloud.settle()
    assert cloud.call("GET", f"/loadbalancers/{root}").status_code == 404
