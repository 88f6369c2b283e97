"""The thread that checks members of UDP and SCTP pools, and what it thinks of each.

Promises: one thread and one event loop for all load balancers; each member is asked at its monitor's pace, but
datagrams go to one host a second apart at least: hosts say that nobody is there about once a second, whoever asks
(icmp(7), icmp_ratelimit), and silence would be taken for life. It lives with the agent: while there is none, members
keep the standing they had. Decides nothing: see `checks`, `probes` and `core.standing`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from vipool.core import standing
from vipool.host import errors
from vipool.model import healthmonitor
from vipool.providers import base
from vipool.providers.nftables import checks, probes

logger = logging.getLogger("vipool.providers")

APART = 1.0
"""Seconds between two datagrams of checks to one host."""

Host = tuple[str, str]


@dataclass
class Member:
    """One member that is checked."""

    target: checks.Target
    standing: standing.Standing
    task: asyncio.Task[None] | None = None


class Checker:
    """Checks on a thread of its own, which starts with the first member."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: dict[str, dict[str, Member]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free: dict[Host, float] = {}

    def assign(self, place: base.Place, targets: Iterable[checks.Target], down: Collection[str]) -> None:
        """Check exactly these members from now on; `down` are those of them that were thought down before."""
        with self._lock:
            known = self._members.pop(place.directory, {})
            wanted = {each.member_id: self._member(known.get(each.member_id), each, down) for each in targets}
            if wanted:
                self._members[place.directory] = wanted
            coming = [each for key, each in wanted.items() if each is not known.get(key)]
            going = [each for key, each in known.items() if each is not wanted.get(key)]
            if coming or going:
                self._running().call_soon_threadsafe(self._change, place.namespace, coming, going)

    def forget(self, place: base.Place) -> None:
        """Check nothing of this load balancer any more."""
        self.assign(place, (), ())

    def down(self, place: base.Place) -> frozenset[str] | None:
        """The members of a load balancer that are down; None when nothing of it is checked."""
        with self._lock:
            found = self._members.get(place.directory)
            return None if found is None else frozenset(key for key, each in found.items() if not each.standing.up)

    def _member(self, known: Member | None, target: checks.Target, down: Collection[str]) -> Member:
        if known is not None and known.target == target:
            return known
        up = known.standing.up if known is not None else target.member_id not in down
        return Member(target=target, standing=standing.begin(target.rise, target.fall, up=up))

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="checks", daemon=True).start()
        return self._loop

    def _change(self, namespace: str, coming: Iterable[Member], going: Iterable[Member]) -> None:
        """Begin with some members and end with others. On the loop's thread."""
        for each in going:
            if each.task is not None:
                each.task.cancel()
        loop = asyncio.get_running_loop()
        for each in coming:
            each.task = loop.create_task(self._check(namespace, each))

    async def _check(self, namespace: str, member: Member) -> None:
        """Check one member for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._turn(namespace, member.target)
            began = loop.time()
            good = await _judged(member.target, namespace)
            with self._lock:
                member.standing = member.standing.after(good=good)
            await asyncio.sleep(max(0.0, began + member.target.delay - loop.time()))  # the monitor's delay

    async def _turn(self, namespace: str, target: checks.Target) -> None:
        """Wait until the host may be sent another datagram."""
        if target.kind is not healthmonitor.Type.UDP_CONNECT:
            return
        host, now = (namespace, target.address), asyncio.get_running_loop().time()
        for each in [each for each, free in self._free.items() if free < now]:
            del self._free[each]
        free = max(now, self._free.get(host, 0.0))
        self._free[host] = free + APART
        await asyncio.sleep(free - now)  # nothing tells when a host may speak again


async def _judged(target: checks.Target, namespace: str) -> bool:
    try:
        return await probes.check(target, namespace)
    except (OSError, errors.HostError):
        return False
    except Exception:
        logger.exception("a bug of vipool: checking member %s", target.member_id)
        return False
