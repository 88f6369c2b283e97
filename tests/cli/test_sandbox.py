"""The sandbox keeps everything in, survives whoever made it, and ends as a whole."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import live
from tests.cli import conftest
from vipool.host import errors, processes, sandbox


def test_there_is_no_way_out(holder):
    devices = conftest.inside(holder, "ls /sys/class/net; ip -o link show up").output
    assert devices.split()[0] == "lo"
    assert devices.count("\n") == 2, devices
    assert conftest.inside(holder, "ip route show table all type unicast").output == ""
    assert conftest.inside(holder, "ip -6 route show table all type unicast default").output == ""


def test_an_outside_address_is_refused_at_once(holder):
    connect = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=20)"
    outcome = processes.run(sandbox.entering(holder, (sys.executable, "-c", connect)), seconds=5)
    assert "Network is unreachable" in outcome.complaint


def test_loopback_works_inside(holder):
    serve = (
        "import socket; s = socket.create_server(('127.0.0.1', 9876));"
        "c = socket.create_connection(('127.0.0.1', 9876), timeout=5); print('met')"
    )
    assert processes.run(sandbox.entering(holder, (sys.executable, "-c", serve))).output == "met\n"


def test_named_namespaces_stay_inside(holder):
    name = f"vipool-test-{os.getpid()}"
    outcome = conftest.inside(holder, f"ip netns add {name} && ip netns exec {name} ls /sys/class/net")
    assert (outcome.output, outcome.complaint) == ("lo\n", "")
    assert not Path("/run/netns", name).exists()


def test_processes_of_the_host_are_not_seen(holder):
    # Once it is recorded the holder becomes env(1) and then sleep(1), in its own time.
    assert conftest.inside(holder, "cat /proc/1/comm").output in {"sh\n", "env\n", "sleep\n"}
    assert conftest.inside(holder, f"test -e /proc/{holder.pid} && echo seen").output == ""


def test_orphans_are_reaped(holder):
    # Each background process loses its parent at once and ends at once: nobody stays dead and a child of process 1.
    conftest.inside(holder, "for i in 1 2 3 4 5; do (true &) ; done")

    def buried() -> bool:
        return " Z " not in conftest.inside(holder, "cat /proc/[0-9]*/stat").output

    live.within(15, buried, "orphans are reaped")


def test_everything_inside_ends_with_the_holder(holder, record):
    stray = subprocess.Popen(
        sandbox.entering(holder, ("sh", "-c", "setsid sleep 600 & echo started; exec sleep 600")),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert stray.stdout
    with stray.stdout:
        assert stray.stdout.readline() == "started\n"
        assert sandbox.end(record)
        # End of file: no process that had the pipe is left, the one in a session of its own included.
        assert stray.stdout.read() == ""
    assert stray.wait(timeout=5) == -signal.SIGKILL


def test_a_living_holder_is_taken_over(holder, record):
    assert sandbox.hold(record) == holder


def test_a_dead_holder_is_replaced(holder, record):
    os.kill(holder.pid, signal.SIGKILL)
    assert conftest.gone(holder.pid)
    assert sandbox.find(record) is None
    assert sandbox.hold(record).pid != holder.pid


def test_a_holder_of_another_boot_is_never_killed(holder, record, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(record.read_text().replace(holder.mark.boot, "00000000-0000-0000-0000-000000000000"))
    assert not sandbox.end(other)
    assert sandbox.find(record) == holder


def test_the_holder_is_deaf_to_polite_signals(holder):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(holder.pid, number)
    assert conftest.inside(holder, "echo here").output == "here\n"


def test_the_holder_is_small_and_knows_no_secret(record, monkeypatch):
    monkeypatch.setenv("VIPOOL_ADMIN_PASSWORD", "hush")
    holder = sandbox.hold(record)
    status = Path(f"/proc/{holder.pid}/smaps_rollup").read_text()
    pss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Pss:"))
    assert pss < 1024, "kB"
    assert b"hush" not in Path(f"/proc/{holder.pid}/environ").read_bytes()


def test_a_state_directory_below_run_stays_visible():
    if os.geteuid() != 0:
        pytest.skip("only root writes there")
    directory = Path(f"/run/vipool-test-{os.getpid()}")
    directory.mkdir()
    record = directory / "sandbox.json"
    try:
        holder = sandbox.hold(record)
        assert conftest.inside(holder, f"ls {directory}").output == "sandbox.json\n"
        assert conftest.inside(holder, "ls /run/netns").output == ""
    finally:
        sandbox.end(record)
        directory.rmdir()


def test_a_system_without_namespaces_is_a_sentence(tmp_path, monkeypatch):
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.Missing, match=r"does not let you make namespaces .*not permitted.*Run vipool as root"):
        sandbox.hold(tmp_path / "sandbox.json")
    assert not (tmp_path / "sandbox.json").exists()
