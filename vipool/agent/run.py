"""The agent as a process: three threads around the loop, and a clean end.

One thread pulls what is desired (a long poll), one delivers reports, the main one turns the loop; load balancers are
attempted on a small pool. SIGTERM and SIGINT end the process and leave the data plane as it is. (`vipool up` has its
children end with it through their standard input: see `vipool.host.children`, which turns that into a SIGTERM.)

Promises: when the server is not there, what is known goes on being kept; when it is back, everything is asked for and
told again, for it may have lost the reports, or be an older state restored.
"""

import gc
import itertools
import logging
import signal
import threading
import time
from collections.abc import Mapping
from concurrent import futures
from pathlib import Path

from vipool.agent import ground, link, loop, outbox, pace, realise
from vipool.core import node
from vipool.model import spec
from vipool.providers import base

logger = logging.getLogger("vipool.agent")

WAIT = 25.0
"""Seconds that one question for news may wait for its answer."""

BATCH = 200
"""Reports in one delivery."""

WORKERS = 3
"""Load balancers attempted at once: their waits for processes overlap, more would only compete for the processors."""


TEARING = 16
"""Load balancers ended at once by `tear_down`: each waits for its processes to end."""


class Machine:
    """The clock of this machine."""

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()

    def processor(self) -> float:
        """The processor time of this thread."""
        return time.thread_time()


class Puller:
    """Keeps asking the server what is desired, and hands it to the loop."""

    def __init__(self, server: link.Link, agent: loop.Loop, stopping: threading.Event) -> None:
        self._server = server
        self._agent = agent
        self._stopping = stopping
        self._known = 0
        self._failures = 0

    def run(self) -> None:
        """Until the process is stopping."""
        while not self._stopping.is_set():
            delay = self.once(WAIT)
            self._stopping.wait(delay)

    def once(self, wait: float) -> float:
        """Ask once; returns the seconds to wait before the next time."""
        try:
            desired = self._server.desired(self._known, wait)
        except link.Lost as error:
            self._failures += 1
            if self._failures == 1 and not self._stopping.is_set():
                logger.warning("%s; what is known is kept", error)
            self._known = 0
            return pace.delay(pace.NOT_NOW, self._failures)
        if self._failures:
            logger.info("the server answers again")
        self._failures = 0
        if desired is None:
            return 0.0
        if desired.revision < self._known and not desired.complete:
            # The server's state is older than what it gave before: a restored database. Nothing known is certain.
            self._known = 0
            return 0.0
        self._known = desired.revision
        self._agent.post(desired)
        return 0.0


def deliver(server: link.Link, reports: outbox.Outbox, stopping: threading.Event) -> None:
    """Deliver reports as they come, until the process is stopping and nothing is left or the server is gone."""
    failures = 0
    while True:
        reports.wait()
        taken = reports.take()
        if not taken and stopping.is_set():
            return
        failures = 0 if deliver_once(server, reports, taken) else failures + 1
        if failures and stopping.wait(pace.delay(pace.NOT_NOW, failures)):
            return


def deliver_once(server: link.Link, reports: outbox.Outbox, taken: tuple[spec.Report, ...]) -> bool:
    """Deliver what was taken out of the outbox; put it back and return False when it is not certain that it arrived."""
    try:
        for start in range(0, max(1, len(taken)), BATCH):
            server.report(taken[start : start + BATCH])
    except link.Lost as error:
        logger.debug("reports could not be delivered: %s", error)
        reports.restore(taken)
        return False
    return True


def run(state: Path, server: link.Link, engines: Mapping[str, base.Engine]) -> int:
    """Be the agent of this node until told to stop. Call it on the main thread: it takes the signals."""
    stopping = threading.Event()
    reports = outbox.Outbox()
    with (
        futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="load-balancer") as pool,
        futures.ThreadPoolExecutor(1, thread_name_prefix="herald") as herald,
    ):
        hand = realise.Hand(ground=ground.Linux(state=state, herald=herald), engines=engines)
        agent = loop.Loop(hand, Machine(), pool, reports)
        _stop_on_request(agent)
        threads = [
            threading.Thread(target=Puller(server, agent, stopping).run, name="pull", daemon=True),
            threading.Thread(target=deliver, args=(server, reports, stopping), name="deliver", daemon=True),
        ]
        for thread in threads:
            thread.start()
        # What is here now stays for good: looking through it for garbage would hold up every change.
        gc.collect()
        gc.freeze()
        while not agent.stopped:
            agent.wait(agent.turn())
        stopping.set()
        reports.wake()
        threads[1].join(timeout=pace.OBSERVE)
        server.close()
        for workers in (pool, herald):
            workers.shutdown(wait=True, cancel_futures=True)
    logger.info("the agent ends; what it set up goes on")
    return 0


def run_agent(state: Path, socket: Path, engines: Mapping[str, base.Engine]) -> int:
    """`run` with the server behind the unix socket at that path."""
    return run(state, link.SocketLink(str(socket)), engines)


def tear_down(state: Path, engines: Mapping[str, base.Engine]) -> tuple[str, ...]:
    """End the data plane of this node: everything that is ours. Returns what was removed, in words.

    No agent may be running. Raises `errors.HostError` or `base.NotNow` where something resists; call it again then.
    """
    hand = realise.Hand(ground=ground.Linux(state=state), engines=engines)
    ours = hand.ground.belongings()
    with futures.ThreadPoolExecutor(TEARING) as pool:
        carried = list(
            pool.map(hand.sweep, (node.Belongings(loadbalancers=frozenset([each])) for each in ours.loadbalancers))
        )
    rest = hand.sweep(hand.ground.belongings())
    return tuple(itertools.chain(*(done.words for done in (*carried, rest))))


def _stop_on_request(agent: loop.Loop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.post(loop.Stop()))
