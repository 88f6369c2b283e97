"""Access rules: a token of such a credential may do what they say, in every service, and nothing else."""

import dataclasses
import itertools
import uuid

import pytest
from starlette import testclient

from tests.api import identity_cloud
from vipool.api import face
from vipool.api.identity import routes
from vipool.api.network import routes as network_routes
from vipool.cloud.identity.embedded import accessrules

APPLICATION_CREDENTIAL = "application_credential"
PORTS = {"service": "network", "method": "GET", "path": "/v2.0/ports"}


class Cloud(identity_cloud.Cloud):
    """Identity and networks over one database."""

    def __init__(self, directory):
        super().__init__(directory)
        numbers = itertools.count()
        database = self.server.database
        database.seed()
        served = network_routes.face(
            database,
            authenticate=self.server.authority.authenticate,
            new_id=lambda: str(uuid.uuid5(uuid.NAMESPACE_OID, str(next(numbers)))),
        )
        self.network = testclient.TestClient(face.Service(served), base_url="http://cloud.example")


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


@pytest.fixture
def alice(cloud):
    return cloud.member("alice", cloud.project("demo"))


@pytest.fixture
def credential(alice):
    """Make an application credential with access rules."""

    def make(*rules, name="program", **more):
        path = f"/v3/users/{alice.id}/application_credentials"
        return alice.post(path, {APPLICATION_CREDENTIAL: {"name": name, "access_rules": list(rules), **more}})

    return make


@pytest.fixture
def program(cloud, credential):
    """Log in with such a credential."""

    def login(*rules, **more):
        key = credential(*rules, **more).json()[APPLICATION_CREDENTIAL]
        given = {"id": key["id"], "secret": key["secret"]}
        reply = cloud.attempt({"methods": [APPLICATION_CREDENTIAL], APPLICATION_CREDENTIAL: given})
        assert reply.status_code == 201, reply.text
        return identity_cloud.Person(cloud, reply.headers["X-Subject-Token"])

    return login


def networks(cloud, person, method, path, **more):
    reply = cloud.network.request(method, f"/network{path}", headers={"X-Auth-Token": person.token}, **more)
    return reply.status_code


def test_a_token_may_do_what_its_rules_say_and_nothing_else(cloud, program):
    person = program(PORTS)
    assert networks(cloud, person, "GET", "/v2.0/ports") == 200
    assert networks(cloud, person, "GET", "/v2.0/ports?name=x") == 200
    for method, path in (
        ("GET", "/v2.0/networks"),
        ("GET", "/v2.0/ports/1"),
        ("GET", "/v2.0/ports.json"),
        ("POST", "/v2.0/ports"),
        ("DELETE", "/v2.0/ports/1"),
    ):
        assert networks(cloud, person, method, path) == 401, path
    assert person.get("/v3/auth/projects").status_code == 401


def test_the_refusal_says_what_was_left_out(cloud, program):
    reply = cloud.network.get("/network/v2.0/networks", headers={"X-Auth-Token": program(PORTS).token})
    assert "leave out GET /v2.0/networks" in reply.json()["error"]["message"]


def test_a_rule_may_name_the_whole_path(cloud, program):
    assert networks(cloud, program({**PORTS, "path": "/network/v2.0/ports"}), "GET", "/v2.0/ports") == 200


def test_a_token_may_always_ask_what_it_is(program):
    shown = program(PORTS).see()
    (rule,) = shown[APPLICATION_CREDENTIAL]["access_rules"]
    assert {name: rule[name] for name in PORTS} == PORTS


@pytest.mark.parametrize("rules", [[], None])
def test_no_rules_leave_everything_to_the_roles(cloud, program, rules):
    person = program(access_rules=rules)
    assert networks(cloud, person, "GET", "/v2.0/ports") == 200
    assert "access_rules" not in person.see()[APPLICATION_CREDENTIAL]


def test_a_rule_gives_no_more_than_the_roles_do(cloud, program):
    everything = {"service": "identity", "method": "GET", "path": "/**"}
    assert program(everything).get("/v3/users").status_code == 403


def test_an_unrestricted_credential_with_rules_begets_no_other(cloud, alice, program):
    person = program(PORTS, unrestricted=True)
    path = f"/v3/users/{alice.id}/application_credentials"
    assert person.post(path, {APPLICATION_CREDENTIAL: {"name": "wider"}}).status_code == 401


def test_a_service_without_a_type_takes_no_token_with_rules(cloud, program):
    made = routes.face(cloud.server.desk, lambda: "req-1")
    anonymous = face.Service(dataclasses.replace(made, service=""))
    client = testclient.TestClient(anonymous, base_url="http://cloud.example")
    token = program({"service": "identity", "method": "GET", "path": "/**"}).token
    assert client.get("/identity/v3/auth/projects", headers={"X-Auth-Token": token}).status_code == 401


def test_credentials_share_a_rule_that_says_the_same(alice, credential):
    first = credential(PORTS).json()[APPLICATION_CREDENTIAL]["access_rules"]
    second = credential(PORTS, PORTS, name="second").json()[APPLICATION_CREDENTIAL]["access_rules"]
    third = credential({"id": first[0]["id"]}, name="third").json()[APPLICATION_CREDENTIAL]["access_rules"]
    assert first == second == third
    assert len(alice.get(f"/v3/users/{alice.id}/access_rules").json()["access_rules"]) == 1


def test_a_rule_goes_when_no_credential_has_it(alice, credential):
    made = credential(PORTS).json()[APPLICATION_CREDENTIAL]
    path = f"/v3/users/{alice.id}/access_rules/{made['access_rules'][0]['id']}"
    assert alice.get(path).json()["access_rule"]["path"] == "/v2.0/ports"
    assert alice.delete(path).status_code == 403
    assert alice.delete(f"/v3/users/{alice.id}/application_credentials/{made['id']}").status_code == 204
    assert alice.delete(path).status_code == 204
    assert alice.get(path).status_code == 404


def test_the_rules_of_another_are_not_there(cloud, alice, credential):
    rule = credential(PORTS).json()[APPLICATION_CREDENTIAL]["access_rules"][0]["id"]
    bob = cloud.member("bob", cloud.project("other"))
    assert bob.get(f"/v3/users/{alice.id}/access_rules").status_code == 403
    assert bob.get(f"/v3/users/{bob.id}/access_rules/{rule}").status_code == 404
    body = {APPLICATION_CREDENTIAL: {"name": "x", "access_rules": [{"id": rule}]}}
    assert bob.post(f"/v3/users/{bob.id}/application_credentials", body).status_code == 404


@pytest.mark.parametrize(
    "rule",
    [
        {**PORTS, "path": "v2.0/ports"},
        {**PORTS, "path": "/" + "x" * 128},
        {**PORTS, "method": "get"},
        {**PORTS, "method": "TRACE"},
        {**PORTS, "service": ""},
        {**PORTS, "service": 5},
        {**PORTS, "more": 1},
        {"service": "network", "method": "GET"},
        "GET /",
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(credential, rule):
    assert credential(rule).status_code == 400


def test_a_credential_has_a_bounded_number_of_rules(credential):
    rules = [{**PORTS, "path": f"/{number}"} for number in range(accessrules.MOST + 1)]
    assert credential(*rules[1:]).status_code == 201
    assert credential(*rules, name="more").status_code == 400


def test_a_credential_without_a_project_shows_who_it_is_and_no_more(cloud, alice):
    bare = identity_cloud.Person(cloud, cloud.login("alice", "pw-alice"))
    path = f"/v3/users/{alice.id}/application_credentials"
    key = bare.post(path, {APPLICATION_CREDENTIAL: {"name": "bare"}}).json()[APPLICATION_CREDENTIAL]
    given = {"id": key["id"], "secret": key["secret"]}
    reply = cloud.attempt({"methods": [APPLICATION_CREDENTIAL], APPLICATION_CREDENTIAL: given})
    assert (key["project_id"], key["roles"]) == (None, [])
    assert reply.status_code == 201
    assert not {"project", "roles", "catalog"} & reply.json()["token"].keys()
    wider = {APPLICATION_CREDENTIAL: {"name": "wider", "roles": [{"name": "member"}]}}
    assert bare.post(path, wider).status_code == 400
