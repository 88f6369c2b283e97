"""Who speaks through a load balancer in the suite: members that answer with their names, clients that ask.

One question serves every protocol: a request of HTTP, which over TCP and UDP is as good as any other. Promises: a
client waits a bounded time; what is not answered, for whatever reason, is the empty word.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

from vipool.host import namespaces

SECONDS = 2.0
"""How long a client waits for an answer."""

_QUESTION = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_MOST = 4096


class Member:
    """A server on one address and port of a namespace, over TCP and UDP."""

    def __init__(self, namespace: str, address: str, port: int, name: str) -> None:
        self.name = name
        self._answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()
        self._at = (namespace, address, port)
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        """Listen, and answer on threads."""
        namespace, address, port = self._at
        streams, datagrams = namespaces.call(namespace, lambda: (_bound(address, port, True), _bound(address, port)))
        self._open = {streams, datagrams}
        for work, server in ((self._accept, streams), (self._echo, datagrams)):
            threading.Thread(target=work, args=(server,), daemon=True).start()

    def stop(self) -> None:
        """Be gone: ports are closed, connections end."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while connection.recv(_MOST):
                connection.sendall(self._answer)
        self._open.discard(connection)

    def _echo(self, server: socket.socket) -> None:
        while True:
            try:
                question, peer = server.recvfrom(_MOST)
                if question:  # without any it is a check, or the end
                    server.sendto(self._answer, peer)
            except OSError:
                if server.fileno() < 0:
                    return
            else:
                if not question and server not in self._open:
                    return


class Client:
    """One connection, or one flow of datagrams, from a namespace. Raises OSError where nobody takes it."""

    def __init__(self, namespace: str, protocol: str, address: str, port: int) -> None:
        kind = socket.SOCK_DGRAM if protocol == "UDP" else socket.SOCK_STREAM

        def connected() -> socket.socket:
            with contextlib.ExitStack() as stack:
                made = stack.enter_context(socket.socket(_family(address), kind))
                made.settimeout(SECONDS)
                made.connect((address, port))
                stack.pop_all()
                return made

        self._socket = namespaces.call(namespace, connected)

    def ask(self) -> str:
        """The name of who answers; empty when nobody does."""
        with contextlib.suppress(OSError):
            self._socket.sendall(_QUESTION)
            return self._socket.recv(_MOST).decode().rpartition("\r\n")[2]
        return ""

    def close(self) -> None:
        """End it."""
        self._socket.close()


@contextlib.contextmanager
def client(namespace: str, protocol: str, address: str, port: int) -> Iterator[Client]:
    """A connection for as long as the block lasts. Raises OSError where nobody takes it."""
    made = Client(namespace, protocol, address, port)
    try:
        yield made
    finally:
        made.close()


def ask(namespace: str, protocol: str, address: str, port: int) -> str:
    """The name of who answers to a client that was not there before; empty when nobody does."""
    with contextlib.suppress(OSError), client(namespace, protocol, address, port) as made:
        return made.ask()
    return ""


@contextlib.contextmanager
def squatter(namespace: str, address: str, port: int) -> Iterator[None]:
    """Somebody else holds the port of that address, for TCP and UDP, and answers nothing."""
    held = namespaces.call(namespace, lambda: (_bound(address, port, True), _bound(address, port)))
    try:
        yield
    finally:
        for each in held:
            each.close()


def _bound(address: str, port: int, streams: bool = False) -> socket.socket:
    made = socket.socket(_family(address), socket.SOCK_STREAM if streams else socket.SOCK_DGRAM)
    if streams:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    if streams:
        made.listen(512)
    return made


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
