"""Members and clients that hold connections of TCP: each line is answered with a name and the address it came from."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
from dataclasses import dataclass, field

from vipool.host import namespaces


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@dataclass
class Talker:
    """A server on one address and port of a namespace. `peers` are the addresses it was spoken to from."""

    namespace: str
    address: str
    name: str
    port: int = 80
    peers: list[tuple[str, int]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """How each connection that is over ended: "closed" or "reset"."""

    def start(self) -> Talker:
        def listening() -> socket.socket:
            made = socket.socket(_family(self.address), socket.SOCK_STREAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self.address, self.port))
            made.listen(512)
            return made

        self._listener = namespaces.call(self.namespace, listening)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                channel, peer = self._listener.accept()
            except OSError:
                return
            self.peers.append((peer[0], peer[1]))
            threading.Thread(target=self._answer, args=(channel, peer[0]), daemon=True).start()

    def _answer(self, channel: socket.socket, peer: str) -> None:
        with channel:
            try:
                while channel.recv(4096):
                    channel.sendall(f"{self.name} to {peer}\n".encode())
                self.ended.append("closed")
            except OSError:
                self.ended.append("reset")


class Connection:
    """One connection from a namespace. A context manager; what ends it without a word raises OSError."""

    def __init__(
        self,
        namespace: str,
        address: str,
        port: int = 80,
        *,
        source: tuple[str, int] | None = None,
        patience: float = 5,
    ) -> None:
        def connected() -> socket.socket:
            made = socket.socket(_family(address), socket.SOCK_STREAM)
            try:
                made.settimeout(patience)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if source is not None:
                    made.bind(source)
                made.connect((address, port))
            except OSError:
                made.close()
                raise
            return made

        self.socket = namespaces.call(namespace, connected)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self) -> str:
        """What is answered to one more line."""
        self.socket.sendall(b"?\n")
        return self.hear()

    def hear(self) -> str:
        """What is said next. Raises ConnectionResetError, TimeoutError."""
        said = self.socket.recv(4096).decode().strip()
        if not said:
            raise ConnectionAbortedError("the connection was closed")
        return said


def ask(
    namespace: str, address: str, port: int = 80, *, patience: float = 5, source: tuple[str, int] | None = None
) -> str:
    """What is answered to one line of a new connection."""
    with Connection(namespace, address, port, patience=patience, source=source) as connection:
        return connection.ask()


def knock(namespace: str, address: str, port: int, count: int) -> None:
    """Open so many connections, one after the other, each from a port of its own, and close them with a reset."""

    def work() -> None:
        for source in itertools.islice(itertools.count(10_000), count):
            with socket.socket(_family(address), socket.SOCK_STREAM) as client:
                client.settimeout(5)
                client.bind(("", source))
                client.connect((address, port))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    namespaces.call(namespace, work)
