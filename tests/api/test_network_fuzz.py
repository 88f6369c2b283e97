"""No request to the network service is an internal error, and no refusal is without words."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import hostile, network_cloud
from vipool.api.network import routes, views
from vipool.model import attr, autoallocated, qosrule, rbacpolicy

EXAMPLES = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
NOUNS: dict[str, type[attr.Resource]] = {
    **{routes.path_of(cls): cls for cls in views.NOUNS},
    "/v2.0/rbac-policies": rbacpolicy.RbacPolicy,
    "/v2.0/auto-allocated-topology": autoallocated.AutoAllocated,
}
WRITING = ("POST", "PUT")


@pytest.fixture(scope="module")
def shared() -> Iterator[dict[str, Any]]:
    """One cloud for all the examples, with something of everything in it, of two projects."""
    with tempfile.TemporaryDirectory() as directory:
        cloud = network_cloud.Cloud(Path(directory) / "state.db")
        yield {"cloud": cloud, "real": furnish(cloud)}
        cloud.database.close()


def furnish(cloud: network_cloud.Cloud) -> hostile.Real:
    """Objects to refer to."""
    outside = cloud.outside()
    inside, theirs = cloud.subnet(), cloud.subnet("10.9.0.0/24", who="bob")
    router = cloud.make("router", external_gateway_info={"network_id": outside["network_id"]})
    cloud.call("PUT", f"routers/{router['id']}/add_router_interface", {"subnet_id": inside["id"]}, who="alice")
    _, policy = cloud.call("POST", "qos/policies", {"policy": {"name": "gold", "shared": True}})
    rule = {"dscp_marking_rule": {"dscp_mark": 26}}
    _, marking = cloud.call("POST", f"qos/policies/{policy['policy']['id']}/dscp_marking_rules", rule)
    target = {"object_type": "network", "action": "access_as_shared", "target_tenant": network_cloud.PROJECTS["other"]}
    _, rbac = cloud.call(
        "POST", "rbac-policies", {"rbac_policy": {**target, "object_id": inside["network_id"]}}, who="alice"
    )
    made = {
        "router": router,
        "port": cloud.make("port", network_id=inside["network_id"]),
        "their port": cloud.make("port", who="bob", network_id=theirs["network_id"]),
        "group": cloud.make("security_group", name="g"),
        "their group": cloud.make("security_group", who="bob", name="g"),
        "floating": cloud.make("floatingip", floating_network_id=outside["network_id"]),
        "pool": cloud.make("subnetpool", prefixes=["10.50.0.0/16"]),
    }
    return {
        "networks": [inside["network_id"], theirs["network_id"], outside["network_id"]],
        "subnets": [inside["id"], theirs["id"], outside["id"]],
        "ports": [made["port"]["id"], made["their port"]["id"]],
        "routers": [router["id"]],
        "security-groups": [made["group"]["id"], made["their group"]["id"]],
        "security-group-rules": [each["id"] for each in made["group"]["security_group_rules"]],
        "floatingips": [made["floating"]["id"]],
        "subnetpools": [made["pool"]["id"]],
        "policies": [policy["policy"]["id"]],
        "dscp_marking_rules": [marking["dscp_marking_rule"]["id"]],
        "rbac-policies": [rbac["rbac_policy"]["id"]],
        "projects": [network_cloud.PROJECTS["demo"], network_cloud.PROJECTS["other"]],
    }


def noun_of(path: str) -> type[attr.Resource] | None:
    """What the objects of a path are."""
    for cls in qosrule.KINDS:
        if cls.NOUN.collection in path:
            return cls
    return next((cls for base, cls in NOUNS.items() if path.startswith(base)), None)


def table(cloud: network_cloud.Cloud) -> list[Any]:
    """Every route."""
    return [each for each in cloud.client.app.face.routes if each.path != "/"]  # type: ignore[attr-defined]


@EXAMPLES
@given(data=st.data())
def test_no_request_is_an_internal_error_and_no_refusal_without_words(shared, data):
    cloud, real = shared["cloud"], shared["real"]
    every = table(cloud)
    few = [each for each in every if "/tags" not in each.path]  # each kind of object has the same paths of tags
    route = data.draw(st.sampled_from(few) | st.sampled_from(every))
    path = data.draw(hostile.paths(route.path, real))
    cls = noun_of(route.path)
    content = None
    if route.method in WRITING:
        inside = hostile.GARBAGE if cls is None else hostile.bodies(cls, update=route.method == "PUT", real=real)
        wrapper = "quota" if cls is None else cls.NOUN.wrapper
        content = data.draw(hostile.documents(wrapper, inside))
    headers = {name: value.encode() for name, value in data.draw(hostile.HEADERS).items()}
    reply = cloud.client.request(
        route.method,
        "/network" + path,
        params=data.draw(hostile.queries(cls, real)) or None,
        content=content,
        headers={
            **headers,
            "X-Auth-Token": data.draw(st.sampled_from(["admin", "admin", "alice", "bob", "rita(reader)", ""])),
        },
    )
    hostile.told(reply.status_code, reply.content, reply.headers.get("content-type", ""))


@EXAMPLES
@given(data=st.data(), cls=st.sampled_from(views.NOUNS))
def test_what_is_accepted_is_shown_listed_and_changed_as_it_was_said(shared, data, cls):
    cloud, real, noun = shared["cloud"], shared["real"], cls.NOUN
    base = routes.path_of(cls).removeprefix("/v2.0/")
    body, change = (data.draw(hostile.bodies(cls, update=update, real=real)) for update in (False, True))
    status, answer = cloud.call("POST", base, {noun.wrapper: body})
    assert status in {201, 400, 403, 404, 409}, answer
    if status != 201:
        return
    made = answer[noun.wrapper]
    path = f"{base}/{made['id']}"
    shown = cloud.get(path, who="admin")[noun.wrapper]
    assert shown.items() <= made.items()  # a new network says once whether it is the default
    assert cloud.get(f"{base}?id={made['id']}", who="admin")[noun.collection] == [shown]
    status, answer = cloud.call("PUT", path, {noun.wrapper: change})
    assert status in {200, 400, 403, 404, 409}, answer
    if status == 200:
        assert cloud.get(path, who="admin")[noun.wrapper] == answer[noun.wrapper]
    status, answer = cloud.call("DELETE", path)
    assert status in {204, 409}, answer
