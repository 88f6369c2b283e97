"""The demo, as a new user runs it: the picture is built, explained on real packets, broken and mended."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

VIPOOL = (sys.executable, "-m", "vipool")
STEP = re.compile(r"^ *(\d+) +[\d.]+ ms +(\S+) +→ (\S+) +(.+)$", re.M)


def vipool(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*VIPOOL, *words), capture_output=True, text=True, timeout=seconds, check=False)


@pytest.fixture(scope="module")
def played():
    """The demo's state directory and what it said; a short path, because unix sockets live in it."""
    with tempfile.TemporaryDirectory(prefix="vipool-") as parent:
        directory = Path(parent) / "demo"
        said = vipool("demo", "--state-dir", str(directory), "--listen", "127.0.0.1:0")
        yield directory, said
        ended = vipool("demo", "--down", "--state-dir", str(directory))
        assert ended.returncode == 0, ended.stderr
        assert list(Path(parent).iterdir()) == []


def test_the_demo_succeeds_and_nothing_fails_on_the_way(played):
    _, said = played
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("none failed") == 3
    assert "FAILED" not in said.stdout


def test_the_ten_steps_are_those_of_the_picture(played):
    _, said = played
    steps = STEP.findall(said.stdout)
    assert [int(number) for number, *_ in steps] == list(range(1, 11))
    client, outside, vip = "10.10.10.4", "10.10.10.7:80", "172.16.100.11"
    sources = [source for _, source, _, _ in steps]
    destinations = [destination for _, _, destination, _ in steps]
    assert [source.split(":")[0] for source in sources[:5]] == [client, client, client, vip, vip]
    web = destinations[4]
    assert web in {"172.16.100.9:80", "172.16.100.10:80"}
    assert destinations[:5] == [outside, f"{vip}:80", f"{vip}:80", web, web]
    assert sources[5:] == [web, f"{vip}:80", f"{vip}:80", outside, outside]
    assert [destination.split(":")[0] for destination in destinations[5:]] == [vip, client, client, client, client]


def test_both_members_answer_alike(played):
    _, said = played
    assert "WEB1 answered 10, WEB2 answered 10" in said.stdout


def test_it_stays_up_to_be_explored_and_shows_how(played):
    directory, said = played
    commands = [
        line.strip() for line in said.stdout.splitlines() if line.startswith("  ") and "exec --state-dir" in line
    ]
    assert len(commands) == 2
    done = subprocess.run(commands[0], shell=True, capture_output=True, text=True, timeout=30, check=False)
    assert re.fullmatch(r"Hello from WEB[12], you look like 172\.16\.100\.11 to me\.\n", done.stdout), done.stderr
    status = vipool("status", "--state-dir", str(directory), "--json")
    assert status.returncode == 0
    assert "sandbox" in status.stdout


def test_running_it_again_starts_over(played):
    directory, _ = played
    again = vipool("demo", "--state-dir", str(directory), "--listen", "127.0.0.1:0")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "and the client has it." in again.stdout
