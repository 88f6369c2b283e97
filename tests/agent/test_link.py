"""The link over a unix socket: what arrives is what was sent, and what fails says so."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tests.agent import door, doubles
from vipool.agent import fake, link
from vipool.model import spec


@pytest.fixture
def path(tmp_path):
    return tmp_path / "agent.sock"


@pytest.fixture
def gate(path):
    with door.opened(path, fake.Server()) as made:
        yield made


@pytest.fixture
def held(path):
    made = link.SocketLink(str(path))
    yield made
    made.close()


EVERY_KIND = (
    doubles.network(0),
    doubles.router(1, floating=(1, 2)),
    doubles.plug(1, "netns:box"),
    doubles.balancer(1, ports=(80, 443)),
)


def test_every_kind_of_item_arrives_as_it_was(gate, held):
    gate.put(*EVERY_KIND)
    desired = held.desired(0, 0)
    assert desired == spec.Desired(revision=4, complete=True, items=tuple(gate.behind.items.values()))


def test_nothing_new_is_none(gate, held):
    gate.put(doubles.network(0))
    assert held.desired(1, 0) is None


def test_news_ends_the_wait(gate, held):
    gate.put(doubles.network(0))
    threading.Timer(0.05, gate.put, [doubles.network(1)]).start()
    begun = time.monotonic()
    desired = held.desired(1, 10)
    assert time.monotonic() - begun < 5
    assert [item.id for item in desired.items] == [doubles.network(1).id]


def test_reports_arrive_as_they_were(gate, held):
    observation = spec.Observation(
        frontends={"l": "open"}, backends={"p": "up"}, servers={"m": "down"}, counters={"l": spec.Counters(bytes_in=7)}
    )
    sent = [
        spec.Report(kind="loadbalancer", id="a", revision=3, generation=2, observation=observation),
        spec.Report(kind="router", id="b", revision=4, fault="there is no bridge"),
        spec.Report(kind="plug", id="c", revision=5, gone=True),
    ]
    held.report(sent)
    held.report([])
    assert gate.behind.reports == sent
    assert gate.deliveries == 2


def test_no_server_is_lost(held, path):
    with pytest.raises(link.Lost, match=r"agent\.sock"):
        held.desired(0, 0)
    with pytest.raises(link.Lost, match="does not answer"):
        held.report([])


def test_the_next_call_finds_a_server_that_came_back(path, held):
    for _ in range(2):
        with door.opened(path, fake.Server()) as made:
            made.put(doubles.network(0))
            assert held.desired(0, 0).revision == 1
        with pytest.raises(link.Lost):
            held.desired(0, 0)


def test_an_answer_that_never_comes_is_lost(gate, held):
    gate.behind.weather = ["lost"]
    with pytest.raises(link.Lost):
        held.desired(0, 0)
    assert held.desired(0, 0).complete


def test_a_refusal_of_the_server_is_lost_with_its_status(gate, held):
    gate.says = 500
    with pytest.raises(link.Lost, match="500"):
        held.report([])


def test_an_answer_without_sense_is_lost(gate, held, monkeypatch):
    gate.put(doubles.network(0))
    monkeypatch.setitem(spec.KINDS, "satellite", spec.KINDS["network"])
    monkeypatch.delitem(spec.KINDS, "network")
    with pytest.raises(link.Lost, match="newer than this agent"):
        held.desired(0, 0)


def test_closing_ends_a_wait(gate, held):
    gate.put(doubles.network(0))
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(link.Lost):
            held.desired(1, 30)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    while held._pulling.sock is None:
        os.sched_yield()
    held.close()
    assert ended.wait(5)
    thread.join()
