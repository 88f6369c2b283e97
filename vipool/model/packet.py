"""A packet as it was seen at one place, as a value: what captures give and traces are made of.

Promises: values only. Addresses are in their canonical text form; ports are 0 where the protocol has none. Reads
nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Protocol(enum.StrEnum):
    """What a packet carries. NEIGHBOUR is ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861) alike."""

    TCP = "TCP"
    UDP = "UDP"
    ICMP = "ICMP"
    NEIGHBOUR = "NEIGHBOUR"
    OTHER = "OTHER"


class Direction(enum.StrEnum):
    """Whether the packet went into the machine that the hop names, or came out of it."""

    IN = "in"
    OUT = "out"


class Flag(enum.StrEnum):
    """The TCP flags a trace looks at (RFC 9293 section 3.1)."""

    SYN = "SYN"
    ACK = "ACK"
    FIN = "FIN"
    RST = "RST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet at one hop.

    `at` is the kernel's time of capture in nanoseconds since the epoch. `length` is that of the transport's payload in
    bytes, and `payload` its first bytes. `sequence` is TCP's, and for UDP over IPv4 the identification (RFC 791 section
    3.1): both survive address translation, so that they name the same packet at every hop. For NEIGHBOUR, `destination`
    is the address that is asked for (`asking`) or that answers; for ICMP, `note` says what it reports, `about` the
    destination of the packet it is about (RFC 792, RFC 4443), and the ports are that packet's.
    """

    at: int
    hop: str
    direction: Direction
    protocol: Protocol
    source: str
    destination: str
    sport: int = 0
    dport: int = 0
    flags: frozenset[Flag] = frozenset()
    sequence: int = 0
    length: int = 0
    payload: bytes = b""
    asking: bool = False
    note: str = ""
    about: str = ""

    @property
    def sender(self) -> tuple[str, int]:
        """Where it comes from: address and port."""
        return self.source, self.sport

    @property
    def receiver(self) -> tuple[str, int]:
        """Where it goes: address and port."""
        return self.destination, self.dport

    @property
    def speaks(self) -> bool:
        """Whether it brings something to whom it goes: data, or a datagram, which counts even when it is empty."""
        return self.length > 0 or self.protocol is Protocol.UDP

    @property
    def opens(self) -> bool:
        """Whether it asks for a TCP connection: SYN without ACK."""
        return Flag.SYN in self.flags and Flag.ACK not in self.flags

    @property
    def accepts(self) -> bool:
        """Whether it grants a TCP connection: SYN with ACK."""
        return Flag.SYN in self.flags and Flag.ACK in self.flags

    @property
    def resets(self) -> bool:
        """Whether it ends or refuses a TCP connection at once: RST."""
        return Flag.RST in self.flags


def endpoint(address: str, port: int) -> str:
    """An address and port as people write them, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
