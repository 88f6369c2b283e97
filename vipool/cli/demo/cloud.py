"""The public API as the demo uses it: a token, and JSON over HTTP. Knows nothing that any client would not know."""

import time
from collections.abc import Callable
from typing import Any

import httpx

LOOK_EVERY = 0.02
PATIENCE = 30.0


class Refused(Exception):
    """The API did not do what the demo asked."""


class Cloud:
    """One user in one project."""

    def __init__(self, url: str, *, user: str, password: str, project: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=PATIENCE)
        domain = {"id": "default"}
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user, "domain": domain, "password": password}},
        }
        scope = {"project": {"name": project, "domain": domain}}
        answer = self._http.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        if answer.status_code != httpx.codes.CREATED:
            raise Refused(f"{user} may not log in to {url}: {answer.text}")
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        self.project_id: str = answer.json()["token"]["project"]["id"]

    def close(self) -> None:
        """Give up the connection."""
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer, or None for an empty one. Raises Refused with the API's own words."""
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def make(self, path: str, wrapper: str, **values: Any) -> dict[str, Any]:
        """A new object."""
        made: dict[str, Any] = self.ask("POST", path, {wrapper: values})[wrapper]
        return made

    def wait(self, path: str, wrapper: str, done: Callable[[dict[str, Any]], bool], what: str) -> float:
        """Seconds until an object is as wanted. Raises Refused when it is not in time."""
        began = time.monotonic()
        while True:
            found = self.ask("GET", path)[wrapper]
            if done(found):
                return time.monotonic() - began
            if time.monotonic() - began > PATIENCE:
                raise Refused(f"{what} took longer than {PATIENCE:.0f} s: {found}")
            time.sleep(LOOK_EVERY)  # the API has no way to wait for an object
