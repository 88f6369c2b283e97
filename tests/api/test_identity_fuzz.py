"""No request to the identity service is an internal error, and no refusal is without words."""

import datetime
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import hostile, identity_cloud
from vipool.api import exchange
from vipool.api.identity import routes
from vipool.model import attr, catalog, credential, domain, group, project, role, trust, user

EXAMPLES = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
NOUNS: tuple[type[attr.Resource], ...] = (
    project.Project,
    user.User,
    group.Group,
    domain.Domain,
    role.Role,
    credential.ApplicationCredential,
    trust.Trust,
    catalog.Region,
    catalog.Service,
    catalog.Endpoint,
)
WRITING = ("POST", "PUT", "PATCH")
WORDS = ("user", "id", "name", "domain", "password", "secret", "project", "system", "methods", "roles")


class Shared:
    """One cloud for all the examples; a new one when an example has shut everybody out of it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._number = 0
        self.cloud = self._new()

    def _new(self) -> identity_cloud.Cloud:
        self._number += 1
        directory = Path(self._directory.name) / str(self._number)
        directory.mkdir()
        self.cloud = cloud = identity_cloud.Cloud(directory)
        self.real, self.tokens = furnish(cloud)
        return cloud

    def alive(self) -> identity_cloud.Cloud:
        """The cloud, in which the administrator can still work, a little later than it was."""
        # Failed logins are counted by the minute: without this only the first hundred would be looked at.
        self.cloud.now += datetime.timedelta(seconds=1)
        if self.cloud.admin.get("/v3/role_assignments").status_code != 200:
            self.cloud.close()
            self._new()
        return self.cloud

    def close(self) -> None:
        self.cloud.close()
        self._directory.cleanup()


def furnish(cloud: identity_cloud.Cloud) -> tuple[hostile.Real, list[str | None]]:
    """Objects to refer to, and the tokens of all kinds of people."""
    demo, other = cloud.project("demo"), cloud.project("other")
    alice, bob, eve = cloud.member("alice", demo), cloud.member("bob", other), cloud.member("eve", demo, "reader")
    crew = cloud.admin.make("group", {"name": "crew"})
    cloud.give_group(crew["id"], demo, "member")
    member = cloud.role("member")
    base = f"/v3/users/{alice.id}/application_credentials"
    rule = {"service": "network", "method": "GET", "path": "/v2.0/**"}
    key = alice.post(base, {"application_credential": {"name": "k", "secret": "s", "access_rules": [rule]}}).json()
    made = key["application_credential"]
    held = cloud.attempt(
        {"methods": ["application_credential"], "application_credential": {"id": made["id"], "secret": "s"}}
    )
    who = {"trustor_user_id": alice.id, "trustee_user_id": bob.id, "project_id": demo, "impersonation": True}
    lent = alice.post("/v3/OS-TRUST/trusts", {"trust": {**who, "roles": [{"id": member}]}}).json()["trust"]
    region = cloud.admin.make("region", {"id": "north"})
    service = cloud.admin.make("service", {"type": "compute", "name": "nova"})
    where = {"service_id": service["id"], "region_id": region["id"], "interface": "public", "url": "http://cloud.test"}
    real = {
        "projects": [demo, other],
        "users": [alice.id, bob.id],
        "groups": [crew["id"]],
        "roles": [member, cloud.role("reader")],
        "domains": ["default"],
        "application_credentials": [made["id"]],
        "access_rules": [made["access_rules"][0]["id"]],
        "trusts": [lent["id"]],
        "regions": [region["id"]],
        "services": [service["id"]],
        "endpoints": [cloud.admin.make("endpoint", where)["id"]],
    }
    tokens = [cloud.admin.token, alice.token, bob.token, eve.token, held.headers["X-Subject-Token"], "x", None]
    return real, tokens


def noun_of(path: str) -> type[attr.Resource] | None:
    """What the objects of a path are."""
    parts = path.split("/")
    last = parts[-2] if parts[-1].startswith("{") and len(parts) > 2 else parts[-1]
    return next((cls for cls in NOUNS if cls.NOUN.collection == last), None)


def entries(real: hostile.Real) -> st.SearchStrategy[Any]:
    """Objects of the words that bodies of the Identity API nest, with real and odd values at the ends."""
    ends = st.one_of(
        st.sampled_from([*hostile.anything(real), "Default", "alice", "pw-alice", "s", "all"]),
        hostile.SCALARS,
        st.none(),
    )
    return st.recursive(
        ends,
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
            | st.fixed_dictionaries({"id": ends}, optional={"domain": inner})
        ),
        max_leaves=6,
    )


def logins(real: hostile.Real, tokens: list[str | None]) -> st.SearchStrategy[Any]:
    """What asks for a token, nearly right."""
    inside = entries(real)
    people = st.fixed_dictionaries(
        {"password": st.sampled_from(["pw-alice", "pw-bob", "", "x" * 5000, "\x00"]) | inside},
        optional={"id": st.sampled_from(real["users"]) | inside, "name": inside, "domain": inside},
    )
    ways = st.fixed_dictionaries(
        {"methods": st.lists(st.sampled_from(["password", "token", "application_credential", "x"]), max_size=2)},
        optional={
            "password": st.fixed_dictionaries({"user": people | inside}) | inside,
            "token": st.fixed_dictionaries({"id": st.sampled_from(tokens) | inside}) | inside,
            "application_credential": st.fixed_dictionaries({"secret": inside, "id": inside}) | inside,
        },
    )
    kinds = st.sampled_from(["project", "domain", "system", "OS-TRUST:trust"])
    scope = st.dictionaries(kinds, inside, max_size=2) | inside
    return st.fixed_dictionaries({"identity": ways | inside}, optional={"scope": scope})


def body_of(route: exchange.Route, shared: Shared) -> tuple[str, st.SearchStrategy[Any]]:
    """What a route takes, nearly: its wrapper and what is inside."""
    if route.path.endswith("/auth/tokens"):
        return "auth", logins(shared.real, shared.tokens)
    cls = noun_of(route.path)
    if cls is None:
        wrapper = "user" if route.path.endswith("/password") else "tags"
        return wrapper, hostile.GARBAGE | entries(shared.real)
    inside = entries(shared.real)
    more = ("roles", "access_rules", "password", "options", "project_id", "domain_id", "extra", "secret", "enabled")
    plain = hostile.bodies(cls, update=route.method == "PATCH", real=shared.real)
    added = st.dictionaries(st.sampled_from(more), inside, max_size=2)
    return cls.NOUN.wrapper, st.tuples(plain, added).map(lambda pair: {**pair[1], **pair[0]})


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    shared = Shared()
    yield shared
    shared.close()


@EXAMPLES
@given(data=st.data())
def test_no_request_is_an_internal_error_and_no_refusal_without_words(shared, data):
    cloud = shared.alive()
    route = data.draw(st.sampled_from(routes.table(cloud.server.desk)))
    path = data.draw(hostile.paths(route.path, shared.real))
    headers = {name: value.encode() for name, value in data.draw(hostile.HEADERS).items()}
    subject = data.draw(st.sampled_from([*shared.tokens, None]))
    content = data.draw(hostile.documents(*body_of(route, shared))) if route.method in WRITING else None
    reply = cloud.send(
        route.method,
        path,
        token=data.draw(st.sampled_from([shared.tokens[0], *shared.tokens])),
        params=data.draw(hostile.queries(noun_of(route.path), shared.real)) or None,
        content=content,
        headers={**headers, **({} if subject is None else {"X-Subject-Token": subject})},
    )
    hostile.told(reply.status_code, reply.content, reply.headers.get("content-type", ""))


@EXAMPLES
@given(data=st.data(), cls=st.sampled_from([each for each in NOUNS if each is not credential.ApplicationCredential]))
def test_what_is_accepted_is_shown_listed_and_removed(shared, data, cls):
    cloud, noun = shared.alive(), cls.NOUN
    base = f"/v3/OS-TRUST/{noun.collection}" if cls is trust.Trust else f"/v3/{noun.collection}"
    body = data.draw(hostile.bodies(cls, update=False, real=shared.real))
    reply = cloud.admin.post(base, {noun.wrapper: body})
    hostile.told(reply.status_code, reply.content, "")
    assert reply.status_code in {201, 400, 403, 404, 409}, reply.text
    if reply.status_code != 201:
        return
    made = reply.json()[noun.wrapper]
    path = f"{base}/{quote(made['id'], safe='')}"
    shown = cloud.admin.get(path).json()[noun.wrapper]
    assert {name: shown[name] for name in made if name in shown} == {n: v for n, v in made.items() if n in shown}
    changed = cloud.admin.patch(path, {noun.wrapper: {"enabled": False}}) if cls is domain.Domain else None
    assert changed is None or changed.status_code == 200
    assert cloud.admin.delete(path).status_code == 204
    assert cloud.admin.get(path).status_code == 404
