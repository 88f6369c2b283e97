"""The netlink transport: many requests in one send, every answer read, errors in the kernel's words.

Promises: requests of one `run` are sent in as few system calls as the receive buffer allows and are performed in
order; each is acknowledged or `errors.Failed` says which was refused and why. Messages are packed with `struct` as
netlink(7) lays them out: a general library's encoder costs about 300 microseconds a message and 0.2 s of import,
which is the whole budget of making a namespace. Knows nothing of what the messages mean: see `vipool.host.links`.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vipool.host import errors

ROUTE = 0
NETFILTER = 12
LINK_CHANGES = 1
"""The multicast group (a bit mask, rtnetlink(7)) that hears of every change of an interface."""

REQUEST, ACK, ROOT_AND_MATCH = 0x1, 0x4, 0x300
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400

_ERROR, _DONE = 2, 3
_DUMP_INTERRUPTED, _ACK_HAS_TLVS, _CAPPED = 0x10, 0x200, 0x100
_NESTED = 0x8000
TYPE_MASK = 0x3FFF
"""What of an attribute's type says which it is; the rest are flags."""
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT = 270, 10, 11, 12
_ERRMSG_TEXT = 1
# One acknowledgement occupies under 1 kB of the default 208 kB receive buffer; 64 leave room for anything else.
_BATCH = 64
_READ = 1 << 17
_DUMP_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One message: its type, extra flags and body, what it is for, and the errnos that mean it was already so."""

    type: int
    flags: int = 0
    body: bytes
    doing: str
    accept: frozenset[int] = frozenset()


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(len(value) + 4, kind) + value + bytes(-len(value) % 4)


def number(kind: int, value: int) -> bytes:
    """An attribute that is an unsigned 32-bit number of the host's byte order."""
    return attribute(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """An attribute that is a zero-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def nested(kind: int, *values: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(values))


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes of a message, by type. Of a repeated one the last is kept."""
    return dict(several(data))


def several(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes of a message in their order, each with its type: a list is one type again and again."""
    position = 0
    while position + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        if length < _ATTRIBUTE.size:
            break
        yield kind & TYPE_MASK, data[position + 4 : position + length]
        position += (length + 3) & ~3


def string(value: bytes) -> str:
    """The string of an attribute, without its terminating zero."""
    return value.split(b"\0", 1)[0].decode(errors="replace")


class Socket:
    """A netlink socket of the network namespace the calling thread is in; usable from any thread afterwards.

    A context manager. `run` and `dump` raise `errors.Failed`.
    """

    def __init__(self, protocol: int = ROUTE, *, groups: int = 0) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0
        self._socket.bind((0, groups))
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        if protocol == ROUTE:
            self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def run(self, requests: Sequence[Request]) -> None:
        """Perform the requests in order. All are tried; then the first that was refused is raised."""
        refused: list[errors.Failed] = []
        for start in range(0, len(requests), _BATCH):
            refused.extend(self._batch(requests[start : start + _BATCH]))
        if refused:
            raise refused[0]

    def _batch(self, requests: Sequence[Request]) -> Iterator[errors.Failed]:
        waiting = {}
        parts = []
        for request in requests:
            self._sequence += 1
            waiting[self._sequence] = request
            parts.append(self._packed(request.type, REQUEST | ACK | request.flags, request.body))
        self._socket.send(b"".join(parts))
        while waiting:
            for kind, flags, sequence, body in self._messages():
                done = waiting.pop(sequence, None) if kind == _ERROR else None
                code, words = _verdict(flags, body) if done else (0, "")
                if done and code and code not in done.accept:
                    yield errors.Failed(done.doing, number=code, reason=words)

    def ask(self, requests: Sequence[Request]) -> list[bytes | None]:
        """The one answer to each request, in order; None where the kernel answered with an error it accepts."""
        answers: dict[int, bytes] = {}
        first = self._sequence + 1
        for start in range(0, len(requests), _BATCH):
            chunk = requests[start : start + _BATCH]
            waiting = {self._sequence + place: request for place, request in enumerate(chunk, 1)}
            parts = []
            for request in chunk:
                self._sequence += 1
                parts.append(self._packed(request.type, REQUEST | request.flags, request.body))
            self._socket.send(b"".join(parts))
            while waiting:
                for kind, flags, sequence, body in self._messages():
                    done = waiting.pop(sequence, None)
                    if done and kind == _ERROR:
                        _raise_unless_accepted(done, flags, body)
                    elif done:
                        answers[sequence] = body
        return [answers.get(first + place) for place in range(len(requests))]

    def dump(self, request: Request) -> list[bytes]:
        """The bodies of every object the request asks for.

        Asked again when the kernel says the list changed meanwhile.
        """
        found, whole = self._dump_once(request)
        for _ in range(_DUMP_TRIES):
            if whole:
                break
            found, whole = self._dump_once(request)
        return found

    def await_change(self, seconds: float) -> bool:
        """Wait for a message to one of the socket's groups; False when none came in time."""
        if not select.select([self._socket], [], [], max(0.0, seconds))[0]:
            return False
        # More than the buffer holds may have come (ENOBUFS): that is a change all the same.
        with contextlib.suppress(OSError):
            self._socket.recv(_READ)
        return True

    def _dump_once(self, request: Request) -> tuple[list[bytes], bool]:
        self._sequence += 1
        self._socket.send(self._packed(request.type, REQUEST | ROOT_AND_MATCH | request.flags, request.body))
        found: list[bytes] = []
        whole = True
        while True:
            for kind, flags, sequence, body in self._messages():
                if sequence != self._sequence:
                    continue
                whole = whole and not flags & _DUMP_INTERRUPTED
                if kind == _DONE:
                    return found, whole
                if kind == _ERROR:
                    _raise_unless_accepted(request, flags, body)
                    return found, whole
                found.append(body)

    def _packed(self, kind: int, flags: int, body: bytes) -> bytes:
        padded = body + bytes(-len(body) % 4)
        return _HEADER.pack(_HEADER.size + len(body), kind, flags, self._sequence, 0) + padded

    def _messages(self) -> Iterator[tuple[int, int, int, bytes]]:
        data = self._socket.recv(_READ)
        position = 0
        while position + _HEADER.size <= len(data):
            length, kind, flags, sequence, _ = _HEADER.unpack_from(data, position)
            yield kind, flags, sequence, data[position + _HEADER.size : position + length]
            position += (length + 3) & ~3


def _verdict(flags: int, body: bytes) -> tuple[int, str]:
    """The errno and the kernel's own words of an acknowledgement (netlink extended acknowledgements)."""
    code = -struct.unpack_from("=i", body)[0]
    if not flags & _ACK_HAS_TLVS:
        return code, ""
    original = struct.unpack_from("=I", body, 4)[0]
    start = 4 + (_HEADER.size if flags & _CAPPED else (original + 3) & ~3)
    words = attributes(body[start:]).get(_ERRMSG_TEXT)
    return code, string(words) if words else ""


def _raise_unless_accepted(request: Request, flags: int, body: bytes) -> None:
    code, words = _verdict(flags, body)
    if code and code not in request.accept:
        raise errors.Failed(request.doing, number=code, reason=words)


def index_of(name: str) -> int:
    """The index of an interface of the calling thread's namespace; 0 when there is none of that name."""
    try:
        return socket.if_nametoindex(name)
    except OSError:  # it has no errno: the only other reason is a name too long to exist
        return 0


def thread_namespace() -> tuple[int, int]:
    """What identifies the calling thread's network namespace: two threads share one exactly when these are equal."""
    status = os.stat("/proc/thread-self/ns/net")
    return status.st_dev, status.st_ino
