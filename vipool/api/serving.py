"""The HTTP server: uvicorn, ended by SIGTERM and SIGINT like any other process of vipool.

uvicorn gives itself the signal again once it has shut down, so that the process ends as if killed; here it just ends.
Requests that wait for news are told to stop waiting, so that they do not hold up the end.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn


class Server(uvicorn.Server):
    """A server that returns from ``run`` when it is told to stop; ``on_exit`` is called first, on its event loop."""

    def __init__(self, config: uvicorn.Config, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving."""
        super().handle_exit(sig, frame)
        self._on_exit()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving at SIGTERM and SIGINT; a second one does not wait for connections."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
