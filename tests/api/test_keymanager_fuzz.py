"""Nothing a client can send makes the key manager fail: each request gets an answer in its own words."""

import json
import string
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import keymanager_cloud
from tests.api.keymanager_cloud import URL, user

NAMES = st.sampled_from(
    [
        "name", "payload", "payload_content_type", "payload_content_encoding", "secret_type", "algorithm", "bit_length",
        "mode", "expiration", "type", "secret_refs", "secret_ref", "read", "users", "project-access", "URL", "service",
        "resource_type", "resource_id", "meta", "id", "project_id", "creator_id", "content_type",
    ]
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(
        ["text/plain", "application/octet-stream", "base64", "opaque", "generic", "certificate", "eA==", "true", ""]
    ),
    st.sampled_from([f"{URL}/v1/secrets/{keymanager_cloud.NOBODYS}", user("bob"), "2030-01-01T00:00:00", "\x00"]),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, WORDS), inner, max_size=4)),
    max_leaves=12,
)
BODIES = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=6).map(json.dumps),
    VALUES.map(json.dumps),
    st.binary(max_size=50),
    st.sampled_from(
        [b"", b"null", b"{", b"[" * 5000, b'{"a":' * 500, b'{"name":"\\ud800"}', b'{"bit_length":1e999}', b"\xff"]
    ),
)
KINDS = ("application/json", "text/plain", "application/octet-stream", "image/png", "", "application/json; charset=x")
HEADERS = st.fixed_dictionaries(
    {"Content-Type": st.sampled_from(KINDS)},
    optional={
        "Accept": st.one_of(
            st.sampled_from(["*/*", "application/json", "text/plain;q=0", "text/plain;q=nan", ",;,=", "*/*;q=2"]),
            st.text(string.printable.strip(), max_size=20),
        ),
        "Content-Encoding": st.sampled_from(["base64", "gzip", "", "base64, base64"]),
        "OpenStack-API-Version": st.sampled_from(
            ["key-manager 1.1", "key-manager 9", "key-manager", "x", "latest", ",,"]
        ),
    },
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["limit", "offset", "sort", "name", "bits", "alg", "acl_only", "created", "expiration", "x"]),
        st.one_of(
            WORDS, st.integers().map(str), st.sampled_from(["gt:", "lt:2030-01-01", "name:desc,,", "true", "%00"])
        ),
    ),
    max_size=4,
)
PATHS = st.sampled_from(
    [
        f"{noun}{tail}"
        for noun in ("secrets", "containers", "orders", "quotas", "cas", "")
        for tail in ("", "/", "/{id}", "/{id}/acl", "/{id}/consumers", "/{id}/payload", "/{id}/secrets", "/{id}/x")
    ]
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
IDENTIFIERS = st.one_of(
    st.sampled_from(["own", "box", "foreign"]),
    st.sampled_from([keymanager_cloud.NOBODYS, "%00", "..", "%2e%2e", "'", "*", "%ff", "a" * 3000, "None", "%0a"]),
)


def fresh(keys: keymanager_cloud.Cloud) -> dict[str, str]:
    """Something to aim at: a secret of one's own, a container, a secret of somebody else."""
    foreign = keys.store("a payload that bob may not see")
    return {
        "own": keys.make("secrets", who="bob").partition("/")[2],
        "box": keys.make("containers", type="generic", who="bob").partition("/")[2],
        "foreign": foreign.partition("/")[2],
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(METHODS, PATHS, IDENTIFIERS, st.tuples(BODIES, HEADERS, QUERIES))
def test_every_request_gets_an_answer_and_no_payload_of_others(shared_keys, method, path, identifier, rest):
    body, headers, query = rest
    names = fresh(shared_keys)
    place = path.replace("{id}", names.get(identifier, identifier))
    sent: dict[str, Any] = {"content": body if method in {"POST", "PUT", "PATCH", "DELETE"} else None, "params": query}
    reply = shared_keys.client.request(
        method,
        f"/key-manager/v1/{place}",
        headers={"X-Auth-Token": "bob", **{name: value.encode() for name, value in headers.items()}},
        **sent,
    )
    assert reply.status_code < 500 or (reply.status_code == 501 and place.startswith("orders")), reply.text
    assert "may not see" not in reply.text
    if reply.status_code >= 400 and method != "HEAD":
        said = reply.json()
        assert said.get("description") or said.get("message") or said["error"]["message"], said
