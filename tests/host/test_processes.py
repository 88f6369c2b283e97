"""A process is known by its id and start time; stopping it is certain."""

from __future__ import annotations

import os
import select
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from vipool.host import errors, processes


def ended(process: processes.Process) -> None:
    """Wait for the end of a child."""
    handle = os.pidfd_open(process.pid)
    assert select.select([handle], [], [], 10)[0], "it did not end"
    os.close(handle)


def said(log: Path, words: str) -> None:
    """Wait until the words are in the log."""
    for _ in range(1000):
        if log.exists() and words in log.read_text():
            return
        threading.Event().wait(0.005)
    pytest.fail(f"{words!r} is not in {log.read_text() if log.exists() else 'no log'!r}")


def test_a_process_lives_until_it_is_stopped(tmp_path):
    process = processes.spawn(["sleep", "60"], log=tmp_path / "log")
    assert processes.alive(process)
    assert processes.find(process.pid) == process
    processes.stop([process], grace=5)
    assert not processes.alive(process)
    assert not Path(f"/proc/{process.pid}").exists(), "left as a zombie"


def test_a_process_that_ignores_sigterm_is_killed(tmp_path):
    process = processes.spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], log=tmp_path / "log")
    said(tmp_path / "log", "ready")
    processes.stop([process], grace=0.1)
    assert not processes.alive(process)


def test_many_are_stopped_together(tmp_path):
    many = [processes.spawn(["sleep", "60"], log=tmp_path / "log") for _ in range(5)]
    processes.stop(many, grace=5)
    assert [processes.alive(process) for process in many] == [False] * 5


def test_an_id_that_was_reused_is_not_mistaken(tmp_path):
    process = processes.spawn(["sleep", "60"], log=tmp_path / "log")
    earlier = replace(process, started=process.started - 1)
    assert not processes.alive(earlier)
    assert not processes.send(earlier, signal.SIGKILL)
    processes.stop([earlier], grace=1)
    assert processes.alive(process)
    processes.stop([process], grace=5)


def test_a_process_that_ended_by_itself_is_not_alive(tmp_path):
    process = processes.spawn(["true"], log=tmp_path / "log")
    ended(process)
    assert not processes.alive(process)
    assert processes.find(process.pid) is None
    processes.stop([process])


def test_a_name_with_brackets_does_not_hide_the_start_time(tmp_path):
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    process = processes.spawn([str(program), "60"], log=tmp_path / "log")
    assert processes.alive(process)
    processes.stop([process])


def test_output_is_appended_and_nothing_is_inherited(tmp_path):
    secret, other = os.pipe()
    os.set_inheritable(secret, False)
    log = tmp_path / "log"
    log.write_text("before\n")
    process = processes.spawn(["sh", "-c", "ls /proc/self/fd; echo to stderr >&2; read x || echo eof"], log=log)
    ended(process)
    assert not processes.alive(process)
    lines = log.read_text().splitlines()
    assert lines[0] == "before"
    assert {"0", "1", "2"} <= set(lines)
    assert str(secret) not in lines
    assert lines[-2:] == ["to stderr", "eof"]
    os.close(secret)
    os.close(other)


def test_a_process_has_a_session_of_its_own(tmp_path):
    process = processes.spawn(["sleep", "60"], log=tmp_path / "log")
    assert os.getsid(process.pid) == process.pid
    processes.stop([process])


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(errors.Missing, match="cannot run no-such-program: there is no such program"):
        processes.spawn(["no-such-program"], log=tmp_path / "log")
    with pytest.raises(errors.Missing, match="cannot run no-such-program: there is no such program"):
        processes.run(["no-such-program"])


def test_a_system_program_is_found_though_the_path_has_no_sbin(monkeypatch):
    monkeypatch.setenv("PATH", "/bin")
    outcome = processes.run(["nft", "--version"])
    assert outcome.output.startswith("nftables ")


def test_a_program_that_is_waited_for_gives_its_outcome():
    outcome = processes.run(["sh", "-c", "cat; echo bad >&2; exit 3"], stdin="in")
    assert (outcome.code, outcome.output, outcome.complaint) == (3, "in", "bad\n")


def test_a_program_that_takes_too_long_is_ended():
    with pytest.raises(errors.Failed, match="running sleep: it did not end within"):
        processes.run(["sleep", "60"], seconds=0.1)
