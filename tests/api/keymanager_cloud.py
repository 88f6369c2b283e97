"""The key-manager face over a store of its own, and calls to it as short as a sentence.

Promises a clock that moves only when told, identifiers and nonces that are the same in every run.
"""

import datetime
import hashlib
import itertools
import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette import testclient

from tests.service import world
from vipool.api import face
from vipool.api.keymanager import desk, routes
from vipool.cloud.secrets.embedded import vault
from vipool.model import caller, faults
from vipool.store import session

NOON = datetime.datetime(2026, 11, 23, 12, 0, 0, 250_000)
PROJECTS = {name: uuid.uuid5(uuid.NAMESPACE_DNS, name).hex for name in ("admin", "demo", "other", "service")}
KEY = b"a key for secrets, of 32 bytes..".ljust(32)
URL = "http://cloud.example/key-manager"
NOBODYS = "00000000-0000-4000-8000-000000000000"


def _caller(name: str, project: str | None, *roles: str) -> caller.Caller:
    return caller.Caller(
        user_id=uuid.uuid5(uuid.NAMESPACE_DNS, name).hex,
        user_name=name,
        project_id=None if project is None else PROJECTS[project],
        roles=frozenset(roles),
    )


CALLERS = {
    "admin": _caller("admin", "admin", "admin", "manager", "member", "reader"),
    "alice": _caller("alice", "demo", "member", "reader"),
    "dana": _caller("dana", "demo", "member", "reader"),
    "rita(reader)": _caller("rita", "demo", "reader"),
    "chief": _caller("chief", "demo", "admin", "manager", "member", "reader"),
    "creator": _caller("creator", "demo", "creator"),
    "observer": _caller("observer", "demo", "observer"),
    "audit": _caller("audit", "demo", "audit"),
    "bob": _caller("bob", "other", "member", "reader"),
    "service": _caller("service", "service", "admin", "manager", "member", "reader", "service"),
    "bob-unscoped": _caller("bob", None),
    "stranger-unscoped": _caller("stranger", None),
}


def authenticate(token: str) -> caller.Caller:
    if token not in CALLERS:
        raise faults.Unauthorized("The request you have made requires authentication.")
    return CALLERS[token]


def user(name: str) -> str:
    """The identifier of a user."""
    return CALLERS[name].user_id


class Cloud:
    """A key manager that answers HTTP, in process."""

    def __init__(self, path: Path, new_id: Callable[[], str] | None = None) -> None:
        path.write_bytes(world.empty_store())
        self.now = NOON
        numbers, nonces = itertools.count(), itertools.count()
        self.database = session.Database(session.sqlite_url(path), clock=lambda: self.now)
        self.vault = vault.Vault([KEY], lambda size: hashlib.shake_256(str(next(nonces)).encode()).digest(size))
        self.desk = desk.Desk(
            database=self.database,
            vault=self.vault,
            new_id=new_id or (lambda: str(uuid.uuid5(uuid.NAMESPACE_OID, str(next(numbers))))),
        )
        served = face.Service(routes.face(self.desk, authenticate=authenticate))
        self.client = testclient.TestClient(served, base_url="http://cloud.example", follow_redirects=False)

    def later(self, seconds: float = 1) -> None:
        """Let time pass."""
        self.now += datetime.timedelta(seconds=seconds)

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "alice", **headers: str) -> Any:
        """One call below /v1; the reply as it came.  Text and bytes are sent as they are, anything else as JSON."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, str | bytes) else None if body is None else json.dumps(body)
        if content is not None:
            told.setdefault("Content-Type", "application/json")
        sent = {"X-Auth-Token": who, **told}
        return self.client.request(method, f"/key-manager/v1/{path}", content=content, headers=sent)

    def get(self, path: str, *, who: str = "alice", **headers: str) -> Any:
        """The body of a GET that must be answered with 200."""
        reply = self.ask("GET", path, who=who, **headers)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refused(self, method: str, path: str, body: Any = None, *, who: str = "alice", **headers: str) -> int:
        """The status of a call that must be refused, in the form of this service."""
        reply = self.ask(method, path, body, who=who, **headers)
        assert 400 <= reply.status_code < 600, reply.text
        assert {"code", "title", "description"} == set(reply.json()), reply.text
        assert reply.json()["code"] == reply.status_code
        return int(reply.status_code)

    def make(self, collection: str, *, who: str = "alice", **values: Any) -> str:
        """A new object, from a call that must be answered with 201; its path below /v1."""
        reply = self.ask("POST", collection, values, who=who)
        assert reply.status_code == 201, reply.text
        (where,) = reply.json().values()
        assert where == reply.headers["Location"]
        return str(where).removeprefix(f"{URL}/v1/")

    def store(self, text: str = "hello", *, who: str = "alice", **values: Any) -> str:
        """A secret that is a text; its path below /v1."""
        return self.make("secrets", who=who, payload=text, payload_content_type="text/plain", **values)

    def read(self, path: str, *, who: str = "alice", accept: str = "*/*") -> bytes | None:
        """The payload of a secret, or None where that is refused."""
        reply = self.ask("GET", f"{path}/payload", who=who, accept=accept)
        return bytes(reply.content) if reply.status_code == 200 else None

    def close(self) -> None:
        self.database.close()


def recorded(cloud: Cloud, call: Mapping[str, Any]) -> Any:
    """The reply to a call as it is recorded."""
    body = call["body"]
    content = body if isinstance(body, str | bytes) else None if body is None else json.dumps(body)
    headers = {**call.get("headers", {"Accept": "application/json"})}
    if call["as"] != "anonymous":
        headers["X-Auth-Token"] = call["as"]
    # The client would add an Accept of its own.
    cloud.client.headers.pop("Accept", None)
    return cloud.client.request(call["method"], "/key-manager" + call["path"], content=content, headers=headers)
