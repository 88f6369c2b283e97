"""What is missing or taken is said in words, and nothing is half done: HAProxy, the disk, an address, vipool itself."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests import live as lives
from tests.e2e import conftest
from vipool.cli.demo import picture


def test_without_haproxy_a_load_balancer_is_in_error_with_the_reason_and_heals(live):
    city = conftest.City(live.up())
    program = live.inside("sh", "-c", "PATH=$PATH:/usr/sbin command -v haproxy").strip()
    live.inside("mount", "--bind", "/dev/null", program)
    city.ground = picture.prepare(city.admin)
    city.site = picture.settle(city.admin, city.ground)
    city.balancer = picture.balance(city.admin, city.site)
    city.settled("ERROR")
    reasons = lives.within(10, lambda: reason(city), "the reason is told")
    assert "haproxy" in reasons
    live.inside("umount", program)
    city.settled("ACTIVE", 70)
    assert city.haproxy
    city.close()


def reason(city):
    """Why the load balancer failed, in the log of the agent: what its owner is shown is a matter of the API."""
    return next((line for line in city.log().splitlines() if f"loadbalancer {city.balancer.id}: " in line), None)


def test_an_address_that_is_taken_is_refused_before_anything_is_started(live):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        started = live.start(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        assert started.communicate(timeout=30)[0] == ""
    assert started.returncode != 0
    said = (live.home / "up.log").read_text()
    assert "in use" in said
    assert "Traceback" not in said
    assert live.holder is None


def test_down_with_purge_leaves_nothing(live):
    city = conftest.City(live.up()).build()
    holder, haproxy = city.live.holder, city.haproxy
    assert haproxy
    inside = set(live.inside("ps", "-eo", "pid=").split())
    assert str(haproxy) in inside
    live.run("down", "--purge")
    live.process.communicate(timeout=30)
    city.close()
    assert not conftest.alive(holder.pid)
    assert not live.state_dir.exists()
    assert processes_about(live.state_dir) == []
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert f"brq{city.site.subnet_id[:11]}" not in links


def processes_about(state_dir):
    """The command lines that name a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(state_dir) in words:
            found.append(words)
    return found


def test_a_full_disk_is_refused_in_words_and_nothing_is_half_applied(live):
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *root, "--mount", sys.executable, "-m", "tests.e2e.full_disk", str(live.home)],
        cwd=lives.ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
