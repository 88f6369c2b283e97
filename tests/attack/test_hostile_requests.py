"""Requests made to break or to hold up the server: each gets an answer, soon, and never a crash."""

import asyncio
import dataclasses

import pytest

from tests.attack import town
from vipool.api import face

NETWORK = "/network/v2.0"
OCTAVIA = "/load-balancer/v2/lbaas"
KEYS = "/key-manager/v1"
LISTS = (f"{NETWORK}/networks", f"{OCTAVIA}/loadbalancers", "/identity/v3/projects")
MANY = 1000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One town for all of these tests."""
    made = town.Town(tmp_path_factory.mktemp("town"))
    made.admin.net("network", name="a")
    yield made
    made.database.close()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("key", ["tags", "tags-any", "not-tags", "not-tags-any"])
def test_a_list_by_a_thousand_tags_is_refused(whole, path, key):
    assert whole.admin.get(f"{path}?{key}=" + ",".join(f"t{each}" for each in range(MANY))).status_code == 400
    assert whole.admin.get(f"{path}?{key}=" + ",".join(f"t{each}" for each in range(60))).status_code == 200


def test_a_list_by_a_thousand_security_groups_is_refused(whole):
    query = "&".join(f"security_groups=g{each}" for each in range(MANY))
    assert whole.admin.get(f"{NETWORK}/ports?{query}").status_code == 400


def test_a_list_sorted_a_thousand_times_by_one_key_is_sorted_once(whole):
    found = [whole.admin.net("network", name=name)["id"] for name in ("c", "b")]
    query = "&".join(["sort_key=name&sort_dir=desc"] + ["sort_key=name&sort_dir=asc"] * MANY)
    reply = whole.admin.get(f"{NETWORK}/networks?{query}&limit=1&marker={found[0]}")
    assert [each["id"] for each in reply.json()["networks"]] == [found[1]]


@pytest.mark.parametrize("path", [*LISTS, f"{KEYS}/secrets", f"{KEYS}/containers"])
def test_a_thousand_unknown_or_repeated_parameters_are_answered(whole, path):
    for query in ("&".join(f"a{each}=1" for each in range(MANY)), "&".join(f"id=x{each}" for each in range(MANY))):
        assert whole.admin.get(f"{path}?{query}").status_code in {200, 400}


BODIES = [
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"NaN",
    b'{"a":1e999}',
    b"[" * 100_000,
    b"[" * 900 + b"]" * 900,
    b'{"\\ud800":1}',
    b'{"network":{"name":' + b"[" * 900 + b"]" * 900 + b"}}",
    b'{"loadbalancer":{"description":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}}",
    b'{"auth":{"identity":{"methods":["password"],"password":{"user":[]}}}}',
    b'{"network":{"project_id":{}}}',
    b'{"loadbalancer":{"project_id":[1]}}',
]


@pytest.mark.parametrize(
    "path",
    [
        f"{OCTAVIA}/loadbalancers",
        f"{NETWORK}/networks",
        "/identity/v3/auth/tokens",
        "/identity/v3/users",
        f"{KEYS}/containers",
    ],
)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_makes_no_sense_is_refused(whole, path, body):
    reply = whole.admin.call("POST", path, content=body, headers={"Content-Type": "application/json"})
    assert 400 <= reply.status_code < 500, reply.text


def test_the_last_of_two_equal_keys_counts_for_policy_and_for_the_object(whole):
    body = f'{{"network":{{"project_id":"{whole.mallory.project}","project_id":"{whole.victim.project}"}}}}'
    reply = whole.mallory.call("POST", f"{NETWORK}/networks", content=body.encode())
    assert reply.status_code == 400


def test_a_name_reaches_no_header(whole):
    reply = whole.mallory.call("POST", f"{NETWORK}/networks", {"network": {"name": "x\r\nInjected: 1"}})
    assert reply.status_code == 201
    assert "injected" not in reply.headers


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_does_not_change_the_method(whole, header):
    network, _ = whole.mallory.home("10.44.0.0/24")
    assert whole.mallory.call("GET", f"{NETWORK}/networks/{network}", headers={header: "DELETE"}).status_code == 200
    assert whole.mallory.get(f"{NETWORK}/networks/{network}").status_code == 200


@pytest.mark.parametrize("header", ["X-Roles", "X-Project-Id", "X-Is-Admin-Project", "X-Identity-Status", "X-User-Id"])
def test_what_a_token_middleware_would_say_is_not_believed(whole, header):
    value = {"X-Roles": "admin", "X-Project-Id": whole.victim.project}.get(header, "Confirmed")
    reply = whole.mallory.call("GET", f"{NETWORK}/quotas", headers={header: value})
    assert reply.status_code == 403
    assert whole.client.get(f"{NETWORK}/networks", headers={header: value}).status_code == 401


MEMBERS = [
    "127.0.0.1",
    "::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "fe80::1",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:127.0.0.1",
]


@pytest.fixture(scope="module")
def pool(whole):
    _, subnet = whole.mallory.home("10.45.0.0/24")
    return whole.mallory.balancer(subnet)["pool"]


@pytest.mark.parametrize("address", MEMBERS)
def test_a_member_is_no_address_of_the_machine_itself(whole, pool, address):
    body = {"address": address, "protocol_port": 9876}
    for method, sent in (("POST", {"member": body}), ("PUT", {"members": [body]})):
        reply = whole.mallory.call(method, f"{OCTAVIA}/pools/{pool}/members", sent)
        assert reply.status_code == 400, reply.text
        assert "is not a valid option for member address" in reply.json()["faultstring"]


@pytest.mark.parametrize("address", ["10.45.0.9", "203.0.113.7", "169.254.1.1", "2001:db8::1", "fd00::1"])
def test_a_member_may_be_anywhere_else(whole, pool, address):
    body = {"member": {"address": address, "protocol_port": 80}}
    assert whole.mallory.call("POST", f"{OCTAVIA}/pools/{pool}/members", body).status_code == 201


PATHS = {
    "/load-balancer": "/v2/lbaas/loadbalancers",
    "/network": "/v2.0/networks",
    "/identity": "/v3/auth/tokens",
    "/key-manager": "/v1/secrets",
}


@pytest.mark.parametrize("mount", PATHS)
def test_a_client_that_sends_half_a_body_does_not_keep_its_connection(whole, mount):
    served = face.Service(dataclasses.replace(whole.served.services[mount].face, body_seconds=0.05))
    said = []

    async def receive():
        if said_half:
            await asyncio.Event().wait()
        said_half.append(True)
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message):
        said.append(message)

    said_half: list[bool] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": mount + PATHS[mount],
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"x-auth-token", whole.mallory.token.encode())],
        "server": ("x", 80),
        "scheme": "http",
        "client": ("192.0.2.1", 1),
        "root_path": "",
    }
    asyncio.run(asyncio.wait_for(served(scope, receive, send), 10))
    assert said[0]["status"] == 408


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "token", [b"\xff\xfe", b"\xed\xa0\x80", b"a" * 100_000, b"gAAAAA==", b"...", b"\x01", b"'\"--"]
)
def test_a_token_of_any_bytes_is_none(whole, path, token):
    assert whole.client.get(path, headers={"X-Auth-Token": token}).status_code == 401


@pytest.mark.parametrize("path", ["/load-balancer/openapi.json", "/load-balancer/docs", "/openapi.json", "/docs"])
def test_the_documentation_is_open_to_everybody_and_says_nothing_of_anybody(whole, path):
    reply = whole.client.get(path)
    assert reply.status_code == 200
    for secret in (whole.victim.project, whole.victim.token, str(whole.settings.state_dir), "cloud.example"):
        assert secret not in reply.text
    assert whole.client.post(path, content=b"{}").status_code == 401
