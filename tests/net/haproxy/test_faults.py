"""What goes wrong around HAProxy: killed, hung, refused, missing; and what an agent that starts again finds."""

import dataclasses
import os
import signal
from pathlib import Path

import pytest

from tests.net.haproxy.balancer import LISTENER, ONE, PAIR, TWO, VIP, Balancer, both, picture
from tests.net.members import eventually
from tests.providers import configuration, trees
from vipool.providers import base
from vipool.providers.haproxy import engine, generations, runtime

pytestmark = configuration.needs_haproxy


def test_a_killed_process_is_noticed_and_started_again_with_its_counters(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    balancer.answers(5)
    assert balancer.engine.watch([balancer.place]) == {}
    first = balancer.engine.observe(balancer.place, wanted)
    os.kill(balancer.pid(), signal.SIGKILL)
    eventually(lambda: balancer.engine.watch([balancer.place]) == {balancer.place.namespace: base.GONE})
    assert balancer.converge(wanted) == "HAProxy started"
    assert balancer.engine.watch([balancer.place]) == {}
    balancer.answers(2)
    second = balancer.engine.observe(balancer.place, wanted)
    assert first is not None
    assert second is not None
    assert first.counters[LISTENER].total_connections == 5
    assert second.counters[LISTENER].total_connections == 7
    assert second.counters[LISTENER].bytes_in > first.counters[LISTENER].bytes_in
    assert sum(each.total_connections for each in first.members.values()) == 5
    assert sum(each.total_connections for each in second.members.values()) == 7
    assert all(second.members[key].bytes_out > each.bytes_out for key, each in first.members.items())


def test_a_process_replaced_by_a_reload_is_not_missed(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    assert balancer.engine.watch([balancer.place]) == {}
    balancer.converge(wanted.replacing(dataclasses.replace(wanted.listeners[0], timeout_client_data=7000)))
    eventually(lambda: balancer.processes() == 1)
    assert balancer.engine.watch([balancer.place]) == {}


def test_a_refused_configuration_leaves_the_last_good_one_serving(balancer):
    both(balancer)
    wanted = picture(*PAIR, monitor={})
    balancer.converge(wanted)
    bad = wanted.replacing(dataclasses.replace(wanted.healthmonitors[0], expected_codes="300-200"))
    with pytest.raises(base.Broken, match="invalid range of status codes"):
        balancer.engine.converge(balancer.place, bad)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
    assert balancer.converge(wanted) == ""


def test_a_port_that_is_taken_is_told_in_haproxys_words(balancer):
    balancer.member(VIP)
    with pytest.raises(base.Broken, match=f"{VIP}:80"):
        balancer.engine.converge(balancer.place, picture())


def test_a_port_that_is_taken_leaves_what_served_before_serving(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    balancer.member(VIP, 81)
    second = dataclasses.replace(wanted.listeners[0], id=trees.identifier(2, 2), protocol_port=81)
    with pytest.raises(base.Broken, match=f"{VIP}:81"):
        balancer.engine.converge(balancer.place, wanted.adding(second))
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
    assert balancer.converge(wanted) == ""


def test_a_node_without_haproxy_is_told_how_to_get_it():
    with pytest.raises(base.Broken, match="apt-get install"):
        generations.binary("haproxy-that-is-not-there")


def test_a_directory_may_be_deeper_than_a_socket_path(tmp_path):
    deep = tmp_path.joinpath(*["a-directory-with-a-long-name"] * 5)
    made = Balancer(deep)
    try:
        both(made)
        made.converge(picture(*PAIR))
        assert made.answers(4) == {ONE: 2, TWO: 2}
        assert "reloaded" in made.converge(picture(*PAIR, front={"connection_limit": 5}))
    finally:
        made.close()


def test_a_process_that_hangs_is_asked_again_later(balancer):
    both(balancer)
    balancer.converge(picture(*PAIR))
    os.kill(balancer.pid(), signal.SIGSTOP)
    try:
        assert balancer.engine.observe(balancer.place, picture(*PAIR)) is None
        with pytest.raises(base.NotNow, match="does not answer"):
            balancer.engine.converge(balancer.place, picture(*PAIR))
    finally:
        os.kill(balancer.pid(), signal.SIGCONT)
    assert balancer.converge(picture(*PAIR)) == ""


def test_what_was_good_serves_when_what_is_wanted_does_not_start(balancer):
    both(balancer)
    wanted = picture(*PAIR, monitor={})
    balancer.converge(wanted)
    os.kill(balancer.pid(), signal.SIGKILL)
    bad = wanted.replacing(dataclasses.replace(wanted.healthmonitors[0], expected_codes="300-200"))
    eventually(lambda: balancer.processes() == 0)
    with pytest.raises(base.Broken, match="status codes"):
        balancer.engine.converge(balancer.place, bad)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
    assert balancer.converge(wanted) == ""


def test_a_second_engine_finds_what_the_first_one_left(balancer):
    """An agent that starts again touches nothing that is right, and still counts from where it was."""
    both(balancer)
    wanted = picture(*PAIR, monitor={"type": "PING"})
    balancer.converge(wanted)
    balancer.answers(3)
    first = balancer.engine.observe(balancer.place, wanted)
    before = balancer.pid()
    balancer.engine = engine.Engine()
    assert balancer.engine.converge(balancer.place, wanted) == ""
    assert balancer.pid() == before
    second = balancer.engine.observe(balancer.place, wanted)
    assert first is not None
    assert second is not None
    assert second.counters == first.counters
    assert balancer.engine.watch([balancer.place]) == {}


def test_a_lost_pid_file_leaves_no_process_behind(balancer):
    both(balancer)
    balancer.converge(picture(*PAIR))
    Path(balancer.place.directory, runtime.PID_FILE).write_text("")
    assert balancer.converge(picture(*PAIR)) == "HAProxy started"
    assert balancer.processes() == 1
    assert balancer.answers(4) == {ONE: 2, TWO: 2}


def test_haproxy_carries_nothing_of_its_starters_environment(balancer, monkeypatch):
    monkeypatch.setenv("OPERATORS_SECRET", "not for a process that tenants can crash")
    both(balancer)
    balancer.converge(picture(*PAIR))
    environment = Path(f"/proc/{balancer.pid()}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"OPERATORS_SECRET" not in environment
