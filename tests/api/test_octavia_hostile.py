"""Requests that are made to break the load-balancer API: each is refused in a sentence, and nothing is half done."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import balancing
from tests.service import world
from vipool.api.octavia import listing
from vipool.model import loadbalancer, member

JSON = {"Content-Type": "application/json"}
DEEP = 10_000
MANY = 10_000
LIMIT = 8 * 1024 * 1024
COLLECTIONS = ("loadbalancers", "listeners", "pools", "healthmonitors", "l7policies", "flavors", "quotas")


def refused(reply: Any, *statuses: int) -> str:
    """The sentence of a refusal, which says something and is not too long."""
    assert reply.status_code in (statuses or range(400, 500)), reply.text[:300]
    said = str(reply.json()["faultstring"])
    assert 3 < len(said) < 5_000
    return said


@pytest.fixture
def tree(cloud):
    """A load balancer with a pool and a listener; their ids."""
    root = cloud.balancer()["id"]
    back, front = cloud.pool(root)["id"], cloud.listener(root)["id"]
    cloud.settle()
    return {"root": root, "back": back, "front": front}


def whole(cloud: Any, tree: dict[str, str]) -> Any:
    """All that is to be seen of a load balancer and below it."""
    views = [cloud.get(f"/{kind}") for kind in ("loadbalancers", "listeners", "pools", "healthmonitors", "l7policies")]
    return views, cloud.get(f"/pools/{tree['back']}/members")


# Bodies


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_over_the_limit_is_refused_whatever_it_is_sent_with(cloud, tree, method):
    path = "/loadbalancers" if method == "POST" else f"/loadbalancers/{tree['root']}"
    before = whole(cloud, tree)

    def pieces() -> Iterator[bytes]:
        for _ in range(LIMIT // 65_536 + 1):
            yield b" " * 65_536

    for content in (b" " * (LIMIT + 1), pieces()):
        reply = cloud.call(method, path, content=content, headers=JSON)
        assert (reply.status_code, reply.json()["code"]) == (413, "413 Request Entity Too Large")
        assert str(LIMIT) in refused(reply, 413)
    assert whole(cloud, tree) == before


def test_a_body_at_the_limit_is_read(cloud):
    body = json.dumps({"loadbalancer": {"vip_subnet_id": world.SUBNET}}).encode()
    assert cloud.call("POST", "/loadbalancers", content=body.ljust(LIMIT), headers=JSON).status_code == 201


NESTS = {
    "arrays": "[" * DEEP + "]" * DEEP,
    "objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "open arrays": "[" * DEEP,
    "open objects": '{"a":' * DEEP,
    "wrapped": '{"loadbalancer":' * DEEP + "{}" + "}" * DEEP,
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=list(NESTS))
def test_a_body_ten_thousand_deep_is_refused(cloud, tree, nest):
    before = whole(cloud, tree)
    bodies = {
        ("POST", "/loadbalancers"): '{"loadbalancer": {"vip_subnet_id": "' + world.SUBNET + '", "listeners": %s}}',
        ("PUT", f"/loadbalancers/{tree['root']}"): '{"loadbalancer": {"name": %s}}',
        ("PUT", f"/pools/{tree['back']}/members"): '{"members": %s}',
        ("PUT", f"/pools/{tree['back']}"): '{"pool": {"session_persistence": %s}}',
    }
    for (method, path), frame in bodies.items():
        for body in (nest, frame % nest):
            refused(cloud.call(method, path, content=body, headers=JSON), 400)
    assert whole(cloud, tree) == before


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "nan", "inf", "0x10", "010", "1_0", "+1", "1."]
)
def test_what_is_no_number_in_json_is_refused(cloud, tree, number):
    for path, body in (
        (
            "/listeners",
            f'{{"listener": {{"loadbalancer_id": "{tree["root"]}", "protocol": "HTTP", "protocol_port": {number}}}}}',
        ),
        (
            f"/pools/{tree['back']}/members",
            f'{{"member": {{"address": "10.0.0.1", "protocol_port": 80, "weight": {number}}}}}',
        ),
    ):
        refused(cloud.call("POST", path, content=body, headers=JSON), 400)


HUGE = [str(each) for each in (2**31, -(2**31) - 1, 2**63, 2**64, 10**100, -(10**100), 1e300)]


@pytest.mark.parametrize("number", [*HUGE, "9" * 5_000], ids=lambda number: number[:12])
@pytest.mark.parametrize("name", ["connection_limit", "timeout_client_data", "hsts_max_age", "protocol_port"])
def test_no_number_is_too_large_to_be_refused(cloud, tree, name, number):
    good = {**balancing.LISTENER, "protocol_port": 81, "loadbalancer_id": tree["root"]}
    for spelled in (number, f'"{number}"'):
        body = json.dumps({"listener": {**good, name: "<number>"}}).replace('"<number>"', spelled)
        refused(cloud.call("POST", "/listeners", content=body, headers=JSON), 400)


TEXTS = {"nul": "\\u0000", "high": "\\ud800", "low": "\\udfff", "turned round": "\\udc00\\ud800", "inside": "a\\u0000b"}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_text_that_cannot_be_kept_is_refused_wherever_it_stands(cloud, tree, text):
    before = whole(cloud, tree)
    bodies = [
        ("PUT", f"/loadbalancers/{tree['root']}", '{"loadbalancer": {"name": "%s"}}'),
        ("PUT", f"/loadbalancers/{tree['root']}", '{"loadbalancer": {"tags": ["ok", "%s"]}}'),
        ("PUT", f"/loadbalancers/{tree['root']}", '{"loadbalancer": {"%s": 1}}'),
        ("PUT", f"/loadbalancers/{tree['root']}", '{"%s": {}}'),
        ("PUT", f"/listeners/{tree['front']}", '{"listener": {"insert_headers": {"X-Forwarded-For": "%s"}}}'),
        ("PUT", f"/listeners/{tree['front']}", '{"listener": {"insert_headers": {"%s": "true"}}}'),
        (
            "PUT",
            f"/pools/{tree['back']}",
            '{"pool": {"session_persistence": {"type": "APP_COOKIE", "cookie_name": "%s"}}}',
        ),
        ("POST", "/loadbalancers", '{"loadbalancer": {"vip_subnet_id": "%s"}}'),
        ("POST", "/loadbalancers", '{"loadbalancer": {"vip_subnet_id": "' + world.SUBNET + '", "provider": "%s"}}'),
        ("POST", "/loadbalancers", '{"loadbalancer": {"vip_subnet_id": "' + world.SUBNET + '", "project_id": "%s"}}'),
        (
            "POST",
            "/loadbalancers",
            '{"loadbalancer": {"vip_subnet_id": "' + world.SUBNET + '", "pools": [{"name": "%s"}]}}',
        ),
        ("POST", "/listeners", '{"listener": {"loadbalancer_id": "%s", "protocol": "HTTP", "protocol_port": 1}}'),
        ("POST", "/pools", '{"pool": {"listener_id": "%s", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}}'),
    ]
    for method, path, frame in bodies:
        body = frame.replace("%s", text)
        refused(cloud.call(method, path, content=body, headers=JSON), 400, 403)
    assert whole(cloud, tree) == before


def test_of_two_equal_keys_the_last_counts(cloud, tree):
    one = f'{{"loadbalancer": {{"vip_subnet_id": "x", "vip_subnet_id": "{world.SUBNET}", "name": "a", "name": "b"}}}}'
    reply = cloud.call("POST", "/loadbalancers", content=one, headers=JSON)
    assert (reply.status_code, reply.json()["loadbalancer"]["name"]) == (201, "b")
    two = '{"loadbalancer": {"name": "a"}, "loadbalancer": {"nothing": 1}}'
    refused(cloud.call("PUT", f"/loadbalancers/{tree['root']}", content=two, headers=JSON), 400)


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/xml", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/json", 415),
        ("application/merge-patch+json", 415),
        ("application/", 415),
        (";", 415),
        ("\xff\xfe", 415),
        ("application/json, text/plain", 415),
        ("APPLICATION/JSON", 201),
        ("application/json;charset=utf-8;x=y", 201),
    ],
)
def test_a_body_of_another_type_is_not_guessed_at(cloud, media, status):
    body = json.dumps({"loadbalancer": {"vip_subnet_id": world.SUBNET}})
    headers = {"Content-Type": media.encode("latin-1")}
    reply = cloud.call("POST", "/loadbalancers", content=body, headers=headers)
    assert reply.status_code == status
    if status == 415:
        refused(reply, 415)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_json_in_another_encoding_is_refused(cloud, encoding):
    body = json.dumps({"loadbalancer": {"vip_subnet_id": world.SUBNET, "name": "ü"}}, ensure_ascii=False).encode(
        encoding
    )
    assert (
        refused(cloud.call("POST", "/loadbalancers", content=body, headers=JSON), 400)
        == "Request is not in valid JSON format"
    )


# Trees and batches

PICTURE: dict[str, Any] = {
    "vip_subnet_id": world.SUBNET,
    "listeners": [
        {
            **balancing.LISTENER,
            "default_pool": {
                **balancing.POOL,
                "name": "p",
                "members": [dict(balancing.MEMBER)],
                "healthmonitor": dict(balancing.MONITOR),
            },
            "l7policies": [{"action": "REJECT", "rules": [{"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}]}],
        }
    ],
    "pools": [{"name": "p"}, {**balancing.POOL, "name": "q"}],
}


def places(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a body."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from places(each)
    if isinstance(value, list):
        for each in value:
            yield from places(each)


@pytest.mark.parametrize("place", range(len(list(places(PICTURE)))))
@pytest.mark.parametrize(
    "extra", [{"bogus": 1}, {"id": "x"}, {"provisioning_status": "ACTIVE"}, {"": ""}, {"loadbalancer_id": world.SUBNET}]
)
def test_an_unknown_attribute_anywhere_in_a_tree_is_refused_and_nothing_is_made(cloud, place, extra):
    body = json.loads(json.dumps(PICTURE))
    list(places(body))[place].update(extra)
    reply = cloud.call("POST", "/loadbalancers", {"loadbalancer": body})
    said = refused(reply, 400)
    # A pool that is only named where it is used becomes a second definition of it.
    assert next(iter(extra)) in said or "Pool names must be unique" in said
    assert cloud.count(loadbalancer.LoadBalancer) == 0
    with cloud.database.read() as held:
        assert cloud.networks.free_addresses(held, world.SUBNET) == 241  # the VIP's port is gone too


def test_the_tree_of_those_refusals_is_taken_without_the_attribute(cloud):
    assert cloud.call("POST", "/loadbalancers", {"loadbalancer": PICTURE}).status_code == 201


def entries(count: int) -> list[dict[str, Any]]:
    return [
        {"address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "protocol_port": 80, "weight": n % 257}
        for n in range(1, count + 1)
    ]


def test_ten_thousand_members_are_taken_in_one_request(cloud, tree):
    path, told = f"/pools/{tree['back']}/members", len(cloud.told)
    begun = time.monotonic()
    assert cloud.call("PUT", path, {"members": entries(MANY)}).status_code == 202
    print(f"{MANY} members: {time.monotonic() - begun:.1f} s")
    assert len(cloud.told) == told + 1  # one commit
    assert cloud.count(member.Member, pool_id=tree["back"]) == MANY
    generations = {each.generation for each in cloud.balancers() if each.id == tree["root"]}
    cloud.settle()
    assert {row.born for each in cloud.balancers() for row in each.tree.members} == generations
    assert len(cloud.get(f"{path}?limit=0")["members"]) == MANY


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        ({"address": "127.0.0.1", "protocol_port": 80}, 400),
        ({"address": "10.0.0.1", "protocol_port": 80}, 409),
        ({"address": "10.0.0.1", "protocol_port": 0}, 400),
        ({"address": "10.255.0.1", "protocol_port": 80, "bogus": 1}, 400),
        ({"address": "10.255.0.1", "protocol_port": 80, "subnet_id": world.SMALL}, 400),
    ],
)
def test_ten_thousand_members_of_which_the_last_is_bad_change_nothing(cloud, tree, bad, status):
    path = f"/pools/{tree['back']}/members"
    kept = cloud.member(tree["back"])
    cloud.settle()
    before, told = whole(cloud, tree), len(cloud.told)
    refused(cloud.call("PUT", path, {"members": [*entries(MANY), bad]}), status)
    assert (whole(cloud, tree), len(cloud.told)) == (before, told)
    assert [each["id"] for each in cloud.get(path)["members"]] == [kept["id"]]


# Queries and paths

SAID = {
    "nul": "%00",
    "high surrogate": "%ED%A0%80",
    "no utf-8": "%FF",
    "overlong": "%C0%AF",
    "half a percent": "%",
    "newline": "%0D%0AX-Injected:%201",
    "very long": "x" * 20_000,
    "quotes": "%27%22%3B--",
    "slash": "a%2Fb",
    "dots": "..%2F..",
    "huge": "9" * 5_000,
    "digits of another script": "%D9%A1",
}


@pytest.mark.parametrize("said", SAID.values(), ids=list(SAID))
def test_no_query_is_an_internal_error(cloud, tree, said):
    filters = ("name", "id", "created_at", "protocol_port", "admin_state_up", "project_id", "provisioning_status")
    arguments = (*listing.PAGING, *listing.TAGS, *filters, said)
    for argument in arguments:
        for path in ("/listeners", f"/pools/{tree['back']}/members"):
            reply = cloud.call("GET", f"{path}?{argument}={said}", who="admin")
            assert reply.status_code in {200, 400}, (argument, reply.text[:300])
            if reply.status_code == 400:
                refused(reply, 400)
            assert "x-injected" not in reply.headers


@pytest.mark.parametrize("said", SAID.values(), ids=list(SAID))
def test_no_path_is_an_internal_error(cloud, tree, said):
    for path in (
        *(f"/{each}/{said}" for each in COLLECTIONS),
        f"/{said}",
        f"/pools/{said}/members",
        f"/pools/{tree['back']}/members/{said}",
    ):
        for method, body in (("GET", None), ("DELETE", None), ("PUT", {"pool": {}})):
            reply = cloud.call(method, path, body, who="admin")
            assert reply.status_code < 500, (method, path[:80], reply.text[:300])
            if reply.status_code >= 400:
                refused(reply)
            assert "x-injected" not in reply.headers


@pytest.mark.parametrize(
    "query",
    [
        "name=a&name=b",
        "limit=1&limit=2",
        "marker=x&marker=x",
        "sort=id&sort=id",
        "admin_state_up=1&enabled=1",
        "project_id=a&tenant_id=a",
        "page_reverse=True&page_reverse=True",
    ],
)
def test_an_argument_that_is_repeated_is_refused(cloud, query):
    assert (
        refused(cloud.call("GET", f"/loadbalancers?{query}", who="admin"), 400)
        == "One or more arguments are either duplicate or invalid"
    )


@pytest.mark.parametrize(
    "name", ["Accept", "Content-Type", "X-Auth-Token", "X-Openstack-Request-Id", "Host", "Cookie", "X-Forwarded-For"]
)
@pytest.mark.parametrize(
    "value", [b"\xff\xfe\x00"[:2], b"\xed\xa0\x80", b"a" * 20_000, b"", b"*/*;q=x", b",,,", b"\x01"]
)
def test_no_header_is_an_internal_error(cloud, name, value):
    for method, path in (("GET", "/loadbalancers"), ("POST", "/loadbalancers")):
        reply = cloud.call(method, path, {"loadbalancer": {}} if method == "POST" else None, headers={name: value})
        assert reply.status_code in {200, 400, 401, 406, 415}, reply.text[:300]


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(place=st.integers(0, len(list(places(PICTURE))) - 1), key=TEXT, value=ANY, data=st.data())
def test_a_tree_that_is_spoilt_anywhere_is_taken_or_refused_in_a_sentence(cloud, place, key, value, data):
    body = json.loads(json.dumps(PICTURE))
    spoilt = list(places(body))[place]
    spoilt[data.draw(st.sampled_from([*sorted(spoilt), key]))] = value
    reply = cloud.call("POST", "/loadbalancers", {"loadbalancer": body})
    if reply.status_code == 201:
        cloud.call("DELETE", f"/loadbalancers/{reply.json()['loadbalancer']['id']}?cascade=true")
        cloud.settle()
    else:
        refused(reply, 400, 403, 404, 409)
    assert cloud.count(loadbalancer.LoadBalancer) == 0


@pytest.mark.parametrize(
    "argument", ["marker", "tags", "not-tags-any", "name", "provisioning_status", "sort_key", "fields"]
)
def test_no_list_is_asked_for_a_nul(cloud, tree, argument):
    said = refused(cloud.call("GET", f"/pools/{tree['back']}/members?{argument}=a%00"), 400)
    assert said == f"Invalid value for argument {argument}: it has a NUL character."
