"""Secrets over HTTP: what goes in comes out byte for byte, what is said of it is shown, both go when it is removed."""

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import keymanager_cloud
from vipool.model import payload
from vipool.store import rows

BYTES = bytes(range(256))
OCTETS = {"payload_content_type": "application/octet-stream", "payload_content_encoding": "base64"}
LONGEST = 20_000


def ref(path: str) -> str:
    return f"{keymanager_cloud.URL}/v1/{path}"


def encoded(clear: bytes) -> str:
    return base64.b64encode(clear).decode()


def stored(cloud: keymanager_cloud.Cloud, how: str, clear: bytes) -> str:
    """A secret with this payload, sent in one of the ways there are."""
    if how == "text":
        return cloud.make("secrets", payload=clear.decode(), payload_content_type="text/plain")
    if how in {"octets", "pkcs8"}:
        kind = "application/pkcs8" if how == "pkcs8" else "application/octet-stream"
        return cloud.make(
            "secrets", payload=encoded(clear), payload_content_type=kind, payload_content_encoding="base64"
        )
    if how == "base64 in lines":
        return cloud.make("secrets", payload=base64.encodebytes(clear).decode(), **OCTETS)
    made = cloud.make("secrets")
    headers = {
        "put text": {"Content-Type": "text/plain"},
        "put octets": {"Content-Type": "application/octet-stream"},
        "put base64": {"Content-Type": "application/octet-stream", "Content-Encoding": "base64"},
    }[how]
    reply = cloud.ask("PUT", made, encoded(clear) if how == "put base64" else clear, **headers)
    assert reply.status_code == 204, reply.text
    return made


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).map(str.encode)
WAYS = st.one_of(
    st.tuples(st.sampled_from(["text", "put text"]), TEXTS),
    st.tuples(
        st.sampled_from(["octets", "pkcs8", "put octets", "put base64", "base64 in lines"]),
        st.binary(min_size=1, max_size=500),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WAYS)
def test_what_is_stored_is_read_byte_for_byte_however_it_was_sent(shared_keys, way):
    how, clear = way
    made = stored(shared_keys, how, clear)
    kind = shared_keys.get(made)["content_types"]["default"]
    for accept in (kind, "application/octet-stream", "*/*", f"image/png, {kind};q=0.5"):
        assert shared_keys.read(made, accept=accept) == clear
    assert shared_keys.ask("GET", f"{made}/payload").content == clear
    assert shared_keys.ask("GET", made, accept=kind).content == clear


@pytest.mark.parametrize(
    ("how", "kind"), [("text", "text/plain"), ("octets", "application/octet-stream"), ("pkcs8", "application/pkcs8")]
)
def test_a_payload_says_what_it_is(shared_keys, how, kind):
    made = stored(shared_keys, how, b"hello")
    assert shared_keys.get(made)["content_types"] == {"default": kind}
    for accept in (kind, "*/*"):
        assert shared_keys.ask("GET", f"{made}/payload", accept=accept).headers["Content-Type"].startswith(kind)
    assert shared_keys.ask("GET", f"{made}/payload", accept="").headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("accept", ["application/json", "image/png", "text/html, image/*", "text/plain;q=0"])
def test_a_payload_in_a_form_it_does_not_have_is_refused(shared_keys, accept):
    for how in ("text", "octets"):
        assert shared_keys.refused("GET", f"{stored(shared_keys, how, b'x')}/payload", accept=accept) == 406


def test_bytes_are_no_text(shared_keys):
    made = stored(shared_keys, "octets", BYTES)
    assert shared_keys.refused("GET", f"{made}/payload", accept="text/plain") == 406
    assert shared_keys.refused("GET", made, accept="text/plain") == 406


def test_what_is_said_of_a_secret_is_preferred_to_its_payload_where_a_client_takes_both(shared_keys):
    made = shared_keys.store("hello")
    for accept in ("*/*", "application/json", "text/plain, application/json", "application/*"):
        assert shared_keys.get(made, accept=accept)["secret_ref"] == ref(made)
    assert shared_keys.ask("GET", made, accept="application/json;q=0.1, text/plain").text == "hello"


def test_a_secret_gets_its_payload_later_and_once(keys):
    made = keys.make("secrets", name="later")
    assert "content_types" not in keys.get(made)
    assert keys.refused("GET", f"{made}/payload") == 404
    assert keys.refused("GET", made, accept="text/plain") == 404
    keys.later()
    assert keys.ask("PUT", made, "one", Content_Type="text/plain; charset=UTF-8").status_code == 204
    assert keys.refused("PUT", made, "two", Content_Type="text/plain") == 409
    assert keys.read(made) == b"one"
    shown = keys.get(made)
    assert (shown["created"], shown["updated"]) == ("2026-11-23T12:00:00", "2026-11-23T12:00:01")


def test_a_payload_has_a_longest(shared_keys):
    full = "x" * LONGEST
    assert shared_keys.read(shared_keys.store(full)) == full.encode()
    assert shared_keys.read(stored(shared_keys, "octets", BYTES[:250] * 80)) == BYTES[:250] * 80
    for sent in (
        {"payload": full + "x", "payload_content_type": "text/plain"},
        {"payload": "é" * 10_001, "payload_content_type": "text/plain"},
        {"payload": encoded(b"x" * 20_001), **OCTETS},
    ):
        assert shared_keys.refused("POST", "secrets", sent) == 413
    made = shared_keys.make("secrets")
    assert shared_keys.refused("PUT", made, full + "x", Content_Type="text/plain") == 413
    assert shared_keys.refused("PUT", made, "x" * 200_000, Content_Type="text/plain") == 413
    assert "content_types" not in shared_keys.get(made)


def test_a_text_of_escapes_only_fits(shared_keys):
    sent = '{"payload": "' + "\\u00e9" * 10_000 + '", "payload_content_type": "text/plain"}'
    reply = shared_keys.ask("POST", "secrets", sent)
    assert reply.status_code == 201, reply.text


PAYLOADS: list[dict[str, Any]] = [
    {"payload": "x"},
    {"payload": "x", "payload_content_type": None},
    {"payload": None, "payload_content_type": "text/plain"},
    {"payload": {"a": 1}, "payload_content_type": "text/plain"},
    {"payload": "", "payload_content_type": "text/plain"},
    {"payload": "", **OCTETS},
    {"payload": " \n", **OCTETS},
    {"payload": "x", **OCTETS},
    {"payload": "%%%=", **OCTETS},
    {"payload": "é===", **OCTETS},
    {"payload": "eA==", **{**OCTETS, "payload_content_encoding": "BASE64"}},
    {"payload": "eA==", **{**OCTETS, "payload_content_encoding": ["base64"]}},
    {"payload": "eA==", "payload_content_type": "application/octet-stream"},
    {"payload": "eA==", "payload_content_type": "text/plain", "payload_content_encoding": "base64"},
    {"payload": "x", "payload_content_type": "text/html"},
    {"payload": "x", "payload_content_type": ["text/plain"]},
    {"payload": "x", "payload_content_type": "text/plain; charset=latin-1"},
    {"payload_content_type": "text/plain"},
    {"payload_content_encoding": "rot13"},
]


@pytest.mark.parametrize("sent", PAYLOADS, ids=str)
def test_a_payload_that_does_not_say_what_it_is_is_refused(shared_keys, sent):
    assert shared_keys.refused("POST", "secrets", sent) == 400


PUTS: list[tuple[bytes, dict[str, str], int]] = [
    (b"", {"Content-Type": "text/plain"}, 400),
    (b"\xff", {"Content-Type": "text/plain"}, 400),
    (b"%%%", {"Content-Type": "application/octet-stream", "Content-Encoding": "base64"}, 400),
    (b"x", {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}, 415),
    (b"eA==", {"Content-Type": "text/plain", "Content-Encoding": "base64"}, 415),
    (b"{}", {"Content-Type": "application/json"}, 415),
    (b"x", {"Content-Type": ""}, 415),
]


@pytest.mark.parametrize(("sent", "headers", "status"), PUTS, ids=str)
def test_a_payload_that_cannot_be_kept_is_refused_and_the_secret_stays_empty(shared_keys, sent, headers, status):
    made = shared_keys.make("secrets")
    assert shared_keys.refused("PUT", made, sent, **headers) == status
    assert "content_types" not in shared_keys.get(made)


def test_a_secret_shows_what_was_said_of_it(keys):
    values = {"name": "n", "secret_type": "symmetric", "algorithm": "aes", "bit_length": 256, "mode": "cbc"}
    made = keys.make("secrets", **values, expiration="2027-01-01T00:00:00+01:00", bogus={"ignored": True})
    moments = {"created": "2026-11-23T12:00:00", "updated": "2026-11-23T12:00:00", "expiration": "2026-12-31T23:00:00"}
    more = {"status": "ACTIVE", "creator_id": keymanager_cloud.user("alice"), "secret_ref": ref(made)}
    assert keys.get(made) == {**values, **moments, **more}


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "x" * 256},
        {"name": ["x"]},
        {"name": "nul\x00"},
        {"algorithm": 1},
        {"mode": {}},
        {"bit_length": 0},
        {"bit_length": 2**15},
        {"bit_length": "many"},
        {"bit_length": 10**400},
        {"secret_type": "key"},
        {"secret_type": 1},
        {"expiration": "soon"},
        {"expiration": "2026-11-23T12:00:00"},
        {"expiration": "9999-12-31T23:59:59-23:59"},
        {"expiration": {}},
    ],
    ids=lambda sent: str(sent)[:40],
)
def test_what_makes_no_sense_of_a_secret_is_refused(shared_keys, sent):
    assert shared_keys.refused("POST", "secrets", sent) == 400


def test_a_secret_whose_time_is_over_is_as_if_it_were_not_there(keys):
    made = keys.store(expiration="2026-11-23T12:00:02")
    keys.later()
    assert keys.read(made) == b"hello"
    keys.later()
    assert keys.refused("GET", made) == 404
    assert keys.refused("GET", f"{made}/payload") == 404
    assert keys.refused("GET", f"{made}/acl") == 404
    assert keys.get("secrets") == {"secrets": [], "total": 0}
    body = {"type": "generic", "secret_refs": [{"name": "a", "secret_ref": ref(made)}]}
    assert keys.refused("POST", "containers", body) == 404


def test_a_removed_secret_leaves_nothing_behind(keys):
    made = keys.store()
    body = {"service": "s", "resource_type": "t", "resource_id": "i"}
    assert keys.ask("POST", f"{made}/consumers", body).status_code == 200
    box = keys.make("containers", type="generic", secret_refs=[{"name": "a", "secret_ref": ref(made)}])
    assert keys.ask("DELETE", made).status_code == 204
    assert keys.refused("DELETE", made) == 404
    assert keys.get(box)["secret_refs"] == []
    with keys.database.read() as held:
        assert rows.count(held, payload.Payload) == 0
        for noun in ("secrets", "secret_consumers", "container_secrets"):
            assert held.connection.exec_driver_sql(f"SELECT count(*) FROM {noun}").scalar() == 0
