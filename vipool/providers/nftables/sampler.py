"""The thread that counts the open flows of namespaces, and has LEAST_CONNECTIONS follow what it counted.

To count, the kernel looks through the flows of the whole machine, for each namespace anew: 10 ms of processor time, and
3.5 ms for each thousand flows. Promises: one thread, whose work takes a fixed share of a core however many load
balancers there are; where no flow began since there was none, nothing is counted. It lives with the agent: while there
is none, members have the turns that they had. What it puts into the kernel is one transaction, and moves no flow that
has begun.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from vipool.host import conntrack, errors, namespaces, nft
from vipool.providers import base
from vipool.providers.nftables import least, reading, render

logger = logging.getLogger("vipool.providers")

SHARE = 0.02
"""The share of a core that counting may take."""

PAUSE = 1.0
"""Seconds between two counts of one namespace, at least."""

Row: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The flows that ever began, and those that are open, by mark; where one is about to be, its mark is there too."""

    begun: Mapping[int, int] = field(default_factory=dict)
    active: Mapping[int, int] = field(default_factory=dict)


@dataclass
class Subject:
    """One load balancer: what is to follow its counts, the last count if there was one, the rows that were filled."""

    place: base.Place
    turnings: Sequence[least.Turning]
    due: float
    sample: Sample | None = None
    filled: Mapping[str, Row] = field(default_factory=dict)


class Sampler:
    """Counts on a thread of its own, which starts with the first load balancer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._subjects: dict[str, Subject] = {}
        self._running = False

    def assign(self, place: base.Place, turnings: Sequence[least.Turning]) -> None:
        """Count the flows of this load balancer from now on; the rows of `turnings` follow, and no others."""
        with self._changed:
            known = self._subjects.get(place.directory)
            if known is not None and known.turnings == turnings:
                return
            made = Subject(place=place, turnings=turnings, due=time.monotonic())
            if known is not None:
                made.sample, made.filled = known.sample, known.filled
            self._subjects[place.directory] = made
            self._run()
            self._changed.notify()

    def forget(self, place: base.Place) -> None:
        """Count nothing of this load balancer any more."""
        with self._changed:
            self._subjects.pop(place.directory, None)

    def active(self, place: base.Place) -> Mapping[int, int]:
        """The open flows of a load balancer by mark, when they were last counted."""
        with self._changed:
            found = self._subjects.get(place.directory)
            return {} if found is None or found.sample is None else found.sample.active

    def _run(self) -> None:
        if not self._running:
            self._running = True
            threading.Thread(target=self._work, name="samples", daemon=True).start()

    def _work(self) -> None:
        rested = 0.0
        while True:
            subject = self._next(rested)
            before = time.thread_time()
            sample = _sampled(subject)
            now, cost = time.monotonic(), time.thread_time() - before
            rested = now + rest(cost)
            with self._changed:
                subject.sample, subject.due = sample, now + PAUSE

    def _next(self, rested: float) -> Subject:
        """Wait for the load balancer that is due first, not before a certain time."""
        with self._changed:
            while True:
                first = min(self._subjects.values(), key=lambda each: each.due, default=None)
                left = None if first is None else max(first.due, rested) - time.monotonic()
                if first is not None and left is not None and left <= 0:
                    return first
                self._changed.wait(left)


def rest(cost: float) -> float:
    """How long nothing may be counted after a count that took so many seconds of processor time."""
    return cost / SHARE - cost


def _sampled(subject: Subject) -> Sample | None:
    """Count, and have the rows follow; None where it could not be done."""
    try:
        return namespaces.visit(subject.place.namespace, lambda: _sample_here(subject))
    except errors.HostError as error:
        logger.debug("counting the flows of %s: %s", subject.place.namespace, error)
    except Exception:
        logger.exception("a bug of vipool: counting the flows of %s", subject.place.namespace)
    return None


def _sample_here(subject: Subject) -> Sample:
    before = subject.sample or Sample()
    begun = reading.flows(nft.read_here(reading.FLOWS))
    still = subject.sample is not None and begun == before.begun and not before.active
    sample = Sample(begun=begun, active={} if still else conntrack.counts_here())
    # What has counted less than before is another table, with empty maps.
    anew = subject.sample is None or any(begun.get(mark, 0) < count for mark, count in before.begun.items())
    filled: dict[str, Row] = {}
    for each in subject.turnings:
        row = each.row(sample.active, 0 if anew else each.count(sample.begun) - each.count(before.begun))
        there = _follow(each, row, None if anew else subject.filled.get(each.name))
        if there is not None:
            filled[each.name] = there
    subject.filled = filled
    return sample


def _follow(turning: least.Turning, row: Row, there: Row | None) -> Row | None:
    """Fill a map with a row, unless what is there does as well; what is there then."""
    if there is not None and not turning.differs(row, there):
        return there
    try:
        nft.fill_here(render.TABLE, turning.name, dict(enumerate(row)))
    except errors.Failed:
        # Its rules are about to be loaded, or gone: the next count comes back to it.
        return None
    return row
