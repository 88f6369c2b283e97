"""The loop of a node: keep what is desired, make it so item by item, and say what became of it.

`turn` is the whole of it: take what came, attempt what is due, ask whether every process lives, look at what they say.
Between turns `vipool.agent.run` waits; nothing here waits or reads a clock of its own.

Promises:
- level-triggered: an item is attempted because it was told, failed, died or was not looked at for long, and always
  from what the node is then found to be;
- one item's failure delays that item only; it is reported in words and tried again, ever more seldom;
- a load balancer is attempted by one thread at a time; networks, routers and plugs in order, on the caller's thread;
- after a complete answer, what is ours on the node and was not listed is taken away.
"""

import itertools
import logging
import math
import queue
from collections.abc import Iterable, Mapping
from concurrent import futures
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from vipool.agent import attempt, observe, outbox, pace, realise
from vipool.core import conditions, node
from vipool.model import spec, vitals
from vipool.providers import base

logger = logging.getLogger("vipool.agent")


class Clock(Protocol):
    """Time as the loop sees it, in seconds."""

    def now(self) -> float:
        """A time that never goes back."""

    def processor(self) -> float:
        """The processor time of the calling thread so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One item in the node's charge, and what the loop knows of its own dealings with it.

    `due` is when to attempt it next. `told` says that the server has been told of success since it last asked.
    `realised` is the item as it last succeeded. `unlisted` items are being removed without the server knowing of them.
    """

    item: spec.Item
    due: float
    failures: int = 0
    since: float = 0.0
    told: bool = False
    announced: bool = False
    unlisted: bool = False
    realised: spec.Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """The end of an attempt at removing orphans; None means that it failed and is to be repeated."""

    words: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The end of a round of looking at data planes: what was seen of each, its vital signs, the processor time."""

    observations: Mapping[node.Key, spec.Observation]
    signs: Mapping[node.Key, vitals.Vitals]
    looked: tuple[node.Key, ...]
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Leave the loop; the data plane stays."""


Message: TypeAlias = spec.Desired | attempt.Outcome | Swept | Seen | Stop


class Loop:
    """The state of one agent between turns."""

    def __init__(self, hand: realise.Hand, clock: Clock, pool: futures.Executor, reports: outbox.Outbox) -> None:
        self._hand = hand
        self._clock = clock
        self._pool = pool
        self._reports = reports
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._charges: dict[node.Key, Charge] = {}
        self._busy: set[node.Key] = set()
        self._sweep_due: float | None = None
        self._sweep_failures = 0
        self._watch_due = 0.0
        self._looking = False
        self._cost = 0.0
        self._look_at = 0.0
        self._look_due: dict[node.Key, float] = {}
        self._observed: dict[node.Key, observe.Told] = {}
        self._standing: dict[node.Key, conditions.Standing] = {}
        self._places: dict[node.Key, base.Place] = {}
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether somebody posted Stop."""
        return self._stopped

    def post(self, message: Message) -> None:
        """Hand something to the loop, from any thread or a signal handler; `wait` then returns."""
        self._inbox.put(message)

    def wait(self, seconds: float) -> None:
        """Wait for something to be posted, at most so long."""
        try:
            self._take(self._inbox.get(timeout=max(0.0, seconds)))
        except queue.Empty:
            return

    def turn(self) -> float:
        """Do what is to be done now; returns after how many seconds there will be more, if nothing is posted."""
        self._drain()
        now = self._clock.now()
        due = [charge for key, charge in self._charges.items() if charge.due <= now and key not in self._busy]
        for charge in sorted(due, key=lambda each: node.order(each.item)):
            self._start(charge)
        self._drain()
        self._sweep(now)
        self._watch(now)
        self._look(now)
        # Stop may have been taken from the inbox above: nothing more may come, and nothing is to be waited for.
        return 0.0 if self._stopped else self._rest()

    def _drain(self) -> None:
        while True:
            try:
                self._take(self._inbox.get_nowait())
            except queue.Empty:
                return

    def _take(self, message: Message) -> None:
        match message:
            case spec.Desired():
                self._desire(message)
            case attempt.Outcome():
                self._settle(message)
            case Swept():
                self._swept(message)
            case Seen():
                self._note(message)
            case Stop():
                self._stopped = True

    # --- what is desired ------------------------------------------------------------------------------------------

    def _desire(self, desired: spec.Desired) -> None:
        now = self._clock.now()
        for item in desired.items:
            key = node.key(item)
            known = self._charges.get(key)
            if known and not desired.complete and known.item.revision > item.revision:
                continue  # an answer that was overtaken by a newer one
            self._charges[key] = (
                replace(known, item=item, due=now, failures=0, told=False, unlisted=False)
                if known
                else Charge(item=item, due=now)
            )
        if not desired.complete:
            return
        for key in self._charges.keys() - {node.key(item) for item in desired.items}:
            known = self._charges[key]
            self._charges[key] = replace(known, item=replace(known.item, absent=True), due=now, unlisted=True)
        self._sweep_due, self._sweep_failures = now, 0
        self._reports.wake()

    # --- attempts -------------------------------------------------------------------------------------------------

    def _start(self, charge: Charge) -> None:
        """Attempt an item; load balancers on the pool, as they wait for processes."""
        key = node.key(charge.item)
        self._busy.add(key)
        unknown = key not in self._standing
        task = attempt.Task(item=charge.item, announce_all=not charge.announced, unknown=unknown)
        if isinstance(charge.item, spec.LoadBalancer):
            self._pool.submit(lambda: self.post(attempt.attempt(self._hand, task)))
        else:
            self._settle(attempt.attempt(self._hand, task))

    def _settle(self, outcome: attempt.Outcome) -> None:
        """Take note of how an attempt ended."""
        key = node.key(outcome.item)
        self._busy.discard(key)
        if isinstance(outcome.item, spec.LoadBalancer):
            self._look_at = min(self._look_at, self._look_due.get(key, 0.0))
        charge = self._charges[key]
        current = charge.item == outcome.item
        if outcome.ended is attempt.End.DONE:
            self._done(key, charge, outcome, current=current)
        else:
            self._failed(key, charge, outcome, current=current)

    def _done(self, key: node.Key, charge: Charge, outcome: attempt.Outcome, *, current: bool) -> None:
        kind, identifier = key
        item = outcome.item
        if outcome.words:
            logger.info("%s %s: %s", kind, identifier, "; ".join(outcome.words))
        if item.absent:
            self._observed.pop(key, None)
            self._look_due.pop(key, None)
            self._standing.pop(key, None)
            self._places.pop(key, None)
            if not charge.unlisted:
                self._reports.put(spec.Report(kind=kind, id=identifier, revision=item.revision, gone=True))
            if current:
                del self._charges[key]
            else:
                self._charges[key] = replace(charge, announced=False, realised=None)
            return
        if outcome.signs is not None and isinstance(item, spec.LoadBalancer):
            self._judge(key, item, outcome.signs)
        now = self._clock.now()
        if not (charge.told and current):
            # Where nothing runs yet, that is said here too: else the first look would have to.
            seen = outcome.observation or (observe.NOTHING if isinstance(item, spec.LoadBalancer) else None)
            seen = seen and self._whole(key, seen)
            self._reports.put(report(item, done="; ".join(outcome.words), observation=seen))
            if seen is not None:
                self._observed[key] = observe.Told(observation=seen, at=now)
        charge = replace(charge, realised=item, announced=True)
        if current:
            period = pace.spread(pace.AUDIT[kind], identifier)
            charge = replace(charge, due=now + period, failures=0, told=True)
        self._charges[key] = charge

    def _failed(self, key: node.Key, charge: Charge, outcome: attempt.Outcome, *, current: bool) -> None:
        if not current:
            return  # something newer is due already
        kind, identifier = key
        now = self._clock.now()
        failures = charge.failures + 1
        since = charge.since if charge.failures else now
        soon = outcome.ended is attempt.End.NOT_NOW
        wait = pace.delay(pace.NOT_NOW if soon else pace.RETRY, failures)
        self._charges[key] = replace(charge, due=now + wait, failures=failures, since=since, told=False)
        logger.log(
            logging.DEBUG if soon else logging.WARNING,
            "%s %s: %s; again in %.1f s", kind, identifier, outcome.fault, wait,
        )  # fmt: skip
        if (not soon or now - since >= pace.PATIENCE) and not charge.unlisted:
            self._reports.put(report(outcome.item, fault=outcome.fault))

    # --- orphans --------------------------------------------------------------------------------------------------

    def _sweep(self, now: float) -> None:
        """Take away what is ours and nobody's. What is going is no orphan: it is attempted by itself."""
        if self._sweep_due is None or self._sweep_due > now:
            return
        self._sweep_due = None
        claimed = [charge.item for charge in self._charges.values()]
        self._pool.submit(lambda: self.post(Swept(words=attempt.sweep(self._hand, claimed))))

    def _swept(self, swept: Swept) -> None:
        if swept.words is None:
            self._sweep_failures += 1
            self._sweep_due = self._clock.now() + pace.delay(pace.RETRY, self._sweep_failures)
        elif swept.words:
            logger.info("%s", "; ".join(swept.words))

    # --- the data planes ------------------------------------------------------------------------------------------

    def _carried(self) -> dict[node.Key, spec.LoadBalancer]:
        """The load balancers that run, as they last succeeded, and that nobody is working on."""
        return {
            key: charge.realised
            for key, charge in self._charges.items()
            if isinstance(charge.realised, spec.LoadBalancer) and not charge.item.absent and key not in self._busy
        }

    def _watch(self, now: float) -> None:
        """Have every load balancer attempted at once whose process has died, or whose members came or went."""
        if self._watch_due > now:
            return
        self._watch_due = now + pace.WATCH
        for engine, carried in self._by_engine(self._carried()).values():
            places = {key: self._place(key) for key in carried}
            stale = attempt.watch(engine, tuple(places.values()))
            for key in [key for key, place in places.items() if place.namespace in stale] if stale else []:
                charge = self._charges[key]
                if charge.failures == 0:
                    logger.warning("%s %s: %s", *key, stale[places[key].namespace])
                    self._charges[key] = replace(charge, due=now)

    def _place(self, key: node.Key) -> base.Place:
        """The place of a load balancer, kept: it is asked for several times a second."""
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._hand.place(key[1])
        return place

    def _by_engine(
        self, carried: Mapping[node.Key, spec.LoadBalancer]
    ) -> dict[int, tuple[base.Engine, dict[node.Key, spec.LoadBalancer]]]:
        found: dict[int, tuple[base.Engine, dict[node.Key, spec.LoadBalancer]]] = {}
        for key, item in carried.items():
            engine = self._hand.engine(item)
            found.setdefault(id(engine), (engine, {}))[1][key] = item
        return found

    def _look(self, now: float) -> None:
        """Start a round of looking at the data planes that are due. When none can be, that costs nothing."""
        if self._looking or self._look_at > now:
            return
        carried = self._carried()
        due = {key: item for key, item in carried.items() if self._look_due.get(key, 0.0) <= now}
        if not due:
            self._look_at = min((self._look_due[key] for key in carried), default=math.inf)
            return
        longest = sorted(due, key=lambda key: self._look_due.get(key, 0.0))
        due = {key: due[key] for key in longest[: pace.portion(len(carried), self._cost)]}
        self._looking = True
        known = {key: (self._standing.get(key, conditions.NOTHING), self._observed.get(key)) for key in due}
        self._pool.submit(lambda: self.post(self._round(due, known)))

    def _round(
        self,
        due: Mapping[node.Key, spec.LoadBalancer],
        known: Mapping[node.Key, tuple[conditions.Standing, observe.Told | None]],
    ) -> Seen:
        start = self._clock.processor()
        seen = {key: attempt.look(self._hand, item) for key, item in due.items()}
        places = {key: self._hand.place(key[1]).namespace for key in due}
        asked = {
            places[key]: vitals.Question(before=standing.reading, busy=observe.is_busy(told, seen[key]))
            for key, (standing, told) in known.items()
        }
        signs = attempt.feel(self._hand, asked)
        return Seen(
            observations={key: found for key, found in seen.items() if found is not None},
            signs={key: signs.found[place] for key, place in places.items() if place in signs.found},
            looked=tuple(due),
            cost=self._clock.processor() - start + signs.cost,
        )

    def _note(self, seen: Seen) -> None:
        """Take note of a round: report what is news, and when to look again."""
        self._looking = False
        now = self._clock.now()
        each = seen.cost / len(seen.looked)
        self._cost = each if self._cost == 0.0 else (3 * self._cost + each) / 4
        again = now + pace.interval(len(self._charges), self._cost)
        self._look_at = now
        for key in seen.looked:
            charge = self._charges.get(key)
            if charge is None or charge.realised is None:
                continue
            self._look_due[key] = again
            if key in seen.signs and isinstance(charge.realised, spec.LoadBalancer):
                self._judge(key, charge.realised, seen.signs[key])
            if key in seen.observations:
                self._tell(key, charge, self._whole(key, seen.observations[key]))

    def _judge(self, key: node.Key, item: spec.LoadBalancer, signs: vitals.Vitals) -> None:
        """Take note of what a reading means, and say what begins or ends."""
        before = self._standing.get(key, conditions.NOTHING)
        after = self._standing[key] = conditions.judge(before, signs, item, self._clock.now())
        for known in after.held.keys() - before.held.keys():
            found = after.held[known].found
            logger.warning(
                "%s %s: %s of %s %s: %s", *key, found.name, found.object_type, found.object_id, found.measured
            )
        for known in before.held.keys() - after.held.keys():
            logger.info("%s %s: %s of %s is over", *key, *known[:2])

    def _whole(self, key: node.Key, seen: spec.Observation) -> spec.Observation:
        """What an engine says, with the conditions that are there, once that was looked for."""
        standing = self._standing.get(key)
        return replace(seen, conditions=standing.conditions) if standing else seen

    def _tell(self, key: node.Key, charge: Charge, observation: spec.Observation) -> None:
        now = self._clock.now()
        if charge.realised is not None and observe.is_news(self._observed.get(key), observation, now):
            self._observed[key] = observe.Told(observation=observation, at=now)
            self._reports.put(report(charge.realised, observation=observation))

    def _rest(self) -> float:
        """How long nothing will be due."""
        now = self._clock.now()
        moments: Iterable[float] = itertools.chain(
            (charge.due for key, charge in self._charges.items() if key not in self._busy),
            [self._sweep_due] if self._sweep_due is not None else [],
            [self._watch_due] if any(kind == "loadbalancer" for kind, _ in self._charges) else [],
        )
        return max(0.0, min(moments, default=now + pace.PATIENCE) - now)


def report(
    item: spec.Item, *, done: str = "", fault: str | None = None, observation: spec.Observation | None = None
) -> spec.Report:
    """The report on an item as it was attempted."""
    kind, identifier = node.key(item)
    return spec.Report(
        kind=kind,
        id=identifier,
        revision=item.revision,
        generation=item.generation if isinstance(item, spec.LoadBalancer) else 0,
        fault=fault,
        done=done,
        observation=observation,
    )
