"""One check of one member, from inside a namespace: sent, awaited, judged.

Promises: each answers True or False within the target's timeout, or raises OSError where the member cannot even be
asked; a socket lives no longer than its check. Runs in an event loop on a thread of its own, which visits the namespace
to make the socket. Does not repeat itself: `checker` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator

from vipool.core import ruleset
from vipool.host import namespaces, nft
from vipool.model import healthmonitor
from vipool.providers.nftables import checks, render, sctp

# linux/in.h and linux/in6.h: errors that come later (ICMP) end a call on the socket, those of hosts and networks too.
_RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
_MOST = 4096
_EPHEMERAL = (49152, 65535)


async def check(target: checks.Target, namespace: str) -> bool:
    """Whether the member answers as it should. Raises OSError or `host.errors.HostError`."""
    try:
        async with asyncio.timeout(target.timeout):
            match target.kind:
                case healthmonitor.Type.TCP:
                    return await _connects(target, namespace)
                case healthmonitor.Type.HTTP:
                    return await _answers(target, namespace)
                case healthmonitor.Type.SCTP:
                    return await _associates(target, namespace)
                case healthmonitor.Type.UDP_CONNECT:
                    return await _is_taken(target, namespace)
                case _:
                    raise AssertionError(target.kind)
    except TimeoutError:
        # Nobody need answer a datagram: only a refusal says something.
        return target.kind is healthmonitor.Type.UDP_CONNECT and not _refuses_clients(target, namespace)


async def _connects(target: checks.Target, namespace: str) -> bool:
    with _opened(target, namespace, socket.SOCK_STREAM) as channel:
        await asyncio.get_running_loop().sock_connect(channel, (target.address, target.port))
    return True


async def _answers(target: checks.Target, namespace: str) -> bool:
    loop = asyncio.get_running_loop()
    with _opened(target, namespace, socket.SOCK_STREAM) as channel:
        await loop.sock_connect(channel, (target.address, target.port))
        await loop.sock_sendall(channel, target.request)
        said = b""
        while b"\r\n" not in said and len(said) < _MOST:
            part = await loop.sock_recv(channel, _MOST)
            if not part:
                break
            said += part
    return checks.status(said) in target.good


async def _is_taken(target: checks.Target, namespace: str) -> bool:
    """An empty datagram, which no protocol takes for a request, and the wait for somebody to say that nobody is there.

    Raises OSError when somebody does.
    """
    loop = asyncio.get_running_loop()
    with _opened(target, namespace, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(*_RECEIVE_ERRORS[channel.family], 1)
        channel.connect((target.address, target.port))
        channel.send(b"")
        await loop.sock_recv(channel, _MOST)
    return True


def _refuses_clients(target: checks.Target, namespace: str) -> bool:
    """Whether the member told a client of late that nobody is there.

    A host says so about once a second to each who asks (icmp(7), icmp_ratelimit), and all clients ask from the VIP:
    while they do, what it says is said to them and not to us.
    """
    name = f"{render.REFUSED}_{ruleset.IP[target.version]}"
    return target.serves and namespaces.visit(namespace, lambda: nft.holds_here(render.TABLE, name, target.end))


async def _associates(target: checks.Target, namespace: str) -> bool:
    loop = asyncio.get_running_loop()
    first, last = _EPHEMERAL
    port, tag = first + secrets.randbelow(last - first + 1), 1 + secrets.randbelow(0xFFFFFFFF)
    with _opened(target, namespace, socket.SOCK_RAW, sctp.PROTOCOL) as channel:
        channel.setsockopt(*_RECEIVE_ERRORS[channel.family], 1)
        channel.connect((target.address, 0))
        channel.send(sctp.init(port, target.port, tag))
        while True:
            packet = await loop.sock_recv(channel, _MOST)
            # A raw IPv4 socket shows the IP header too (raw(7)).
            body = packet[(packet[0] & 0xF) * 4 :] if channel.family == socket.AF_INET and packet else packet
            said = sctp.answer(body, port, target.port, tag)
            if said is not None:
                return said is sctp.Answer.LISTENS


@contextlib.contextmanager
def _opened(target: checks.Target, namespace: str, kind: int, protocol: int = 0) -> Iterator[socket.socket]:
    """A socket of the namespace, bound to the VIP that the member is to see."""
    family = socket.AF_INET6 if target.version == 6 else socket.AF_INET
    flags = kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    channel = namespaces.visit(namespace, lambda: socket.socket(family, flags, protocol))
    with channel:
        if target.source is not None:
            channel.bind((target.source, 0))
        yield channel
