"""Packets that make the ends of a TCP connection speak, when the kernel between them has forgotten it.

An end that waits for an answer sends nothing, and would wait for minutes or for ever. What lies outside of its window
it acknowledges at once (RFC 9293, section 3.10.7.4), with the very number that a reset must carry to be believed: who
then answers that packet with a reset ends the connection. Promises: a few packets for each way; what cannot be sent is
left out. Does not send resets: their numbers are not known here.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
from collections.abc import Iterable
from typing import TypeAlias

from vipool.host import checksum, conntrack, namespaces

Way: TypeAlias = tuple[conntrack.End, conntrack.End]
"""From one end to another."""

_TCP = struct.Struct("!HHIIBBHHH")
_ACK = 0x10
_WORDS = 5 << 4
# Of two numbers half the circle apart one is from the past (RFC 9293, section 3.4). A router that translates in between
# lets numbers of the past by, as of packets that were late, and those of the future it does not.
_OPPOSITE = 1 << 31
# linux/in.h and linux/in6.h: to send from an address that is not the namespace's own, as a client's is.
_TRANSPARENT = {4: (socket.IPPROTO_IP, 19), 6: (socket.IPPROTO_IPV6, 75)}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def prod(reference: str, ways: Iterable[Way], *, number: int, mark: int) -> None:
    """Send segments each way, with sequence numbers that no end expects (but by chance: then they are of no data).

    `number` is any of 32 bits. Rules must leave what has the mark untracked, else its answer would belong to a flow
    that is known. Raises `errors.HostError` where the namespace is gone.
    """
    found = list(ways)
    if found:
        namespaces.call(reference, lambda: _prod_here(found, number, mark))


def _prod_here(ways: Iterable[Way], number: int, mark: int) -> None:
    for source, destination in ways:
        # Nobody may be reachable there: that is why the connection ends.
        with contextlib.suppress(OSError), _opened(source[0], mark) as channel:
            for numbers in itertools.product((number, number ^ _OPPOSITE), repeat=2):
                channel.sendto(segment(source, destination, *numbers), (str(destination[0]), 0))


def _opened(source: conntrack.Address, mark: int) -> socket.socket:
    channel = socket.socket(_FAMILIES[source.version], socket.SOCK_RAW, socket.IPPROTO_TCP)
    try:
        channel.setsockopt(*_TRANSPARENT[source.version], 1)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", mark))
        channel.setblocking(False)
        channel.bind((str(source), 0))
    except OSError:
        channel.close()
        raise
    return channel


def segment(source: conntrack.End, destination: conntrack.End, sequence: int, acknowledged: int) -> bytes:
    """A TCP segment that carries nothing but an acknowledgement, with its checksum (RFC 9293, section 3.1)."""
    plain = _TCP.pack(source[1], destination[1], sequence, acknowledged, _WORDS, _ACK, 0, 0, 0)
    pseudo = source[0].packed + destination[0].packed + struct.pack("!IHH", len(plain), 0, socket.IPPROTO_TCP)
    return plain[:16] + struct.pack("!H", checksum.of(pseudo + plain)) + plain[18:]
