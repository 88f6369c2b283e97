"""Processes full of servers or of clients, for changes under load: `python -m tests.net.crowd ROLE JSON`.

`servers` answers every line and every datagram with the name of the end it came to, on each `[address, port]` of its
namespace. `clients` holds long connections, opens short ones and sends datagrams to each `[kind, address, port]`, until
its input ends; then it writes what it saw as JSON: how many exchanges went well, who answered when, and each `Event`
that did not go as when nothing changes. Times are of CLOCK_MONOTONIC. Judges nothing.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import json
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

PATIENCE, AGAIN = 10.0, 2.0
"""Seconds after which something was not answered, and after which a datagram is sent again, as SYNs are."""
_LINGER = struct.pack("ii", 1, 0)  # closed with a reset: no port waits for its end
# Seconds between two exchanges of a long connection and of a flow of datagrams, and after a short connection.
_LONG, _FLOW, _SHORT = 0.1, 0.1, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that ended, or was not answered, or was answered by another: from when until when, and what is known.

    `kind` is TCP or UDP; `member` is who answered before, `other` who answered now; `what` is said in words.
    """

    kind: str
    address: str
    port: int
    what: str
    began: float
    ended: float
    member: str = ""
    other: str = ""


@dataclass
class Seen:
    """What the clients saw: exchanges that went well, by what they were, and the events."""

    good: collections.Counter[str] = field(default_factory=collections.Counter)
    answered: list[tuple[str, str, int, str, float, float]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass
class Client:
    """One target of the load, and what is seen there."""

    kind: str
    address: str
    port: int
    seen: Seen

    def tell(self, what: str, began: float, member: str = "", other: str = "") -> None:
        self.seen.events.append(
            Event(
                kind=self.kind,
                address=self.address,
                port=self.port,
                what=what,
                began=began,
                ended=time.monotonic(),
                member=member,
                other=other,
            )
        )

    def heard(self, what: str, member: str, began: float) -> None:
        self.seen.good[what] += 1
        self.seen.answered.append((self.kind, self.address, self.port, member, began, time.monotonic()))

    async def long(self) -> None:
        """Hold a connection, and open another when it ends."""
        while True:
            member, began = "", time.monotonic()
            try:
                reader, writer = await self._open()
                try:
                    while True:
                        asked = time.monotonic()
                        said = await _exchange(reader, writer)
                        if member and said != member:
                            self.tell("another answered", began, member, said)
                        member, began = said, asked
                        self.heard("long", said, asked)
                        await asyncio.sleep(_LONG)  # the pace of the load
                finally:
                    writer.close()
            except (OSError, TimeoutError) as error:
                self.tell(_words(error), began, member)
                await asyncio.sleep(_LONG)  # the pace of the load

    async def short(self) -> None:
        """Open connections one after the other, with one exchange each."""
        while True:
            began = time.monotonic()
            try:
                reader, writer = await self._open()
                try:
                    self.heard("short", await _exchange(reader, writer), began)
                finally:
                    writer.close()
            except (OSError, TimeoutError) as error:
                self.tell(_words(error), began)
            await asyncio.sleep(_SHORT)  # the pace of the load

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(self.address, self.port)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        return reader, writer

    async def flow(self) -> None:
        """Send datagrams from one port, each after the answer to the one before."""
        loop, member = asyncio.get_running_loop(), ""
        with socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.connect((self.address, self.port))
            last = 0.0
            for turn in range(sys.maxsize):
                began, word = time.monotonic(), str(turn)
                try:
                    async with asyncio.timeout(PATIENCE):
                        said = await _answer(loop, channel, word)
                    self.heard("datagrams", said, began)
                    if member and said != member:
                        self.tell("another answered", last, member, said)
                    member, last = said, began
                except (OSError, TimeoutError) as error:
                    self.tell(_words(error), last if member else began, member)
                    member = ""
                await asyncio.sleep(_FLOW)  # the pace of the load


def _words(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(b"?\n")
    async with asyncio.timeout(PATIENCE):
        said = await reader.readline()
    if not said:
        raise ConnectionAbortedError("the connection was closed")
    return said.decode().strip()


async def _answer(loop: asyncio.AbstractEventLoop, channel: socket.socket, word: str) -> str:
    """Who answered this word, which is sent until somebody does; answers to earlier ones are passed over."""
    while True:
        channel.send(word.encode())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN):
                while True:
                    name, _, answered = (await loop.sock_recv(channel, 100)).decode().partition(" ")
                    if answered == word:
                        return name


async def serve(ends: list[tuple[str, int]]) -> None:
    """Answer until the input ends."""

    async def talk(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.readline():
                writer.write(f"{name}\n".encode())
                await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    for address, port in ends:
        name = f"{address}/{port}"
        await asyncio.start_server(lambda r, w, name=name: talk(name, r, w), address, port, backlog=512)  # type: ignore[misc]
        channel = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        channel.setblocking(False)
        channel.bind((address, port))
        loop.add_reader(channel, _echo, channel, name)
    await _told_to_end()


async def ask(targets: list[tuple[str, str, int]], many: int) -> Seen:
    """Load until the input ends; what was seen."""
    seen = Seen()
    tasks = []
    for target in targets:
        client = Client(*target, seen)
        works = [client.flow] * many if client.kind == "UDP" else [client.long] * many + [client.short]
        tasks += [asyncio.create_task(work()) for work in works]
    await _told_to_end()
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for each in ended:
        if isinstance(each, Exception):
            raise each
    return seen


def _echo(channel: socket.socket, name: str) -> None:
    with contextlib.suppress(OSError):
        data, peer = channel.recvfrom(100)
        channel.sendto(f"{name} {data.decode()}".encode(), peer)


async def _told_to_end() -> None:
    """Say that all has begun, then wait for the end of the input."""
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)


def main(role: str, given: str) -> None:
    """Be what is asked for."""
    chosen = json.loads(given)
    if role == "servers":
        asyncio.run(serve([(address, port) for address, port in chosen]))
        return
    seen = asyncio.run(ask([tuple(each) for each in chosen["targets"]], chosen["many"]))
    told = {
        "good": seen.good,
        "answered": seen.answered,
        "events": [dataclasses.asdict(each) for each in seen.events],
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
