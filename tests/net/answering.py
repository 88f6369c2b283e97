"""A server that knows one thing: what a node must be. It answers over the unix socket of a state directory."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

from vipool.model import spec


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server of one answer."""

    daemon_threads = True
    body = b""


class Handler(http.server.BaseHTTPRequestHandler):
    """Says what the node must be."""

    server: Server

    def do_GET(self):
        assert self.path.startswith("/agent/desired?known=0")
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def answering(state_dir: Path, *items: spec.Item) -> Iterator[None]:
    """Answer at `run/agent.sock` for as long as the block lasts."""
    (state_dir / "run").mkdir(parents=True, exist_ok=True)
    with Server(str(state_dir / "run" / "agent.sock"), Handler) as server:
        server.body = json.dumps(spec.dump(spec.Desired(revision=1, complete=True, items=items))).encode()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()
