"""`vipool exec` is transparent: exit code, signals, directory, terminal, arguments."""

import os
import pty
import signal
import subprocess

import pytest

from tests.cli import conftest
from vipool.host import sandbox


@pytest.fixture
def inhabited(machine):
    """A machine with a sandbox and nothing else in it."""
    machine.state_dir.joinpath("run").mkdir(parents=True)
    sandbox.hold(machine.state_dir / "run" / "sandbox.json")
    return machine


def test_the_exit_code_is_the_commands(inhabited):
    assert inhabited.run("exec", "--", "sh", "-c", "exit 7").returncode == 7


def test_it_runs_inside(inhabited):
    assert inhabited.run("exec", "--", "ls", "/sys/class/net").stdout == "lo\n"


def test_options_after_the_command_are_the_commands(inhabited):
    assert inhabited.run("exec", "echo", "--netns", "x", "-h").stdout == "--netns x -h\n"


def test_the_working_directory_is_kept(inhabited, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert inhabited.run("exec", "--", "pwd").stdout == f"{tmp_path}\n"


def test_a_missing_command_is_127_as_in_a_shell(inhabited):
    outcome = inhabited.run("exec", "--", "no-such-command")
    assert (outcome.returncode, outcome.stderr) == (127, "vipool: There is no command no-such-command.\n")


def test_a_network_namespace_is_entered_by_name(inhabited):
    inhabited.run("exec", "--", "ip", "netns", "add", "qlbaas-1")
    inhabited.run("exec", "--", "ip", "-n", "qlbaas-1", "link", "add", "probe", "type", "bridge")
    outcome = inhabited.run("exec", "--netns", "qlbaas-1", "--", "ls", "/sys/class/net")
    assert (outcome.stdout, outcome.stderr) == ("lo\nprobe\n", "")


def test_an_unknown_namespace_is_refused_with_those_there_are(inhabited):
    inhabited.run("exec", "--", "ip", "netns", "add", "qlbaas-1")
    outcome = inhabited.run("exec", "--netns", "../1", "--", "true")
    assert (outcome.returncode, outcome.stderr) == (
        1,
        "vipool: There is no network namespace ../1; there are: qlbaas-1.\n",
    )


def test_without_a_data_plane_it_says_how_to_get_one(machine):
    outcome = machine.run("exec", "--", "true")
    assert outcome.returncode == 1
    assert "start it with `vipool up`" in outcome.stderr


def start(machine, script):
    process = subprocess.Popen(
        machine.command("exec", "--", "sh", "-c", script), env=machine.environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_passed_on_and_may_be_handled(inhabited, number):
    with start(inhabited, f"trap 'exit 9' {number.value}; echo ready; while :; do sleep 0.01; done") as process:
        process.send_signal(number)
        assert process.wait(timeout=10) == 9


def test_a_command_ended_by_a_signal_ends_us_the_same_way(inhabited):
    with start(inhabited, "echo ready; exec sleep 600") as process:
        process.terminate()
        assert process.wait(timeout=10) == -signal.SIGTERM


def test_a_killed_exec_leaves_no_command_behind(inhabited):
    with start(inhabited, "echo ready; exec sleep 600") as process:
        process.kill()
        assert process.stdout
        # End of file: nobody has the pipe any more.
        assert process.stdout.read() == ""


def test_a_command_has_the_terminal_and_survives_its_own_interrupts(inhabited):
    ours, theirs = pty.openpty()
    script = "trap 'echo caught; exit 4' INT; tty; while :; do sleep 0.01; done"
    command = inhabited.command("exec", "--", "sh", "-c", script)
    # setsid --ctty makes the pseudo-terminal the controlling one, so that its Ctrl-C is a signal.
    with subprocess.Popen(
        ("setsid", "--ctty", "--wait", *command), env=inhabited.environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        assert os.read(ours, 100).startswith(b"/dev/pts/")
        os.write(ours, b"\x03")
        assert process.wait(timeout=10) == 4
    assert conftest.gone(process.pid)
    os.close(ours)
