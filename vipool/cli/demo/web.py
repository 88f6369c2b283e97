"""A web server that says its name: a member of the demo, in a namespace of its own.

Run as `python -m vipool.cli.demo.web NAME ADDRESS PORT`; serves until it is ended.
"""

import contextlib
import sys
from http import server


class Named(server.BaseHTTPRequestHandler):
    """Answers every GET with the server's name, and says who asked."""

    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        """Answer with the name and the address the request came from."""
        body = f"Hello from {self.name}, you look like {self.client_address[0]} to me.\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Served-By", self.name)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a health check has what it wanted and is gone
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: health checks would fill the log."""


def main(name: str, address: str, port: int) -> None:
    """Serve until ended."""
    Named.name = name
    with server.ThreadingHTTPServer((address, port), Named) as web:
        web.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
