"""Projects, users, domains, roles and their assignments, and what holds for every path of the Identity API."""

import concurrent.futures
import threading
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.api import identity_cloud
from vipool.api.identity import policy, routes
from vipool.cloud.identity.embedded import bootstrap

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One cloud for the tests that only add to it."""
    made = identity_cloud.Cloud(tmp_path_factory.mktemp("identity"))
    yield made
    made.close()


@pytest.fixture
def cloud(tmp_path):
    made = identity_cloud.Cloud(tmp_path)
    yield made
    made.close()


def test_every_route_has_a_policy_and_every_policy_a_route(shared):
    used = {route.policy for route in routes.table(shared.server.desk)}
    assert used == policy.RULES.keys()
    assert policy.OWN.keys() <= policy.RULES.keys()


def test_only_four_paths_answer_without_a_token(shared):
    table = routes.table(shared.server.desk)
    opened = {(route.method, route.path) for route in table if not route.token}
    everybody = {route.policy for route in table if policy.RULES[route.policy] is policy.Rule.EVERYBODY}
    assert opened == {
        ("GET", "/"),
        ("GET", "/v3"),
        ("POST", "/v3/auth/tokens"),
        ("POST", "/v3/users/{user_id}/password"),
    }
    assert {route.policy for route in table if not route.token} == everybody


def test_a_member_may_do_nothing_that_the_rules_do_not_let_it_do(shared):
    member = shared.member("member of nothing else", shared.project("nothing else"))
    for route in routes.table(shared.server.desk):
        if policy.RULES[route.policy] in {policy.Rule.EVERYBODY, policy.Rule.ANYBODY}:
            continue
        path = route.path.format_map(dict.fromkeys(_parts(route.path), "0" * 32))
        reply = member.send(route.method, path)
        # Whom a trust names can only be said of one that is there.
        assert reply.status_code == (404 if "{trust_id}" in route.path else 403), route


def _parts(path: str) -> list[str]:
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]


def test_starting_again_changes_nothing(cloud):
    before = [cloud.admin.get(f"/v3/{many}").json() for many in ("users", "roles", "projects", "role_assignments")]
    with cloud.server.authority.writing() as held:
        assert not bootstrap.bootstrap(held, "another password", cloud.server.login.hashes)
    after = [cloud.admin.get(f"/v3/{many}").json() for many in ("users", "roles", "projects", "role_assignments")]
    assert before == after
    assert cloud.password("admin", "another password").status_code == 401
    assert cloud.password("admin", identity_cloud.ADMIN_PASSWORD).status_code == 201


def test_the_administrator_can_log_in_to_the_system_and_read_it(shared):
    reply = shared.password("admin", identity_cloud.ADMIN_PASSWORD, scope={"system": {"all": True}})
    system = identity_cloud.Person(shared, reply.headers["X-Subject-Token"])
    assert system.see()["system"] == {"all": True}
    assert system.get("/v3/users").status_code == 200


def test_a_filter_never_shows_more_than_the_caller_may_see(cloud):
    foreign = cloud.project("foreign")
    alice = cloud.member("alice", cloud.project("demo"))
    for path in ("/v3/auth/projects", f"/v3/users/{alice.id}/projects"):
        assert [each["name"] for each in alice.get(path).json()["projects"]] == ["demo"]
        assert alice.get(f"{path}?id={foreign}").json()["projects"] == []


def test_pages_follow_their_links_to_the_end(cloud):
    for number in range(7):
        cloud.project(f"page {number}")
    path, names = "/v3/projects?limit=3&name__contains=page", []
    while path:
        body = cloud.admin.get(path).json()
        names += [each["name"] for each in body["projects"]]
        assert body.get("truncated", False) == bool(body["links"]["next"])
        path = (body["links"]["next"] or "").removeprefix("http://cloud.example/identity")
    assert sorted(names) == [f"page {number}" for number in range(7)]


@pytest.mark.parametrize("query", ["limit=x", "limit=-1", "marker=nobody", "enabled=perhaps"])
def test_a_list_refuses_what_it_cannot_do(shared, query):
    assert shared.admin.get(f"/v3/projects?{query}").status_code == 400


@pytest.mark.parametrize("noun", ["project", "user", "role", "domain"])
def test_of_many_who_want_one_name_one_gets_it(shared, noun):
    names = ["Same", "same"] * 4
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda name: shared.admin.post(f"/v3/{noun}s", {noun: {"name": name}}).status_code, names)
    assert sorted(made) == [201] + [409] * 7


def test_a_name_can_be_kept_in_another_case_and_not_taken_by_another(cloud):
    first, second = cloud.project("first"), cloud.project("second")
    assert cloud.admin.patch(f"/v3/projects/{first}", {"project": {"name": "FIRST"}}).status_code == 200
    assert cloud.admin.patch(f"/v3/projects/{second}", {"project": {"name": "first"}}).status_code == 409


def test_projects_form_a_tree_of_five_levels(cloud):
    above, seen = None, []
    for level in range(6):
        body = {"name": f"level {level}", **({"parent_id": above} if above else {})}
        reply = cloud.admin.post("/v3/projects", {"project": body})
        seen.append(reply.status_code)
        above = reply.json().get("project", {}).get("id", above)
    assert seen == [201] * 5 + [403]


def test_a_project_shows_what_is_above_and_below_it(cloud):
    above = cloud.project("above")
    middle = cloud.project("middle", parent_id=above)
    below = [cloud.project(name, parent_id=middle) for name in ("one", "two")]
    shown = cloud.admin.get(f"/v3/projects/{middle}?parents_as_ids&subtree_as_ids").json()["project"]
    assert shown["parents"] == {above: {"default": None}}
    assert shown["subtree"] == dict.fromkeys(below)
    shown = cloud.admin.get(f"/v3/projects/{above}?parents_as_list&subtree_as_list").json()["project"]
    assert shown["parents"] == []
    assert {each["project"]["id"] for each in shown["subtree"]} == {middle, *below}
    assert cloud.admin.get(f"/v3/projects/{middle}?parents_as_ids&parents_as_list").status_code == 400
    alice = cloud.member("alice", middle)
    cloud.give(alice.id, below[0], "member")
    shown = alice.get(f"/v3/projects/{middle}?parents_as_list&subtree_as_list").json()["project"]
    assert (shown["parents"], [each["project"]["id"] for each in shown["subtree"]]) == ([], below[:1])


def test_a_domain_is_a_project_to_whoever_asks_for_it_so(cloud):
    made = cloud.admin.make("project", {"name": "d", "is_domain": True, "domain_id": None})
    assert (made["is_domain"], made["domain_id"], made["parent_id"]) == (True, None, None)
    path = f"/v3/projects/{made['id']}"
    assert cloud.admin.get(f"/v3/domains/{made['id']}").json()["domain"]["name"] == "d"
    assert cloud.admin.get(path).json()["project"] == made
    listed = cloud.admin.get("/v3/projects?is_domain=true&name=d").json()["projects"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert cloud.admin.get("/v3/projects?is_domain=true&domain_id=default").json()["projects"] == []
    assert made["id"] not in [each["id"] for each in cloud.admin.get("/v3/projects").json()["projects"]]
    assert cloud.admin.delete(path).status_code == 403
    assert cloud.admin.patch(path, {"project": {"enabled": False}}).json()["project"]["enabled"] is False
    assert cloud.admin.delete(path).status_code == 204
    assert cloud.admin.get(f"/v3/domains/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name__startswith=alp", ["alpha"]),
        ("name__iendswith=ha", ["alpha"]),
        ("name__contains=et", ["beta"]),
        ("name__startswith=al&name__endswith=eta", []),
        ("name__startswith=%25", []),
    ],
)
def test_a_list_can_be_asked_for_parts_of_names(shared, query, names):
    for name in ("alpha", "beta"):
        shared.admin.post("/v3/groups", {"group": {"name": name}})
    assert [each["name"] for each in shared.admin.get(f"/v3/groups?{query}").json()["groups"]] == names


@pytest.mark.parametrize("tag", ["Ā", "é", "a b", "%", "\r\nX-Evil: 1"])
def test_the_address_of_a_new_tag_leads_to_it_whatever_it_is_called(shared, tag):
    path = f"/v3/projects/{shared.project(f'tagged {tag!a}')}/tags/{quote(tag, safe=':')}"
    made = shared.admin.put(path)
    assert made.status_code == 201
    assert made.headers["Location"] == f"http://cloud.example/identity{path}"
    assert "X-Evil" not in made.headers
    assert shared.admin.get(path).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_tags_put_or_taken_by_two_at_once_are_all_heeded(shared, method):
    path = f"/v3/projects/{shared.project(f'tagged by two with {method}')}/tags"
    halves = [[f"{half}-{number}" for number in range(10)] for half in ("left", "right")]
    every = sorted(tag for half in halves for tag in half)
    if method == "DELETE":
        assert shared.admin.put(path, json={"tags": every}).status_code == 200
    together = threading.Barrier(2, timeout=30)

    def send(tags: list[str]) -> list[int]:
        found = []
        for tag in tags:
            together.wait()
            found.append(shared.admin.send(method, f"{path}/{tag}").status_code)
        return found

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        codes = [code for half in pool.map(send, halves) for code in half]
    assert set(codes) == {201 if method == "PUT" else 204}
    assert shared.admin.get(path).json()["tags"] == (every if method == "PUT" else [])


def test_a_project_with_enabled_ones_below_cannot_be_disabled_nor_deleted(cloud):
    above = cloud.project("above")
    below = cloud.project("below", parent_id=above)
    disable = {"project": {"enabled": False}}
    assert cloud.admin.patch(f"/v3/projects/{above}", disable).status_code == 403
    assert cloud.admin.delete(f"/v3/projects/{above}").status_code == 403
    assert cloud.admin.patch(f"/v3/projects/{below}", disable).status_code == 200
    assert cloud.admin.patch(f"/v3/projects/{above}", disable).status_code == 200
    assert cloud.admin.patch(f"/v3/projects/{below}", {"project": {"enabled": True}}).status_code == 403


def test_a_domain_takes_everything_in_it_along(cloud):
    domain = cloud.admin.make("domain", {"name": "d"})["id"]
    project, user = cloud.project("p", domain_id=domain), cloud.user("u", domain_id=domain)
    role = cloud.admin.make("role", {"name": "r", "domain_id": domain})["id"]
    cloud.give(user, project, "member")
    assert cloud.admin.delete(f"/v3/domains/{domain}").status_code == 403
    cloud.admin.patch(f"/v3/domains/{domain}", {"domain": {"enabled": False}})
    assert cloud.admin.delete(f"/v3/domains/{domain}").status_code == 204
    for path in (f"/v3/projects/{project}", f"/v3/users/{user}", f"/v3/roles/{role}", f"/v3/domains/{domain}"):
        assert cloud.admin.get(path).status_code == 404
    assert cloud.admin.get(f"/v3/role_assignments?user.id={user}").json()["role_assignments"] == []


def test_the_default_domain_cannot_be_deleted(cloud):
    cloud.admin.patch("/v3/domains/default", {"domain": {"enabled": True}})
    assert cloud.admin.delete("/v3/domains/default").status_code == 403


@pytest.mark.parametrize("noun", ["project", "domain", "role"])
def test_what_is_immutable_stays_until_it_is_released(cloud, noun):
    path = f"/v3/{noun}s/" + cloud.admin.make(noun, {"name": "fixed", "options": {"immutable": True}})["id"]
    assert cloud.admin.patch(path, {noun: {"description": "x"}}).status_code == 403
    assert cloud.admin.delete(path).status_code == 403
    assert cloud.admin.patch(path, {noun: {"options": {"immutable": False}}}).status_code == 200
    assert cloud.admin.patch(path, {noun: {"description": "x"}}).status_code == 200


def test_the_role_admin_cannot_be_implied(cloud):
    assert cloud.admin.put(f"/v3/roles/{cloud.role('member')}/implies/{cloud.role('admin')}").status_code == 403


def test_a_role_of_every_domain_cannot_imply_one_of_a_domain(cloud):
    inside = cloud.admin.make("role", {"name": "inside", "domain_id": "default"})["id"]
    assert cloud.admin.put(f"/v3/roles/{cloud.role('member')}/implies/{inside}").status_code == 403
    assert cloud.admin.put(f"/v3/roles/{inside}/implies/{cloud.role('member')}").status_code == 201
    assert cloud.admin.send("HEAD", f"/v3/roles/{inside}/implies/{cloud.role('member')}").status_code == 204


def test_roles_do_not_imply_each_other(cloud):
    assert cloud.admin.put(f"/v3/roles/{cloud.role('reader')}/implies/{cloud.role('manager')}").status_code == 400


def test_deleting_a_role_takes_it_from_everybody(cloud):
    project = cloud.project("demo")
    alice = cloud.member("alice", project)
    role = cloud.admin.make("role", {"name": "operator"})["id"]
    cloud.give(alice.id, project, "operator")
    assert "operator" in {each["name"] for each in alice.see()["roles"]}
    assert cloud.admin.delete(f"/v3/roles/{role}").status_code == 204
    assert "operator" not in {each["name"] for each in alice.see()["roles"]}


def test_a_locked_password_is_changed_by_administrators_only(cloud):
    user = cloud.user("robot", options={"lock_password": True})
    change = {"user": {"password": "new", "original_password": "pw-robot"}}
    assert cloud.send("POST", f"/v3/users/{user}/password", json=change).status_code == 403
    assert cloud.admin.patch(f"/v3/users/{user}", {"user": {"password": "new"}}).status_code == 200
    assert cloud.password("robot", "new").status_code == 201


@pytest.mark.parametrize(
    "body", [{"name": "u", "password": "hunter2", "options": 5}, {"name": 5, "password": "hunter2"}]
)
def test_no_refusal_repeats_a_password(shared, body):
    reply = shared.admin.post("/v3/users", {"user": body})
    assert reply.status_code == 400
    assert "hunter2" not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        {"name": "deep", "extra_thing": [[[[[[[[[[[[[[[[[[[["x"]]]]]]]]]]]]]]]]]]]]},
        {"name": "wide", "extra_thing": list(range(2000))},
        {"name": "nul\x00"},
        {"name": "   "},
        {"name": None},
        {"name": "x", "tags": "no list"},
        {"name": "x", "parent_id": "0" * 32},
        {"name": "x", "is_domain": True, "parent_id": "default"},
    ],
)
def test_a_project_that_makes_no_sense_is_refused(shared, body):
    assert shared.admin.post("/v3/projects", {"project": body}).status_code == 400


@hypothesis.given(JSON)
def test_no_request_for_a_token_breaks_the_service(shared, some):
    for body in (
        some,
        {"auth": some},
        {"auth": {"identity": some}},
        _auth(some),
        _auth({"user": some}),
        _auth({}, some),
    ):
        assert shared.send("POST", "/v3/auth/tokens", json=body).status_code in {400, 401, 404, 501}


def _auth(password: object, scope: object = "unscoped") -> object:
    return {"auth": {"identity": {"methods": ["password"], "password": password}, "scope": scope}}


@hypothesis.given(
    st.sampled_from(["project", "user", "role", "domain"]), JSON, st.dictionaries(st.text(max_size=9), JSON)
)
def test_no_body_breaks_the_service(shared, noun, some, attributes):
    for body in (some, {noun: some}, {noun: attributes}, {noun: {**attributes, "description": some, "options": some}}):
        assert shared.admin.post(f"/v3/{noun}s", body).status_code == 400


@hypothesis.given(st.text(alphabet=st.characters(codec="utf-8"), max_size=12), st.sampled_from(["id", "name", "tags"]))
def test_no_name_in_a_path_or_a_query_breaks_the_service(shared, text, key):
    for many in ("projects", "users", "roles", "domains"):
        reply = shared.admin.get(f"/v3/{many}", params={key: text})
        assert reply.status_code in {200, 400}, reply.text
    reply = shared.admin.send("GET", "/v3/projects/" + "".join(f"%{byte:02x}" for byte in text.encode()))
    assert reply.status_code in {200, 404}
