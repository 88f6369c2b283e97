"""Members and clients that speak in datagrams: each member answers with its name and the address it was asked from."""

from __future__ import annotations

import collections
import contextlib
import ipaddress
import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from vipool.host import namespaces
from vipool.providers.probing import sctp


def udp(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


@dataclass
class Echo:
    """A UDP server in a namespace. `peers` are the addresses it was asked from, `asked` says how often."""

    namespace: str
    address: str
    name: str
    port: int = 53
    peers: set[tuple[str, int]] = field(default_factory=set)
    asked: int = 0

    def __post_init__(self) -> None:
        self._socket: socket.socket | None = None

    def start(self) -> Echo:
        def bound() -> socket.socket:
            made = udp(self.address)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self.address, self.port))
            return made

        self._socket = namespaces.call(self.namespace, bound)
        threading.Thread(target=self._answer, args=(self._socket,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody is there any more: the kernel answers that the port is unreachable."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None

    def _answer(self, server: socket.socket) -> None:
        while True:
            try:
                data, peer = server.recvfrom(4096)
            except OSError:
                return
            if not data:  # a check, or the end
                if server.fileno() < 0 or self._socket is not server:
                    return
                continue
            self.asked += 1
            self.peers.add((peer[0], peer[1]))
            with contextlib.suppress(OSError):
                server.sendto(f"{self.name} to {peer[0]}".encode(), peer)


class Client:
    """One flow: a UDP socket in a namespace, connected to an address. A context manager."""

    def __init__(self, namespace: str, address: str, port: int = 53, *, source: tuple[str, int] | None = None) -> None:
        def connected() -> socket.socket:
            made = udp(address)
            made.settimeout(2)
            if source is not None:
                made.bind(source)
            made.connect((address, port))
            return made

        self._socket = namespaces.call(namespace, connected)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self) -> str:
        """What is answered; raises TimeoutError, or ConnectionRefusedError where it is said that nobody is there."""
        self._socket.send(b"?")
        return self._socket.recv(4096).decode()


def ask(namespace: str, address: str, port: int = 53, **more: tuple[str, int]) -> str:
    """What is answered to one datagram of a new flow."""
    with Client(namespace, address, port, **more) as client:
        return client.ask()


def many(namespace: str, address: str, port: int, count: int) -> collections.Counter[str]:
    """Who answers to so many new flows, one after the other, from ports of their own."""

    def work() -> collections.Counter[str]:
        found: collections.Counter[str] = collections.Counter()
        ports = itertools.islice(itertools.count(10_000), count)
        for source in ports:
            with udp(address) as client:
                client.settimeout(5)
                client.bind(("", source))
                client.connect((address, port))
                client.send(b"?")
                found[client.recv(4096).decode().split()[0]] += 1
        return found

    return namespaces.call(namespace, work)


@dataclass
class Association:
    """An SCTP server as far as its first answer: it takes INITs off a raw socket and answers INIT ACK, or ABORT."""

    namespace: str
    address: str
    port: int = 53
    refuses: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)

    def start(self) -> Association:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET

        def bound() -> socket.socket:
            made = socket.socket(family, socket.SOCK_RAW, sctp.PROTOCOL)
            made.bind((self.address, 0))
            return made

        self._socket = namespaces.call(self.namespace, bound)
        threading.Thread(target=self._answer, daemon=True).start()
        return self

    def stop(self) -> None:
        self._socket.close()

    def _answer(self) -> None:
        while True:
            try:
                packet, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            body = stripped(packet, peer[0])
            source, destination, _, checksum = struct.unpack_from("!HHII", body)
            if destination != self.port or body[12] != 1:
                continue
            assert checksum == struct.unpack(">I", struct.pack("<I", sctp.crc32c(body[:8] + bytes(4) + body[12:])))[0]
            self.asked.append((peer[0], source))
            (tag,) = struct.unpack_from("!I", body, 16)
            with contextlib.suppress(OSError):
                self._socket.sendto(reply(body, tag, refuses=self.refuses), (peer[0], 0))


def reply(init: bytes, tag: int, *, refuses: bool) -> bytes:
    """The INIT ACK, or the ABORT, that answers an INIT."""
    source, destination, _, _ = struct.unpack_from("!HHII", init)
    chunk = struct.pack("!BBH", 6, 0, 4) if refuses else struct.pack("!BBHIIHHI", 2, 0, 20, 7, 1 << 17, 1, 1, 7)
    packet = struct.pack("!HHII", destination, source, tag, 0) + chunk
    return packet[:8] + struct.pack("<I", sctp.crc32c(packet)) + packet[12:]


def stripped(packet: bytes, address: str) -> bytes:
    """A packet off a raw socket without the IP header that IPv4 ones show."""
    return packet[(packet[0] & 0xF) * 4 :] if ipaddress.ip_address(address).version == 4 else packet


def associate(namespace: str, address: str, port: int, source: int) -> Iterator[tuple[sctp.Answer | None, str]]:
    """What is said to an INIT, and who says it, packet by packet."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def opened() -> socket.socket:
        made = socket.socket(family, socket.SOCK_RAW, sctp.PROTOCOL)
        made.settimeout(2)
        made.sendto(sctp.init(source, port, 0x1234), (address, 0))
        return made

    with namespaces.call(namespace, opened) as channel:
        while True:
            packet, peer = channel.recvfrom(4096)
            yield sctp.answer(stripped(packet, address), source, port, 0x1234), peer[0]
