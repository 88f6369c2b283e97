"""What sends and takes so much that it is not what is measured: datagrams by the batch, and bodies that nobody copies.

Promises: bounded in time; runs in the namespace where it is called. Python asks for many datagrams by one call of the
kernel (sendmmsg(2)), so that a packet costs the sender what the kernel takes for it.
"""

import ctypes
import itertools
import os
import socket
import tempfile
import threading
import time

BATCH = 32
_PAYLOAD = b"x" * 64
_BODY = 10_000_000
_kept: list[object] = []


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr (recvmsg(2))."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.POINTER(_Part)),
        ("parts_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr (sendmmsg(2))."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


def send(addresses: list[str], port: int, flows: int, seconds: float) -> int:
    """Send datagrams in so many flows, shared among the addresses, for so long; how many were sent."""
    library = ctypes.CDLL(None, use_errno=True)
    part = _Part(base=_PAYLOAD, length=len(_PAYLOAD))
    batch = (_Message * BATCH)()
    for each in batch:
        each.header.parts, each.header.parts_length = ctypes.pointer(part), 1
    channels = []
    for address in itertools.islice(itertools.cycle(addresses), flows):
        channels.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        channels[-1].connect((address, port))
    numbers = itertools.cycle([each.fileno() for each in channels])
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        sent += max(0, library.sendmmsg(next(numbers), batch, BATCH, 0))
    for each in channels:
        each.close()
    return sent


def swallow(address: str, port: int) -> None:
    """Take datagrams at a port from now on, and do nothing with them."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
    sink.bind((address, port))
    _kept.append(sink)


def pour(address: str, port: int) -> None:
    """Answer every HTTP request at a port with ten million bytes from now on, straight from the memory of a file."""
    body = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
    body.truncate(_BODY)
    server = socket.create_server((address, port), backlog=128)
    threading.Thread(target=_accept, args=(server, body.fileno()), daemon=True).start()
    _kept.extend((body, server))


def _accept(server: socket.socket, body: int) -> None:
    while True:
        channel, _ = server.accept()
        threading.Thread(target=_answer, args=(channel, body), daemon=True).start()


def _answer(channel: socket.socket, body: int) -> None:
    with channel:
        try:
            while channel.recv(4096):
                channel.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {_BODY}\r\n\r\n".encode(), socket.MSG_MORE)
                at = 0
                while at < _BODY:
                    at += os.sendfile(channel.fileno(), body, at, _BODY - at)
        except OSError:
            return  # The client has had enough.
