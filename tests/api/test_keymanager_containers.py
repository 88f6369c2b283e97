"""Containers and their secrets, consumers, versions, and what the key manager does not serve, over HTTP."""

from typing import Any

import pytest

from tests.api import keymanager_cloud


def ref(path: str) -> str:
    return f"{keymanager_cloud.URL}/v1/{path}"


def boxed(cloud: keymanager_cloud.Cloud, kind: str, *wanted: str, who: str = "alice") -> dict[str, Any]:
    """A body with a secret of its own under each name."""
    refs = [{"name": name, "secret_ref": ref(cloud.store(name, who=who))} for name in wanted]
    return {"type": kind, "secret_refs": refs}


def test_a_container_shows_what_is_in_it(keys):
    body = boxed(keys, "certificate", "certificate", "private_key")
    made = keys.make("containers", name="c", **body)
    shown = keys.get(made)
    assert sorted(shown["secret_refs"], key=str) == sorted(body["secret_refs"], key=str)
    assert (shown["name"], shown["type"], shown["consumers"]) == ("c", "certificate", [])
    assert (shown["status"], shown["container_ref"]) == ("ACTIVE", ref(made))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("generic", ()),
        ("generic", ("a", "b")),
        ("rsa", ("public_key", "private_key")),
        ("rsa", ("public_key", "private_key", "private_key_passphrase")),
        ("certificate", ("certificate",)),
        ("certificate", ("certificate", "private_key", "private_key_passphrase", "intermediates")),
    ],
)
def test_containers_take_the_secrets_of_their_type(shared_keys, kind, wanted):
    made = shared_keys.make("containers", **boxed(shared_keys, kind, *wanted))
    assert {each["name"] for each in shared_keys.get(made)["secret_refs"]} == set(wanted)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("rsa", ("private_key",)),
        ("rsa", ("public_key", "private_key", "other")),
        ("certificate", ("private_key",)),
        ("certificate", ("certificate", "public_key")),
        ("generic", ("a", "a")),
        ("box", ()),
    ],
)
def test_containers_refuse_other_secrets(shared_keys, kind, wanted):
    assert shared_keys.refused("POST", "containers", boxed(shared_keys, kind, *wanted)) == 400


@pytest.mark.parametrize(
    "refs",
    [
        {},
        [1],
        [{}],
        [{"name": "a"}],
        [{"name": 5, "secret_ref": ref(f"secrets/{keymanager_cloud.NOBODYS}")}],
        [{"name": "x" * 256, "secret_ref": ref(f"secrets/{keymanager_cloud.NOBODYS}")}],
        [{"name": "a", "secret_ref": keymanager_cloud.NOBODYS}],
        [{"name": "a", "secret_ref": ref("containers/x")}],
        [{"name": "a", "secret_ref": ["x"]}],
        [{"name": "a", "secret_ref": "http://elsewhere/v1/secrets/x"}],
        [{"name": "a", "secret_ref": "file:///key-manager/v1/secrets/x"}],
    ],
    ids=lambda refs: str(refs)[:60],
)
def test_references_that_are_none_are_refused(shared_keys, refs):
    assert shared_keys.refused("POST", "containers", {"type": "generic", "secret_refs": refs}) == 400


def test_a_reference_counts_under_every_name_of_the_host(shared_keys):
    made = shared_keys.store()
    elsewhere = f"https://198.51.100.7:9876/key-manager/v1/{made}/"
    box = shared_keys.make("containers", type="generic", secret_refs=[{"secret_ref": elsewhere}])
    assert shared_keys.get(box)["secret_refs"] == [{"name": None, "secret_ref": ref(made)}]


def test_a_generic_container_is_filled_and_emptied_one_by_one(keys):
    box = keys.make("containers", type="generic")
    one = {"name": "one", "secret_ref": ref(keys.store())}
    keys.later()
    assert keys.ask("POST", f"{box}/secrets", one).status_code == 201
    assert keys.get(box)["secret_refs"] == [one]
    assert keys.get(box)["updated"] == "2026-11-23T12:00:01"
    assert keys.refused("POST", f"{box}/secrets", one) == 409
    assert keys.refused("DELETE", f"{box}/secrets", {**one, "name": "two"}) == 404
    assert keys.ask("DELETE", f"{box}/secrets", one).status_code == 204
    assert keys.refused("DELETE", f"{box}/secrets", one) == 404
    fixed = keys.make("containers", **boxed(keys, "certificate", "certificate"))
    assert keys.refused("POST", f"{fixed}/secrets", {**one, "name": "private_key"}) == 400


def test_a_removed_container_leaves_its_secrets(keys):
    body = boxed(keys, "generic", "a")
    box = keys.make("containers", **body)
    assert keys.ask("POST", f"{box}/consumers", {"name": "lb", "URL": "http://x"}).status_code == 200
    assert keys.ask("DELETE", box).status_code == 204
    assert keys.refused("GET", box) == 404
    assert keys.read(body["secret_refs"][0]["secret_ref"].removeprefix(f"{keymanager_cloud.URL}/v1/")) == b"a"
    with keys.database.read() as held:
        for noun in ("containers", "container_consumers", "container_secrets"):
            assert held.connection.exec_driver_sql(f"SELECT count(*) FROM {noun}").scalar() == 0


def test_containers_are_listed_by_name_and_type_in_pages(keys):
    for name, kind in (("a", "generic"), ("b", "certificate"), ("c", "generic")):
        keys.make("containers", name=name, **boxed(keys, kind, "certificate"))
        keys.later()

    def listed(query: str) -> str:
        return "".join(each["name"] for each in keys.get(f"containers?{query}")["containers"])

    assert listed("") == "abc"
    assert listed("type=generic") == "ac"
    assert listed("name=b") == "b"
    assert listed("limit=1&offset=1") == "b"
    assert all(len(each["secret_refs"]) == 1 for each in keys.get("containers")["containers"])
    assert keys.get("containers", who="bob") == {"containers": [], "total": 0}


def test_consumers_of_a_container_are_known_once(keys):
    box = keys.make("containers", type="generic")
    one = {"name": "lb", "URL": "http://x/1"}
    for _ in range(2):
        assert keys.ask("POST", f"{box}/consumers", one).json()["consumers"] == [one]
    keys.later()
    other = {"name": "lb", "URL": "http://x/2"}
    assert keys.ask("POST", f"{box}/consumers", other).json()["consumers"] == [one, other]
    listed = keys.get(f"{box}/consumers?limit=1")
    assert (listed["total"], [each["URL"] for each in listed["consumers"]]) == (2, ["http://x/1"])
    assert listed["next"].endswith("/consumers?limit=1&offset=1")
    assert keys.ask("DELETE", f"{box}/consumers", one).json()["consumers"] == [other]
    assert keys.refused("DELETE", f"{box}/consumers", one) == 404


def test_consumers_of_a_secret_are_shown_from_version_1_1_on(keys):
    made = keys.store()
    one = {"service": "lb", "resource_type": "listener", "resource_id": "7"}
    newer = {"OpenStack-API-Version": "key-manager 1.1"}
    assert keys.ask("POST", f"{made}/consumers", one, **newer).json()["consumers"] == [one]
    assert keys.get(made, **newer)["consumers"] == [one]
    assert keys.get("secrets", **newer)["secrets"][0]["consumers"] == [one]
    assert "consumers" not in keys.get(made)
    (listed,) = keys.get(f"{made}/consumers")["consumers"]
    assert listed == {**one, "status": "ACTIVE", **dict.fromkeys(("created", "updated"), "2026-11-23T12:00:00")}
    assert keys.ask("DELETE", f"{made}/consumers", one).status_code == 200
    assert keys.get(made, **newer)["consumers"] == []


@pytest.mark.parametrize(
    "sent",
    [{}, [], {"name": "x"}, {"name": None, "URL": "x"}, {"name": "x", "URL": 1}, {"name": "x", "URL": "y" * 256}],
)
def test_consumers_that_say_too_little_are_refused(shared_keys, sent):
    box = shared_keys.make("containers", type="generic")
    for method in ("POST", "DELETE"):
        assert shared_keys.refused(method, f"{box}/consumers", sent) == 400


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "1.0"),
        ("key-manager 1.2", "1.2"),
        ("compute 2.1, key-manager 1.1", "1.1"),
        ("key-manager latest", "1.2"),
        ("compute 2.99", "1.0"),
    ],
)
def test_a_version_is_asked_for_and_told(shared_keys, asked, given):
    reply = shared_keys.ask("GET", "secrets", OpenStack_API_Version=asked)
    assert reply.headers["OpenStack-API-Version"] == f"key-manager {given}"
    assert reply.headers["Vary"] == "openstack-api-version"
    missing = shared_keys.ask("GET", f"secrets/{keymanager_cloud.NOBODYS}", OpenStack_API_Version=asked)
    assert missing.headers["OpenStack-API-Version"] == f"key-manager {given}"


@pytest.mark.parametrize("asked", ["key-manager 1.3", "key-manager", "key-manager 2.0", "key-manager x"])
def test_a_version_that_is_not_there_is_refused(shared_keys, asked):
    reply = shared_keys.ask("GET", "secrets", OpenStack_API_Version=asked)
    assert reply.status_code == 406
    assert "1.0 to 1.2" in reply.json()["message"]


def test_the_one_version_is_described_in_the_form_of_the_version_asked_for(shared_keys):
    assert shared_keys.get("")["version"]["status"] == "stable"
    newer = shared_keys.get("", OpenStack_API_Version="key-manager 1.1")["version"]
    assert (newer["status"], newer["min_version"], newer["max_version"]) == ("CURRENT", "1.0", "1.2")


def test_orders_are_none_and_not_taken(shared_keys):
    assert shared_keys.get("orders") == {"orders": [], "total": 0}
    assert shared_keys.refused("POST", "orders", {"type": "key", "meta": {}}) == 501
    assert shared_keys.refused("GET", f"orders/{keymanager_cloud.NOBODYS}") == 404
    assert shared_keys.refused("DELETE", f"orders/{keymanager_cloud.NOBODYS}") == 404


def test_nothing_limits_how_much_is_kept(shared_keys):
    assert set(shared_keys.get("quotas")["quotas"].values()) == {-1}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "secrets", 405),
        ("DELETE", "secrets", 405),
        ("PATCH", f"secrets/{keymanager_cloud.NOBODYS}", 406),
        ("POST", f"secrets/{keymanager_cloud.NOBODYS}", 406),
        ("POST", f"containers/{keymanager_cloud.NOBODYS}/acl", 406),
        ("PUT", f"containers/{keymanager_cloud.NOBODYS}", 405),
        ("POST", f"secrets/{keymanager_cloud.NOBODYS}/payload", 405),
        ("GET", f"secrets/{keymanager_cloud.NOBODYS}/metadata", 404),
        ("GET", "cas", 404),
    ],
)
def test_other_methods_and_paths_are_refused_as_barbican_does(shared_keys, method, path, status):
    assert shared_keys.refused(method, path) == status
