"""Real `vipool` commands on state directories of their own, with stand-ins for what the two children build.

Everything that a test starts is ended after it, whatever happened.
"""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vipool.host import processes, sandbox

FAKES = Path(__file__).parent / "fakes"
ROOT = Path(__file__).parents[2]


def gone(pid, seconds=15.0):
    """Whether the process has ended, or ends within so many seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(handle)


class Up:
    """A running `vipool up --json`: what it said when it was ready, and its process."""

    def __init__(self, process):
        self.process = process
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"vipool up did not get ready: {process.communicate()[1]}")
        self.told = json.loads(line)
        self.state_dir = Path(self.told["state_dir"])

    @property
    def record(self):
        """What it has written about itself and its children."""
        return json.loads((self.state_dir / "run" / "up.json").read_text())

    def pid(self, name):
        """The process id of a child."""
        return self.record["children"][name]["pid"]

    def said(self, words):
        """The next line of its complaints that has these words."""
        for line in self.process.stderr:
            if words in line:
                return line
        raise AssertionError(f"vipool up never said '{words}'")

    def stop(self, number=signal.SIGTERM):
        """Send a signal, wait, and return the exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode


class Machine:
    """Runs `vipool` commands on one state directory."""

    def __init__(self, state_dir):
        self.state_dir = state_dir
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(FAKES), str(ROOT)))}
        self._ups = []

    def command(self, name, *words):
        """A command line of this state directory."""
        return (sys.executable, "-m", "vipool", name, "--state-dir", str(self.state_dir), *words)

    def run(self, name, *words, **environment):
        """Run a command to its end."""
        return subprocess.run(
            self.command(name, *words),
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def up(self, *words, mode="--sandbox", **environment):
        """Start `vipool up` on a free port, in a sandbox unless told otherwise, and wait until it is ready."""
        process = subprocess.Popen(
            self.command("up", "--json", "--listen", "127.0.0.1:0", mode, *words),
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._ups.append(process)
        return Up(process)

    @property
    def holder(self):
        """The living holder of the sandbox, or None."""
        return sandbox.find(self.state_dir / "run" / "sandbox.json")

    def end(self):
        """End everything that was started here."""
        for process in self._ups:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=30)
        sandbox.end(self.state_dir / "run" / "sandbox.json")


@pytest.fixture
def machine(tmp_path):
    """A machine without any state yet."""
    machine = Machine(tmp_path / "state")
    yield machine
    machine.end()


@pytest.fixture
def record(tmp_path):
    """Where the holder of a sandbox may be recorded; it is ended after the test."""
    yield tmp_path / "sandbox.json"
    sandbox.end(tmp_path / "sandbox.json")


@pytest.fixture
def holder(record):
    """A sandbox."""
    return sandbox.hold(record)


def inside(holder, command):
    """Run a shell command in the sandbox to its end and return what it said."""
    return processes.run(sandbox.entering(holder, ("sh", "-c", command)))
