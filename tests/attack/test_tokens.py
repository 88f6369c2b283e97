"""Tokens that are damaged, stretched, outlived or carried elsewhere open nothing."""

import pytest

from tests.attack import town

NETWORKS = "/network/v2.0/networks"
TOKENS = "/identity/v3/auth/tokens"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One town for all of these tests."""
    made = town.Town(tmp_path_factory.mktemp("town"))
    yield made
    made.database.close()


def opens(whole, token):
    return whole.client.get(NETWORKS, headers={"X-Auth-Token": token}).status_code


def rescoped(whole, token, scope):
    identity = {"methods": ["token"], "token": {"id": token}}
    return whole.client.post(TOKENS, json={"auth": {"identity": identity, "scope": scope}})


def test_no_letter_of_a_token_can_be_changed_or_left_out(whole):
    token = whole.mallory.token
    assert opens(whole, token) == 200
    changed = {token[:place] + letter + token[place + 1 :] for place in range(len(token)) for letter in "A_"} - {token}
    assert {opens(whole, each) for each in changed} == {401}
    assert {opens(whole, token[:place]) for place in range(len(token))} == {401}
    assert {opens(whole, token + tail) for tail in ("A", "=", "==", "AA", "\x7f")} == {401}
    assert opens(whole, "a" * 100_000) == 401


def test_a_token_of_another_cloud_opens_nothing(whole, tmp_path):
    other = town.Town(tmp_path)
    assert opens(whole, other.admin.token) == 401
    other.database.close()


@pytest.mark.parametrize("scope", [{"system": {"all": True}}, {"domain": {"id": "default"}}, "victim"], ids=str)
def test_a_token_is_not_carried_to_where_its_user_has_no_role(whole, scope):
    where = {"project": {"id": whole.victim.project}} if scope == "victim" else scope
    assert rescoped(whole, whole.mallory.token, where).status_code == 401


@pytest.mark.parametrize("what", ["user", "project"])
def test_a_token_dies_with_its_user_and_its_project(whole, what):
    person = whole.tenant(f"doomed-{what}")
    found = whole.admin.get(f"/identity/v3/{what}s?name=doomed-{what}").json()[f"{what}s"][0]["id"]
    assert opens(whole, person.token) == 200
    path = f"/identity/v3/{what}s/{found}"
    assert whole.admin.call("PATCH", path, {what: {"enabled": False}}).status_code == 200
    assert opens(whole, person.token) == 401
    assert whole.admin.call("DELETE", path).status_code == 204
    assert opens(whole, person.token) == 401


def test_a_token_loses_what_its_user_loses(whole):
    person = whole.tenant("demoted")
    user = whole.admin.get("/identity/v3/users?name=demoted").json()["users"][0]["id"]
    role = whole.admin.get("/identity/v3/roles?name=member").json()["roles"][0]["id"]
    where = f"/identity/v3/projects/{person.project}/users/{user}/roles/{role}"
    assert whole.admin.call("DELETE", where).status_code == 204
    assert opens(whole, person.token) == 401


def test_a_revoked_token_opens_nothing_and_gets_no_other(whole):
    token = whole.tenant("leaving").token
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert whole.client.request("DELETE", TOKENS, headers=headers).status_code == 204
    assert opens(whole, token) == 401
    assert rescoped(whole, token, "unscoped").status_code in {401, 404}


def test_a_stranger_and_a_wrong_password_get_the_same_words(whole):
    said = {whole.auth(name, "wrong", "unscoped").text for name in ("victim", "nobody-of-that-name")}
    assert len(said) == 1


def test_guessing_stops_the_guesser_and_leaves_the_victims_token_alive(whole):
    assert {whole.auth("victim", f"guess {each}", "unscoped").status_code for each in range(12)} == {401}
    assert whole.auth("victim", "pw-victim", "unscoped").status_code == 401
    assert opens(whole, whole.victim.token) == 200


def test_a_member_gives_itself_nothing(whole):
    user = whole.admin.get("/identity/v3/users?name=mallory").json()["users"][0]["id"]
    role = whole.admin.get("/identity/v3/roles?name=admin").json()["roles"][0]["id"]
    mine, others = whole.mallory.project, whole.victim.project
    for method, path, body in (
        ("PUT", f"/projects/{mine}/users/{user}/roles/{role}", None),
        ("PUT", f"/projects/{others}/users/{user}/roles/{role}", None),
        ("PUT", f"/system/users/{user}/roles/{role}", None),
        ("PATCH", f"/users/{user}", {"user": {"default_project_id": others}}),
        ("POST", "/projects", {"project": {"name": "z"}}),
        ("POST", "/roles", {"role": {"name": "z"}}),
        ("GET", "/users", None),
        ("GET", "/role_assignments", None),
    ):
        reply = whole.mallory.call(method, f"/identity/v3{path}", body)
        assert reply.status_code == 403, (method, path, reply.text)
    wanted = {"application_credential": {"name": "c", "roles": [{"id": role}]}}
    path = f"/identity/v3/users/{user}/application_credentials"
    assert whole.mallory.call("POST", path, wanted).status_code in {400, 403}
