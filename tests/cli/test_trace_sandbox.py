"""`vipool trace` goes where the data plane is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.net import answering
from tests.net import scene as scenes
from vipool.host import sandbox


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "s"
    with answering.answering(directory, *scenes.described(("WEB1", scenes.WEB1))):
        sandbox.hold(directory / "run" / "sandbox.json")
        try:
            yield directory
        finally:
            sandbox.end(directory / "run" / "sandbox.json")


def trace(state, *words):
    command = [sys.executable, "-m", "vipool", "trace", "--state-dir", str(state), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_namespaces_are_those_of_the_sandbox(state):
    done = trace(state, scenes.FLOATING)
    assert done.returncode == 2
    assert done.stderr == "vipool: There is no network namespace client; there are: none.\n"


def test_the_outcome_inside_is_the_outcome(state):
    done = trace(state, scenes.FLOATING, "--from", "host", "--timeout", "1")
    assert done.returncode == 1, done.stderr
    assert "The client was told: network is unreachable." in done.stdout
    assert "tapvip (load balancer)" in done.stdout
