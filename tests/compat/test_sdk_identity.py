"""openstacksdk's identity proxy: every call that makes sense for what is served, against a live vipool."""

import pytest
from openstack import exceptions

from tests.compat import passes
from tests.compat import sdk as proxies

# The SDK warns of what it will drop itself; vipool is not what it warns of.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")

PASSWORD = "only for this test"


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("sdk-identity")


@pytest.fixture(scope="module")
def api(live, noted):
    """The proxy for the administrator."""
    with proxies.connected(live, noted) as services:
        yield services["identity"]


@pytest.fixture(scope="module")
def project(api):
    """A project, deleted after the last test."""
    made = api.create_project(name="sdk-identity", domain_id="default", tags=["one"])
    yield made
    api.delete_project(made, ignore_missing=False)


@pytest.fixture(scope="module")
def user(api, project):
    """A member of the project."""
    made = api.create_user(
        name="sdk-identity", password=PASSWORD, domain_id="default", default_project_id=project.id, email="a@b.example"
    )
    api.assign_project_role_to_user(project, made, role(api, "member"))
    yield made
    api.delete_user(made, ignore_missing=False)


@pytest.fixture(scope="module")
def group(api):
    """A group without anybody in it."""
    made = api.create_group(name="sdk-identity", domain_id="default", description="d")
    yield made
    api.delete_group(made, ignore_missing=False)


@pytest.fixture(scope="module")
def own(live, noted, user):
    """The proxy for the user itself."""
    with proxies.connected(live, noted, username=user.name, password=PASSWORD, project_name="sdk-identity") as services:
        yield services["identity"]


def role(api, name):
    """A role by its name."""
    return api.find_role(name, ignore_missing=False)


def gone(find, name):
    """Whether nothing of that name is found, and whether looking for it says so."""
    assert find(name, ignore_missing=True) is None
    with pytest.raises(exceptions.NotFoundException):
        find(name, ignore_missing=False)


def test_projects(api, project):
    assert api.get_project(project.id).name == "sdk-identity"
    for word in (project.id, "sdk-identity"):
        assert api.find_project(word).id == project.id
    assert api.find_project("sdk-identity", domain_id="default").id == project.id
    gone(api.find_project, "no such project")
    assert api.update_project(project, description="changed").description == "changed"
    assert [each.id for each in api.projects(name="sdk-identity")] == [project.id]
    assert [each.id for each in api.projects(tags="one")] == [project.id]
    assert "default" in [each.id for each in api.projects(is_domain=True)]


def test_users(api, user, project):
    assert api.get_user(user.id).email == "a@b.example"
    for word in (user.id, "sdk-identity"):
        assert api.find_user(word).id == user.id
    gone(api.find_user, "no such user")
    assert api.update_user(user, description="changed").description == "changed"
    assert [each.id for each in api.users(name="sdk-identity", domain_id="default")] == [user.id]
    assert [each.id for each in api.user_projects(user)] == [project.id]
    assert api.user_groups(user) == []


def test_a_user_changes_its_own_password(api, user):
    other = api.create_user(name="sdk-password", password="old", domain_id="default")
    api.update_password(other, "old", "new")
    with pytest.raises(exceptions.HttpException):
        api.update_password(other, "old", "newer")
    api.delete_user(other, ignore_missing=False)


def test_groups(api, group, user, project):
    for word in (group.id, "sdk-identity"):
        assert api.find_group(word).id == group.id
    gone(api.find_group, "no such group")
    assert api.get_group(group.id).description == "d"
    assert api.update_group(group, description="changed").description == "changed"
    assert group.id in [each.id for each in api.groups(domain_id="default")]
    assert not api.check_user_in_group(user, group)
    api.add_user_to_group(user, group)
    assert api.check_user_in_group(user, group)
    assert [each.id for each in api.group_users(group)] == [user.id]
    assert [each.id for each in api.user_groups(user)] == [group.id]
    api.assign_project_role_to_group(project, group, role(api, "reader"))
    assert api.validate_group_has_project_role(project, group, role(api, "reader"))
    effective = api.role_assignments(effective=True, user_id=user.id, scope_project_id=project.id)
    assert {each.role["id"] for each in effective} == {role(api, name).id for name in ("member", "reader")}
    api.unassign_project_role_from_group(project, group, role(api, "reader"))
    assert not api.validate_group_has_project_role(project, group, role(api, "reader"))
    api.remove_user_from_group(user, group)
    assert api.group_users(group) == []


@pytest.mark.parametrize("who", ["user", "group"])
def test_roles_in_a_domain_and_in_the_system(api, user, group, who):
    somebody = user if who == "user" else group
    reader = role(api, "reader")
    domain = api.get_domain("default")
    for assign, validate, unassign, place in (
        (f"assign_domain_role_to_{who}", f"validate_{who}_has_domain_role", f"unassign_domain_role_from_{who}", domain),
        (f"assign_system_role_to_{who}", f"validate_{who}_has_system_role", f"unassign_system_role_from_{who}", None),
    ):
        arguments = (somebody, reader, "all") if place is None else (place, somebody, reader)
        if place is None and assign.startswith("assign"):
            getattr(api, assign)(somebody, reader, "all")
            assert getattr(api, validate)(somebody, reader, "all")
            getattr(api, unassign)(somebody, reader, "all")
            continue
        getattr(api, assign)(*arguments)
        assert getattr(api, validate)(*arguments)
        getattr(api, unassign)(*arguments)
        assert not getattr(api, validate)(*arguments)


def test_roles_and_assignments(api, user, project):
    made = api.create_role(name="sdk-role", description="d")
    assert api.get_role(made.id).description == "d"
    assert api.find_role("sdk-role").id == made.id
    gone(api.find_role, "no such role")
    assert api.update_role(made, description="changed").description == "changed"
    assert made.id in [each.id for each in api.roles()]
    api.assign_project_role_to_user(project, user, made)
    assert api.validate_user_has_project_role(project, user, made)
    listed = api.role_assignments(user_id=user.id, scope_project_id=project.id, include_names=True)
    assert {each.role["name"] for each in listed} == {"member", "sdk-role"}
    filtered = api.role_assignments_filter(project=project, user=user)
    assert {each.name for each in filtered} == {"member", "sdk-role"}
    api.unassign_project_role_from_user(project, user, made)
    assert not api.validate_user_has_project_role(project, user, made)
    api.delete_role(made, ignore_missing=False)


def test_domains(api):
    made = api.create_domain(name="sdk-domain", description="d")
    for word in (made.id, "sdk-domain"):
        assert api.find_domain(word).id == made.id
    gone(api.find_domain, "no such domain")
    assert api.update_domain(made, is_enabled=False).is_enabled is False
    assert [each.id for each in api.domains(name="sdk-domain")] == [made.id]
    api.delete_domain(made, ignore_missing=False)


def test_the_catalog(api):
    region = api.create_region(id="sdk-region", description="d")
    assert api.get_region("sdk-region").description == "d"
    assert api.find_region("sdk-region").id == "sdk-region"
    assert api.update_region(region, description="changed").description == "changed"
    assert {"RegionOne", "sdk-region"} <= {each.id for each in api.regions()}
    service = api.create_service(type="sdk", name="sdk-service")
    assert api.get_service(service.id).type == "sdk"
    assert api.find_service("sdk-service").id == service.id
    assert api.update_service(service, description="changed").description == "changed"
    assert {"sdk", "identity", "network", "load-balancer"} <= {each.type for each in api.services()}
    endpoint = api.create_endpoint(
        service_id=service.id, interface="public", url="http://sdk.example", region_id="sdk-region"
    )
    assert api.find_endpoint(endpoint.id).url == "http://sdk.example"
    assert api.update_endpoint(endpoint, url="http://other.example").url == "http://other.example"
    assert [each.id for each in api.endpoints(service_id=service.id, interface="public")] == [endpoint.id]
    api.delete_endpoint(endpoint, ignore_missing=False)
    api.delete_service(service, ignore_missing=False)
    api.delete_region(region, ignore_missing=False)


def test_application_credentials_with_access_rules(live, noted, own, user):
    rules = [{"service": "identity", "method": "GET", "path": "/v3/users/*/application_credentials"}]
    made = own.create_application_credential(user.id, "sdk-program", access_rules=rules)
    assert own.get_application_credential(user.id, made.id).name == "sdk-program"
    assert own.find_application_credential(user.id, "sdk-program").id == made.id
    assert [each.id for each in own.application_credentials(user.id)] == [made.id]
    (rule,) = own.access_rules(user.id)
    assert own.get_access_rule(user.id, rule.id).path == rules[0]["path"]
    secret = {"application_credential_id": made.id, "application_credential_secret": made.secret}
    with proxies.connected(live, noted, username=None, password=None, project_name=None, **secret) as services:
        program = services["identity"]
        assert [each.id for each in program.application_credentials(user.id)] == [made.id]
        with pytest.raises(exceptions.HttpException):
            program.user_projects(user)
    own.delete_application_credential(user.id, made, ignore_missing=False)
    own.delete_access_rule(user.id, rule, ignore_missing=False)
    assert own.access_rules(user.id) == []


def test_trusts(api, own, user, project):
    trustee = api.find_user("admin")
    body = {"trustor_user_id": user.id, "trustee_user_id": trustee.id, "project_id": project.id}
    made = own.create_trust(**body, is_impersonation=True, roles=[{"name": "member"}])
    assert own.get_trust(made.id).project_id == project.id
    assert own.find_trust(made.id).id == made.id
    assert made.id in [each.id for each in api.trusts()]
    own.delete_trust(made, ignore_missing=False)
    with pytest.raises(exceptions.NotFoundException):
        own.get_trust(made.id)


def test_tokens(api, own, user):
    token = own.get_token()
    assert api.validate_token(token).user["id"] == user.id
    assert api.check_token(token)
    api.revoke_token(token)
    assert not api.check_token(token)


def test_waiting(api):
    made = api.create_group(name="sdk-waiting", domain_id="default", description="before")
    api.update_group(made, description="after")
    assert api.wait_for_status(made, "after", attribute="description", interval=0.05, wait=5).name == "sdk-waiting"
    api.delete_group(made, ignore_missing=False)
    api.wait_for_delete(made, interval=0.05, wait=5)
    gone(api.find_group, "sdk-waiting")


def test_credentials_of_other_kinds_are_none(own):
    assert own.credentials() == []


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
