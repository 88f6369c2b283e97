"""The sockets that checks go out of and answers come in by, one class for each kind of check.

A channel is opened inside the namespace of its load balancer and bound to the address that members are to see. What is
asked on it is known by a key; what is heard says of which key it is, and whether the answer is good. But for TCP one
channel asks all members that are checked alike: a socket of each check would cost more than the check.

Promises: nothing here waits. Asking raises OSError where the member cannot even be asked. Judges no silence, keeps no
time and remembers no member: `prober` does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import select
import socket
import struct
from collections.abc import Hashable, Iterator
from typing import Protocol

from vipool.host import descriptors
from vipool.model import healthmonitor
from vipool.providers.probing import echo, sctp

Heard = tuple[Hashable, bool]
"""What was asked, and whether the answer is good."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_PINGS = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
# linux/in.h and linux/in6.h: what ICMP says is kept for the socket, with the address that it is about.
_KEEP_ERRORS = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
# A port is taken when the socket connects, not for any end whatever: or 28,000 checks would use them up (ip(7)).
_BIND_ADDRESS_NO_PORT = 24
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_SO_RCVBUFFORCE = 33
# Room for the answers of some thousands: one that finds the buffer full is lost, and a member would be taken for dead.
_BUFFER = 1 << 21
# struct sock_extended_err of linux/errqueue.h, of which the first number says what happened.
_ERROR = struct.Struct("=IBBBBII")
_MOST = 2048
_ANCILLARY = 128
_EPHEMERAL = (49152, 65535)


class Channel(Protocol):
    """One socket of checks."""

    def fileno(self) -> int:
        """Its descriptor, to be waited on."""

    def ask(self, address: str, port: int) -> Hashable:
        """Ask a member; what it is known by. Raises OSError where that cannot be done."""

    def hear(self, events: int) -> Iterator[Heard]:
        """What has been answered since, given what epoll(7) said of the socket."""

    def drop(self, key: Hashable) -> None:
        """Await nothing more of what is known by the key."""

    def close(self) -> None:
        """Close the socket."""


class Echoes:
    """Echo requests: a member is known by its address and the number of the request."""

    def __init__(self, version: int, source: str | None) -> None:
        self._version, self._identity, self._sequence = version, os.getpid() & 0xFFFF, 0
        self._socket = _opened(version, source, socket.SOCK_RAW, _PINGS[version])

    def fileno(self) -> int:
        """See `Channel`."""
        return self._socket.fileno()

    def ask(self, address: str, port: int) -> Hashable:
        """See `Channel`."""
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        self._socket.sendto(echo.request(self._version, self._identity, sequence), (address, 0))
        return address, sequence

    def hear(self, events: int) -> Iterator[Heard]:
        """See `Channel`."""
        for packet, sender in _received(self._socket):
            said = echo.reply(self._version, packet)
            if said is not None and said[0] == self._identity:
                yield (sender, said[1]), True

    def drop(self, key: Hashable) -> None:
        """See `Channel`."""

    def close(self) -> None:
        """See `Channel`."""
        self._socket.close()


class Datagrams:
    """Empty datagrams, which no protocol takes for a request: a member is known by its end.

    Whatever it says is good; whatever ICMP says of the end is not.
    """

    def __init__(self, version: int, source: str | None) -> None:
        self._socket = _opened(version, source, socket.SOCK_DGRAM)
        self._socket.setsockopt(*_KEEP_ERRORS[version], 1)

    def fileno(self) -> int:
        """See `Channel`."""
        return self._socket.fileno()

    def ask(self, address: str, port: int) -> Hashable:
        """See `Channel`. What is known of others by now would be told to whoever sends next: so it is asked again."""
        try:
            self._socket.sendto(b"", (address, port))
        except OSError:
            # With SO_ERROR taken there is nothing left to be told but of this one.
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._socket.sendto(b"", (address, port))
        return address, port

    def hear(self, events: int) -> Iterator[Heard]:
        """See `Channel`."""
        if events & select.EPOLLERR:
            yield from (((address, port), False) for address, port in _refused(self._socket))
        while True:
            try:
                sender = self._socket.recvfrom(1)[1]
            except OSError:  # nothing is left, or what the queue of errors tells too: then the rest is heard next time
                return
            yield (sender[0], sender[1]), True

    def drop(self, key: Hashable) -> None:
        """See `Channel`."""

    def close(self) -> None:
        """See `Channel`."""
        self._socket.close()


class Associations:
    """First packets of SCTP associations: a member is known by the port that we ask it from."""

    def __init__(self, version: int, source: str | None) -> None:
        self._version = version
        self._asked: dict[Hashable, tuple[str, int, int]] = {}
        self._socket = _opened(version, source, socket.SOCK_RAW, sctp.PROTOCOL)
        self._socket.setsockopt(*_KEEP_ERRORS[version], 1)

    def fileno(self) -> int:
        """See `Channel`."""
        return self._socket.fileno()

    def ask(self, address: str, port: int) -> Hashable:
        """See `Channel`."""
        first, last = _EPHEMERAL
        mine, tag = first + secrets.randbelow(last - first + 1), 1 + secrets.randbelow(0xFFFFFFFF)
        packet = sctp.init(mine, port, tag)
        try:
            self._socket.sendto(packet, (address, 0))
        except OSError:
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # as in `Datagrams.ask`
            self._socket.sendto(packet, (address, 0))
        self._asked[mine] = (address, port, tag)
        return mine

    def hear(self, events: int) -> Iterator[Heard]:
        """See `Channel`."""
        if events & select.EPOLLERR:
            gone = {address for address, _ in _refused(self._socket)}
            # A raw socket is not told of which port: a host that speaks no SCTP, or is not there, has none.
            yield from [(mine, False) for mine, (address, _, _) in self._asked.items() if address in gone]
        for packet, sender in _received(self._socket):
            # A raw IPv4 socket shows the IP header too (raw(7)).
            body = packet[(packet[0] & 0xF) * 4 :] if self._version == 4 and packet else packet
            mine = sctp.receiver(body)
            address, port, tag = self._asked.get(mine, ("", 0, 0))
            said = sctp.answer(body, mine, port, tag) if address == sender else None
            if said is not None:
                yield mine, said is sctp.Answer.LISTENS

    def drop(self, key: Hashable) -> None:
        """See `Channel`."""
        self._asked.pop(key, None)

    def close(self) -> None:
        """See `Channel`."""
        self._socket.close()


class Connection:
    """A connection of one check: answered, then reset, so that nothing of it is left on either side.

    The member's program hears nothing of it: what it was answered is not acknowledged before it is reset. That spares
    both sides half of the work, and it is what HAProxy does.
    """

    def __init__(self, version: int, source: str | None) -> None:
        self._socket = _opened(version, source, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)

    def fileno(self) -> int:
        """See `Channel`."""
        return self._socket.fileno()

    def ask(self, address: str, port: int) -> Hashable:
        """See `Channel`."""
        code = self._socket.connect_ex((address, port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        return None

    def hear(self, events: int) -> Iterator[Heard]:
        """See `Channel`. What could not connect is told so in the same breath (connect(2))."""
        yield None, not events & (select.EPOLLERR | select.EPOLLHUP)

    def drop(self, key: Hashable) -> None:
        """See `Channel`. It has no other check."""
        self._socket.close()

    def close(self) -> None:
        """See `Channel`."""
        self._socket.close()


def opened(kind: healthmonitor.Type, version: int, source: str | None) -> Channel:
    """A new channel for checks of that kind, in the calling thread's namespace. Raises OSError."""
    match kind:
        case healthmonitor.Type.PING:
            return Echoes(version, source)
        case healthmonitor.Type.UDP_CONNECT:
            return Datagrams(version, source)
        case healthmonitor.Type.SCTP:
            return Associations(version, source)
        case healthmonitor.Type.TCP:
            return Connection(version, source)
        case _:
            raise AssertionError(kind)


def _opened(version: int, source: str | None, kind: int, protocol: int = 0) -> socket.socket:
    family, flags = _FAMILIES[version], kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    low = socket.socket(family, flags, protocol).detach()
    made = socket.socket(family, flags, protocol, descriptors.up(low))
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        else:
            with contextlib.suppress(PermissionError):  # the force that ignores net.core.rmem_max is root's (socket(7))
                made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        if source is not None:
            made.bind((source, 0))
    except OSError:
        made.close()
        raise
    return made


def _received(channel: socket.socket) -> Iterator[tuple[bytes, str]]:
    """Every packet that is there, with the address it came from."""
    while True:
        try:
            packet, sender = channel.recvfrom(_MOST)
        except OSError:  # as in `Datagrams.hear`
            return
        yield packet, sender[0]


def _refused(channel: socket.socket) -> Iterator[tuple[str, int]]:
    """The ends of which ICMP has said that they, or the way to them, are not there (IP_RECVERR of ip(7))."""
    while True:
        try:
            _, ancillary, _, about = channel.recvmsg(1, _ANCILLARY, socket.MSG_ERRQUEUE)
        except OSError:
            return
        codes = [_ERROR.unpack_from(data)[0] for _, _, data in ancillary if len(data) >= _ERROR.size]
        # That a packet was too long says nothing of who is there.
        if about and errno.EMSGSIZE not in codes:
            yield about[0], about[1]
