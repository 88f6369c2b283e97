"""Lists of the key manager: filters, order and pages, none of which touches a payload."""

from typing import Any

import pytest

from tests.api import keymanager_cloud
from vipool.model import payload
from vipool.store import rows


def names(cloud: keymanager_cloud.Cloud, query: str = "", **more: Any) -> list[Any]:
    return [each["name"] for each in cloud.get(f"secrets{query}", **more)["secrets"]]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Secrets a to e, a second apart, and one of another project."""
    made = keymanager_cloud.Cloud(tmp_path_factory.mktemp("shelf") / "state.db")
    for place, name in enumerate("abcde"):
        kind = "certificate" if name in "bd" else "opaque"
        made.store(name=name, secret_type=kind, algorithm=name, bit_length=place + 1, mode="m" if name == "a" else None)
        made.later()
    made.make("secrets", name="later", expiration="2030-01-01T00:00:00")
    made.store(who="bob", name="bob's")
    yield made
    made.close()


def test_a_list_has_the_projects_secrets_in_the_order_of_their_making(shelf):
    assert names(shelf) == ["a", "b", "c", "d", "e", "later"]
    assert names(shelf, who="bob") == ["bob's"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=c", "c"),
        ("name=", "abcde+"),
        ("name=c%00", ""),
        ("secret_type=certificate", "bd"),
        ("secret_type=certificate&name=b", "b"),
        ("alg=d", "d"),
        ("mode=m", "a"),
        ("bits=2", "b"),
        ("bits=0", "abcde+"),
        ("bits=many", "abcde+"),
        ("created=2026-11-23T12:00:01", "b"),
        ("created=gt:2026-11-23T12:00:02", "cde+"),
        ("created=gte:2026-11-23T12:00:01,lt:2026-11-23T12:00:03", "bc"),
        ("updated=lte:2026-11-23T12:00:01Z", "a"),
        ("expiration=gt:2029-01-01T00:00:00", "+"),
        ("expiration=lt:2029-01-01", ""),
        ("sort=name:desc", "+edcba"),
        ("sort=secret_type,name:desc", "db+eca"),
        ("sort=mode:desc,created:asc", "abcde+"),
        ("sort=status", "abcde+"),
        ("limit=2", "ab"),
        ("limit=2&offset=3", "de"),
        ("limit=2&offset=99", ""),
        ("offset=-1&limit=1", "a"),
        ("offset=x&limit=1", "a"),
        ("limit=0", "a"),
        ("limit=-5", "a"),
        ("limit=%D9%A3", "abcde+"),
        ("offset=999999999999", ""),
        ("limit=2&limit=3", "abc"),
        ("bogus=1&limit=1", "a"),
        ("acl_only=false", "abcde+"),
        ("acl_only=true", ""),
    ],
)
def test_a_list_is_what_was_asked_for(shelf, query, expected):
    found = names(shelf, "?" + query)
    assert "".join("+" if name == "later" else name for name in found) == expected


@pytest.mark.parametrize(
    "query",
    [
        "sort=size",
        "sort=name:up",
        "sort=name:",
        "created=soon",
        "created=gt:",
        "created=gt:x",
        "created=9999-12-31T23:59:59",
    ],
)
def test_a_list_that_cannot_be_is_refused(shelf, query):
    if query == "sort=name:":
        assert names(shelf, "?" + query)[0] == "a"
    else:
        assert shelf.refused("GET", f"secrets?{query}") == 400


def test_pages_lead_to_each_other_and_keep_what_was_asked_for(shelf):
    seen = []
    where = "secrets?limit=2&sort=name:desc&bogus=%26"
    while where:
        page = shelf.get(where)
        seen += [each["name"] for each in page["secrets"]]
        assert page["total"] == 6
        where = page.get("next", "").removeprefix(f"{keymanager_cloud.URL}/v1/")
    assert seen == ["later", "e", "d", "c", "b", "a"]
    back = page["previous"].removeprefix(f"{keymanager_cloud.URL}/v1/")
    assert back == "secrets?limit=2&offset=2&sort=name%3Adesc&bogus=%26"
    assert [each["name"] for each in shelf.get(back)["secrets"]] == ["d", "c"]


def test_a_page_has_at_most_a_hundred(keys):
    for _ in range(101):
        keys.make("secrets")
    page = keys.get("secrets?limit=1000")
    assert (len(page["secrets"]), page["total"]) == (100, 101)
    assert page["next"].endswith("?limit=100&offset=100")


def test_a_list_opens_no_payload(keys):
    made = keys.store()
    with keys.database.write() as held:
        rows.change(held, payload.Payload, made.partition("/")[2], {"sealed": "nothing that opens"})
    assert keys.get("secrets")["total"] == 1
    assert keys.get(made)["content_types"] == {"default": "text/plain"}
    assert keys.refused("GET", f"{made}/payload") == 503
