"""The unmodified `openstack` command keeps secrets: stored, listed, read, shared, put into containers, removed."""

import base64

import pytest

from tests import certificates
from tests.compat import passes, terminal


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("barbicanclient")


@pytest.fixture(scope="module")
def people(live):
    """Two tenants who know nothing of each other, by name."""
    admin = terminal.administrator(live)
    found = {}
    for name in ("keeper", "stranger"):
        admin.do("project create", name)
        found[name] = admin.get("user create", "--project", name, "--password", "secret sauce", name)["id"]
        admin.do("role add", "--project", name, "--user", name, "member")
    yield found
    for name in found:
        admin.do("user delete", name)
        admin.do("project delete", name)
    admin.close()


@pytest.fixture(scope="module")
def keeper(live, people, noted):
    """Whose secrets they are."""
    yield from console(live, "keeper", noted)


@pytest.fixture(scope="module")
def stranger(live, people, noted):
    """Somebody of another project."""
    yield from console(live, "stranger", noted)


def console(live, name, noted):
    place = {"OS_AUTH_URL": f"{live.url}/identity/v3", "OS_IDENTITY_API_VERSION": "3"}
    who = {"OS_USERNAME": name, "OS_PASSWORD": "secret sauce", "OS_PROJECT_NAME": name}
    made = terminal.Console(noted, {**place, **terminal.DOMAIN, **who})
    yield made
    made.close()


def store(console, *words):
    """The reference of a new secret."""
    return console.get("secret store", *words)["Secret href"]


def test_texts_and_bytes_are_stored_and_read(keeper, tmp_path):
    text = store(keeper, "--name", "text", "--payload", "hello", "--payload-content-type", "text/plain")
    assert keeper.get("secret get", "--payload", text) == {"Payload": "hello"}
    shown = keeper.get("secret get", text)
    assert (shown["Name"], shown["Status"], shown["Algorithm"]) == ("text", "ACTIVE", "aes")
    assert shown["Content types"] == {"default": "text/plain"}
    archive = tmp_path / "bundle.p12"
    archive.write_bytes(certificates.authority("a.example").archive())
    kept = store(keeper, "--name", "archive", "--file", str(archive))
    back = tmp_path / "back.p12"
    keeper.do("secret get", "--file", str(back), "--payload_content_type", "application/octet-stream", kept)
    assert back.read_bytes() == archive.read_bytes()
    encoded = base64.b64encode(bytes(range(256))).decode()
    how = ("--payload-content-type", "application/octet-stream", "--payload-content-encoding", "base64")
    store(keeper, "--name", "bytes", "--payload", encoded, *how)
    assert {each["Name"] for each in keeper.get("secret list")} >= {"text", "archive", "bytes"}
    assert [each["Secret href"] for each in keeper.get("secret list", "--name", "text")] == [text]
    assert len(keeper.get("secret list", "--limit", "1", "--offset", "1")) == 1
    assert "Wrong payload content-type" in keeper.refused("secret get", "--payload", kept)
    for ref in (text, kept):
        keeper.do("secret delete", ref)
    assert "Not Found" in keeper.refused("secret get", text)


def test_a_payload_is_sent_later(keeper):
    later = store(keeper, "--name", "later", "--secret-type", "passphrase")
    assert keeper.get("secret get", later)["Content types"] is None
    keeper.do("secret update", later, "hello")
    assert keeper.get("secret get", "--payload", later) == {"Payload": "hello"}
    assert "Conflict" in keeper.refused("secret update", later, "again")
    keeper.do("secret delete", later)


def test_a_secret_is_opened_to_somebody_and_closed_again(keeper, stranger, people):
    ref = store(keeper, "--payload", "hello", "--payload-content-type", "text/plain")
    assert "Forbidden" in stranger.refused("secret get", "--payload", ref)
    keeper.do("acl user add", "--user", people["stranger"], ref)
    assert stranger.get("secret get", "--payload", ref) == {"Payload": "hello"}
    (shown,) = keeper.get("acl get", ref)
    assert (shown["Project Access"], shown["Users"]) == (True, [people["stranger"]])
    keeper.do("acl user remove", "--user", people["stranger"], ref)
    assert "Forbidden" in stranger.refused("secret get", "--payload", ref)
    keeper.do("acl submit", "--no-project-access", "--user", people["stranger"], ref)
    assert keeper.get("acl get", ref)[0]["Project Access"] is False
    assert stranger.get("secret get", "--payload", ref) == {"Payload": "hello"}
    keeper.do("acl delete", ref)
    assert keeper.get("acl get", ref)[0]["Project Access"] is True
    assert "Forbidden" in stranger.refused("acl get", ref)
    assert "Forbidden" in stranger.refused("secret delete", ref)
    keeper.do("secret delete", ref)


def test_consumers_are_registered(keeper):
    ref = store(keeper, "--payload", "hello", "--payload-content-type", "text/plain")
    user = ("--service-type-name", "load-balancer", "--resource-type", "listener", "--resource-id", "7")
    keeper.do("secret consumer create", *user, ref)
    (shown,) = keeper.get("secret consumer list", ref)
    assert (shown["Service"], shown["Resource type"], shown["Resource id"]) == ("load-balancer", "listener", "7")
    keeper.do("secret consumer delete", *user, ref)
    assert keeper.get("secret consumer list", ref) == []
    keeper.do("secret delete", ref)


def test_containers_hold_what_belongs_together(keeper, stranger):
    own = certificates.authority("a.example")
    text = ("--payload-content-type", "text/plain", "--payload")
    parts = {
        "certificate": store(keeper, *text, own.pem.decode()),
        "private_key": store(keeper, *text, own.key_pem().decode()),
    }
    words = [word for name, ref in parts.items() for word in ("--secret", f"{name}={ref}")]
    box = keeper.get("secret container create", "--name", "tls", "--type", "certificate", *words)["Container href"]
    # As JSON the command cannot show a container: it trips over its own moments.
    shown = keeper.do("secret container get", "-f", "value", box)
    assert {"tls", "certificate", "ACTIVE", box} <= set(shown.split())
    assert all(ref in shown for ref in parts.values())
    assert box in keeper.do("secret container list", "-f", "value", "--name", "tls")
    assert keeper.do("secret container list", "-f", "value", "--name", "other").strip() == ""
    assert "Forbidden" in stranger.refused("secret container get", box)
    keeper.do("secret container delete", box)
    assert "Not Found" in keeper.refused("secret container get", box)
    for ref in parts.values():
        keeper.do("secret delete", ref)


def test_orders_are_empty(keeper):
    assert keeper.get("secret order list") == []
    assert "Not Implemented" in keeper.refused("secret order create", "key", "--name", "k")


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
