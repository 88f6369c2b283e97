"""The one seam between a node and its server: two calls, both made by the node.

`desired` pulls what the node must be, `report` says what became of it. Nothing is ever pushed to a node.

The HTTP form, over the unix socket of a server on this machine:
- `GET /agent/desired?known=N&wait=S`: 200 with a `spec.Desired` as JSON, or 204 when nothing is newer than revision N
  within S seconds. With `known=0`, or a revision the server never gave, the answer is complete.
- `POST /agent/reports` with a JSON list of `spec.Report`: 204.

Promises: a call either succeeds or raises `Lost`; after that the next call connects afresh. Keeps no state between
calls but the connections, and the rows of large trees as they were told last. http.client is used because it loads in
a tenth of the time of an HTTP library.
"""

import contextlib
import http.client
import json
import socket
from collections.abc import Sequence
from typing import Protocol

from vipool.agent import rows
from vipool.model import spec

_PATIENCE = 10.0
"""Seconds the server may take for what should be immediate."""


class Lost(Exception):
    """The server cannot be reached, or does not answer sensibly; the sentence says which."""


class Link(Protocol):
    """How a node reaches its server. The two calls may be made from two threads at once."""

    def desired(self, known: int, wait: float) -> spec.Desired | None:
        """What changed since revision `known`, or None if nothing does within `wait` seconds. Raises Lost."""

    def report(self, reports: Sequence[spec.Report]) -> None:
        """Deliver reports. They may be delivered again. Raises Lost when it is not certain that they arrived."""

    def close(self) -> None:
        """Give up the connections, from any thread; a call under way raises Lost."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path
        self._given_up = False

    def connect(self) -> None:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(self.timeout)
        self.sock = made
        made.connect(self._path)
        # Before this `give_up` finds nothing to shut down, after it it does: one of the two ends the connection.
        if self._given_up:
            raise ConnectionAbortedError("it was given up")

    def give_up(self) -> None:
        """Close for good, from any thread."""
        self._given_up = True
        held = self.sock
        if held is not None:
            # A thread may be waiting in recv: only shutdown wakes it, close does not (socket(7)).
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        self.close()


class SocketLink:
    """The link over the unix socket at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pulling = _Connection(path)
        self._reporting = _Connection(path)
        self._rows = rows.Rows()

    def desired(self, known: int, wait: float) -> spec.Desired | None:
        """Ask over the connection for pulling."""
        target = f"/agent/desired?known={known}&wait={wait:g}"
        self._pulling.timeout = wait + _PATIENCE
        body = self._ask(self._pulling, "GET", target)
        if body is None:
            return None
        try:
            return spec.load_desired(json.loads(body), self._rows.read)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Lost(f"the server's answer to {target} makes no sense to this node: {error!r}") from error

    def report(self, reports: Sequence[spec.Report]) -> None:
        """Deliver over the connection for reports."""
        body = json.dumps([spec.dump(each) for each in reports], separators=(",", ":"))
        self._ask(self._reporting, "POST", "/agent/reports", body.encode())

    def close(self) -> None:
        """Shut both connections down and close them."""
        for connection in (self._pulling, self._reporting):
            connection.give_up()

    def _ask(self, connection: _Connection, method: str, target: str, body: bytes | None = None) -> bytes | None:
        """One exchange; None for 204."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, target, body, headers)
            if connection.sock is not None:
                connection.sock.settimeout(connection.timeout)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException, AttributeError) as error:
            # AttributeError: closed from another thread between connecting and sending, it has no socket to send on.
            connection.close()
            raise Lost(f"the server does not answer at {self._path}: {str(error) or type(error).__name__}") from error
        if answer.status == http.HTTPStatus.NO_CONTENT:
            return None
        if answer.status != http.HTTPStatus.OK:
            connection.close()
            said = content[:200].decode(errors="replace")
            raise Lost(f"the server answered {answer.status} to {method} {target}: {said}")
        return content
