"""A server that knows what a node must be and what is wrong: it answers over the unix socket of a state directory."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from vipool.model import attr, condition, spec


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server of two answers."""

    daemon_threads = True
    body = b""
    wrong = b""


class Handler(http.server.BaseHTTPRequestHandler):
    """Says what the node must be, or what is wrong."""

    server: Server

    def do_GET(self):
        told = self.path == "/agent/conditions"
        assert told or self.path.startswith("/agent/desired?known=0")
        body = self.server.wrong if told else self.server.body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def answering(state_dir: Path, *items: spec.Item, conditions: Sequence[condition.Condition] = ()) -> Iterator[None]:
    """Answer at `run/agent.sock` for as long as the block lasts."""
    (state_dir / "run").mkdir(parents=True, exist_ok=True)
    with Server(str(state_dir / "run" / "agent.sock"), Handler) as server:
        server.body = json.dumps(spec.dump(spec.Desired(revision=1, complete=True, items=items))).encode()
        server.wrong = json.dumps({"conditions": [attr.show(each) for each in conditions]}).encode()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()
