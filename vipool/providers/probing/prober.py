"""The thread that checks members without a program, and what it thinks of each.

Promises: one thread for all load balancers of a provider. Each member is asked at its monitor's pace, members that come
together spread over it; but datagrams go to one host a second apart at least: hosts say that nobody is there about once
a second, whoever asks (icmp(7), icmp_ratelimit), and silence would be taken for life. It lives with the agent: while
there is none, members keep the standing they had. Decides nothing: see `channels` and `core.standing`.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from vipool.core import standing
from vipool.host import descriptors, errors, namespaces, netlink
from vipool.model import healthmonitor
from vipool.providers import base
from vipool.providers.probing import channels, target

logger = logging.getLogger("vipool.providers")

APART = 1.0
"""Seconds between two datagrams of checks to one host."""

_TOGETHER = 0.02
"""Seconds between two rounds: what is due, and what is answered, is dealt with together."""

# Members that come together are asked for the first time so many seconds apart, or less.
_STAGGER = 0.002
# What hosts told clients is asked for at most so often, in seconds.
_FRESH = 0.25
# How long one waits who finds too many files open, in seconds.
_FULL = 0.1
# At most so many requests between two looks at the answers.
_BURST = 256
_TIDY = 4096
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

Way = tuple[healthmonitor.Type, int, str | None]
"""What members have in common that are asked by one channel: kind, IP version, source."""


def _nobody(namespace: str, version: int) -> Collection[bytes]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who else hears and is heard.

    `verdict` is told what a member of a place is thought of where that changed, and answers whether it was understood:
    otherwise it is told again with the next answer. `refused` says which ends of a namespace have told clients of late
    that nobody is there: clients are told in our place, as both ask from one address.
    """

    verdict: Callable[[base.Place, str, bool], bool] | None = None
    refused: Callable[[str, int], Collection[bytes]] = _nobody


@dataclass(slots=True, eq=False)
class Probe:
    """One member being checked. `told` is the last verdict that was understood; `entry` the number of the
    heap's entry that says when to look at it next: another one is out of date; `turn` says that its host may be asked
    then; `channel` and `key` are what is out, or None."""

    target: target.Target
    health: standing.Standing
    way: Way
    address: str
    told: bool
    entry: int = -1
    sent: float = 0.0
    turn: bool = False
    channel: channels.Channel | None = None
    key: Hashable = None


@dataclass(slots=True, eq=False)
class Round:
    """The members of one load balancer, which of them are down, its channels, what is out on each by key, and the
    namespace that the channels are of."""

    place: base.Place
    probes: dict[str, Probe] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    shared: dict[Way, channels.Channel] = field(default_factory=dict)
    out: dict[tuple[channels.Channel, Hashable], list[Probe]] = field(default_factory=dict)
    refused: dict[int, tuple[float, Collection[bytes]]] = field(default_factory=dict)
    kernel: tuple[int, int] = (0, 0)


class Prober:
    """Checks on a thread of its own, which starts with the first member."""

    def __init__(self, ears: Ears | None = None) -> None:
        self._ears = ears or Ears()
        self._lock = threading.RLock()
        self._rounds: dict[str, Round] = {}
        self._due: list[tuple[float, int, Round, Probe]] = []
        self._order = itertools.count()
        self._pushed = 0
        self._free: dict[tuple[str, str], float] = {}
        self._by_descriptor: dict[int, tuple[Round, channels.Channel]] = {}
        self._thread: threading.Thread | None = None

    def assign(self, place: base.Place, targets: Iterable[target.Target], down: Collection[str]) -> None:
        """Check exactly these members from now on. `down` are those that whoever hears verdicts thinks down, or those
        that were thought so before they were checked here."""
        wanted = {each.member_id: each for each in targets}
        with self._lock:
            if not wanted and place.directory not in self._rounds:
                return
            found = self._rounds.setdefault(place.directory, Round(place=place))
            known, found.probes = found.probes, {}
            coming = []
            for key, each in wanted.items():
                probe = found.probes[key] = self._probe(known.get(key), each, down)
                probe.told = key not in down
                if probe is not known.get(key):
                    coming.append(probe)
            found.down = {key for key, probe in found.probes.items() if not probe.health.up}
            for key, probe in known.items():
                if found.probes.get(key) is not probe:
                    self._drop(found, probe)
            self._begin(found, coming)
            self._close(found, {probe.way for probe in found.probes.values()})
            if not wanted:
                del self._rounds[place.directory]
        self._wake()

    def forget(self, place: base.Place) -> None:
        """Check nothing of this load balancer any more."""
        self.assign(place, (), ())

    def down(self, place: base.Place) -> frozenset[str]:
        """The members of a load balancer that are down."""
        with self._lock:
            found = self._rounds.get(place.directory)
            return frozenset(found.down) if found else frozenset()

    def standings(self, place: base.Place) -> Mapping[str, standing.Standing]:
        """What is thought of each member of a load balancer, by id."""
        with self._lock:
            found = self._rounds.get(place.directory)
            return {key: probe.health for key, probe in found.probes.items()} if found else {}

    def _probe(self, known: Probe | None, wanted: target.Target, down: Collection[str]) -> Probe:
        if known is not None and known.target == wanted:
            return known
        up = known.health.up if known is not None else wanted.member_id not in down
        family = _FAMILIES[wanted.version]
        return Probe(
            target=wanted,
            health=wanted.fresh(up=up),
            way=(wanted.kind, wanted.version, wanted.source),
            # As the kernel writes it, who names the senders of answers.
            address=socket.inet_ntop(family, socket.inet_pton(family, wanted.address)),
            told=up,
        )

    def _begin(self, found: Round, coming: Collection[Probe]) -> None:
        now = time.monotonic()
        for at, probe in enumerate(coming):
            self._at(now + at * min(_STAGGER, probe.target.delay / len(coming)), found, probe)

    # --- when ---------------------------------------------------------------------------------------------------------

    def _at(self, due: float, found: Round, probe: Probe) -> None:
        # Not known by its time: that of an answer given up may be that of the next question.
        probe.entry = next(self._order)
        heapq.heappush(self._due, (due, probe.entry, found, probe))
        self._pushed += 1
        # Entries whose time was changed lie in the heap until it comes, which may be days.
        if self._pushed > _TIDY and self._pushed > len(self._due) // 2:
            self._due = [entry for entry in self._due if entry[3].entry == entry[1]]
            heapq.heapify(self._due)
            now = time.monotonic()
            self._free = {host: free for host, free in self._free.items() if free > now}
            self._pushed = 0

    def _wake(self) -> None:
        if self._thread is None and self._due:
            # Not before: most providers of most nodes have nobody to check.
            self._epoll = select.epoll()
            self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._epoll.register(self._wake_out, select.EPOLLIN)
            self._most = descriptors.room() // 2
            self._thread = threading.Thread(target=self._run, name="checks", daemon=True)
            self._thread.start()
        if self._thread is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_in, b"x")

    def _run(self) -> None:
        while True:
            try:
                self._turn()
            except Exception:
                logger.exception("a bug of vipool: checking members")
            time.sleep(_TOGETHER)  # a wake for each answer would cost more than the answer

    def _turn(self) -> None:
        with self._lock:
            patience = self._due[0][0] - time.monotonic() if self._due else None
        events = self._epoll.poll(None if patience is None else max(0.0, patience), _TIDY)
        with self._lock:
            for descriptor, event in events:
                if descriptor == self._wake_out:
                    os.read(self._wake_out, 4096)
                elif descriptor in self._by_descriptor:
                    self._hear(*self._by_descriptor[descriptor], event)
            self._send_due(time.monotonic())

    def _send_due(self, now: float) -> None:
        """Judge who did not answer in time, and ask who is to be asked, by namespace: to go into one costs as much as
        the check."""
        asking: dict[str, tuple[Round, list[Probe]]] = {}
        for _ in range(_BURST):
            if not self._due or self._due[0][0] > now:
                break
            _, entry, found, probe = heapq.heappop(self._due)
            if probe.entry != entry or found.probes.get(probe.target.member_id) is not probe:
                continue
            if probe.channel is not None:
                self._silent(found, probe, now)
            elif self._may(found, probe, now):
                asking.setdefault(found.place.directory, (found, []))[1].append(probe)
        for found, probes in asking.values():
            self._ask(found, probes, now)

    def _may(self, found: Round, probe: Probe, now: float) -> bool:
        """Whether the host may be asked; otherwise it is looked at again when it may."""
        if probe.target.kind is healthmonitor.Type.TCP and len(self._by_descriptor) >= self._most:
            # Who does not answer holds a file: one that cannot be had says nothing of a member.
            self._at(now + _FULL, found, probe)
            return False
        if probe.target.kind is not healthmonitor.Type.UDP_CONNECT or probe.turn:
            probe.turn = False
            return True
        host = (found.place.namespace, probe.address)
        free = self._free.get(host, 0.0)
        self._free[host] = max(now, free) + APART
        if free <= now:
            return True
        probe.turn = True
        self._at(free, found, probe)
        return False

    # --- what is asked ------------------------------------------------------------------------------------------------

    def _ask(self, found: Round, probes: Collection[Probe], now: float) -> None:
        with contextlib.suppress(errors.HostError):  # it is gone: what has no channel is judged below
            namespaces.visit(found.place.namespace, lambda: self._open_all(found, probes))
        for probe in probes:
            channel, probe.channel = probe.channel, None
            probe.sent = now
            try:
                if channel is None:
                    raise OSError("it has no channel")
                probe.key = channel.ask(probe.address, probe.target.port)
            except OSError:
                if channel is not None:
                    self._release(found, channel, None)
                self._judge(found, probe, good=False)
                self._at(now + probe.target.delay, found, probe)
            else:
                probe.channel = channel
                found.out.setdefault((channel, probe.key), []).append(probe)
                self._at(now + probe.target.timeout, found, probe)

    def _open_all(self, found: Round, probes: Collection[Probe]) -> None:
        """Runs inside."""
        kernel = netlink.thread_namespace()
        if found.kernel != kernel:
            self._close(found)  # they belong to a namespace that was there before this one
            found.kernel = kernel
        for probe in probes:
            self._open(found, probe)

    def _open(self, found: Round, probe: Probe) -> None:
        """Give a probe the channel that it is asked by, a new one where there is none. Runs inside."""
        single = probe.way[0] is healthmonitor.Type.TCP
        channel = None if single else found.shared.get(probe.way)
        if channel is None:
            try:
                channel = channels.opened(*probe.way)
            except OSError:  # no source of that family, or no file: judged by the caller
                return
            if not single:
                found.shared[probe.way] = channel
            self._by_descriptor[channel.fileno()] = (found, channel)
            self._epoll.register(channel.fileno(), select.EPOLLOUT if single else select.EPOLLIN)
        probe.channel = channel

    # --- what is heard ------------------------------------------------------------------------------------------------

    def _hear(self, found: Round, channel: channels.Channel, event: int) -> None:
        """Take what was answered. An answer to what is not out any more is too late, or not ours."""
        for key, good in list(channel.hear(event)):
            for probe in found.out.get((channel, key), ())[:]:
                self._drop(found, probe)
                self._judge(found, probe, good=good)
                # Due a delay after it was asked, not when it would have been given up.
                self._at(max(time.monotonic(), probe.sent + probe.target.delay), found, probe)

    def _silent(self, found: Round, probe: Probe, now: float) -> None:
        """Nobody need answer a datagram: only a refusal says something."""
        self._drop(found, probe)
        good = probe.target.kind is healthmonitor.Type.UDP_CONNECT and not self._refuses(found, probe, now)
        self._judge(found, probe, good=good)
        self._at(max(now, probe.sent + probe.target.delay), found, probe)

    def _refuses(self, found: Round, probe: Probe, now: float) -> bool:
        """Whether the member told a client of late that nobody is there."""
        if not probe.target.serves:
            return False
        version = probe.way[1]
        when, ends = found.refused.get(version, (0.0, ()))
        if now - when > _FRESH:
            with contextlib.suppress(errors.HostError):
                ends = self._ears.refused(found.place.namespace, version)
            found.refused[version] = (now, ends)
        return bool(ends) and probe.target.end in ends

    def _judge(self, found: Round, probe: Probe, *, good: bool) -> None:
        probe.health = probe.health.after(good=good)
        up = probe.health.up
        (found.down.discard if up else found.down.add)(probe.target.member_id)
        if up != probe.told and self._ears.verdict is not None:
            probe.told = up if self._ears.verdict(found.place, probe.target.member_id, up) else probe.told

    # --- the end ------------------------------------------------------------------------------------------------------

    def _drop(self, found: Round, probe: Probe) -> None:
        """Await no answer any more."""
        channel, key = probe.channel, probe.key
        probe.channel = probe.key = None
        if channel is None:
            return
        others = found.out.get((channel, key), [])
        if probe in others:
            others.remove(probe)
        if not others:
            found.out.pop((channel, key), None)
            self._release(found, channel, key)

    def _release(self, found: Round, channel: channels.Channel, key: Hashable) -> None:
        """Let a channel forget what was asked; one that had nothing else is closed by that."""
        if isinstance(channel, channels.Connection):
            self._by_descriptor.pop(channel.fileno(), None)  # epoll forgets what is closed (epoll(7))
        channel.drop(key)

    def _close(self, found: Round, but: Collection[Way] = ()) -> None:
        """Close the channels that are shared, but those of some ways."""
        for way in [way for way in found.shared if way not in but]:
            channel = found.shared.pop(way)
            self._by_descriptor.pop(channel.fileno(), None)
            channel.close()
