"""`vipool up`, `down` and `status` over a life: started, restarted, killed, stopped, ended."""

import json
import os
import signal
import socket
import stat
import subprocess
import urllib.request

import pytest

from tests.cli import conftest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can serve the host")


def test_a_first_start_is_ready_and_says_how_to_use_it(machine):
    up = machine.up()
    with urllib.request.urlopen(up.told["url"], timeout=5) as answer:
        assert int(answer.read()) == up.pid("server")
    assert up.told["sandboxed"]
    for name in ("admin-password", "clouds.yaml", "openrc"):
        path = machine.state_dir / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert up.told["admin_password"] in path.read_text()
    assert stat.S_IMODE(machine.state_dir.stat().st_mode) == 0o700
    assert f"{up.told['url']}/identity/v3" in (machine.state_dir / "clouds.yaml").read_text()


def test_people_read_the_same_in_words(machine):
    assert machine.up().stop() == 0
    process = subprocess.Popen(
        machine.command("up", "--listen", "127.0.0.1:0", "--sandbox"),
        env=machine.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process, process.stdout:
        assert process.stdout.readline().startswith("vipool is up: http://127.0.0.1:")
        process.terminate()
        said = process.stdout.read()
    assert f"export OS_CLIENT_CONFIG_FILE={machine.state_dir}/clouds.yaml" in said
    assert "Stopped." in said
    assert process.returncode == 0


def test_a_second_start_tells_no_password_and_follows_the_address(machine):
    first = machine.up()
    password = first.told["admin_password"]
    assert first.stop() == 0
    second = machine.up(VIPOOL_ADMIN_PASSWORD="another")
    assert "admin_password" not in second.told
    clouds = (machine.state_dir / "clouds.yaml").read_text()
    assert password in clouds
    assert second.told["url"] in clouds


def test_the_password_of_the_environment_is_taken_and_not_handed_on(machine):
    up = machine.up(VIPOOL_ADMIN_PASSWORD="correct horse")
    assert up.told["admin_password"] == "correct horse"
    for name in ("server", "agent"):
        with open(f"/proc/{up.pid(name)}/environ", "rb") as environment:
            assert b"correct horse" not in environment.read()


@pytest.mark.parametrize("password", ["", " x", "a\nb"])
def test_a_password_that_files_would_change_is_refused(machine, password):
    outcome = machine.run("up", VIPOOL_ADMIN_PASSWORD=password)
    assert (outcome.returncode, outcome.stderr.count("\n")) == (1, 1)
    assert "VIPOOL_ADMIN_PASSWORD" in outcome.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_both_children_cleanly_and_leaves_the_sandbox(machine, number):
    up = machine.up()
    pids = [up.pid("server"), up.pid("agent")]
    holder = machine.holder
    assert up.stop(number) == 0
    assert all(conftest.gone(pid, 0) for pid in pids)
    assert machine.holder == holder
    for name in ("server", "agent"):
        assert f"{name} stops cleanly" in (machine.state_dir / "log" / f"{name}.log").read_text()


def test_a_killed_parent_takes_its_children_along_but_not_the_sandbox(machine):
    up = machine.up()
    pids = [up.pid("server"), up.pid("agent")]
    holder = machine.holder
    assert up.stop(signal.SIGKILL) == -signal.SIGKILL
    assert all(conftest.gone(pid) for pid in pids)
    for name in ("server", "agent"):
        assert f"{name} stops cleanly" in (machine.state_dir / "log" / f"{name}.log").read_text()
    machine.up()
    assert machine.holder == holder


def test_the_next_start_waits_for_the_children_of_a_killed_one(machine):
    up = machine.up(VIPOOL_FAKE="slow")
    pids = [up.pid("server"), up.pid("agent")]
    up.stop(signal.SIGKILL)
    machine.up()
    assert all(conftest.gone(pid, 0) for pid in pids)


@pytest.mark.parametrize("name", ["server", "agent"])
def test_a_killed_child_is_started_again_at_once(machine, name):
    up = machine.up()
    before = up.pid(name)
    os.kill(before, signal.SIGKILL)
    assert "SIGKILL" in up.said(f"{name} was ended by")
    up.said(f"{name} is started again")
    assert up.pid(name) != before
    with urllib.request.urlopen(up.told["url"], timeout=5) as answer:
        assert int(answer.read()) == up.pid("server")


def test_clients_wait_rather_than_fail_while_the_server_is_replaced(machine):
    up = machine.up()
    for _ in range(3):
        server = up.pid("server")
        os.kill(server, signal.SIGKILL)
        assert conftest.gone(server)
        with urllib.request.urlopen(up.told["url"], timeout=20) as answer:
            assert answer.status == 200


def test_a_server_that_keeps_failing_ends_the_start_with_its_last_words(machine):
    outcome = machine.run("up", "--listen", "127.0.0.1:0", "--sandbox", VIPOOL_FAKE="server-fails")
    assert outcome.returncode == 1
    assert "the fake database is on fire" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    last = json.loads((machine.state_dir / "run" / "up.json").read_text())
    assert all(conftest.gone(mark["pid"], 0) for mark in last["children"].values())


def test_children_that_will_not_stop_are_made_to_by_three_requests(machine):
    up = machine.up(VIPOOL_FAKE="deaf")
    pids = [up.pid("server"), up.pid("agent")]
    # Of different kinds, because the kernel merges equal signals that wait.
    up.process.send_signal(signal.SIGINT)
    up.process.send_signal(signal.SIGHUP)
    assert up.stop() == 0
    assert all(conftest.gone(pid, 0) for pid in pids)


def test_a_second_up_is_refused_and_names_the_first(machine):
    up = machine.up()
    outcome = machine.run("up", "--listen", "127.0.0.1:0", "--sandbox")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert f"vipool up, process {up.process.pid}" in outcome.stderr
    assert up.process.poll() is None


def test_a_taken_port_is_refused_before_anything_is_made(machine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        outcome = machine.run("up", "--listen", address, "--sandbox")
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"vipool: The address {address} is in use by another program (`ss -ltnp` shows which):"
        " stop it, or give another one with --listen HOST:PORT.\n"
    )
    assert machine.holder is None
    assert not (machine.state_dir / "admin-password").exists()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("9876", "HOST:PORT"),
        ("::1:9876", "brackets"),
        ("[x]:1", "not an IPv6 address"),
        ("127.0.0.1:65536", "HOST:PORT"),
        ("192.0.2.1:9876", "Cannot assign requested address"),
    ],
)
def test_a_bad_address_is_one_sentence(machine, address, reason):
    outcome = machine.run("up", "--listen", address, "--sandbox")
    assert (outcome.returncode, outcome.stderr.count("\n")) == (1, 1)
    assert reason in outcome.stderr


def test_somebody_elses_directory_is_left_alone(machine):
    machine.state_dir.mkdir(mode=0o755)
    (machine.state_dir / "thesis.txt").touch()
    outcome = machine.run("up", "--sandbox")
    assert outcome.returncode == 1
    assert "thesis.txt" in outcome.stderr
    assert os.listdir(machine.state_dir) == ["thesis.txt"]
    assert stat.S_IMODE(machine.state_dir.stat().st_mode) == 0o755


def test_a_directory_of_a_newer_version_is_refused(machine):
    machine.state_dir.mkdir()
    (machine.state_dir / "layout").write_text("2\n")
    for name in ("up", "down"):
        outcome = machine.run(name)
        assert outcome.returncode == 1
        assert "newer vipool (layout 2, this one knows 1)" in outcome.stderr


def test_a_directory_that_is_a_file_is_one_sentence(machine):
    machine.state_dir.touch()
    outcome = machine.run("up", "--sandbox")
    assert (outcome.returncode, outcome.stderr.count("\n")) == (1, 1)
    assert "cannot be made" in outcome.stderr


@as_root
def test_the_host_is_not_served_beside_a_sandbox(machine):
    machine.up().stop()
    outcome = machine.run("up", "--listen", "127.0.0.1:0")
    assert outcome.returncode == 1
    assert "add --sandbox" in outcome.stderr


@as_root
def test_no_sandbox_is_opened_beside_a_served_host(machine):
    assert machine.up(mode="--no-sandbox").stop() == 0
    outcome = machine.run("up", "--listen", "127.0.0.1:0", "--sandbox")
    assert outcome.returncode == 1
    assert "leave --sandbox out" in outcome.stderr
    assert machine.holder is None


@as_root
def test_on_the_host_down_hands_over_to_the_one_who_built(machine):
    machine.up(mode="--no-sandbox").stop()
    assert machine.run("exec", "--", "readlink", "/proc/self/ns/net").stdout.strip() == os.readlink("/proc/self/ns/net")
    assert "Ended the data plane on this host" in machine.run("down").stdout
    assert (machine.state_dir / "run" / "torn-down").exists()
    assert "No data plane" in machine.run("down").stdout


@as_root
def test_marks_of_the_agent_are_enough_to_end_the_data_plane_of_the_host(machine):
    machine.up(mode="--no-sandbox").stop()
    (machine.state_dir / "run" / "up.json").unlink()
    (machine.state_dir / "namespaces").mkdir()
    (machine.state_dir / "namespaces" / "qlbaas-1").touch()
    assert "Ended the data plane on this host" in machine.run("down").stdout


def test_status_follows_the_life(machine):
    assert machine.run("status").returncode == 3
    up = machine.up()
    outcome = machine.run("status", "--json")
    told = json.loads(outcome.stdout)
    assert outcome.returncode == 0
    assert told == {
        "state_dir": str(machine.state_dir),
        "up": up.process.pid,
        "url": up.told["url"],
        "ready": True,
        "server": up.pid("server"),
        "agent": up.pid("agent"),
        "sandboxed": True,
        "holder": machine.holder.pid,
    }
    up.stop()
    outcome = machine.run("status", "--json")
    told = json.loads(outcome.stdout)
    assert outcome.returncode == 3
    assert (told["up"], told["server"], told["agent"], told["ready"]) == (None, None, None, False)
    assert told["holder"] == machine.holder.pid


def test_down_stops_a_running_up_and_ends_the_sandbox(machine):
    up = machine.up()
    (machine.state_dir / "vipool.db").touch()
    holder = machine.holder
    outcome = machine.run("down")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert up.process.wait(timeout=5) == 0
    assert conftest.gone(holder.pid, 0)
    assert (machine.state_dir / "vipool.db").exists()
    assert "No data plane" in machine.run("down").stdout


def test_down_of_nothing_makes_nothing(machine):
    assert machine.run("down", "--purge").returncode == 0
    assert not machine.state_dir.exists()


def test_purge_leaves_nothing(machine):
    machine.up()
    for name in ("vipool.db", "vipool.db-wal", "token-key", "secret-key", "log/agent.log.1", ".openrc.ab_d1234"):
        (machine.state_dir / name).touch()
    (machine.state_dir / "loadbalancers" / "x").mkdir(parents=True)
    (machine.state_dir / "loadbalancers" / "x" / "haproxy.cfg").touch()
    assert machine.run("down", "--purge").returncode == 0
    assert not machine.state_dir.exists()


def test_purge_leaves_what_is_not_ours_and_says_so(machine, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    machine.up()
    (machine.state_dir / "notes.txt").touch()
    (machine.state_dir / "vipool.toml").touch()
    (machine.state_dir / "loadbalancers").symlink_to(tmp_path / "elsewhere")
    (machine.state_dir / "run" / "link").symlink_to(tmp_path / "elsewhere")
    outcome = machine.run("down", "--purge")
    assert outcome.returncode == 0
    assert sorted(os.listdir(machine.state_dir)) == ["loadbalancers", "notes.txt", "vipool.toml"]
    assert str(machine.state_dir / "notes.txt") in outcome.stdout
    assert (tmp_path / "elsewhere" / "precious").exists()
