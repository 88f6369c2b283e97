"""The network face over a store of its own, and calls to it as short as a sentence.

Promises a clock that goes on by a second with every transaction, and identifiers that are the same in every run.
"""

import datetime
import itertools
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette import testclient

from tests.service import world
from vipool.api import face
from vipool.api.network import routes as network_routes
from vipool.model import caller, faults
from vipool.store import session

PROJECTS = {name: uuid.uuid5(uuid.NAMESPACE_DNS, name).hex for name in ("admin", "demo", "other", "service")}


def _caller(name: str, project: str | None, *roles: str) -> caller.Caller:
    return caller.Caller(
        user_id=name,
        user_name=name,
        project_id=None if project is None else PROJECTS[project],
        roles=frozenset(roles),
    )


CALLERS = {
    "admin": _caller("admin", "admin", "admin", "manager", "member", "reader"),
    "alice": _caller("alice", "demo", "member", "reader"),
    "rita(reader)": _caller("rita", "demo", "reader"),
    "bob": _caller("bob", "other", "member", "reader"),
    "service": _caller("service", "service", "admin", "manager", "member", "reader", "service"),
    "alice-unscoped": _caller("alice", None),
}


def authenticate(token: str) -> caller.Caller:
    if token not in CALLERS:
        raise faults.Unauthorized("The request you have made requires authentication.")
    return CALLERS[token]


class Cloud:
    """A network service that answers HTTP, in process."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(world.empty_store())
        seconds = itertools.count()
        numbers = itertools.count()
        noon = datetime.datetime(2026, 11, 23, 12, 0)
        self.database = session.Database(
            session.sqlite_url(path), clock=lambda: noon + datetime.timedelta(seconds=next(seconds))
        )
        # Lists are ordered by identifiers: every run has the same, so that pages are the same.
        self.new_id = lambda: str(uuid.uuid5(uuid.NAMESPACE_OID, str(next(numbers))))
        served = face.Service(network_routes.face(self.database, authenticate=authenticate, new_id=self.new_id))
        self.client = testclient.TestClient(served, base_url="http://cloud.example", follow_redirects=False)

    def send(self, call: Mapping[str, Any]) -> tuple[int, Any]:
        """Send a call as it is recorded; returns its status and its body."""
        body = call["body"]
        content = body if isinstance(body, str) else None if body is None else json.dumps(body)
        headers = {**call.get("headers", {}), "X-Auth-Token": call["as"]}
        if call["as"] == "anonymous":
            del headers["X-Auth-Token"]
        response = self.client.request(call["method"], "/network" + call["path"], content=content, headers=headers)
        return response.status_code, response.json() if response.content else None

    def call(self, method: str, path: str, body: Any = None, *, who: str = "admin") -> tuple[int, Any]:
        """A call below /v2.0; returns its status and its body."""
        return self.send({"as": who, "method": method, "path": f"/v2.0/{path}", "body": body})

    def make(self, wrapper: str, *, who: str = "alice", **values: Any) -> dict[str, Any]:
        """A new object; the call must be answered with 201."""
        status, answer = self.call("POST", f"{wrapper.replace('_', '-')}s", {wrapper: values}, who=who)
        assert status == 201, answer
        made: dict[str, Any] = answer[wrapper]
        return made

    def get(self, path: str, *, who: str = "alice") -> Any:
        """The body of a call that must be answered with 200."""
        status, answer = self.call("GET", path, who=who)
        assert status == 200, answer
        return answer

    def refused(self, method: str, path: str, body: Any = None, *, who: str = "alice") -> tuple[int, str]:
        """The status and the kind of a call that must be refused."""
        status, answer = self.call(method, path, body, who=who)
        assert status >= 400, answer
        return status, answer["NeutronError"]["type"]

    def subnet(self, cidr: str = "10.0.0.0/24", *, who: str = "alice", **more: Any) -> dict[str, Any]:
        """A subnet on a network of its own."""
        on = self.make("network", who=who)
        return self.make("subnet", who=who, network_id=on["id"], ip_version=6 if ":" in cidr else 4, cidr=cidr, **more)

    def outside(self, cidr: str = "203.0.113.0/24") -> dict[str, Any]:
        """A subnet of an external network."""
        on = self.make("network", who="admin", **{"router:external": True})
        return self.make("subnet", who="admin", network_id=on["id"], ip_version=4, cidr=cidr)
