"""The loop: what it tells, how it takes failures, how often it looks, and when it rests."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from concurrent import futures
from dataclasses import replace

import pytest

from tests.agent import doubles
from vipool.agent import fake, loop, observe, outbox, pace, realise
from vipool.announce import base as announcing
from vipool.core import attach
from vipool.host import errors
from vipool.model import condition, spec, vitals


class Node:
    """An agent with everything around it, and the time in our hand."""

    def __init__(self) -> None:
        self.machine = fake.Machine(foreign=("box",))
        self.engine = doubles.Engine(self.machine)
        self.server = fake.Server()
        self.clock = fake.Clock()
        self.agent = doubles.Agent(self.machine, self.engine, self.server, self.clock)

    def ask_for(self, *items: spec.Item) -> list[spec.Report]:
        """Ask, let the node do it, and return what it says."""
        for item in items:
            self.server.put(item)
        return self.round()

    def round(self, after: float = 0.0) -> list[spec.Report]:
        self.clock.time += after
        before = len(self.server.reports)
        self.agent.round()
        return self.server.reports[before:]


@pytest.fixture
def node() -> Node:
    made = Node()
    made.ask_for(doubles.network(0), doubles.network(1))
    return made


def test_success_is_told_with_the_generation_and_a_first_observation(node):
    (said,) = node.ask_for(doubles.balancer(1, generation=7))
    assert (said.kind, said.id, said.revision, said.generation) == ("loadbalancer", "balancer-1", 3, 7)
    assert said.fault is None
    assert said.observation.frontends == {"balancer-1-80": "open"}


def test_what_runs_nothing_yet_is_told_once(node, monkeypatch):
    monkeypatch.setattr(node.engine, "observe", lambda place, wanted: None)
    node.server.put(doubles.balancer(1))
    before = len(node.server.reports)
    node.agent.pull()
    for _ in range(3):  # the first look comes after the report of success is gone
        node.agent.loop.turn()
        node.agent.deliver()
    (said,) = node.server.reports[before:]
    assert (said.fault, said.observation) == (None, replace(observe.NOTHING, conditions=()))


def test_certificates_reach_the_engine_and_no_log(node, caplog):
    caplog.set_level(logging.DEBUG)
    wanted = doubles.balancer(1)
    node.ask_for(replace(wanted, materials={"a reference": "a private key"}))
    assert node.engine.materials == {"a reference": "a private key"}
    node.ask_for(replace(wanted, revision=wanted.revision + 1, materials={"a reference": "another private key"}))
    assert node.engine.materials == {"a reference": "another private key"}
    assert "private key" not in caplog.text


def test_a_new_address_is_announced_once(node):
    node.ask_for(doubles.router(1, floating=(1,)))
    claims = {(claim.device, claim.address) for claim in node.machine.announced}
    assert claims == {
        ("qr-00000011-po", "172.16.100.1"),
        ("qg-00000021-po", "10.10.10.2"),
        ("qg-00000021-po", "10.10.10.101"),
    }
    node.machine.announced.clear()
    node.ask_for(doubles.router(1, floating=(1, 2)))
    assert node.machine.announced == [
        announcing.Claim(reference="qrouter-router-1", device="qg-00000021-po", address="10.10.10.102")
    ]


def test_a_new_agent_announces_what_it_finds_and_changes_nothing(node):
    node.ask_for(doubles.balancer(1))
    node.machine.announced.clear()
    node.machine.performed.clear()
    node.agent = doubles.Agent(node.machine, node.engine, node.server, node.clock)
    node.round()
    assert [claim.address for claim in node.machine.announced] == ["172.16.100.151"]
    assert node.machine.performed == []


def test_a_failure_is_told_in_words_and_tried_again_ever_more_seldom(node):
    node.machine.refuses = {"PlugDevice"}
    (said,) = node.ask_for(doubles.balancer(1, generation=4))
    assert "PlugDevice is refused" in said.fault
    assert said.generation == 4
    attempts = []
    for _ in range(600):
        if node.round(after=0.5):
            attempts.append(node.clock.time)
    gaps = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert gaps[:5] == [2, 4, 8, 16, 32]
    assert set(gaps[5:]) == {60}


def test_a_failure_that_passes_is_followed_by_success(node):
    node.machine.refuses = {"PlugDevice"}
    node.ask_for(doubles.balancer(1))
    node.machine.refuses = set()
    (said,) = node.round(after=1.1)
    assert said.fault is None


def test_a_broken_item_does_not_stop_the_others(node):
    node.machine.refuses = {"qrouter-router-1"}
    said = node.ask_for(doubles.router(1), doubles.router(2), doubles.balancer(1), doubles.plug(1, "netns:box"))
    assert {each.id: each.fault is None for each in said} == {
        "router-1": False, "router-2": True, "balancer-1": True, "plug-1": True,
    }  # fmt: skip


def test_what_is_not_possible_now_is_tried_again_soon_and_not_told(node):
    node.engine.not_now = 3
    assert node.ask_for(doubles.balancer(1)) == []
    said = [report for _ in range(10) for report in node.round(after=0.1)]
    assert [each.fault for each in said] == [None]


def test_what_stays_impossible_is_told_after_a_while(node):
    node.engine.not_now = 1000
    node.ask_for(doubles.balancer(1))
    said = []
    while not said:
        said = node.round(after=1.0)
        assert node.clock.time < 1000 + 2 * pace.PATIENCE
    assert said[0].fault == "a connection is still open"
    assert node.clock.time >= 1000 + pace.PATIENCE


def test_a_bug_is_told_by_name_and_leaves_a_traceback(node, caplog):
    class Bug(doubles.Engine):
        def converge(self, place, wanted, materials=spec.NO_MATERIALS):
            raise ZeroDivisionError("a bug")

    hand = realise.Hand(ground=node.machine, engines={"amphora": Bug(node.machine)})
    node.agent.loop._hand = hand
    (said,) = node.ask_for(doubles.balancer(1))
    assert said.fault == "internal error: ZeroDivisionError: a bug"
    assert "Traceback" in caplog.text


def test_an_unknown_provider_is_named(node):
    (said,) = node.ask_for(doubles.balancer(1, provider="ovn"))
    assert said.fault == "provider 'ovn' is not on this node, which has: amphora"


def test_a_disk_that_is_full_is_told_in_the_systems_words(node):
    node.machine.prepare = lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device", "/state"))
    (said,) = node.ask_for(doubles.balancer(1))
    assert said.fault == "the system refused: No space left on device: /state"


def test_a_killed_process_is_back_with_the_next_watch_and_nothing_is_told(node):
    node.ask_for(doubles.balancer(1), doubles.balancer(2))
    del node.engine.running["qlbaas-balancer-1"]
    assert node.agent.loop.turn() <= pace.WATCH
    node.clock.time += pace.WATCH
    assert node.agent.loop.turn() == 0.0, "there is something to do at once"
    node.agent.loop.turn()
    assert "qlbaas-balancer-1" in node.engine.running


def test_members_that_went_down_or_came_up_change_the_rules_with_the_next_watch(node, caplog):
    node.ask_for(doubles.balancer(1, ports=(80, doubles.DNS)))
    before = node.machine.namespaces["qlbaas-balancer-1"]
    assert before.forwarding
    node.engine.health["qlbaas-balancer-1"] = 1
    assert node.round(after=pace.WATCH) == []
    after = node.machine.namespaces["qlbaas-balancer-1"]
    assert after.fingerprint != before.fingerprint
    assert "loadbalancer balancer-1: its members changed" in caplog.text
    assert node.engine.watch([node.agent.loop._place(("loadbalancer", "balancer-1"))]) == {}


def test_the_last_listener_for_datagrams_takes_rules_and_forwarding_with_it(node):
    node.ask_for(doubles.balancer(1, ports=(80, doubles.DNS)))
    node.ask_for(doubles.balancer(1, ports=(80,), generation=2))
    left = node.machine.namespaces["qlbaas-balancer-1"]
    assert (left.fingerprint, left.forwarding) == ("", False)


def test_a_process_that_cannot_be_started_again_waits_for_its_turn(node):
    node.ask_for(doubles.balancer(1))
    node.engine.running.clear()
    node.machine.refuses = {"starting"}
    attempts = node.engine.converged
    for _ in range(400):
        node.round(after=0.1)
    assert node.engine.converged - attempts <= 7


def test_states_are_told_at_once_and_counters_now_and_then(node):
    node.ask_for(doubles.balancer(1))
    said = []
    for count in range(60):
        node.engine.counted = count
        said += [(node.clock.time, report) for report in node.round(after=0.5)]
    times = [time for time, _ in said]
    assert all(later - earlier >= pace.COUNTERS for earlier, later in itertools.pairwise(times))
    assert 4 <= len(said) <= 7
    assert all(report.generation == 1 and report.fault is None for _, report in said)


def test_what_does_not_change_is_not_told_again(node):
    node.ask_for(doubles.balancer(1), doubles.router(1), doubles.plug(1, "netns:box"))
    assert [report for _ in range(200) for report in node.round(after=10)] == []


def test_the_last_good_state_is_observed_while_a_newer_one_fails(node):
    node.ask_for(doubles.balancer(1, generation=1))
    node.machine.refuses = {"starting"}
    (failed,) = node.ask_for(doubles.balancer(1, ports=(80, 81), generation=2))
    assert failed.generation == 2
    node.engine.counted = 9
    said = node.round(after=10)
    assert any(each.fault is None and each.generation == 1 and each.observation for each in said)


def test_an_answer_overtaken_by_a_newer_one_changes_nothing(node):
    (said,) = node.ask_for(doubles.balancer(1, generation=2))
    stale = replace(doubles.balancer(1, ports=(99,)), revision=said.revision - 1)
    node.agent.loop.post(spec.Desired(revision=said.revision, complete=False, items=(stale,)))
    assert node.round() == []
    assert [each.protocol_port for each in node.engine.running["qlbaas-balancer-1"].listeners] == [80]


def test_going_is_confirmed_again_when_asked_again(node):
    node.ask_for(doubles.balancer(1))
    gone = replace(doubles.balancer(1), absent=True, revision=9)
    for _ in range(2):
        node.agent.loop.post(spec.Desired(revision=9, complete=False, items=(gone,)))
        node.agent.loop.turn()
        node.agent.deliver()
        assert node.server.reports[-1] == spec.Report(kind="loadbalancer", id="balancer-1", revision=9, gone=True)
    assert node.engine.running == {}


def test_what_the_server_forgot_goes_without_a_word(node):
    node.ask_for(doubles.balancer(1), doubles.router(1))
    node.server.items = {key: item for key, item in node.server.items.items() if item.id != "balancer-1"}
    node.agent.puller._known = 0
    said = node.round()
    assert "balancer-1" not in {each.id for each in said}
    assert set(node.machine.namespaces) == {"box", "qrouter-router-1"}


def test_a_sweep_that_fails_is_repeated(node):
    node.machine.marks.add("qrouter-orphan")
    node.machine.refuses = {"qrouter-orphan"}
    node.agent.puller._known = 0
    node.round()
    assert "qrouter-orphan" in node.machine.marks
    node.machine.refuses = set()
    node.round(after=1.1)
    node.round()
    assert "qrouter-orphan" not in node.machine.marks


def test_a_restored_server_is_asked_for_everything(node):
    node.ask_for(doubles.balancer(1))
    asked = []
    node.server.desired = lambda known, wait: asked.append(known) or spec.Desired(revision=1, complete=False)
    node.agent.pull()
    node.agent.pull()
    assert asked == [3, 0]


class Later(futures.Executor):
    """A pool whose work is done when we say."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(self, fn, /, *args, **kwargs):
        self.waiting.append(lambda: fn(*args, **kwargs))
        return futures.Future()


def test_a_load_balancer_is_attempted_by_one_thread_at_a_time_and_again_when_it_changed_meanwhile():
    machine, clock, pool = fake.Machine(), fake.Clock(), Later()
    engine, reports = doubles.Engine(machine), outbox.Outbox()
    agent = loop.Loop(realise.Hand(ground=machine, engines={"amphora": engine}), clock, pool, reports)
    first = replace(doubles.balancer(1, generation=1), revision=2)
    second = replace(doubles.balancer(1, ports=(81,), generation=2), revision=3)
    network = replace(doubles.network(1), revision=1)
    agent.post(spec.Desired(revision=2, complete=False, items=(network, first)))
    agent.turn()
    agent.post(spec.Desired(revision=3, complete=False, items=(second,)))
    agent.turn()
    assert len(pool.waiting) == 1
    pool.waiting.pop()()
    agent.turn()
    (again,) = pool.waiting
    again()
    agent.turn()
    assert [report.generation for report in reports.take() if report.kind == "loadbalancer"] == [2]
    assert engine.running["qlbaas-balancer-1"] == second.tree


def test_many_load_balancers_are_looked_at_within_the_share_of_a_core_and_all_in_turn():
    node = Node()
    node.clock.cost = 0.0
    node.ask_for(doubles.network(0), doubles.network(1), *(doubles.balancer(number) for number in range(500)))
    each = 0.0003
    looks = {}
    original = node.engine.observe

    def observe(place, wanted):
        node.clock._processor += each
        looks.setdefault(place.namespace, []).append(node.clock.time)
        return original(place, wanted)

    node.engine.observe = observe
    for _ in range(240):
        node.round(after=pace.WATCH)
    begun = sum(map(len, looks.values()))
    for _ in range(240):
        node.round(after=pace.WATCH)
    spent = (sum(map(len, looks.values())) - begun) * each
    assert spent / 60 <= pace.SHARE * 1.05
    assert len(looks) == 500
    gaps = [later - earlier for times in looks.values() for earlier, later in itertools.pairwise(times[5:])]
    assert max(gaps) <= 2 * pace.interval(502, each)


def test_a_node_without_load_balancers_rests_long(node):
    node.round()
    assert node.agent.loop.turn() > 10 * pace.WATCH


def test_stop_ends_the_wait(node):
    node.agent.loop.post(loop.Stop())
    while not node.agent.loop.stopped:
        node.agent.loop.wait(60)


def test_stop_that_comes_during_a_turn_leaves_nothing_to_wait_for(node):
    node.agent.loop.post(loop.Stop())
    assert node.agent.loop.turn() == 0.0


def test_an_engine_that_cannot_be_asked_is_logged_and_stops_nothing(node, caplog):
    node.ask_for(doubles.balancer(1))

    def refuse(*_):
        raise errors.Failed("asking HAProxy", reason="it is silent")

    node.engine.watch = node.engine.observe = refuse
    assert node.round(after=5) == []
    assert "it is silent" in caplog.text
    assert node.ask_for(doubles.router(1))[0].fault is None


def test_one_sentence_says_what_was_done(node, caplog):
    caplog.set_level(logging.INFO, logger="vipool.agent")
    node.ask_for(doubles.balancer(1))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "loadbalancer balancer-1: made the namespace qlbaas-balancer-1; plugged vip with 172.16.100.151/16; "
        "added the route to 0.0.0.0/0; started"
    )
    caplog.clear()
    node.round(after=1000)
    assert caplog.records == []


GATE = vitals.Vitals(neighbours=(vitals.Neighbour(address="172.16.100.1", asking=False, idle=0.0),))


def named(reports: list[spec.Report]) -> list[list[str] | None]:
    """The names of the conditions in each report that says what was seen."""
    return [
        None if each.observation.conditions is None else [found.name for found in each.observation.conditions]
        for each in reports
        if each.observation is not None
    ]


def test_a_condition_is_told_as_soon_as_it_is_seen_and_as_soon_as_it_is_over(node, caplog):
    caplog.set_level(logging.INFO)
    node.ask_for(doubles.balancer(1))
    assert node.round(after=pace.OBSERVE) == []
    node.machine.signs[attach.loadbalancer_namespace("balancer-1")] = GATE
    assert named(node.round(after=pace.OBSERVE)) == [["GatewayUnreachable"]]
    assert node.round(after=pace.OBSERVE) == []
    node.machine.signs.clear()
    assert named(node.round(after=pace.OBSERVE)) == [[]]
    said = [each.getMessage() for each in caplog.records if "GatewayUnreachable" in each.getMessage()]
    assert [each.partition(": ")[2] for each in said] == [
        "GatewayUnreachable of loadbalancer balancer-1: The node asked for 172.16.100.1 in vain.",
        "GatewayUnreachable of balancer-1 is over",
    ]


def test_a_change_takes_no_condition_away(node):
    node.ask_for(doubles.balancer(1))
    node.machine.signs[attach.loadbalancer_namespace("balancer-1")] = GATE
    node.round(after=pace.OBSERVE)
    assert named(node.ask_for(doubles.balancer(1, ports=(80, 81), generation=2))) == [["GatewayUnreachable"]]


def test_an_agent_that_begins_anew_tells_of_conditions_in_its_first_report(node):
    node.ask_for(doubles.balancer(1))
    node.machine.signs[attach.loadbalancer_namespace("balancer-1")] = GATE
    node.round(after=pace.OBSERVE)
    node.agent = doubles.Agent(node.machine, node.engine, node.server, node.clock)
    assert named(node.round()) == [["GatewayUnreachable"]]


def test_an_agent_that_could_not_look_says_nothing_of_conditions(node, monkeypatch):
    monkeypatch.setattr(node.machine, "vital_signs", lambda asked: vitals.Readings())
    assert named(node.ask_for(doubles.balancer(1))) == [None]
    monkeypatch.undo()
    node.machine.signs[attach.loadbalancer_namespace("balancer-1")] = GATE
    assert named(node.round(after=pace.OBSERVE)) == [["GatewayUnreachable"]]


def test_numbers_that_change_are_told_now_and_then(node):
    node.ask_for(doubles.balancer(1))
    name = attach.loadbalancer_namespace("balancer-1")
    node.machine.signs[name] = vitals.Vitals(flows=95, room=100)
    assert named(node.round(after=pace.OBSERVE)) == [["ConntrackTableNearlyFull"]]
    node.machine.signs[name] = vitals.Vitals(flows=96, room=100)
    assert node.round(after=pace.OBSERVE) == []
    (later,) = node.round(after=pace.COUNTERS)
    assert later.observation.conditions == (
        spec.Condition(
            name=condition.Name.CONNTRACK_TABLE_NEARLY_FULL,
            object_type=condition.About.LOADBALANCER,
            object_id="balancer-1",
            measured="96 of 100 places are taken.",
        ),
    )


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [(None, None, False), (None, {}, True), ({}, {}, False), ({}, None, False)]
    + [({"total_connections": 1}, {"total_connections": each}, each > 1) for each in (1, 2)]
    + [({"active_connections": 1}, {"active_connections": 1}, True)],
)
def test_what_is_busy_is_seen_by_what_was_counted(before, now, expected):
    def seen(counters: dict[str, int] | None) -> spec.Observation | None:
        return None if counters is None else replace(observe.NOTHING, counters={"l": spec.Counters(**counters)})

    told = None if before is None else observe.Told(observation=seen(before) or observe.NOTHING, at=0.0)
    assert observe.is_busy(told, seen(now)) is expected
