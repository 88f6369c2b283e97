"""The thread that pings the members of PING monitors, from inside their load balancers' namespaces.

Promises: one thread and at most two sockets per load balancer, however many members; a verdict that changes is told
HAProxy at once. It lives with the agent: while there is none, members keep the standing they had. Decides nothing:
see `ping`.
"""

import contextlib
import heapq
import ipaddress
import itertools
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vipool.core import standing
from vipool.host import errors, namespaces
from vipool.providers import base
from vipool.providers.haproxy import ping, runtime

# How long HAProxy may take to hear a verdict; another attempt is made with the next answer.
_TELL = 0.5
# At most so many requests between two looks at the answers, and room for the answers of some thousands: an answer that
# finds the buffer full is lost, and a member would be taken for dead.
_BURST = 64
_SO_RCVBUFFORCE = 33
_TIDY = 4096
_BUFFER = 1 << 21
_FAMILIES = {4: (socket.AF_INET, socket.IPPROTO_ICMP), 6: (socket.AF_INET6, socket.IPPROTO_ICMPV6)}


@dataclass
class Probe:
    """One member being pinged. `told` is the last verdict HAProxy heard; `waiting` the sequence number out, or None;
    `due` when to look at it next: a heap's entry with another time is out of date."""

    target: ping.Target
    health: standing.Standing
    told: bool
    due: float = 0.0
    waiting: int | None = None
    sent: float = 0.0


@dataclass
class Round:
    """The members of one load balancer, its sockets by IP version, and the requests that are out."""

    place: base.Place
    probes: dict[str, Probe] = field(default_factory=dict)
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    out: dict[int, Probe] = field(default_factory=dict)


class Prober:
    """Pings on a thread of its own, which starts with the first member."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rounds: dict[str, Round] = {}
        self._due: list[tuple[float, int, Round, Probe]] = []
        self._order = itertools.count()
        self._pushed = 0
        self._sequence = itertools.count()
        self._identity = os.getpid() & 0xFFFF
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._thread: threading.Thread | None = None

    def assign(self, place: base.Place, targets: Iterable[ping.Target], down: frozenset[str], *, again: bool) -> None:
        """Ping exactly these members from now on. `down` are those HAProxy thinks down; `again` says that a new
        process has to be told every verdict."""
        wanted = {each.member_id: each for each in targets}
        with self._lock:
            if not wanted and place.directory not in self._rounds:
                return
            found = self._rounds.setdefault(place.directory, Round(place=place))
            known = found.probes
            found.probes = {key: self._probe(known.get(key), each, down) for key, each in wanted.items()}
            for key, probe in found.probes.items():
                if again:
                    probe.told = key not in down
                if probe is not known.get(key):
                    self._at(time.monotonic(), found, probe)
            if not wanted:
                self._close(self._rounds.pop(place.directory))
        self._wake()

    def forget(self, place: base.Place) -> None:
        """Ping nothing of this load balancer any more."""
        self.assign(place, (), frozenset(), again=False)

    def standings(self, place: base.Place) -> dict[str, standing.Standing]:
        """What is thought of each member of a load balancer, by id."""
        with self._lock:
            found = self._rounds.get(place.directory)
            return {key: probe.health for key, probe in found.probes.items()} if found else {}

    def _probe(self, known: Probe | None, target: ping.Target, down: frozenset[str]) -> Probe:
        if known is not None and known.target == target:
            return known
        up = known.health.up if known is not None else target.member_id not in down
        return Probe(target=target, health=ping.fresh(target, up=up), told=target.member_id not in down)

    def _at(self, due: float, found: Round, probe: Probe) -> None:
        probe.due = due
        heapq.heappush(self._due, (due, next(self._order), found, probe))
        self._pushed += 1
        # Entries whose time was changed lie in the heap until it comes, which may be days.
        if self._pushed > _TIDY and self._pushed > len(self._due) // 2:
            self._due = [entry for entry in self._due if entry[3].due == entry[0]]
            heapq.heapify(self._due)
            self._pushed = 0

    def _wake(self) -> None:
        if self._thread is None and self._due:
            self._thread = threading.Thread(target=self._run, name="ping", daemon=True)
            self._thread.start()
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_in, b"x")

    def _run(self) -> None:
        while True:
            with self._lock:
                self._send_due(time.monotonic())
                patience = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(patience):
                if key.fd == self._wake_out:
                    os.read(self._wake_out, 4096)
                else:
                    with self._lock:
                        self._receive(*key.data)

    def _send_due(self, now: float) -> None:
        burst = _BURST
        while burst and self._due and self._due[0][0] <= now:
            burst -= 1
            due, _, found, probe = heapq.heappop(self._due)
            if probe.due != due or found.probes.get(probe.target.member_id) is not probe:
                continue
            if probe.waiting is not None:
                self._judge(found, probe, good=False)
                self._at(max(now, probe.sent + probe.target.delay), found, probe)
            else:
                out = self._send(found, probe, now)
                self._at(now + (probe.target.timeout if out else probe.target.delay), found, probe)

    def _send(self, found: Round, probe: Probe, now: float) -> bool:
        version = ipaddress.ip_address(probe.target.address).version
        sequence = next(self._sequence) & 0xFFFF
        try:
            channel = found.sockets.get(version) or self._open(found, version)
            channel.sendto(ping.request(version, self._identity, sequence), (probe.target.address, 0))
        except (OSError, errors.HostError):
            self._judge(found, probe, good=False)
            return False
        probe.waiting, probe.sent = sequence, now
        found.out[sequence] = probe
        return True

    def _open(self, found: Round, version: int) -> socket.socket:
        family, protocol = _FAMILIES[version]
        flags = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        made = namespaces.call(found.place.namespace, lambda: socket.socket(family, flags, protocol))
        with contextlib.suppress(PermissionError):  # the force that ignores net.core.rmem_max is for root (socket(7))
            made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        found.sockets[version] = made
        self._selector.register(made, selectors.EVENT_READ, (found, version))
        return made

    def _receive(self, found: Round, version: int) -> None:
        """Take every answer that is there. One to a request that is not out any more is too late, or not ours."""
        channel = found.sockets.get(version)
        while channel is not None:
            try:
                packet, sender = channel.recvfrom(2048)
            except OSError:
                return
            said = ping.reply(version, packet)
            probe = found.out.get(said[1]) if said and said[0] == self._identity else None
            if probe and ipaddress.ip_address(sender[0]) == ipaddress.ip_address(probe.target.address):
                self._judge(found, probe, good=True)
                # Due a delay after the request, not when it would have been given up.
                self._at(max(time.monotonic(), probe.sent + probe.target.delay), found, probe)

    def _judge(self, found: Round, probe: Probe, *, good: bool) -> None:
        if probe.waiting is not None:
            found.out.pop(probe.waiting, None)
            probe.waiting = None
        probe.health = probe.health.after(good=good)
        if probe.health.up != probe.told:
            verdict = "up" if probe.health.up else "down"
            with contextlib.suppress(runtime.Silent):
                for name in probe.target.names:
                    runtime.ask(Path(found.place.directory), f"set server {name} health {verdict}", seconds=_TELL)
                probe.told = probe.health.up

    def _close(self, found: Round) -> None:
        for channel in found.sockets.values():
            self._selector.unregister(channel)
            channel.close()
        found.sockets.clear()
