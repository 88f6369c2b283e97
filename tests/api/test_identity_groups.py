"""Groups: roles that users have together, and lose together."""

import pytest

from tests.api import identity_cloud


@pytest.fixture
def cloud(tmp_path):
    made = identity_cloud.Cloud(tmp_path)
    yield made
    made.close()


@pytest.fixture
def demo(cloud):
    return cloud.project("demo")


@pytest.fixture
def crew(cloud, demo):
    """A group that has the role member in the project demo."""
    made = cloud.admin.make("group", {"name": "crew"})["id"]
    cloud.give_group(made, demo, "member")
    return made


@pytest.fixture
def alice(cloud):
    """Somebody without any role."""
    return cloud.user("alice")


def attempt(cloud, project):
    return cloud.password("alice", "pw-alice", scope={"project": {"id": project}})


def roles(person):
    return [each["name"] for each in person.see()["roles"]]


def join(cloud, group, user):
    assert cloud.admin.put(f"/v3/groups/{group}/users/{user}").status_code == 204


def test_who_joins_a_group_has_its_roles_and_what_they_imply(cloud, demo, crew, alice):
    assert attempt(cloud, demo).status_code == 401
    join(cloud, crew, alice)
    reply = attempt(cloud, demo)
    assert reply.status_code == 201
    person = identity_cloud.Person(cloud, reply.headers["X-Subject-Token"])
    assert roles(person) == ["member", "reader"]
    assert [each["name"] for each in person.get("/v3/auth/projects").json()["projects"]] == ["demo"]
    assert [each["name"] for each in person.get(f"/v3/users/{alice}/groups").json()["groups"]] == ["crew"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c, g, u, d: c.admin.delete(f"/v3/groups/{g}/users/{u}"), id="taken out"),
        pytest.param(lambda c, g, u, d: c.admin.delete(f"/v3/groups/{g}"), id="group deleted"),
        pytest.param(
            lambda c, g, u, d: c.admin.delete(f"/v3/projects/{d}/groups/{g}/roles/{c.role('member')}"), id="role taken"
        ),
    ],
)
def test_a_token_dies_with_the_groups_role_at_once(cloud, demo, crew, alice, change):
    join(cloud, crew, alice)
    person = identity_cloud.Person(cloud, attempt(cloud, demo).headers["X-Subject-Token"])
    assert person.get("/v3/auth/projects").status_code == 200
    assert change(cloud, crew, alice, demo).status_code == 204
    assert person.get("/v3/auth/projects").status_code == 401
    assert attempt(cloud, demo).status_code == 401


def test_a_role_of_ones_own_outlives_the_groups(cloud, demo, crew, alice):
    join(cloud, crew, alice)
    cloud.give(alice, demo, "reader")
    person = identity_cloud.Person(cloud, attempt(cloud, demo).headers["X-Subject-Token"])
    cloud.admin.delete(f"/v3/groups/{crew}")
    assert roles(person) == ["reader"]


@pytest.mark.parametrize("where", ["domains/default", "system"])
def test_groups_have_roles_in_domains_and_in_the_system(cloud, crew, alice, where):
    path = f"/v3/{where}/groups/{crew}/roles/{cloud.role('reader')}"
    scope = {"system": {"all": True}} if where == "system" else {"domain": {"id": "default"}}
    join(cloud, crew, alice)
    assert cloud.admin.get(path).status_code == 404
    assert cloud.admin.put(path).status_code == 204
    assert cloud.admin.get(path).status_code == 204
    assert [each["name"] for each in cloud.admin.get(path.rpartition("/")[0]).json()["roles"]] == ["reader"]
    person = identity_cloud.Person(cloud, cloud.password("alice", "pw-alice", scope=scope).headers["X-Subject-Token"])
    assert roles(person) == ["reader"]
    listed = person.get(f"/v3/auth/{where.partition('/')[0]}").json()
    assert listed["system" if where == "system" else "domains"]
    assert cloud.admin.delete(path).status_code == 204
    assert person.get("/v3/auth/projects").status_code == 401


def test_what_counts_is_listed_for_each_user_with_where_it_comes_from(cloud, demo, crew, alice):
    bob = cloud.user("bob")
    for each in (alice, bob):
        join(cloud, crew, each)
    found = cloud.admin.get(f"/v3/role_assignments?effective&scope.project.id={demo}").json()["role_assignments"]
    assert sorted((each["user"]["id"], each["role"]["id"]) for each in found) == sorted(
        (user, cloud.role(name)) for user in (alice, bob) for name in ("member", "reader")
    )
    member = next(each for each in found if each["user"]["id"] == alice and each["role"]["id"] == cloud.role("member"))
    assert member["links"]["membership"].endswith(f"/v3/groups/{crew}/users/{alice}")
    assert member["links"]["assignment"].endswith(f"/v3/projects/{demo}/groups/{crew}/roles/{cloud.role('member')}")


def test_as_they_were_given_they_are_the_groups(cloud, demo, crew, alice):
    join(cloud, crew, alice)
    listed = "/v3/role_assignments?"
    assert cloud.admin.get(f"{listed}user.id={alice}").json()["role_assignments"] == []
    (found,) = cloud.admin.get(f"{listed}group.id={crew}&include_names").json()["role_assignments"]
    assert (found["group"]["name"], found["role"]["name"], found["scope"]["project"]["name"]) == (
        "crew",
        "member",
        "demo",
    )


def test_a_deleted_user_is_in_no_group_any_more(cloud, crew, alice):
    join(cloud, crew, alice)
    assert cloud.admin.delete(f"/v3/users/{alice}").status_code == 204
    assert cloud.admin.get(f"/v3/groups/{crew}/users").json()["users"] == []


def test_joining_twice_is_once_and_leaving_twice_is_said(cloud, crew, alice):
    for _ in range(2):
        join(cloud, crew, alice)
    path = f"/v3/groups/{crew}/users/{alice}"
    assert len(cloud.admin.get(f"/v3/groups/{crew}/users").json()["users"]) == 1
    assert cloud.admin.delete(path).status_code == 204
    assert cloud.admin.delete(path).status_code == 404


def test_a_domain_takes_its_groups_along(cloud):
    home = cloud.admin.make("domain", {"name": "d"})["id"]
    group = cloud.admin.make("group", {"name": "g", "domain_id": home})["id"]
    cloud.admin.patch(f"/v3/domains/{home}", {"domain": {"enabled": False}})
    assert cloud.admin.delete(f"/v3/domains/{home}").status_code == 204
    assert cloud.admin.get(f"/v3/groups/{group}").status_code == 404


def test_the_roles_of_a_credential_may_come_from_a_group_and_go_with_it(cloud, demo, crew, alice):
    join(cloud, crew, alice)
    person = identity_cloud.Person(cloud, attempt(cloud, demo).headers["X-Subject-Token"])
    body = {"application_credential": {"name": "program"}}
    key = person.post(f"/v3/users/{alice}/application_credentials", body).json()["application_credential"]
    given = {
        "methods": ["application_credential"],
        "application_credential": {"id": key["id"], "secret": key["secret"]},
    }
    program = identity_cloud.Person(cloud, cloud.attempt(given).headers["X-Subject-Token"])
    assert roles(program) == ["member", "reader"]
    cloud.admin.delete(f"/v3/groups/{crew}/users/{alice}")
    assert program.get("/v3/auth/projects").status_code == 401
