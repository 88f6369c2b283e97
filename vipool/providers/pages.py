"""The page for Prometheus of a load balancer that is carried in two ways: what one tells, and the other's after it.

One tells by itself, over HTTP on the loopback of the namespace; the page is offered there too, for whoever answers
clients. Promises: a few threads for all load balancers; to be asked costs no more than to ask the one that tells; what
cannot be answered whole is not answered at all, so that whoever asked can ask that one alone. Measures nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus, client

from vipool.core import exposition
from vipool.host import errors, namespaces
from vipool.providers import base

logger = logging.getLogger("vipool.providers")

LOOPBACK = "127.0.0.1"
SECONDS = 4.0
"""How long an answer may take: less than whoever asks for it waits."""

# The samples of what offers the page itself, which is no part of the load balancer.
_OF_ITSELF = re.compile(
    rb'^\w+\{proxy="(?:%s)".*\n' % b"|".join(each.encode() for each in base.OF_METRICS), re.MULTILINE
)
# Why a question may not be answered: who asks or is asked is gone, is too slow, or says what is no HTTP.
_UNANSWERED = (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError, errors.HostError, client.HTTPException)


@dataclass
class Page:
    """One page: where it is offered, what is told beside what the other tells, and the namespace as it was."""

    place: base.Place
    ports: base.Ports
    identity: tuple[int, int]
    text: str = ""
    server: asyncio.Server | None = None


class Pages:
    """Pages on a thread of its own, which starts with the first, and those that ask for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[str, Page] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def serve(self, place: base.Place, ports: base.Ports) -> None:
        """Offer the page of this load balancer from now on. Where that is not possible it is said in the log."""
        try:
            identity = namespaces.identity(place.namespace)
            with self._lock:
                known = self._pages.get(place.directory)
                if known is not None and known.identity == identity:
                    return
                offered = namespaces.call(place.namespace, lambda: _listening(ports.whole))
                page = Page(place=place, ports=ports, identity=identity, text=known.text if known else "")
                self._pages[place.directory] = page
                self._change(known, page, offered)
        except (errors.HostError, OSError) as error:
            logger.warning("offering the metrics of %s: %s", place.namespace, error)

    def tell(self, place: base.Place, text: str) -> None:
        """What is to be told beside what the other tells, from now on."""
        with self._lock:
            if (page := self._pages.get(place.directory)) is not None:
                page.text = text

    def forget(self, place: base.Place) -> None:
        """Offer no page of this load balancer any more."""
        with self._lock:
            known = self._pages.pop(place.directory, None)
            if known is not None:
                with contextlib.suppress(TimeoutError):
                    self._change(known)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="metrics", daemon=True).start()
        return self._loop

    def _change(self, going: Page | None, coming: Page | None = None, offered: socket.socket | None = None) -> None:
        """End one page and begin another, and wait until that is so. Raises OSError."""

        async def change() -> None:
            if going is not None and going.server is not None:
                going.server.close()
            if coming is not None and offered is not None:
                coming.server = await asyncio.start_server(_answering(coming), sock=offered)

        asyncio.run_coroutine_threadsafe(change(), self._running()).result(SECONDS)


def _listening(port: int) -> socket.socket:
    """A socket to listen on. Runs inside."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((LOOPBACK, port))
    except OSError:
        made.close()
        raise
    return made


def _answering(page: Page) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                await reader.readuntil(b"\r\n\r\n")
                body = await asyncio.to_thread(_told, page) + page.text.encode()
                words = f"HTTP/1.1 200 OK\r\nContent-Type: {exposition.MEDIA}\r\nContent-Length: {len(body)}"
                writer.write(f"{words}\r\nConnection: close\r\n\r\n".encode() + body)
                await writer.drain()
        except _UNANSWERED as error:
            logger.debug("telling the metrics of %s: %s", page.place.namespace, error)
        finally:
            writer.close()

    return answer


def _told(page: Page) -> bytes:
    """What the other tells, without what it says of the ways of metrics themselves.

    Raises OSError, `errors.HostError` or `http.client.HTTPException`.
    """
    asked = client.HTTPConnection(LOOPBACK, page.ports.part, timeout=SECONDS)
    with contextlib.closing(asked):
        # A socket is of the namespace that it was made in.
        namespaces.call(page.place.namespace, asked.connect)
        asked.request("GET", "/metrics")
        answer = asked.getresponse()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"it answered {answer.status}")
        return _OF_ITSELF.sub(b"", answer.read())
