"""The server's end of the link over a unix socket: HTTP in front of a `fake.Server`."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib import parse

from vipool.agent import fake, link
from vipool.model import spec


class Handler(http.server.BaseHTTPRequestHandler):
    """The two exchanges of `vipool.agent.link`."""

    protocol_version = "HTTP/1.1"
    server: Door

    def do_GET(self) -> None:
        query = dict(parse.parse_qsl(parse.urlsplit(self.path).query))
        with self.server.changed:
            self.server.changed.wait_for(lambda: self.server.news(int(query["known"])), float(query["wait"]))
            try:
                found = self.server.behind.desired(int(query["known"]), 0)
            except link.Lost:
                self.close_connection = True
                return
        self.answer(json.dumps(spec.dump(found)).encode() if found else None)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.changed:
            try:
                self.server.behind.report([spec.load_report(each) for each in body])
                self.server.deliveries += 1
            except link.Lost:
                self.close_connection = True
                return
            finally:
                self.server.changed.notify_all()
        self.answer(None)

    def answer(self, body: bytes | None) -> None:
        self.send_response(self.server.says or (204 if body is None else 200))
        if body is not None or self.server.says:
            self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Silence."""

    def address_string(self) -> str:
        return "unix"


class Door(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A listening socket. `says` makes every answer have that status."""

    daemon_threads = True

    def __init__(self, path: Path, behind: fake.Server) -> None:
        self.behind = behind
        self.changed = threading.Condition()
        self.deliveries = 0
        self.closing = False
        self.says = 0
        self.connections: list[socket.socket] = []
        super().__init__(str(path), Handler)

    def process_request(self, request, client_address) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """What the end of a process does to its connections."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def news(self, known: int) -> bool:
        return self.closing or known == 0 or known != self.behind.revision

    def put(self, *items: spec.Item) -> None:
        with self.changed:
            for item in items:
                self.behind.put(item)
            self.changed.notify_all()

    def await_reports(self, enough, seconds: float = 10.0) -> None:
        """Wait until the reports that arrived satisfy the condition."""
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.behind), seconds), self.behind.reports[-5:]

    def handle_error(self, *_: object) -> None:
        """A client that went away is no error here."""


@contextlib.contextmanager
def opened(path: Path, behind: fake.Server) -> Iterator[Door]:
    door = Door(path, behind)
    thread = threading.Thread(target=door.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield door
    finally:
        with door.changed:
            door.closing = True
            door.changed.notify_all()
        door.shutdown()
        door.hang_up()
        door.server_close()
        thread.join()
        path.unlink()
