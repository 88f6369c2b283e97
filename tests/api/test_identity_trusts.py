"""Trusts: acting with somebody else's roles, for as long as all that rests on is there."""

import concurrent.futures
import datetime

import pytest

from tests.api import identity_cloud

TRUSTS = "/v3/OS-TRUST/trusts"


@pytest.fixture
def cloud(tmp_path):
    made = identity_cloud.Cloud(tmp_path)
    yield made
    made.close()


@pytest.fixture
def demo(cloud):
    return cloud.project("demo")


@pytest.fixture
def alice(cloud, demo):
    """The trustor."""
    return cloud.member("alice", demo)


@pytest.fixture
def bob(cloud):
    """The trustee."""
    return cloud.member("bob", cloud.project("other"))


@pytest.fixture
def trust(cloud, demo, alice, bob):
    """Make a trust."""

    def make(**more):
        body = {"trustor_user_id": alice.id, "trustee_user_id": bob.id, "project_id": demo, "impersonation": True}
        return alice.post(TRUSTS, {"trust": {**body, "roles": [{"name": "member"}], **more}})

    return make


def attempt(cloud, trust, name="bob"):
    return cloud.password(name, f"pw-{name}", scope={"OS-TRUST:trust": {"id": trust["id"]}})


@pytest.fixture
def acting(cloud, trust):
    """Bob as Alice, and the trust."""
    made = trust().json()["trust"]
    return identity_cloud.Person(cloud, attempt(cloud, made).headers["X-Subject-Token"]), made


def works(person):
    reply = person.get("/v3/auth/projects")
    assert reply.status_code in {200, 401}, reply.text
    return reply.status_code == 200


def test_a_trustee_acts_as_the_trustor_where_it_is_told_to(cloud, demo, alice, bob, acting):
    token = acting[0].see()
    assert (token["user"]["id"], token["project"]["id"]) == (alice.id, demo)
    assert [each["name"] for each in token["roles"]] == ["member", "reader"]
    assert token["OS-TRUST:trust"]["trustee_user"]["id"] == bob.id
    assert {each["type"] for each in token["catalog"]} >= {"load-balancer", "network"}


def test_without_impersonation_the_token_is_the_trustees(cloud, demo, bob, trust):
    made = trust(impersonation=False).json()["trust"]
    token = attempt(cloud, made).json()["token"]
    assert (token["user"]["id"], token["project"]["id"]) == (bob.id, demo)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c, a, b, d, t: c.admin.delete(f"{TRUSTS}/{t}"), id="trust deleted"),
        pytest.param(
            lambda c, a, b, d, t: c.admin.patch(f"/v3/users/{a}", {"user": {"enabled": False}}), id="trustor disabled"
        ),
        pytest.param(
            lambda c, a, b, d, t: c.admin.patch(f"/v3/users/{b}", {"user": {"enabled": False}}), id="trustee disabled"
        ),
        pytest.param(lambda c, a, b, d, t: c.admin.delete(f"/v3/users/{a}"), id="trustor deleted"),
        pytest.param(lambda c, a, b, d, t: c.admin.delete(f"/v3/users/{b}"), id="trustee deleted"),
        pytest.param(
            lambda c, a, b, d, t: c.admin.patch(f"/v3/projects/{d}", {"project": {"enabled": False}}),
            id="project disabled",
        ),
        pytest.param(lambda c, a, b, d, t: c.admin.delete(f"/v3/projects/{d}"), id="project deleted"),
        pytest.param(
            lambda c, a, b, d, t: c.admin.delete(f"/v3/projects/{d}/users/{a}/roles/{c.role('member')}"),
            id="role taken from the trustor",
        ),
    ],
)
def test_a_token_dies_with_what_the_trust_rests_on_at_once(cloud, acting, change):
    person, made = acting
    named = (made[name] for name in ("trustor_user_id", "trustee_user_id", "project_id", "id"))
    assert works(person)
    assert change(cloud, *named).status_code in {200, 204}
    assert not works(person)
    assert attempt(cloud, made).status_code in {401, 403, 404}


def test_a_trust_whose_roles_the_trustor_has_lost_in_part_is_worth_nothing(cloud, demo, alice, trust):
    cloud.give(alice.id, demo, "manager")
    both = [{"name": "manager"}, {"name": "reader"}]
    made = trust(roles=both).json()["trust"]
    assert attempt(cloud, made).status_code == 201
    cloud.admin.delete(f"/v3/projects/{demo}/users/{alice.id}/roles/{cloud.role('manager')}")
    assert attempt(cloud, made).status_code == 403


def test_a_stranger_cannot_use_see_or_delete_a_trust(cloud, acting):
    carol = cloud.member("carol", cloud.project("third"))
    made = acting[1]
    assert attempt(cloud, made, "carol").status_code == 403
    for path in ("", "/roles", f"/roles/{cloud.role('member')}"):
        assert carol.get(f"{TRUSTS}/{made['id']}{path}").status_code == 403
    assert carol.delete(f"{TRUSTS}/{made['id']}").status_code == 403
    assert carol.get(f"{TRUSTS}?trustor_user_id={made['trustor_user_id']}").status_code == 403


def test_only_the_trustor_or_an_administrator_ends_a_trust(cloud, alice, bob, acting):
    path = f"{TRUSTS}/{acting[1]['id']}"
    assert bob.get(path).status_code == 200
    assert bob.delete(path).status_code == 403
    assert alice.delete(path).status_code == 204
    assert alice.get(path).status_code == 404


def test_nobody_makes_a_trust_in_the_name_of_another(cloud, demo, alice, bob):
    body = {"trustor_user_id": alice.id, "trustee_user_id": bob.id, "project_id": demo, "impersonation": True}
    for person in (bob, cloud.admin):
        assert person.post(TRUSTS, {"trust": {**body, "roles": [{"name": "member"}]}}).status_code == 403


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"roles": []}, 403),
        ({"roles": [{"name": "admin"}]}, 404),
        ({"roles": [{"name": "nobody's"}]}, 404),
        ({"roles": "member"}, 400),
        ({"roles": [{}]}, 404),
        ({"trustee_user_id": "0" * 32}, 404),
        ({"project_id": "0" * 32}, 404),
        ({"project_id": None}, 400),
        ({"impersonation": "perhaps"}, 400),
        ({"impersonation": None}, 400),
        ({"expires_at": "tomorrow"}, 400),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"remaining_uses": "many"}, 400),
        ({"allow_redelegation": True}, 501),
    ],
)
def test_a_trust_that_makes_no_sense_is_refused(trust, more, status):
    assert trust(**more).status_code == status


def test_a_trust_of_a_project_in_which_the_trustor_has_no_role_is_refused(cloud, trust):
    assert trust(project_id=cloud.project("foreign")).status_code == 404


def test_a_trusts_tokens_end_with_it(cloud, trust):
    end = identity_cloud.BEGIN + datetime.timedelta(minutes=5)
    made = trust(expires_at=end.isoformat() + "Z").json()["trust"]
    assert made["expires_at"] == end.isoformat(timespec="microseconds") + "Z"
    reply = attempt(cloud, made)
    assert reply.json()["token"]["expires_at"] == made["expires_at"]
    person = identity_cloud.Person(cloud, reply.headers["X-Subject-Token"])
    cloud.now = end
    assert not works(person)
    assert attempt(cloud, made).status_code == 404


def test_a_trust_gives_as_many_tokens_as_it_says_even_to_many_at_once(cloud, trust):
    made = trust(remaining_uses=3).json()["trust"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: attempt(cloud, made), range(6)))
    assert sorted(each.status_code for each in replies) == [201] * 3 + [404] * 3
    last = next(each for each in replies if each.status_code == 201)
    assert works(identity_cloud.Person(cloud, last.headers["X-Subject-Token"]))


def test_a_trusts_token_gives_no_other_token_trust_or_credential(cloud, demo, alice, bob, acting):
    person = acting[0]
    by_token = {"methods": ["token"], "token": {"id": person.token}}
    assert cloud.attempt(by_token, {"project": {"id": demo}}).status_code == 403
    body = {"trustor_user_id": alice.id, "trustee_user_id": bob.id, "project_id": demo, "impersonation": True}
    assert person.post(TRUSTS, {"trust": {**body, "roles": [{"name": "member"}]}}).status_code == 403
    path = f"/v3/users/{alice.id}/application_credentials"
    assert person.post(path, {"application_credential": {"name": "x"}}).status_code == 403


def test_a_trust_outlives_a_change_of_the_trustors_password(cloud, alice, acting):
    cloud.admin.patch(f"/v3/users/{alice.id}", {"user": {"password": "new"}})
    assert works(acting[0])


def test_a_token_for_the_system_gives_none_for_a_project(cloud):
    reply = cloud.password("admin", identity_cloud.ADMIN_PASSWORD, scope={"system": {"all": True}})
    held = {"methods": ["token"], "token": {"id": reply.headers["X-Subject-Token"]}}
    for scope in ({"project": {"name": "admin", "domain": {"id": "default"}}}, {"domain": {"id": "default"}}):
        assert cloud.attempt(held, scope).status_code == 403


def test_trusts_are_listed_to_whom_they_name(cloud, alice, bob, acting):
    mine = f"{TRUSTS}?trustor_user_id={alice.id}"
    assert [each["id"] for each in alice.get(mine).json()["trusts"]] == [acting[1]["id"]]
    assert [each["id"] for each in bob.get(f"{TRUSTS}?trustee_user_id={bob.id}").json()["trusts"]] == [acting[1]["id"]]
    assert alice.get(f"{TRUSTS}?trustee_user_id={alice.id}").json()["trusts"] == []
    assert [each["id"] for each in cloud.admin.get(TRUSTS).json()["trusts"]] == [acting[1]["id"]]
    roles = alice.get(f"{TRUSTS}/{acting[1]['id']}/roles").json()["roles"]
    assert [each["name"] for each in roles] == ["member"]
    assert alice.get(f"{TRUSTS}/{acting[1]['id']}/roles/{cloud.role('reader')}").status_code == 404
    for method in ("GET", "HEAD"):  # Identity API v3, OS-TRUST: both answer 200, unlike HEAD on an assignment
        shown = alice.send(method, f"{TRUSTS}/{acting[1]['id']}/roles/{cloud.role('member')}")
        assert (shown.status_code, bool(shown.content)) == (200, method == "GET")
