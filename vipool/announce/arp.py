"""Telling the neighbours of a link where an address is now: ARP announcements and unsolicited neighbour advertisements.

Promises: each claim is announced once its device can be heard and a second time `INTERVAL` later, from inside its
namespace (RFC 5227, 2.3: two announcements two seconds apart; RFC 4861, 7.2.6). Whether neighbours listen is not known,
and an address that somebody else holds too is not noticed: addresses are given out by the control plane.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import socket
import struct
import threading
from pathlib import Path

from vipool.announce import base
from vipool.host import checksum, errors, namespaces, observation

INTERVAL = 2.0
"""Seconds between the two announcements (ANNOUNCE_INTERVAL of RFC 5227)."""

READY_WITHIN = 2.0
"""Seconds a device may take until its packets pass the bridge."""

_ARP, _IP6 = 0x0806, 0x86DD
_BROADCAST = b"\xff" * 6
_ALL_NODES = ipaddress.IPv6Address("ff02::1").packed
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_ICMP6, _ADVERTISEMENT, _TARGET_LINK_ADDRESS = 58, 136, 2
_OVERRIDE, _ROUTER = 0x20000000, 0x80000000


class Announcer:
    """The `base.Holder` for an address that lives on one node: to hold it is to say so, to release it, silence."""

    def hold(self, claims: tuple[base.Claim, ...]) -> None:
        """Announce now, and once more `INTERVAL` later from a thread that keeps no process alive.

        Raises `errors.HostError` when a namespace or device is not there, or does not come up within `READY_WITHIN`.
        """
        if not claims:
            return
        for (reference, device), _ in itertools.groupby(claims, key=lambda claim: (claim.reference, claim.device)):
            observation.await_carrying(reference, device, seconds=READY_WITHIN)
        announce(claims)
        again = threading.Timer(INTERVAL, _announce_quietly, (claims,))
        again.daemon = True
        again.start()

    def release(self, claims: tuple[base.Claim, ...]) -> None:
        """Nothing to do: neighbours forget by themselves."""


def announce(claims: tuple[base.Claim, ...]) -> None:
    """Send one announcement for each claim. Raises `errors.HostError`."""
    for reference, group in itertools.groupby(claims, key=lambda claim: claim.reference):
        namespaces.call(reference, functools.partial(_send, tuple(group)))


def arp_announcement(mac: bytes, address: ipaddress.IPv4Address) -> bytes:
    """The Ethernet frame of an ARP announcement: a request whose sender and target are one (RFC 5227, 2.3)."""
    header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    body = header + mac + address.packed + bytes(6) + address.packed
    return _BROADCAST + mac + struct.pack("!H", _ARP) + body


def neighbour_advertisement(mac: bytes, address: ipaddress.IPv6Address, *, router: bool) -> bytes:
    """The Ethernet frame of an unsolicited neighbour advertisement to all nodes, overriding what they know.

    `router`: whether the sender forwards; a host drops its routes through one that says it does not (RFC 4861, 7.2.5).
    """
    flags = _OVERRIDE | (_ROUTER if router else 0)
    unchecked = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, flags) + address.packed
    unchecked += struct.pack("!BB", _TARGET_LINK_ADDRESS, 1) + mac
    pseudo = address.packed + _ALL_NODES + struct.pack("!II", len(unchecked), _ICMP6)
    message = unchecked[:2] + struct.pack("!H", checksum.of(pseudo + unchecked)) + unchecked[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), _ICMP6, 255) + address.packed + _ALL_NODES
    return _ALL_NODES_MAC + mac + struct.pack("!H", _IP6) + header + message


def _announce_quietly(claims: tuple[base.Claim, ...]) -> None:
    # Between the two announcements the namespace or device may have gone for good reason: there is nothing to say then.
    with contextlib.suppress(errors.HostError):
        announce(claims)


def _send(claims: tuple[base.Claim, ...]) -> None:
    # One socket for all: closing a packet socket waits for the kernel's readers, some ten milliseconds each time.
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        for claim in claims:
            try:
                sender.bind((claim.device, 0))
                sender.send(_frame(claim, sender.getsockname()[4]))
            except OSError as error:
                doing = f"announcing {claim.address} on {claim.device} of {claim.reference}"
                raise errors.Failed(doing, number=error.errno or 0) from error


def _frame(claim: base.Claim, mac: bytes) -> bytes:
    address = ipaddress.ip_address(claim.address)
    if isinstance(address, ipaddress.IPv4Address):
        return arp_announcement(mac, address)
    forwarding = Path(f"/proc/sys/net/ipv6/conf/{claim.device}/forwarding").read_text().strip()
    return neighbour_advertisement(mac, address, router=forwarding == "1")
