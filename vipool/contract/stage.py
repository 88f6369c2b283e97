"""Where the suite plays: a load balancer of the subject, made by the agent's hand, with a client and members beside it.

All are namespaces on one bridge. Promises: after `put` nothing is left to do, and a further pass said so; a test leaves
nothing behind, whatever its end. A subject without packets has the machine in memory under it.
"""

import contextlib
import dataclasses
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from vipool.agent import fake, ground, realise
from vipool.contract import peers, pictures, subject
from vipool.host import namespaces, processes
from vipool.model import spec, tree
from vipool.providers import base

CLIENT, SERVERS = "contract-client", "contract-members"
_SEGMENT = spec.Segment(network_id="contract-network")
_PASSES, _TICK = 20, threading.Event()
_SANDBOX = "these tests make namespaces and send packets; run them in a sandbox: python -m vipool.contract"
_Seen = TypeVar("_Seen")


class Stage:
    """One load balancer, running. `place` is where its engine lives."""

    def __init__(self, about: subject.Subject, directory: Path) -> None:
        self.about = about
        self._stack = contextlib.ExitStack()
        self.members: dict[str, peers.Member] = {}
        machine: ground.Ground = ground.Linux(state=directory) if about.packets else fake.Machine()
        self.hand = realise.Hand(ground=machine, engines={"subject": about.engine()})
        self.place = self.hand.place(pictures.LOADBALANCER)
        vip = _port("vip", f"{pictures.VIP}/16", f"{pictures.VIP6}/64")
        empty = pictures.load({})
        self.item = spec.LoadBalancer(id=pictures.LOADBALANCER, revision=1, tree=empty, vip=vip)
        if about.packets and not alone():
            pytest.fail(_SANDBOX, pytrace=False)
        self._make(spec.Network(id=_SEGMENT.network_id, revision=1, segment=_SEGMENT))
        if about.packets:
            self._people()
        self._stack.callback(self.remove)

    @property
    def engine(self) -> base.Engine:
        """The subject's."""
        return self.hand.engine(self.item)

    def _people(self) -> None:
        self._host(CLIENT, "172.16.100.4/16", "fd00:100::4/64")
        addresses = (*pictures.MEMBERS, *pictures.MEMBERS6)
        self._host(SERVERS, *(f"{each}/{64 if ':' in each else 16}" for each in addresses))
        for address, name in zip(addresses, (*pictures.NAMES, *pictures.NAMES), strict=True):
            member = peers.Member(SERVERS, address, pictures.PORT, name)
            member.start()
            self._stack.callback(member.stop)
            self.members[address] = member

    def _make(self, item: spec.Item) -> None:
        self._stack.callback(self.hand.remove, item)
        self.hand.realise(item, announce_all=False)

    def _host(self, name: str, *addresses: str) -> None:
        namespaces.create(name, lambda: processes.run(["ip", "link", "set", "lo", "up"]))
        self._stack.callback(namespaces.delete, name)
        self._make(spec.Plug(id=name, revision=1, port=_port(name, *addresses), target=f"netns:{name}", device="eth0"))

    def put(self, wanted: tree.Tree) -> tuple[str, ...]:
        """Make the load balancer so, then see that nothing is left to do; what was done, in words."""
        self.item = dataclasses.replace(self.item, tree=wanted)
        said = self.again()
        # What had a connection until now may go a moment later; and where members are checked, what is found in between
        # asks for other rules: each is up or down but once.
        passes = [self.again()]
        while passes[-1] and len(passes) < _PASSES + len(wanted.members):
            _TICK.wait(0.05)
            passes.append(self.again())
        assert not passes[-1], f"another pass over the same tree does nothing, and says nothing: {passes}"
        return said

    def again(self) -> tuple[str, ...]:
        """Make the load balancer what it is to be once more; what was done, in words."""
        return self.hand.realise(self.item, announce_all=False).words

    def restart(self) -> None:
        """Another agent takes over: what the engine knew is forgotten."""
        self.hand = dataclasses.replace(self.hand, engines={"subject": self.about.engine()})

    def observe(self) -> spec.Observation | None:
        """What the data plane says now."""
        return self.hand.look(self.item)

    def seen(self) -> spec.Observation:
        """What the data plane says now; it must run."""
        found = self.observe()
        assert found is not None, "nothing runs"
        return found

    def watch(self) -> str:
        """Why the load balancer must be made so again; empty when it need not."""
        return self.engine.watch([self.place]).get(self.place.namespace, "")

    def settle(self, reached: Callable[[], _Seen]) -> _Seen:
        """Do as the agent does until the condition holds: watch, and make so again what must be. What it returned."""

        def turn() -> _Seen:
            if self.watch():
                self.again()
            return reached()

        return eventually(turn)

    def ask(self, protocol: str, number: int = 1, vip: str = pictures.VIP) -> str:
        """The name of the member that answers a new client of the listener; empty when nobody does."""
        return peers.ask(CLIENT, protocol, vip, pictures.PORT + number - 1)

    def answers(self, protocol: str, count: int = 12, number: int = 1) -> Counter[str]:
        """Who answers so many new clients."""
        return Counter(self.ask(protocol, number) for _ in range(count))

    def client(self, protocol: str) -> contextlib.AbstractContextManager[peers.Client]:
        """A client that stays for as long as the block lasts."""
        return peers.client(CLIENT, protocol, pictures.VIP, pictures.PORT)

    def processes(self) -> tuple[processes.Process, ...]:
        """Every process in the load balancer's namespace."""
        there = self.about.packets and namespaces.exists(self.place.namespace)
        return processes.inside(self.place.namespace) if there else ()

    def kill(self) -> bool:
        """End everything that carries traffic, without warning; False when no process does."""
        found = self.processes()
        for each in found:
            processes.send(each, signal.SIGKILL)
        eventually(lambda: not self.processes())
        return bool(found)

    @contextlib.contextmanager
    def obstacle(self, number: int) -> Iterator[None]:
        """The port of the listener with that number cannot be had."""
        with peers.squatter(self.place.namespace, pictures.VIP, pictures.PORT + number - 1):
            yield

    def remove(self) -> None:
        """Take the load balancer away, as the agent does."""
        self.hand.remove(self.item)

    def close(self) -> None:
        """End everything."""
        self._stack.close()


def alone() -> bool:
    """Whether nothing leads out of here: there is a loopback and no other device."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def eventually(reached: Callable[[], _Seen], seconds: float = 10.0) -> _Seen:
    """What the condition returned once it was true. Fails with what it last returned."""
    tick = threading.Event()
    found = reached()
    for _ in range(int(seconds / 0.02)):
        if found:
            return found
        tick.wait(0.02)
        found = reached()
    raise AssertionError(f"not within {seconds} s: {found!r}")


def _port(name: str, *addresses: str) -> spec.Attachment:
    number = sum(name.encode()) & 0xFF
    # The first letters make the name of a device: they must differ.
    return spec.Attachment(
        port_id=f"{name.removeprefix('contract-')}-port",
        mac=f"fa:16:3e:00:00:{number:02x}",
        segment=_SEGMENT,
        addresses=addresses,
    )
