"""Changes to a running HAProxy: in place where that can be, by a reload where not, and no request lost by either."""

import contextlib
import dataclasses
import os
import threading
from pathlib import Path

import pytest

from tests.net.haproxy.balancer import (
    FIRST,
    LISTENER,
    ONE,
    PAIR,
    POOL,
    SECOND,
    THIRD,
    TWO,
    Balancer,
    both,
    changed,
    picture,
)
from tests.net.members import Client, eventually
from tests.providers import configuration, trees
from vipool.model import member
from vipool.providers.haproxy import steps

pytestmark = configuration.needs_haproxy

CHANGES = int(os.environ.get("VIPOOL_FUZZ", "40"))


def test_a_weight_takes_effect_without_a_new_process(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    before = balancer.pid()
    assert "in place" in balancer.converge(changed(wanted, 0, weight=4))
    assert balancer.answers(10) == {ONE: 8, TWO: 2}
    assert "in place" in balancer.converge(changed(wanted, 0, weight=0))
    assert balancer.answers(10) == {TWO: 10}
    assert balancer.pid() == before
    assert "weight 0" in Path(balancer.place.directory, "haproxy.cfg").read_text()


@pytest.mark.parametrize("monitor", [None, {}])
def test_members_come_and_go_without_a_new_process(balancer, monitor):
    both(balancer)
    wanted = picture(*PAIR, monitor=monitor)
    balancer.converge(wanted.keep(lambda row: row.id != trees.identifier(4, 1)))
    before = balancer.pid()
    assert balancer.answers() == {ONE: 12}
    assert "in place" in balancer.converge(wanted)
    assert balancer.answers() == {ONE: 6, TWO: 6}
    if monitor is not None:
        balancer.awaits(wanted, 1, "up")
    assert "in place" in balancer.engine.converge(
        balancer.place, wanted.keep(lambda row: row.id != trees.identifier(4, 0))
    )
    assert balancer.answers() == {TWO: 12}
    assert balancer.pid() == before


def test_a_disabled_member_gets_nothing_until_it_is_enabled(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(changed(wanted, 0, admin_state_up=False))
    assert balancer.answers() == {TWO: 12}
    assert balancer.state(wanted, trees.identifier(4, 0)) == "maint"
    assert "in place" in balancer.converge(wanted)
    assert balancer.answers() == {ONE: 6, TWO: 6}


def test_a_removed_member_finishes_what_it_serves(balancer):
    both(balancer)
    wanted = picture(*PAIR, front={"protocol": "TCP"}, back={"protocol": "TCP"})
    balancer.converge(wanted)
    clients = [balancer.client() for _ in range(2)]
    assert {client.get()[1] for client in clients} == {ONE, TWO}
    less = wanted.keep(lambda row: not (isinstance(row, member.Member) and row.address == FIRST))
    balancer.engine.converge(balancer.place, less)
    assert {client.get()[1] for client in clients} == {ONE, TWO}
    assert balancer.answers(4) == {TWO: 4}
    for client in clients:
        client.__exit__()
    eventually(lambda: balancer.engine.converge(balancer.place, less) == "")


def test_what_was_changed_in_place_stands_after_a_reload(balancer):
    both(balancer)
    wanted = changed(picture(*PAIR, monitor={}), 0, admin_state_up=False)
    balancer.converge(picture(*PAIR, monitor={}))
    balancer.converge(wanted)
    again = changed(wanted, 0, admin_state_up=True, weight=3)
    again = again.replacing(dataclasses.replace(again.listeners[0], timeout_client_data=7000))
    assert "reloaded" in balancer.converge(again)
    assert balancer.answers(8) == {ONE: 6, TWO: 2}


def test_no_enabled_listener_means_no_process(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    off = wanted.replacing(dataclasses.replace(wanted.loadbalancer, admin_state_up=False))
    assert balancer.converge(off) == ""
    balancer.converge(wanted)
    assert "stopped" in balancer.converge(off)
    assert balancer.processes() == 0
    assert balancer.engine.watch([balancer.place]) == {}
    assert balancer.engine.observe(balancer.place, off) is None
    balancer.converge(wanted)
    assert balancer.answers(2) == {ONE: 1, TWO: 1}


def test_old_generations_are_bounded(balancer):
    both(balancer)
    wanted = picture(*PAIR, front={"protocol": "TCP"}, back={"protocol": "TCP"})
    balancer.converge(wanted)
    with contextlib.ExitStack() as stack:
        held = []
        for number in range(8):
            held.append(stack.enter_context(balancer.client()))
            assert held[-1].get()[0] == 200
            front = dataclasses.replace(wanted.listeners[0], timeout_client_data=60_000 + number)
            balancer.converge(wanted.replacing(front))
        assert balancer.processes() <= 1 + steps.OLD_GENERATIONS
        for client in held[-steps.OLD_GENERATIONS :]:
            assert client.get()[0] == 200


def test_a_change_that_was_cut_short_is_finished(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    Path(balancer.place.directory, "haproxy.cfg.next").write_text("half")
    assert "cut short" in balancer.converge(wanted)
    assert not Path(balancer.place.directory, "haproxy.cfg.next").exists()


def test_a_weight_changed_behind_our_back_is_put_right(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    from vipool.providers.haproxy import runtime

    name = f"{POOL}:{LISTENER}/{trees.identifier(4, 0)}"
    runtime.ask(Path(balancer.place.directory), f"set server {name} weight 0")
    assert "in place" in balancer.converge(wanted)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}


class Load:
    """Clients on threads, on kept and on new connections, that count what failed."""

    def __init__(self, balancer: Balancer, threads: int = 6) -> None:
        self.balancer = balancer
        self.failures: list[str] = []
        self.done = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each % 2 == 0,)) for each in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        eventually(lambda: self.done > 100)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def client(self) -> Client:
        return self.balancer.client()

    def reaches(self, done: int) -> None:
        """Wait until so many requests are done."""
        eventually(lambda: self.done > done)

    def _run(self, kept: bool) -> None:
        while not self._over.is_set():
            try:
                with self.client() as client:
                    self._requests(client, kept)
            except OSError as error:
                self.failures.append(repr(error))

    def _requests(self, client: Client, kept: bool) -> None:
        """Up to a thousand on a kept connection, one on a new one. A connection closed between requests is renewed."""
        for _ in range(1000 if kept else 1):
            status, _body, closes = client.request()
            if status != 200:
                self.failures.append(str(status))
            self.done += 1
            if closes or self._over.is_set():
                return


def test_another_incarnation_is_another_process_and_costs_no_request(balancer):
    """What a failover asks for, though nothing else is to change."""
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    with Load(balancer) as load:
        for incarnation in range(1, 6):
            before, done = balancer.pid(), load.done
            root = dataclasses.replace(wanted.loadbalancer, incarnation=incarnation)
            assert balancer.converge(wanted.replacing(root)) == "HAProxy reloaded: global changes"
            assert balancer.pid() != before
            load.reaches(done + 100)
    assert load.failures == []
    balancer.settles(1)


def test_no_request_fails_while_everything_changes(balancer):
    """Members, weights and states in place, and a reload each fourth time, under load."""
    for address in (FIRST, SECOND, THIRD):
        balancer.member(address)
    wanted = picture(*PAIR, {"address": THIRD}, monitor={"delay": 1})
    balancer.converge(wanted)
    with Load(balancer) as load:
        before = load.done
        for number in range(CHANGES):
            front = dataclasses.replace(wanted.listeners[0], timeout_client_data=60_000 + number // 4)
            after = changed(wanted.replacing(front), 0, weight=number % 3, admin_state_up=number % 5 != 0)
            if number % 3 == 0:
                after = after.keep(lambda row: row.id != trees.identifier(4, 2))
            balancer.engine.converge(balancer.place, after)
        assert load.done > before
    assert load.failures == []
    balancer.engine.converge(balancer.place, wanted)
    eventually(lambda: balancer.processes() == 1)
