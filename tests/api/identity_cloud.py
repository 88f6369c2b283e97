"""A small cloud on a database of its own: the identity face in process, with a clock that tests move.

`Cloud` is what tests talk to: `admin`, `alice` and so on are clients that log in once and keep their token.
"""

import datetime
import hashlib
import itertools
from pathlib import Path
from typing import Any

from starlette import testclient

from vipool.api import face
from vipool.api.identity import desk, routes
from vipool.cloud.identity.embedded import authority, bootstrap, guesses, hashes, login
from vipool.store import session

BEGIN = datetime.datetime(2026, 11, 23, 12, 0)
KEY = b"a key for tests, of 32 bytes....".ljust(32)
ADMIN_PASSWORD = "secret"
DEFAULT = {"id": "default"}


class Entropy:
    """Bytes that look random and are the same in every run."""

    def __init__(self, seed: str) -> None:
        self._calls = (f"{seed}:{number}" for number in itertools.count())

    def __call__(self, size: int) -> bytes:
        return hashlib.shake_256(next(self._calls).encode()).digest(size)


class Server:
    """One server process: a face of its own over a database file that others may share."""

    def __init__(self, path: Path, cloud: "Cloud", name: str) -> None:
        self.database = session.Database(session.sqlite_url(path), clock=lambda: cloud.now)
        entropy = Entropy(name)
        self.authority = authority.Authority(self.database, keys=(KEY,), entropy=entropy)
        # One pass over the least memory argon2 takes: these tests are not about the cost of hashing.
        self.login = login.Login(self.authority, hashes.Hashes(passes=1, memory_kib=8), guesses.Guesses())
        self.desk = desk.Desk(authority=self.authority, login=self.login, new_id=lambda: entropy(16).hex())
        served = face.Service(routes.face(self.desk, lambda: "req-1"))
        self.client = testclient.TestClient(served, base_url="http://cloud.example", follow_redirects=False)


class Cloud:
    """The server, and the people who use it."""

    def __init__(self, directory: Path) -> None:
        self.now = BEGIN
        self._path = directory / "state.db"
        self._servers: list[Server] = []
        self.server = self.another_server()
        self.server.database.create()
        with self.server.authority.writing() as held:
            bootstrap.bootstrap(held, ADMIN_PASSWORD, self.server.login.hashes)
        self.admin = Person(self, self.login("admin", ADMIN_PASSWORD, project="admin"))

    def another_server(self) -> Server:
        """One more server over the same database."""
        self._servers.append(Server(self._path, self, f"server {len(self._servers)}"))
        return self._servers[-1]

    def close(self) -> None:
        for server in self._servers:
            server.database.close()

    def send(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Any:
        headers = {**({"X-Auth-Token": token} if token else {}), **more.pop("headers", {})}
        return self.server.client.request(method, "/identity" + path, headers=headers, **more)

    def attempt(self, identity: dict[str, Any], scope: Any = None) -> Any:
        """The reply to a request for a token."""
        auth = {"identity": identity, **({} if scope is None else {"scope": scope})}
        return self.send("POST", "/v3/auth/tokens", json={"auth": auth})

    def password(self, name: str, password: str, *, scope: Any = None) -> Any:
        """The reply to a login with a password."""
        user = {"name": name, "domain": DEFAULT, "password": password}
        return self.attempt({"methods": ["password"], "password": {"user": user}}, scope)

    def login(self, name: str, password: str, *, project: str | None = None) -> str:
        """A token, for a project or for none."""
        scope = "unscoped" if project is None else {"project": {"name": project, "domain": DEFAULT}}
        reply = self.password(name, password, scope=scope)
        assert reply.status_code == 201, reply.text
        return str(reply.headers["X-Subject-Token"])

    def role(self, name: str) -> str:
        """The id of a role."""
        return str(self.admin.get(f"/v3/roles?name={name}").json()["roles"][0]["id"])

    def project(self, name: str, **more: Any) -> str:
        """A new project; its id."""
        return self.admin.make("project", {"name": name, **more})["id"]

    def user(self, name: str, **more: Any) -> str:
        """A new user with the password `pw-NAME`; its id."""
        return self.admin.make("user", {"name": name, "password": f"pw-{name}", **more})["id"]

    def give(self, user: str, project: str, role: str) -> None:
        """Give a role in a project."""
        reply = self.admin.put(f"/v3/projects/{project}/users/{user}/roles/{self.role(role)}")
        assert reply.status_code == 204, reply.text

    def give_group(self, group: str, project: str, role: str) -> None:
        """Give a role in a project to a group."""
        reply = self.admin.put(f"/v3/projects/{project}/groups/{group}/roles/{self.role(role)}")
        assert reply.status_code == 204, reply.text

    def member(self, name: str, project: str, role: str = "member") -> "Person":
        """Somebody new with a role in a project, logged in to it."""
        user = self.user(name, default_project_id=project)
        self.give(user, project, role)
        reply = self.password(name, f"pw-{name}", scope={"project": {"id": project}})
        assert reply.status_code == 201, reply.text
        return Person(self, reply.headers["X-Subject-Token"])


class Person:
    """A client with a token."""

    def __init__(self, cloud: Cloud, token: str) -> None:
        self._cloud = cloud
        self.token = token

    @property
    def id(self) -> str:
        return str(self.see()["user"]["id"])

    def see(self) -> dict[str, Any]:
        """What the token means."""
        reply = self.get("/v3/auth/tokens", headers={"X-Subject-Token": self.token})
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["token"])

    def send(self, method: str, path: str, **more: Any) -> Any:
        return self._cloud.send(method, path, token=self.token, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.send("GET", path, **more)

    def put(self, path: str, **more: Any) -> Any:
        return self.send("PUT", path, **more)

    def post(self, path: str, body: Any) -> Any:
        return self.send("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self.send("PATCH", path, json=body)

    def delete(self, path: str, **more: Any) -> Any:
        return self.send("DELETE", path, **more)

    def make(self, noun: str, body: dict[str, Any]) -> Any:
        """A new object."""
        reply = self.post(f"/v3/{noun}s", {noun: body})
        assert reply.status_code == 201, reply.text
        return reply.json()[noun]
