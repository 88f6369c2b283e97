"""Packets as they pass chosen network devices, in both directions, with the kernel's time of each.

One ring of packets per device (`vipool.host.ring`), filtered in the kernel to the addresses asked for, read by one
selector. Promises: bounded in packets and in time; devices that do not exist are named, not fatal; nothing is sent, and
no device is made promiscuous. Does not decide what packets mean: `vipool.core.trace` does.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vipool.host import errors, frames, namespaces, ring
from vipool.model import packet

MOST_PACKETS = 50_000
"""How many packets one capture keeps: some 30 MB."""

# Classic BPF (linux/filter.h): load from the frame, load a constant, compare, return.
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _JUMP, _JUMP_EQUAL, _RETURN = 0x20, 0x28, 0x30, 0x05, 0x15, 0x06
# Keep how long a header of IPv4 is, and load from the frame that much farther on.
_LOAD_HEADER_LENGTH, _LOAD_HALF_BEYOND = 0xB1, 0x48
_ACCEPT = 0x40000
_INSTRUCTION = struct.Struct("=HBBI")
_ALL = _INSTRUCTION.pack(_RETURN, 0, 0, _ACCEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place to capture at: `device` in `namespace` (a name or path; None is the one this process is in).

    `hop` names the machine whose traffic it is. `outside` says that the device is the outer end of that machine's link
    (a tap on a bridge): what the device sends then goes into the machine. A `device` of None is every device there but
    the loopback. Besides packets of the addresses that are asked for, those from or to one of the TCP or UDP `ports`
    are taken, and with `everything` all.
    """

    hop: str
    device: str | None
    namespace: str | None = None
    outside: bool = True
    ports: tuple[int, ...] = ()
    everything: bool = False


@dataclass(slots=True, kw_only=True)
class Capture:
    """Open captures: `missing` are the points whose device or namespace is not on this machine.

    `missed` says that packets came faster than they were read.
    """

    selector: selectors.BaseSelector
    packets: list[packet.Packet]
    missing: tuple[Point, ...] = ()
    missed: bool = False

    @property
    def full(self) -> bool:
        """Whether so many packets passed that the capture ended early."""
        return len(self.packets) >= MOST_PACKETS

    def read(self, *, until: int, deadline: float) -> bool:
        """Collect until the descriptor `until` is readable (True) or time.monotonic() reaches `deadline` (False).

        What the kernel had queued by then is collected too.
        """
        with self._watching(until):
            while (left := deadline - time.monotonic()) > 0 and not self.full:
                ready = {key.fd for key, _ in self.selector.select(left)}
                self._drain(ready)
                if until in ready:
                    self._drain(None)
                    return True
        self._drain(None)
        return False

    def wait(self, enough: Callable[[Sequence[packet.Packet]], bool], *, deadline: float) -> bool:
        """Collect until what was collected is enough (True) or time.monotonic() reaches `deadline` (False)."""
        while (left := deadline - time.monotonic()) > 0 and not self.full:
            before = len(self.packets)
            self._drain({key.fd for key, _ in self.selector.select(left)})
            if len(self.packets) > before and enough(self.packets):
                return True
        return False

    def forget(self) -> None:
        """Begin anew, as if it had just been opened."""
        self._drain(None)
        self.packets.clear()
        self.missed = False

    @contextlib.contextmanager
    def _watching(self, descriptor: int) -> Iterator[None]:
        self.selector.register(descriptor, selectors.EVENT_READ)
        try:
            yield
        finally:
            self.selector.unregister(descriptor)

    def _drain(self, ready: set[int] | None) -> None:
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, ring.Ring) and (ready is None or key.fd in ready):
                self.packets.extend(_packets(key.fileobj, key.data))
                self.missed |= key.fileobj.missed
                key.fileobj.missed = False


@contextlib.contextmanager
def opened(points: Iterable[Point], addresses: Iterable[str]) -> Iterator[Capture]:
    """Open a capture at every point, of packets from or to any of the addresses (and of all ARP and ICMP) at least.

    Raises `errors.Failed` when the kernel refuses, for want of CAP_NET_RAW for instance.
    """
    wanted = tuple(addresses)
    missing: list[Point] = []
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for point in points:
            found = _open(point, _ALL if point.everything else filter_for(wanted, point.ports))
            for each in found:
                stack.enter_context(contextlib.closing(each))
                selector.register(each, selectors.EVENT_READ, point)
            if not found:
                missing.append(point)
        yield Capture(selector=selector, packets=[], missing=tuple(missing))


def filter_for(addresses: Iterable[str], ports: Sequence[int] = ()) -> bytes:
    """The packet filter, as an array of sock_filter: ARP, ICMP, and IP packets from or to an address or port of these.

    Ports are not looked for behind extension headers of IPv6.
    """
    parsed = [ipaddress.ip_address(address) for address in addresses]
    # Where source and destination stand in a frame: 14 bytes of Ethernet header, then RFC 791 and RFC 8200.
    four = b"".join(_match(26, each.packed) + _match(30, each.packed) for each in parsed if each.version == 4)
    six = b"".join(_match(22, each.packed) + _match(38, each.packed) for each in parsed if each.version == 6)
    accept, reject = _step(_RETURN, _ACCEPT), _step(_RETURN, 0)
    ether = _step(_LOAD_HALF, 12)
    arp = _step(_JUMP_EQUAL, 0x0806, 0, 1) + accept
    return b"".join((
        ether, arp,
        ether, _section(0x0800, _accepting(_LOAD_BYTE, 23, 1) + four + _of_ports(23, ports) + reject),
        ether, _section(0x86DD, _accepting(_LOAD_BYTE, 20, 58) + six + _of_ports(20, ports) + reject),
        reject,
    ))  # fmt: skip


def _section(ether_type: int, body: bytes) -> bytes:
    """The body, only for frames of this type. Conditional jumps reach 255 instructions: a far one needs JA."""
    length = len(body) // _INSTRUCTION.size
    return _step(_JUMP_EQUAL, ether_type, 1, 0) + _step(_JUMP, length) + body


def _accepting(load: int, offset: int, value: int) -> bytes:
    return _step(load, offset) + _step(_JUMP_EQUAL, value, 0, 1) + _step(_RETURN, _ACCEPT)


def _match(offset: int, address: bytes) -> bytes:
    """Accept when the address stands at the offset: word by word, leaving at the first that differs."""
    words = struct.unpack(f"!{len(address) // 4}I", address)
    steps = b""
    for index, word in enumerate(words):
        skip = 2 * (len(words) - index - 1) + 1
        steps += _step(_LOAD_WORD, offset + 4 * index) + _step(_JUMP_EQUAL, word, 0, skip)
    return steps + _step(_RETURN, _ACCEPT)


def _of_ports(protocol_at: int, ports: Sequence[int]) -> bytes:
    """Accept TCP and UDP from or to one of the ports; `protocol_at` is where a header names its protocol."""
    if not ports:
        return b""
    # Behind a header of IPv4 that says how long it is (RFC 791), or one of IPv6, which has 40 bytes (RFC 8200).
    four = protocol_at == 23
    load, source = (_LOAD_HALF_BEYOND, 14) if four else (_LOAD_HALF, 54)
    found = b"".join(
        _step(load, at) + b"".join(_step(_JUMP_EQUAL, each, 0, 1) + _step(_RETURN, _ACCEPT) for each in ports)
        for at in (source, source + 2)
    )
    found = (_step(_LOAD_HEADER_LENGTH, 14) if four else b"") + found
    length = len(found) // _INSTRUCTION.size
    other = _step(_JUMP_EQUAL, 6, 2, 0) + _step(_JUMP_EQUAL, 17, 1, 0) + _step(_JUMP, length)
    return _step(_LOAD_BYTE, protocol_at) + other + found


def _step(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, when_true, when_false, value)


def _open(point: Point, program: bytes) -> tuple[ring.Ring, ...]:
    """The rings of one point: none where the device or namespace is not there."""

    def opened_here() -> tuple[ring.Ring, ...]:
        devices = [point.device] if point.device is not None else [name for _, name in socket.if_nameindex()]
        return tuple(ring.Ring(device, program) for device in devices if device != "lo" or point.device == "lo")

    try:
        return namespaces.call(point.namespace, opened_here) if point.namespace is not None else opened_here()
    except errors.Missing:
        return ()
    except OSError as error:
        if error.errno in {errno.ENODEV, errno.ENXIO}:
            return ()
        doing = f"capturing on {point.device or 'every device'}"
        raise errors.Failed(doing, number=error.errno or 0) from error


def _packets(source: ring.Ring, point: Point) -> Iterator[packet.Packet]:
    for frame in source.frames():
        direction = packet.Direction.IN if frame.sent == point.outside else packet.Direction.OUT
        found = frames.decode(frame.data, frames.Seen(at=frame.at, hop=point.hop, direction=direction))
        if found is not None:
            yield found
