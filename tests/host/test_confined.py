"""Work for strangers happens in a child: it answers, it is ended when it takes too long, it ends with its parent."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import live
from vipool.host import confined


@pytest.fixture
def ask():
    """A child that computes what it is told."""
    made = confined.Confined("builtins", "eval", seconds=1)
    yield made
    made.close()


def gone(pid: int) -> bool:
    """Whether there is no such process, or one that only waits to be counted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_questions_are_answered_by_one_child(ask):
    assert ask.pid is None
    assert ask(b"b'x' * 3") == b"xxx"
    first = ask.pid
    assert ask(b"bytes([65])") == b"A"
    assert ask.pid == first


def test_a_long_question_and_a_long_answer_pass(ask):
    assert ask(b"b'" + b"x" * 300_000 + b"' * 2") == b"x" * 600_000


def test_a_question_that_never_ends_ends_the_child_and_the_next_one_finds_another(ask):
    with pytest.raises(confined.NoAnswer, match="no answer within 1 s of processor time"):
        ask(b"[each for each in iter(int, 1)]")
    assert ask.pid is None
    assert ask(b"b'still here'") == b"still here"


def test_other_threads_go_on_meanwhile(ask):
    def question():
        with pytest.raises(confined.NoAnswer):
            ask(b"sum(iter(int, 1))")

    asking = threading.Thread(target=question)
    asking.start()
    turns = 0
    while asking.is_alive():
        turns += 1
    assert turns > 1000


def test_a_question_that_takes_all_memory_ends_the_child(ask, capfd):
    with pytest.raises(confined.NoAnswer):
        ask(b"b'x' * (1 << 31)")
    assert "MemoryError" in capfd.readouterr().err
    assert ask(b"b'y'") == b"y"


def test_a_child_that_was_ended_by_somebody_is_replaced(ask):
    ask(b"b''")
    subprocess.run(["kill", "-9", str(ask.pid)], check=True)
    live.within(5, lambda: gone(ask.pid), "the child ends")
    assert ask(b"b'z'") == b"z"


def test_each_question_has_time_of_its_own(ask):
    used = 0.0
    while used < 2.5:  # more than one may take, of which each takes a fraction
        used = float(ask(b"(sum(range(10**6)), str(__import__('time').process_time()).encode())[1]"))


def test_a_child_can_leave_no_core_dump(ask):
    limit = b"str(__import__('resource').getrlimit(__import__('resource').RLIMIT_CORE)[0]).encode()"
    assert ask(limit) == b"0"


def test_the_child_ends_with_its_parent_however_that_ends():
    script = (
        "import os, signal\n"
        "from vipool.host import confined\n"
        "child = confined.Confined('builtins', 'eval')\n"
        "child(b\"b''\")\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -9
    live.within(5, lambda: gone(int(done.stdout)), "the child ends")
