"""Logging in, and when a token stops working."""

import concurrent.futures
import datetime

import pytest

from tests.api import identity_cloud
from vipool.cloud.identity.embedded import authority, guesses, hashes

APPLICATION_CREDENTIAL = "application_credential"


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
    return cloud.member("alice", demo)


def works(person: identity_cloud.Person) -> bool:
    """Whether a token is good for anything."""
    reply = person.get("/v3/auth/projects")
    assert reply.status_code in {200, 401}, reply.text
    return bool(reply.status_code == 200)


def test_a_project_token_names_its_project_and_the_implied_roles(alice):
    token = alice.see()
    assert token["project"]["name"] == "demo"
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert {service["type"] for service in token["catalog"]} == {"identity", "network", "key-manager", "load-balancer"}


def test_the_catalog_follows_the_address_the_client_used(cloud):
    reply = cloud.send("GET", "/v3/auth/catalog", token=cloud.admin.token, headers={"Host": "10.0.0.7:9876"})
    urls = {endpoint["url"] for service in reply.json()["catalog"] for endpoint in service["endpoints"]}
    assert urls == {
        "http://10.0.0.7:9876/identity/v3",
        "http://10.0.0.7:9876/network",
        "http://10.0.0.7:9876/key-manager",
        "http://10.0.0.7:9876/load-balancer",
    }


def test_an_unknown_user_gets_the_answer_of_a_wrong_password_after_the_same_work(cloud, alice):
    class Counting(hashes.Hashes):
        def __init__(self):
            super().__init__(passes=1, memory_kib=8)
            self.checked = []

        def matches(self, password, kept):
            self.checked.append(kept is not None)
            return super().matches(password, kept)

    checks = Counting()
    cloud.server.login.hashes = checks
    replies = [cloud.password("alice", "wrong"), cloud.password("nobody", "wrong")]
    assert checks.checked == [True, False]
    assert {reply.status_code for reply in replies} == {401}
    assert replies[0].json() == replies[1].json()


def test_the_name_of_a_credential_shows_in_no_time_it_takes(cloud, alice, keys):
    class Counting(hashes.Hashes):
        def __init__(self):
            super().__init__(passes=1, memory_kib=8)
            self.slow = 0

        def matches(self, password, kept):
            self.slow += kept is None or not kept.startswith(hashes.MADE)
            return super().matches(password, kept)

    keys.make(name="made")
    keys.make(name="chosen", secret="chosen by alice")
    checks = Counting()
    cloud.server.login.hashes = checks
    for user, name in (("alice", "made"), ("alice", "chosen"), ("alice", "none"), ("nobody", "made")):
        before = checks.slow
        given = {"name": name, "user": {"name": user, "domain": identity_cloud.DEFAULT}, "secret": "wrong"}
        reply = cloud.attempt({"methods": [APPLICATION_CREDENTIAL], APPLICATION_CREDENTIAL: given})
        assert (reply.status_code, checks.slow - before) == (401, 1)


@pytest.mark.parametrize("domain", [{"name": "DEFAULT"}, {"name": "Default"}, {"id": "default"}])
def test_no_spelling_of_a_name_is_a_further_chance(cloud, alice, domain):
    for _ in range(guesses.MOST):
        cloud.password("alice", "wrong")
    user = {"name": "Alice", "domain": domain, "password": "pw-alice"}
    assert cloud.attempt({"methods": ["password"], "password": {"user": user}}).status_code == 401


def test_ten_wrong_passwords_close_the_door_for_a_minute(cloud, alice):
    for _ in range(guesses.MOST):
        assert cloud.password("alice", "wrong").status_code == 401
    assert cloud.password("alice", "pw-alice").status_code == 401
    assert cloud.password("admin", identity_cloud.ADMIN_PASSWORD).status_code == 201
    cloud.now += guesses.WINDOW
    assert cloud.password("alice", "pw-alice").status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c, a, d: c.admin.patch(f"/v3/users/{a}", {"user": {"enabled": False}}), id="user disabled"),
        pytest.param(lambda c, a, d: c.admin.patch(f"/v3/users/{a}", {"user": {"password": "n"}}), id="new password"),
        pytest.param(lambda c, a, d: c.admin.delete(f"/v3/users/{a}"), id="user deleted"),
        pytest.param(
            lambda c, a, d: c.admin.patch(f"/v3/projects/{d}", {"project": {"enabled": False}}), id="project disabled"
        ),
        pytest.param(lambda c, a, d: c.admin.delete(f"/v3/projects/{d}"), id="project deleted"),
        pytest.param(
            lambda c, a, d: c.admin.delete(f"/v3/projects/{d}/users/{a}/roles/{c.role('member')}"), id="role taken"
        ),
        pytest.param(
            lambda c, a, d: c.send(
                "POST", f"/v3/users/{a}/password", json={"user": {"password": "n", "original_password": "pw-alice"}}
            ),
            id="password changed by herself",
        ),
    ],
)
def test_a_token_dies_with_what_it_rests_on_at_once_and_in_every_server(cloud, demo, alice, change):
    user = alice.id
    second = cloud.another_server()
    first = cloud.server
    assert works(alice)
    cloud.server = second
    assert works(alice)
    cloud.server = first
    assert change(cloud, user, demo).status_code in {200, 204}
    assert not works(alice)
    cloud.server = second
    assert not works(alice)


def test_tokens_of_a_disabled_domain_do_not_work(cloud):
    domain = cloud.admin.make("domain", {"name": "d"})["id"]
    project = cloud.project("p", domain_id=domain)
    user = cloud.user("u", domain_id=domain)
    cloud.give(user, project, "member")
    reply = cloud.attempt(
        {"methods": ["password"], "password": {"user": {"id": user, "password": "pw-u"}}}, {"project": {"id": project}}
    )
    person = identity_cloud.Person(cloud, reply.headers["X-Subject-Token"])
    assert works(person)
    cloud.admin.patch(f"/v3/domains/{domain}", {"domain": {"enabled": False}})
    assert not works(person)


def test_a_project_of_a_disabled_domain_lets_nobody_in(cloud, alice):
    domain = cloud.admin.make("domain", {"name": "d"})["id"]
    project = cloud.project("p", domain_id=domain)
    cloud.give(alice.id, project, "member")
    scope = {"project": {"id": project}}
    guest = identity_cloud.Person(cloud, cloud.password("alice", "pw-alice", scope=scope).headers["X-Subject-Token"])
    assert works(guest)
    cloud.admin.patch(f"/v3/domains/{domain}", {"domain": {"enabled": False}})
    assert not works(guest)
    assert cloud.password("alice", "pw-alice", scope=scope).status_code == 401
    assert works(alice)


def test_enabling_a_user_again_does_not_revive_its_old_tokens(cloud, alice):
    user = alice.id
    cloud.admin.patch(f"/v3/users/{user}", {"user": {"enabled": False}})
    cloud.admin.patch(f"/v3/users/{user}", {"user": {"enabled": True}})
    assert not works(alice)
    assert cloud.password("alice", "pw-alice").status_code == 201


def test_a_token_ends_when_its_time_is_over(cloud, alice):
    cloud.now += authority.LIFETIME - datetime.timedelta(microseconds=1)
    assert works(alice)
    cloud.now += datetime.timedelta(microseconds=1)
    assert not works(alice)


def test_services_may_look_at_a_token_that_has_ended_for_a_while(cloud, alice):
    cloud.now += authority.LIFETIME
    admin = identity_cloud.Person(cloud, cloud.login("admin", identity_cloud.ADMIN_PASSWORD, project="admin"))
    subject = {"X-Subject-Token": alice.token}
    assert admin.get("/v3/auth/tokens", headers=subject).status_code == 404
    assert admin.get("/v3/auth/tokens?allow_expired=1", headers=subject).status_code == 200
    assert not works(alice)
    cloud.now += authority.GRACE
    admin = identity_cloud.Person(cloud, cloud.login("admin", identity_cloud.ADMIN_PASSWORD, project="admin"))
    assert admin.get("/v3/auth/tokens?allow_expired=1", headers=subject).status_code == 404


def test_a_rescoped_token_lives_no_longer_than_the_first(cloud, demo, alice):
    cloud.now += datetime.timedelta(hours=1)
    reply = cloud.attempt({"methods": ["token"], "token": {"id": alice.token}}, {"project": {"id": demo}})
    second, first = reply.json()["token"], alice.see()
    assert second["expires_at"] == first["expires_at"]
    assert second["methods"] == ["token", "password"]
    assert second["audit_ids"][1:] == first["audit_ids"]


def test_a_user_may_look_at_its_other_tokens_and_is_told_what_is_none(cloud, demo, alice):
    other = cloud.login("alice", "pw-alice", project="demo")
    bob = cloud.member("bob", demo)
    path = "/v3/auth/tokens"
    assert alice.get(path, headers={"X-Subject-Token": other}).status_code == 200
    assert bob.get(path, headers={"X-Subject-Token": other}).status_code == 403
    assert bob.delete(path, headers={"X-Subject-Token": other}).status_code == 403
    assert alice.delete(path, headers={"X-Subject-Token": other}).status_code == 204
    for person in (alice, bob):
        for subject in (other, "nonsense"):
            assert person.get(path, headers={"X-Subject-Token": subject}).status_code == 404


def test_revoking_one_token_leaves_the_others(cloud, alice):
    other = identity_cloud.Person(cloud, cloud.login("alice", "pw-alice", project="demo"))
    assert alice.delete("/v3/auth/tokens", headers={"X-Subject-Token": alice.token}).status_code == 204
    assert not works(alice)
    assert works(other)


def test_a_default_project_that_cannot_be_had_locks_nobody_out(cloud, demo, alice):
    cloud.admin.patch(f"/v3/projects/{demo}", {"project": {"enabled": False}})
    reply = cloud.password("alice", "pw-alice")
    assert reply.status_code == 201
    assert "project" not in reply.json()["token"]


def test_two_proofs_must_be_of_one_person(cloud, alice):
    admin = {"name": "admin", "domain": identity_cloud.DEFAULT, "password": identity_cloud.ADMIN_PASSWORD}
    mixed = {"methods": ["token", "password"], "token": {"id": alice.token}, "password": {"user": admin}}
    assert cloud.attempt(mixed).status_code == 401


def test_a_role_of_a_domain_called_admin_gives_nothing(cloud, demo, alice):
    role = cloud.admin.make("role", {"name": "admin", "domain_id": "default"})["id"]
    assert cloud.admin.put(f"/v3/projects/{demo}/users/{alice.id}/roles/{role}").status_code == 204
    assert [each["name"] for each in alice.see()["roles"]] == ["member", "reader"]
    assert alice.get("/v3/projects").status_code == 403


class Keys:
    """Application credentials of one person."""

    def __init__(self, cloud: identity_cloud.Cloud, person: identity_cloud.Person) -> None:
        self._cloud = cloud
        self._person = person
        self.path = f"/v3/users/{person.id}/application_credentials"

    def make(self, **body):
        reply = self._person.post(self.path, {APPLICATION_CREDENTIAL: body})
        assert reply.status_code == 201, reply.text
        return reply.json()[APPLICATION_CREDENTIAL]

    def attempt(self, key, scope=None):
        given = {"id": key["id"], "secret": key["secret"]}
        return self._cloud.attempt({"methods": [APPLICATION_CREDENTIAL], APPLICATION_CREDENTIAL: given}, scope)

    def login(self, key) -> identity_cloud.Person:
        reply = self.attempt(key)
        assert reply.status_code == 201, reply.text
        return identity_cloud.Person(self._cloud, reply.headers["X-Subject-Token"])


@pytest.fixture
def keys(cloud, alice):
    return Keys(cloud, alice)


def test_a_secret_is_shown_once_and_kept_nowhere(cloud, alice, keys):
    made, chosen = keys.make(name="made"), keys.make(name="chosen", secret="chosen by alice")
    shown = alice.get(keys.path).text + alice.get(f"{keys.path}/{made['id']}").text
    cloud.server.database.close()
    kept = b"".join(path.read_bytes() for path in cloud._path.parent.iterdir())
    for secret in (made["secret"], chosen["secret"], "pw-alice"):
        assert secret not in shown
        assert secret.encode() not in kept
    assert made["id"].encode() in kept


def test_a_credential_has_no_more_roles_than_its_user_still_has(cloud, demo, alice, keys):
    cloud.give(alice.id, demo, "manager")
    alice = identity_cloud.Person(cloud, cloud.login("alice", "pw-alice", project="demo"))
    program = keys.login(Keys(cloud, alice).make(name="program"))
    assert {role["name"] for role in program.see()["roles"]} == {"manager", "member", "reader"}
    cloud.admin.delete(f"/v3/projects/{demo}/users/{alice.id}/roles/{cloud.role('manager')}")
    assert {role["name"] for role in program.see()["roles"]} == {"member", "reader"}
    cloud.admin.delete(f"/v3/projects/{demo}/users/{alice.id}/roles/{cloud.role('member')}")
    assert not works(program)


def test_the_credential_of_another_is_not_there(cloud, demo, keys):
    key = keys.make(name="program")
    bob = cloud.member("bob", demo)
    path = f"/v3/users/{bob.id}/application_credentials/{key['id']}"
    assert bob.get(path).status_code == 404
    assert bob.delete(path).status_code == 404
    assert works(keys.login(key))


def test_a_credential_may_have_fewer_roles(keys):
    program = keys.login(keys.make(name="program", roles=[{"name": "reader"}]))
    assert [role["name"] for role in program.see()["roles"]] == ["reader"]


def test_a_credential_outlives_a_change_of_password(cloud, alice, keys):
    key = keys.make(name="program")
    cloud.admin.patch(f"/v3/users/{alice.id}", {"user": {"password": "new"}})
    assert works(keys.login(key))


def test_the_tokens_of_a_credential_end_with_it(cloud, alice, keys):
    end = identity_cloud.BEGIN + datetime.timedelta(minutes=5)
    key = keys.make(name="program", expires_at=end.isoformat())
    program = keys.login(key)
    assert program.see()["expires_at"].startswith(end.isoformat())
    cloud.now = end
    assert not works(program)
    assert keys.attempt(key).status_code == 401


def test_a_token_of_a_deleted_credential_says_so(alice, keys):
    key = keys.make(name="program")
    program = keys.login(key)
    assert alice.delete(f"{keys.path}/{key['id']}").status_code == 204
    assert program.get("/v3/auth/projects").status_code == 404
    assert keys.attempt(key).status_code == 404


def test_a_restricted_credential_begets_no_other_and_an_unrestricted_one_does(cloud, keys):
    restricted = keys.login(keys.make(name="restricted"))
    assert restricted.post(keys.path, {APPLICATION_CREDENTIAL: {"name": "x"}}).status_code == 403
    free = keys.login(keys.make(name="free", unrestricted=True))
    assert free.post(keys.path, {APPLICATION_CREDENTIAL: {"name": "x"}}).status_code == 201


def test_a_credential_cannot_ask_for_a_scope(demo, keys):
    key = keys.make(name="program")
    assert keys.attempt(key, {"project": {"id": demo}}).status_code == 401
    assert keys.attempt(key, "unscoped").status_code == 401


def test_logins_from_many_threads_all_succeed(cloud, alice):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: cloud.password("alice", "pw-alice").status_code, range(24)))
    assert replies == [201] * 24
