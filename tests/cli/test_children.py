"""Children come back, at a pace; a full disk or a missing program does not end their parent."""

import os
import sys

import pytest

from vipool.host import children


@pytest.fixture
def said():
    return []


@pytest.fixture
def family(tmp_path, said):
    """Makes a family of one child that runs a Python script; it is stopped after the test."""
    made = []
    stops = children.StopRequests()

    def make(script, executable=sys.executable):
        program = children.Program(
            name="child", command=(executable, "-c", script), environment=os.environ, log=tmp_path / "log" / "child.log"
        )
        made.append(children.Family((program,), stops, say=said.append, changed=lambda: None))
        return made[-1]

    with stops.listening():
        yield make
        for one in made:
            one.stop()


def test_the_first_start_after_an_end_is_at_once_and_later_ones_wait_longer_up_to_a_limit():
    delays = [children.delay(ends) for ends in range(12)]
    assert delays[:2] == [0, 0]
    assert delays[2:] == sorted(delays[2:])
    assert 0 < delays[2] < 1
    assert delays[-1] == children.LONGEST_DELAY


def test_each_end_is_said_with_its_reason_and_the_next_start(family, said):
    one = family("raise SystemExit(3)")
    while len(said) < 3:
        one.tend()
    assert "child ended with exit code 3" in said[0]
    assert "next start" not in said[0]
    assert "child is started again" in said[1]
    assert "next start in 0.4 s" in said[2]


def test_a_child_that_cannot_be_started_is_tried_again_later(family, said):
    one = family("", executable="/nonexistent/python")
    one.tend(0)
    assert "cannot be started" in said[0]
    one.tend(0)
    assert len(said) == 1


def test_a_long_log_is_put_aside_at_a_start(family, tmp_path):
    log = tmp_path / "log" / "child.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate((16 << 20) + 1)
    family("").tend(0)
    assert log.with_name("child.log.1").stat().st_size == (16 << 20) + 1
    assert log.stat().st_size < 1000


def test_a_child_gets_no_descriptor_of_ours(family, tmp_path):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    one = family(f"import os, sys; os.fstat({writer})")
    try:
        one.tend(0)
        while one.children["child"].process:
            one.tend()
    finally:
        os.close(reader)
        os.close(writer)
    assert "Bad file descriptor" in (tmp_path / "log" / "child.log").read_text()
