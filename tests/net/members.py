"""Members and clients for the tests of providers: small servers in a namespace, and the requests sent to them."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from vipool.host import namespaces


@dataclass
class Handshake:
    """What the other side asked for, or showed: a name, a certificate (DER); and what was agreed."""

    name: str | None
    version: str | None
    certificate: bytes | None
    cipher: tuple[str, str, int] | None


@dataclass
class Member:
    """A server on one address and port of a namespace, which answers with its name and remembers what it was sent.

    Over HTTP it keeps connections open. `status` is what it answers, `adds` further lines of the head, each ended;
    `proxied` says that a PROXY line comes first. Over TLS, `handshakes` are what was agreed each time.
    """

    namespace: str
    address: str
    port: int = 80
    name: str = ""
    status: int = 200
    adds: str = ""
    proxied: bool = False
    context: ssl.SSLContext | None = None
    heads: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    preambles: list[bytes] = field(default_factory=list)
    handshakes: list[Handshake] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    def start(self) -> "Member":
        """Listen, and answer on threads."""
        self._listener = namespaces.call(self.namespace, self._listen)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and reset every connection."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(512)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            self.peers.append(peer[0])
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            if self.context is not None:
                connection = self._shake(self.context, connection)
            self._answer(connection)
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def _shake(self, context: ssl.SSLContext, connection: socket.socket) -> socket.socket:
        names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        ended = context.wrap_socket(connection, server_side=True)
        certificate = ended.getpeercert(binary_form=True)
        agreed = Handshake(name=names[0], version=ended.version(), certificate=certificate, cipher=ended.cipher())
        self.handshakes.append(agreed)
        return ended

    def _answer(self, connection: socket.socket) -> None:
        if self.proxied:
            self.preambles.append(_preamble(connection))
        while head := read_head(connection):
            self.heads.append(head)
            body = self.name.encode()
            answer = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\n{self.adds}\r\n".encode()
            connection.sendall(answer if head.startswith("HEAD ") else answer + body)


def _preamble(connection: socket.socket) -> bytes:
    """The PROXY line, version 1, or the binary header, version 2 (PROXY protocol, sections 2.1 and 2.2)."""
    first = _exactly(connection, 16)
    if first.startswith(b"\r\n\r\n\0\r\nQUIT\n"):
        return first + _exactly(connection, int.from_bytes(first[14:16], "big"))
    while not first.endswith(b"\r\n"):
        first += _exactly(connection, 1)
    return first


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise OSError("closed early")
        found += part
    return found


def read_head(connection: socket.socket) -> str:
    """One request or answer up to its empty line; empty when the other side closed."""
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        if not part:
            return ""
        found += part
    return found.decode(errors="replace")


@dataclass
class Tls:
    """How a client speaks TLS, and which name it asks for."""

    context: ssl.SSLContext
    name: str | None = None


class Client:
    """One connection from a namespace to an address; a context manager. `head` is that of the last answer."""

    head = ""

    def __init__(
        self, namespace: str, address: str, port: int, source: tuple[str, int] | None = None, tls: Tls | None = None
    ) -> None:
        def connect() -> socket.socket:
            with contextlib.ExitStack() as stack:
                made = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET))
                made.settimeout(10)
                if source is not None:
                    _begin_at(made, source)
                made.connect((address, port))
                stack.pop_all()
                return made

        self._socket = namespaces.call(namespace, connect)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.secure(tls.context, tls.name)

    def secure(self, context: ssl.SSLContext, name: str | None = None, session: ssl.SSLSession | None = None) -> None:
        """Begin to speak TLS, where there is one with a session that was had before."""
        try:
            self._socket = made = context.wrap_socket(
                self._socket, server_hostname=name, session=session, do_handshake_on_connect=False
            )
            made.do_handshake()
        except OSError:
            self._socket.close()
            raise

    @property
    def agreed(self) -> ssl.SSLSocket:
        """The connection, once TLS is spoken on it."""
        assert isinstance(self._socket, ssl.SSLSocket)
        return self._socket

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str = "/", headers: str = "", *, host: str = "x") -> tuple[int, str]:
        """One GET on this connection: the status and the body."""
        return self.request(path, headers, host=host)[:2]

    def header(self, name: str) -> str | None:
        """The value of a header of the last answer."""
        lines = (line.partition(": ") for line in self.head.split("\r\n"))
        return next((value for key, _, value in lines if key.lower() == name), None)

    def request(self, path: str = "/", headers: str = "", *, host: str = "x") -> tuple[int, str, bool]:
        """One GET on this connection: the status, the body, and whether the connection ends with it."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        self.head = head = read_head(self._socket)
        if not head:
            raise ConnectionError("closed without an answer")
        status = int(head.split(" ", 2)[1])
        length = next(
            (int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")), 0
        )
        return status, _exactly(self._socket, length).decode(), "connection: close" in head.lower()


def _begin_at(client: socket.socket, source: tuple[str, int]) -> None:
    if source[1]:
        # The same port again soon: this connection ends with a reset, and may begin where another did.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.bind(source)


def eventually(wanted: Callable[[], object], seconds: float = 15.0) -> object:
    """What the condition returned once it was true. Fails with what it last returned."""
    tick = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if found := wanted():
            return found
        tick.wait(0.01)
    raise AssertionError(f"not within {seconds} s: {found!r}")
