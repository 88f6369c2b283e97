"""A small data centre for tests: an outside network, tenants with routers, and hosts in namespaces of their own."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vipool.agent import ground, realise
from vipool.host import namespaces
from vipool.model import spec
from vipool.providers import base

_numbers = itertools.count(1)


def identifier(name: str) -> str:
    """An id whose first 11 characters differ from every other's."""
    return f"{next(_numbers):08x}-{name}"


def port(segment: spec.Segment, *addresses: str, gateways: tuple[str, ...] = (), **more) -> spec.Attachment:
    number = next(_numbers)
    return spec.Attachment(
        port_id=f"{number:08x}-port",
        mac=f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
        segment=segment,
        addresses=addresses,
        gateways=gateways,
        **more,
    )


@dataclass
class Site:
    """The machine, a hand to wire it, and what has to be undone at the end."""

    hand: realise.Hand
    hosts: list[str] = field(default_factory=list)
    items: list[spec.Item] = field(default_factory=list)
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def make(self, item: spec.Item) -> realise.Done:
        self.items.append(item)
        return self.hand.realise(item, announce_all=False)

    def network(self, name: str, **more) -> spec.Segment:
        segment = spec.Segment(network_id=identifier(name), **more)
        self.make(spec.Network(id=segment.network_id, revision=1, segment=segment))
        return segment

    def host(self, name: str, attachment: spec.Attachment, device: str = "eth0") -> spec.Plug:
        """A namespace that is not ours, with a port plugged into it."""
        if name not in self.hosts:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
            self.hosts.append(name)
        plug = spec.Plug(id=identifier("plug"), revision=1, port=attachment, target=f"netns:{name}", device=device)
        self.make(plug)
        return plug

    def serve(self, namespace: str, address: str, words: str, number: int = 80) -> None:
        """Answer every connection with the words and the address it came from."""
        server = namespaces.call(namespace, lambda: _listening(address, number))
        self.stack.callback(server.close)
        self.stack.callback(_wake, server)
        threading.Thread(target=_answer, args=(server, words), daemon=True).start()

    def end(self) -> None:
        self.stack.close()
        for item in reversed(self.items):
            self.hand.remove(item)
        for name in self.hosts:
            namespaces.delete(name)


def ask(namespace: str, address: str, number: int = 80, *, source: str = "") -> str:
    """What the server at this address answers to a client in the namespace; raises OSError when nobody does."""

    def call() -> str:
        with contextlib.closing(_socket(address)) as client:
            client.settimeout(2)
            if source:
                client.bind((source, 0))
            client.connect((address, number))
            return client.recv(200).decode()

    return namespaces.call(namespace, call)


def new_site(state: Path, engines: Mapping[str, base.Engine] | None = None) -> Site:
    return Site(hand=realise.Hand(ground=ground.Linux(state=state), engines=engines or {}))


def _socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)


def _listening(address: str, number: int) -> socket.socket:
    server = _socket(address)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, number))
    server.listen()
    return server


def _wake(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)


def _answer(server: socket.socket, words: str) -> None:
    while True:
        try:
            connection, peer = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(f"{words} to {peer[0]}".encode())
