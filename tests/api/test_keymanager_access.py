"""Who may read what: access lists change that as they say, and nothing of a payload goes any other way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import keymanager_cloud
from tests.api.keymanager_cloud import CALLERS, PROJECTS, user

SECRET = "only for those who may"
MEMBERS = ("alice", "dana", "creator")
NAMED = ("bob", "dana", "rita(reader)", "bob-unscoped", "audit", "service")


@dataclass
class Expected:
    """What follows from who made an object and what its access list says."""

    maker: str
    users: frozenset[str] = frozenset()
    project_access: bool = True

    def inside(self, who: str, *roles: str) -> bool:
        """Whether somebody acts in the project with such a role, and the object is not private to another."""
        caller = CALLERS[who]
        if caller.project_id != PROJECTS["demo"]:
            return False
        return "admin" in caller.roles or (
            bool(caller.roles & set(roles)) and (self.project_access or user(who) == user(self.maker))
        )

    def reads(self, who: str) -> bool:
        return self.inside(who, "member", "creator", "observer") or user(who) in self.users

    def looks(self, who: str) -> bool:
        return self.reads(who) or self.inside(who, "audit") or "admin" in CALLERS[who].roles

    def inspects(self, who: str) -> bool:
        return self.inside(who, "member", "creator", "observer")

    def changes(self, who: str) -> bool:
        return self.inside(who, "member", "creator")


READS = st.fixed_dictionaries(
    {},
    optional={
        "users": st.lists(st.sampled_from(NAMED), max_size=3, unique=True).map(lambda names: [user(n) for n in names]),
        "project-access": st.booleans(),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("PUT"), st.one_of(st.just({}), READS.map(lambda read: {"read": read}))),
        st.tuples(st.just("PATCH"), st.one_of(st.just({}), READS.map(lambda read: {"read": read}))),
        st.tuples(st.just("DELETE"), st.none()),
    ),
    max_size=4,
)


def follow(expected: Expected, method: str, body: Any) -> None:
    """Do to what is expected what a call does to an access list."""
    read = (body or {}).get("read")
    if method in {"PUT", "DELETE"}:
        expected.users, expected.project_access = frozenset(), True
    if read is not None:
        expected.users = frozenset(read.get("users", expected.users))
        expected.project_access = read.get("project-access", expected.project_access)


def statuses(keys: keymanager_cloud.Cloud, method: str, path: str, body: Any = None) -> dict[str, int]:
    return {who: keys.ask(method, path, body, who=who, accept="*/*").status_code for who in CALLERS}


def allowed(decide: Callable[[str], bool], status: int = 200) -> dict[str, int]:
    return {who: status if decide(who) else 403 for who in CALLERS}


def lists(who: str) -> bool:
    """Whether somebody may ask for lists at all."""
    return bool(CALLERS[who].project_id and CALLERS[who].roles & {"member", "creator", "observer", "admin"})


def listed(keys: keymanager_cloud.Cloud, path: str, query: str = "") -> set[str]:
    """Who sees a secret in lists."""
    replies = {who: keys.ask("GET", f"secrets?limit=100{query}", who=who) for who in CALLERS}
    return {who for who, reply in replies.items() if reply.status_code == 200 and path in reply.text}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MEMBERS), STEPS)
def test_access_lists_of_secrets_mean_what_they_say(shared_keys, maker, steps):
    made = shared_keys.store(SECRET, who=maker)
    expected = Expected(maker)
    for method, body in steps:
        assert shared_keys.ask(method, f"{made}/acl", body, who=maker).status_code == 200
        follow(expected, method, body)
    assert statuses(shared_keys, "GET", f"{made}/payload") == allowed(expected.reads)
    assert statuses(shared_keys, "GET", made) == allowed(expected.looks)
    assert statuses(shared_keys, "GET", f"{made}/acl") == allowed(expected.inspects)
    assert statuses(shared_keys, "GET", f"{made}/consumers") == allowed(expected.reads)
    assert statuses(shared_keys, "PATCH", f"{made}/acl", {}) == allowed(expected.changes)
    replies = {who: shared_keys.ask("GET", made, who=who, accept="text/plain").text for who in CALLERS}
    assert {who for who, text in replies.items() if SECRET in text} == {who for who in CALLERS if expected.reads(who)}
    own = {who for who in CALLERS if lists(who) and CALLERS[who].project_id == PROJECTS["demo"]}
    named = {who for who in CALLERS if lists(who) and user(who) in expected.users}
    assert listed(shared_keys, made, "&acl_only=true") == named
    assert listed(shared_keys, made, "&sort=created:desc") == own
    assert shared_keys.ask("DELETE", made, who=maker).status_code == 204


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MEMBERS), STEPS)
def test_access_lists_of_containers_open_the_container_and_nothing_in_it(shared_keys, maker, steps):
    inside = shared_keys.store(SECRET, who=maker)
    refs = [{"name": "a", "secret_ref": f"{keymanager_cloud.URL}/v1/{inside}"}]
    made = shared_keys.make("containers", type="generic", secret_refs=refs, who=maker)
    expected = Expected(maker)
    for method, body in steps:
        assert shared_keys.ask(method, f"{made}/acl", body, who=maker).status_code == 200
        follow(expected, method, body)
    assert statuses(shared_keys, "GET", made) == allowed(expected.reads)
    assert statuses(shared_keys, "GET", f"{made}/consumers") == allowed(expected.reads)
    assert statuses(shared_keys, "GET", f"{made}/acl") == allowed(expected.inspects)
    assert statuses(shared_keys, "PATCH", f"{made}/acl", {}) == allowed(expected.changes)
    assert statuses(shared_keys, "GET", f"{inside}/payload") == allowed(Expected(maker).reads)
    for path in (made, inside):
        assert shared_keys.ask("DELETE", path, who=maker).status_code == 204


def test_who_has_a_role_for_it_stores_and_lists(shared_keys):
    makes = {"admin", "alice", "dana", "chief", "creator", "bob", "service"}
    for path, body in (("secrets", {}), ("containers", {"type": "generic"})):
        assert statuses(shared_keys, "POST", path, body) == allowed(makes.__contains__, 201)
        assert statuses(shared_keys, "GET", path) == allowed(lists)


def test_members_remove_what_is_not_private_and_administrators_any_secret(shared_keys):
    # Secrets, in the project and private to their maker; containers likewise.
    removers = {
        ("secrets", True): {"alice", "dana", "creator", "chief", "admin", "service"},
        ("secrets", False): {"alice", "chief", "admin", "service"},
        ("containers", True): {"alice", "dana", "creator", "chief"},
        ("containers", False): {"alice", "chief"},
    }
    for (collection, project_access), expected in removers.items():
        gone = set()
        for who in CALLERS:
            made = shared_keys.make(collection, **({"type": "generic"} if collection == "containers" else {}))
            access = {"read": {"project-access": project_access, "users": [user("bob")]}}
            assert shared_keys.ask("PUT", f"{made}/acl", access).status_code == 200
            gone |= {who} if shared_keys.ask("DELETE", made, who=who).status_code == 204 else set()
        assert gone == expected, (collection, project_access)


def test_who_is_no_longer_named_reads_no_more(keys):
    made = keys.store(SECRET)
    body = {"read": {"users": [user("bob")]}}
    for method, without in (("PUT", {"read": {"users": []}}), ("PATCH", {"read": {"users": []}}), ("DELETE", None)):
        assert keys.ask("PUT", f"{made}/acl", body).status_code == 200
        assert keys.read(made, who="bob") == SECRET.encode()
        assert keys.ask(method, f"{made}/acl", without).status_code == 200
        assert keys.read(made, who="bob") is None
        assert listed(keys, made, "&acl_only=true") == set()


def test_an_access_list_says_when_it_was_made_and_changed(keys):
    made = keys.store()
    assert keys.get(f"{made}/acl") == {"read": {"project-access": True}}
    keys.later()
    keys.ask("PUT", f"{made}/acl", {"read": {"users": ["u"]}})
    keys.later()
    keys.ask("PATCH", f"{made}/acl", {"read": {"project-access": False}})
    moments = {"created": "2026-11-23T12:00:01", "updated": "2026-11-23T12:00:02"}
    assert keys.get(f"{made}/acl") == {"read": {"project-access": False, "users": ["u"], **moments}}
    keys.ask("PUT", f"{made}/acl", {})
    assert keys.get(f"{made}/acl") == {"read": {"project-access": True}}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"write": {}},
        {"read": []},
        {"read": None},
        {"read": {"users": "bob"}},
        {"read": {"users": [1]}},
        {"read": {"users": [""]}},
        {"read": {"users": None, "project-access": "perhaps"}},
        {"read": {"project-access": []}},
        {"read": {}, "list": {}},
    ],
    ids=str,
)
def test_access_lists_that_make_no_sense_are_refused_and_change_nothing(keys, body):
    made = keys.store()
    for method in ("PUT", "PATCH"):
        assert keys.refused(method, f"{made}/acl", body) == 400
    assert keys.get(f"{made}/acl") == {"read": {"project-access": True}}


def test_nobody_puts_anothers_secret_into_a_container_even_if_it_is_open_to_him(keys):
    made = keys.store(SECRET)
    keys.ask("PUT", f"{made}/acl", {"read": {"users": [user("bob")]}})
    refs = [{"name": "a", "secret_ref": f"{keymanager_cloud.URL}/v1/{made}"}]
    assert keys.refused("POST", "containers", {"type": "generic", "secret_refs": refs}, who="bob") == 404
    box = keys.make("containers", type="generic", who="bob")
    assert keys.refused("POST", f"{box}/secrets", refs[0], who="bob") == 404
    assert keys.get(box, who="bob")["secret_refs"] == []


def test_what_exists_is_told_from_what_does_not_only_by_its_identifier(keys):
    made = keys.store(SECRET)
    box = keys.make("containers", type="generic")
    for path in (made, box, f"{made}/payload", f"{made}/acl", f"{box}/acl", f"{made}/consumers"):
        assert keys.refused("GET", path, who="bob") == 403
        name = path.split("/")[1]
        assert keys.refused("GET", path.replace(name, keymanager_cloud.NOBODYS), who="bob") == 404
        assert keys.refused("GET", path.replace(name, name.upper()), who="bob") == 404
