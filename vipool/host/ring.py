"""A packet socket whose packets the kernel writes into memory that is shared with it (TPACKET_V2, packet(7)).

Promises: each packet bears the time at which it passed. A socket that is read with recvmsg cannot promise that: the
kernel starts to stamp packets some time after it was asked to, and until then gives them the time of reading
(net_enable_timestamp() in net/core/dev.c). Here it takes the time as it writes. Bounded: what does not fit is not kept,
and `missed` says so. Does not look into packets.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

# linux/if_packet.h and asm-generic/socket.h
_SOL_PACKET, _RX_RING, _VERSION, _IGNORE_OUTGOING, _SO_ATTACH_FILTER = 263, 5, 10, 23, 26
_TPACKET_V2 = 1
_ALL_PROTOCOLS = 0x0003
_KERNEL, _USER, _LOSING = 0, 1, 4
_OUTGOING = 4
_HEADER = struct.Struct("@IIIHHII")  # tpacket2_hdr: status, len, snaplen, mac, net, sec, nsec
_PACKET_TYPE_AT = 32 + 10  # sockaddr_ll stands after the header of 32 bytes: sll_pkttype is its 11th
_STATUS = struct.Struct("@I")

_FRAME, _BLOCK, _BLOCKS = 1024, 1 << 16, 64
_FRAMES = _BLOCK // _FRAME * _BLOCKS
_INSTRUCTION = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The first bytes of one Ethernet frame; `at` in nanoseconds since the epoch; `sent` by the device or received."""

    data: bytes
    at: int
    sent: bool


class Ring:
    """The ring of one device of the namespace the calling thread is in, filtered by a program (array of sock_filter).

    Raises OSError as the kernel refuses: ENODEV for a device that is not there.
    """

    def __init__(self, device: str, program: bytes) -> None:
        self.missed = False
        self._next = 0
        # Protocol 0: nothing comes in before the filter is in place and bind names the protocol.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            self._memory = self._furnish(program)
            self._socket.bind((device, _ALL_PROTOCOLS))
        except BaseException:
            self._socket.close()
            raise

    def _furnish(self, program: bytes) -> mmap.mmap:
        buffer = ctypes.create_string_buffer(program, len(program))
        filtering = struct.pack("@HP", len(program) // _INSTRUCTION, ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filtering)
        with contextlib.suppress(OSError):  # the default already, and unknown before Linux 4.20
            self._socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 0)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
        self._socket.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("@IIII", _BLOCK, _BLOCKS, _FRAME, _FRAMES))
        return mmap.mmap(self._socket.fileno(), _BLOCK * _BLOCKS)

    def fileno(self) -> int:
        """The descriptor that is readable when a frame is there."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the memory and the socket back."""
        self._memory.close()
        self._socket.close()

    def frames(self) -> Iterator[Frame]:
        """The frames that have come since; each is given back to the kernel once it was read."""
        # A device that went away leaves an error (ENETDOWN), which would count as readable until it is taken.
        self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        while True:
            start = self._next * _FRAME
            status, _, kept, mac, _, seconds, nanoseconds = _HEADER.unpack_from(self._memory, start)
            if not status & _USER:
                return
            self.missed |= bool(status & _LOSING)
            sent = self._memory[start + _PACKET_TYPE_AT] == _OUTGOING
            data = self._memory[start + mac : start + mac + kept]
            _STATUS.pack_into(self._memory, start, _KERNEL)
            self._next = (self._next + 1) % _FRAMES
            yield Frame(data=data, at=seconds * 1_000_000_000 + nanoseconds, sent=sent)
