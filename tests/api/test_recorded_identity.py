"""The identity face answers recorded calls as the recorded Keystone did, but for a committed list of differences."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.api import identity_cloud, replaying

HERE = Path(__file__).parent
RECORDED = HERE / "recorded" / "identity.jsonl"
DIFFERENCES = HERE / "recorded_identity_differences.txt"
# What no two runs share: moments, names of tokens, sentences, and links that hold identifiers in this run's order.
VOLATILE = frozenset({"message", "audit_ids", "expires_at", "issued_at", "next", "secret"})
PROJECTS = {"demo": "demo project", "other": "other project", "service": ""}
PEOPLE = {
    "alice": ("demo", "member"),
    "dana": ("demo", "member"),
    "rita": ("demo", "reader"),
    "bob": ("other", "member"),
}


@pytest.fixture
def cloud(tmp_path):
    made = identity_cloud.Cloud(tmp_path)
    yield made
    made.close()


def _people(cloud: identity_cloud.Cloud) -> dict[str, str]:
    """The recorded cloud's projects and users, with what their placeholders stand for."""
    bound = {"<ADMIN_PASSWORD>": identity_cloud.ADMIN_PASSWORD, "<ID>": "0123456789abcdef0123456789abcdef"}
    admin = cloud.admin.see()
    description = "Bootstrap project for initializing the cloud."
    cloud.admin.patch(f"/v3/projects/{admin['project']['id']}", {"project": {"description": description}})
    bound |= {"<ADMIN_USER_ID>": admin["user"]["id"], "<ADMIN_PROJECT_ID>": admin["project"]["id"]}
    projects = {name: cloud.project(name, description=description) for name, description in PROJECTS.items()}
    for name in ("creator", "observer", "audit"):
        cloud.admin.make("role", {"name": name})
    for name, (project, role) in PEOPLE.items():
        bound[f"<{name.upper()}_USER_ID>"] = user = cloud.member(name, projects[project], role).id
        if name == "rita":
            cloud.admin.patch(f"/v3/users/{user}", {"user": {"default_project_id": None}})
    for name in ("barbican", "neutron"):
        bound[f"<{name.upper()}_USER_ID>"] = user = cloud.user(name)
        for role in ("admin", "service"):
            cloud.give(user, projects["service"], role)
    bound |= {f"<{name.upper()}_PROJECT_ID>": project for name, project in projects.items()}
    for role in cloud.admin.get("/v3/roles").json()["roles"]:
        bound[f"<{role['name'].upper().replace('-', '_')}_ROLE_ID>"] = role["id"]
    return bound | _catalog(cloud)


def _catalog(cloud: identity_cloud.Cloud) -> dict[str, str]:
    bound = {}
    for service in cloud.admin.see()["catalog"]:
        name = service["type"].upper().replace("-", "_")
        bound[f"<{name}_SERVICE_ID>"] = service["id"]
        for endpoint in service["endpoints"]:
            bound[f"<{name}_{endpoint['interface'].upper()}_ENDPOINT_ID>"] = endpoint["id"]
    return bound


class Sender:
    """Sends recorded calls as whoever made them, logging in where that has not happened yet."""

    def __init__(self, cloud: identity_cloud.Cloud) -> None:
        self._cloud = cloud
        self._tokens: dict[str, str] = {"admin": cloud.admin.token}
        self._secrets: dict[str, str] = {}
        self.bound: Mapping[str, str] = {}

    def __call__(self, recorded: Mapping[str, Any]) -> tuple[int, Any]:
        body = self._with_secret(recorded["body"])
        content = body if isinstance(body, str) else None if body is None else json.dumps(body)
        headers = dict(recorded.get("headers", {}))
        if subject := headers.get("X-Subject-Token", "").removeprefix("<TOKEN:").removesuffix(">"):
            headers["X-Subject-Token"] = subject if subject == "bogus" else self.token(subject)
        if recorded["as"] != "anonymous":
            headers["X-Auth-Token"] = self.token(recorded["as"])
        if content is not None and "no content-type" not in recorded["name"]:
            headers.setdefault("Content-Type", "application/json")
        reply = self._cloud.send(recorded["method"], recorded["path"], content=content, headers=headers)
        shown: Any = None
        if reply.content and recorded["method"] != "HEAD":
            shown = "html" if reply.headers["Content-Type"].startswith("text/html") else reply.json()
        kept = {name.lower(): name for name in ("Location", "WWW-Authenticate", "X-Subject-Token", "Vary")}
        if isinstance(shown, dict) and "secret" in shown.get("application_credential", {}):
            self._secrets[shown["application_credential"]["id"]] = shown["application_credential"]["secret"]
        heads = {kept[name]: value for name, value in reply.headers.items() if name in kept}
        if "X-Subject-Token" in heads:
            heads["X-Subject-Token"] = "given"
        return reply.status_code, {"body": shown, "headers": heads}

    def _with_secret(self, body: Any) -> Any:
        """The body with the secret of the credential it names: all recorded secrets have one placeholder."""
        match body:
            case {"auth": {"identity": {"application_credential": {"id": str(key), "secret": str(secret)}}}}:
                if secret == self.bound.get("<APP_CRED_SECRET>") and key in self._secrets:
                    return json.loads(json.dumps(body).replace(secret, self._secrets[key]))
                return body
            case _:
                return body

    def token(self, who: str) -> str:
        """The token of somebody in the recordings."""
        if who not in self._tokens:
            self._tokens[who] = self._login(who)
        return self._tokens[who]

    def _login(self, who: str) -> str:
        if "appcred" not in who:
            name = who.partition("-")[0].partition("(")[0]
            return self._cloud.login(name, f"pw-{name}", project=None if "unscoped" in who else PEOPLE[name][0])
        key = {"id": self.bound["<AC1_APPLICATION_CREDENTIAL_ID>"], "secret": self.bound["<APP_CRED_SECRET>"]}
        if "unrestricted" in who:
            key = {"id": self.bound["<AC2_APPLICATION_CREDENTIAL_ID>"], "secret": "my-own-secret"}
        reply = self._cloud.attempt({"methods": ["application_credential"], "application_credential": key})
        assert reply.status_code == 201, reply.text
        return str(reply.headers["X-Subject-Token"])


def test_every_recorded_call_is_answered_as_recorded_or_listed_with_a_reason(cloud):
    known = replaying.known_differences(DIFFERENCES)
    send = Sender(cloud)
    replay = replaying.Replay(send, _people(cloud), volatile=VOLATILE)
    send.bound = replay.bound
    report = []
    met = set()
    for number, recorded in replaying.recordings(RECORDED):
        if "<TOKEN>" in json.dumps(recorded.get("body")):
            replay.bound["<TOKEN>"] = send.token(
                "alice-appcred" if "app cred" in recorded["name"] else "alice-unscoped"
            )
        differs = replay.call(recorded)
        if differs and number not in known:
            report.append(f"{number} {recorded['name']} | {recorded['as']} {recorded['method']} {recorded['path']}")
            report.extend(f"      {line}" for line in differs)
        if differs:
            met.add(number)
    report.extend(f"{number} is listed and does not differ: {known[number]}" for number in sorted(known.keys() - met))
    if path := os.environ.get("VIPOOL_REPLAY_REPORT"):
        Path(path).write_text("\n".join(report))
    assert not report, "\n".join(report[:60])
