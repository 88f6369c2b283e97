"""The HTTP server: uvicorn, ended by SIGTERM and SIGINT like any other process of vipool.

uvicorn gives itself the signal again once it has shut down, so that the process ends as if killed; here it just ends.
"""

import contextlib
import signal
from collections.abc import Iterator

import uvicorn


class Server(uvicorn.Server):
    """A server that returns from ``run`` when it is told to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving at SIGTERM and SIGINT; a second one does not wait for connections."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
