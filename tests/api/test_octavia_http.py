"""The load-balancer API as HTTP: documents of errors, hostile bodies, methods, spellings of paths, discovery."""

import itertools
import json
from typing import Any

import pytest

from tests.api import balancing
from tests.service import world

NOUNS = {
    "loadbalancers": ("loadbalancer", "load_balancer"),
    "listeners": ("listener", "listener_"),
    "pools": ("pool", "pool_"),
    "healthmonitors": ("healthmonitor", "health_monitor_"),
}
BOTH = ["code", "debuginfo", "description", "faultcode", "faultstring", "title"]


def test_no_token_and_a_bad_one_are_answered_as_the_token_middleware_does(cloud):
    for token, path in itertools.product(("", "nonsense"), ("/loadbalancers", "/nonsense", "/loadbalancers/x")):
        reply = cloud.call("GET", path, headers={"X-Auth-Token": token})
        assert reply.status_code == 401
        assert reply.json() == {
            "error": {
                "code": 401,
                "title": "Unauthorized",
                "message": "The request you have made requires authentication.",
            }
        }
        assert reply.headers["www-authenticate"] == 'Keystone uri="http://cloud.example/identity"'
        assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nonsense", 404, "Not Found"),
        ("GET", "/load-balancer/v1/lbaas/loadbalancers", 404, "Not Found"),
        ("GET", "/load-balancer/v2/amphorae", 404, "Not Found"),
        ("PATCH", "/loadbalancers", 405, "Method Not Allowed"),
        ("HEAD", "/loadbalancers", 405, "Method Not Allowed"),
        ("PATCH", "/loadbalancers/x", 405, "Method Not Allowed"),
        ("GET", "/loadbalancers/x/failover", 405, "Method Not Allowed"),
        ("POST", "/providers", 405, "Method Not Allowed"),
    ],
)
def test_the_routing_layer_answers_in_both_forms(cloud, method, path, status, title):
    reply = cloud.call(method, path)
    assert reply.status_code == status
    assert reply.headers["x-openstack-request-id"].startswith("req-")
    if method != "HEAD":
        assert sorted(reply.json()) == BOTH
        assert (reply.json()["code"], reply.json()["title"]) == (status, title)


def test_an_identifier_too_few_or_too_many_is_a_bad_request(cloud):
    for method in ("PUT", "DELETE"):
        reply = cloud.call(method, "/listeners", {} if method == "PUT" else None)
        assert (reply.status_code, balancing.sentence(reply)) == (400, 'Missing argument: "id"')
    assert cloud.call("POST", "/listeners/x", {"listener": {}}).status_code == 400
    back = cloud.pool(cloud.balancer()["id"])["id"]
    assert cloud.call("DELETE", f"/pools/{back}/members").status_code == 400


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, application/json;q=0.5", 200),
        ("text/html", 406),
        ("application/xml", 406),
    ],
)
def test_only_json_is_spoken(cloud, accept, status):
    reply = cloud.call("GET", "/loadbalancers", headers={"Accept": accept})
    assert reply.status_code == status
    if status == 406:
        assert reply.json()["faultstring"] == "Only content type application/json is accepted."


@pytest.mark.parametrize(
    ("media", "status", "sentence"),
    [
        ("application/json; charset=utf-8", 201, ""),
        ("text/plain", 415, "Unknown mimetype: text/plain"),
        ("", 415, "Unknown mimetype: "),
        ("application/x-www-form-urlencoded", 400, 'Unknown argument: "{"loadbalancer": {"vip_subnet_id": '),
    ],
)
def test_only_json_is_understood(cloud, media, status, sentence):
    body = json.dumps({"loadbalancer": {"vip_subnet_id": world.SUBNET}})
    headers = {"Content-Type": media}
    reply = cloud.call("POST", "/loadbalancers", content=body, headers=headers)
    assert reply.status_code == status
    if sentence:
        assert reply.json()["faultstring"].startswith(sentence)


@pytest.mark.parametrize("collection", NOUNS)
def test_a_body_that_is_no_object_in_its_wrapper_is_a_bad_request(cloud, collection):
    noun, argument = NOUNS[collection]
    for body in ("[]", '""', "{}", "null", "5", "true", json.dumps({noun: None}), json.dumps({noun: []})):
        reply = cloud.call("POST", f"/{collection}", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 400, body
        assert argument in balancing.sentence(reply)
    empty = cloud.call("POST", f"/{collection}")
    assert (empty.status_code, balancing.sentence(empty)) == (400, f'Missing argument: "{argument}"')
    wrong = cloud.call("POST", f"/{collection}", {"x": {}})
    assert (wrong.status_code, balancing.sentence(wrong)) == (400, f"Unknown attribute for argument {argument}: x")
    more = cloud.call("POST", f"/{collection}", {noun: {}, "y": 1})
    assert balancing.sentence(more) == f"Unknown attribute for argument {argument}: y"


@pytest.mark.parametrize("body", ["[]", '""', "{}", "null", '{"members": null}', '{"members": [5]}', '{"x": []}', ""])
def test_a_batch_that_is_no_list_of_objects_is_a_bad_request(cloud, body):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    headers = {"Content-Type": "application/json"}
    reply = cloud.call("PUT", f"/pools/{back}/members", content=body, headers=headers)
    assert (reply.status_code, "members_" in balancing.sentence(reply)) == (400, True)


DEEP = "[" * 100_000 + "]" * 100_000
NESTED = "[" * 900 + "]" * 900


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "1e400",
        "1e30",
        str(10**30),
        "-" + str(10**30),
        '"\\u0000"',
        '"\\ud800"',
        '"\\udfff\\ud800"',
        DEEP,
        NESTED,
        '{"a":' * 900 + "1" + "}" * 900,
        '"' + "x" * 100_000 + '"',
        '{"' + "k" * 100_000 + '": 1}',
        "[" + "1," * 50_000 + "1]",
        '{"": ""}',
        "[null]",
        "[[]]",
        "0.1",
        "false",
    ],
)
def test_no_hostile_value_of_any_attribute_is_an_internal_error(cloud, value):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    attributes = {
        "/loadbalancers": ("loadbalancer", ["name", "tags", "vip_subnet_id", "listeners", "pools", "additional_vips"]),
        "/listeners": ("listener", ["protocol", "protocol_port", "insert_headers", "allowed_cidrs", "l7policies"]),
        "/pools": ("pool", ["session_persistence", "lb_algorithm", "listener_id", "loadbalancer_id", "members"]),
        f"/pools/{back}/members": ("member", ["address", "weight", "backup", "subnet_id", "project_id"]),
        "/healthmonitors": ("healthmonitor", ["delay", "http_version", "expected_codes", "url_path", "pool_id"]),
    }
    good = {
        "loadbalancer": {"vip_subnet_id": world.SUBNET},
        "listener": {**balancing.LISTENER, "loadbalancer_id": root},
        "pool": {**balancing.POOL, "loadbalancer_id": root},
        "member": balancing.MEMBER,
        "healthmonitor": {**balancing.MONITOR, "pool_id": back},
    }
    for path, (noun, names) in attributes.items():
        for name in names:
            plain = json.dumps({noun: {**good[noun], name: "<value>"}})
            body = plain.replace('"<value>"', value)
            reply = cloud.call("POST", path, content=body, headers={"Content-Type": "application/json"})
            assert reply.status_code in {201, 400, 403, 404, 409, 501}, (path, name, reply.text[:200])
            assert len(reply.content) < 20_000


def test_a_body_over_the_limit_is_refused_as_by_the_size_limiter(cloud):
    body = b'{"loadbalancer": {"name": "' + b"x" * (8 * 1024 * 1024) + b'"}}'
    reply = cloud.call("POST", "/loadbalancers", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 413
    assert {"message", "code", "title"} <= set(reply.json())
    assert reply.json()["code"] == "413 Request Entity Too Large"


@pytest.mark.parametrize("body", ["{", "{'a': 1}", '{"a": 1,}', "\xff", "loadbalancer=x"])
def test_what_is_not_json_is_a_bad_request(cloud, body):
    content = body.encode("latin-1")
    reply = cloud.call("POST", "/loadbalancers", content=content, headers={"Content-Type": "application/json"})
    assert (reply.status_code, balancing.sentence(reply)) == (400, "Request is not in valid JSON format")


def test_every_reply_has_a_request_id_of_its_own(cloud):
    replies = [
        cloud.call("GET", "/loadbalancers"),
        cloud.call("GET", "/loadbalancers/x"),
        cloud.call("GET", "/nonsense"),
        cloud.call("PATCH", "/loadbalancers"),
        cloud.call("GET", "/loadbalancers", headers={"X-Auth-Token": "bad"}),
        cloud.client.get("/load-balancer/"),
        cloud.call("POST", "/loadbalancers", {"loadbalancer": {"vip_subnet_id": world.SUBNET}}),
    ]
    ids = [reply.headers["x-openstack-request-id"] for reply in replies]
    assert all(each.startswith("req-") for each in ids)
    assert len(set(ids)) == len(ids)


def test_an_empty_answer_has_neither_body_nor_type(cloud):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    batch = cloud.call("PUT", f"/pools/{back}/members", {"members": [balancing.MEMBER]})
    gone = cloud.call("DELETE", f"/pools/{back}")
    for reply, status in ((batch, 202), (gone, 204)):
        assert (reply.status_code, reply.content, "content-type" in reply.headers) == (status, b"", False)
    assert "location" not in cloud.call("POST", "/pools", {"pool": {**balancing.POOL, "loadbalancer_id": root}}).headers


@pytest.mark.parametrize("prefix", ["/v2/lbaas", "/v2.0/lbaas", "/v2", "/v2.0"])
def test_every_prefix_and_spelling_of_a_collection_is_the_same(cloud, prefix):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    for collection in (*NOUNS, "providers", f"pools/{back}/members"):
        plain = cloud.get(f"/load-balancer{prefix}/{collection}")
        assert plain == cloud.get(f"/load-balancer{prefix}/{collection}/")
        assert plain == cloud.get(f"/load-balancer{prefix}/{collection}.json")
    assert cloud.get(f"/load-balancer{prefix}/loadbalancers/{root}")["loadbalancer"]["id"] == root


def test_versions_are_listed_without_a_token(cloud):
    for path in ("/load-balancer", "/load-balancer/"):
        reply = cloud.client.get(path)
        versions = reply.json()["versions"]
        assert [each["id"] for each in versions] == [f"v2.{minor}" for minor in range(31)]
        assert {each["status"] for each in versions[:-1]} == {"SUPPORTED"}
        link = [{"href": "http://cloud.example/load-balancer/v2", "rel": "self"}]
        assert versions[0] == {"id": "v2.0", "status": "SUPPORTED", "updated": "2016-12-11T00:00:00Z", "links": link}
        assert versions[7]["updated"] == "2018-01-25T12:00:00Z"
        assert versions[18]["updated"] == "2020-04-29T01:00:00Z"
        assert versions[30] == {"id": "v2.30", "status": "CURRENT", "updated": "2025-02-26T00:00:00Z", "links": link}


@pytest.mark.parametrize(
    ("place", "word"),
    [("/v2", "v2"), ("/v2/", "v2"), ("/v2.0", "v2"), ("/v2/lbaas", "v2"), ("/v2.0/lbaas", "v2"), ("/v2/octavia", "v2")],
)
def test_a_version_is_a_bare_word_that_needs_a_token(cloud, place, word):
    assert cloud.get("/load-balancer" + place) == word
    assert cloud.client.get("/load-balancer" + place).status_code == 401


def test_an_unknown_argument_of_a_write_is_refused_and_of_a_show_ignored(cloud):
    root = cloud.balancer()["id"]
    assert cloud.call("GET", f"/loadbalancers/{root}?bogus=1").status_code == 200
    writes: list[tuple[str, str, Any]] = [
        ("DELETE", f"/loadbalancers/{root}?bogus=1", None),
        ("PUT", f"/loadbalancers/{root}?bogus=1", {"loadbalancer": {}}),
        ("DELETE", f"/listeners/{cloud.listener(root)['id']}?bogus=1", None),
        ("PUT", f"/pools/{cloud.pool(root)['id']}/members?bogus=1", {"members": []}),
    ]
    for method, path, body in writes:
        reply = cloud.call(method, path, body)
        assert (reply.status_code, balancing.sentence(reply)) == (400, 'Unknown argument: "bogus"')


def test_a_bug_is_answered_without_its_details(cloud, monkeypatch, caplog):
    root = cloud.balancer()["id"]
    monkeypatch.setattr(type(cloud.writer), "update_root", lambda *_, **__: 1 / 0)
    reply = cloud.call("PUT", f"/loadbalancers/{root}", {"loadbalancer": {}})
    assert reply.status_code == 500
    assert reply.headers["x-openstack-request-id"] in balancing.sentence(reply)
    assert "ZeroDivisionError" not in reply.text
    assert "ZeroDivisionError" in caplog.text
