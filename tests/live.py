"""A real `vipool up --sandbox` for tests from outside: started, entered, hurt and ended.

Promises: a state directory of its own under a short path, the API on a free port of the loopback, everything else in
the sandbox; `end` leaves neither a process nor a file. It knows no more than what people can type.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vipool.cli import record
from vipool.host import sandbox

ROOT = Path(__file__).parents[1]
LOOK_EVERY = 0.02


def within(seconds, condition, what):
    """The first true answer of `condition`, asked again and again; fails with `what` when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(LOOK_EVERY)  # processes and addresses of another machine's kind cannot be waited for


class Live:
    """One vipool on one machine, in a sandbox."""

    def __init__(self, state_dir=None):
        self.home = Path(tempfile.mkdtemp(prefix="vp-"))
        self.state_dir = state_dir or self.home / "s"
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process: subprocess.Popen[str] | None = None
        self.told = {}

    # --- its life ---------------------------------------------------------------------------------------------------

    def command(self, name, *words):
        """A command line of this state directory."""
        return (sys.executable, "-m", "vipool", *name.split(), "--state-dir", str(self.state_dir), *words)

    def start(self, listen="127.0.0.1:0", **environment):
        """Start `vipool up` and return its process without waiting."""
        with (self.home / "up.log").open("a") as log:
            return subprocess.Popen(
                self.command("up", "--json", "--listen", listen, "--sandbox"),
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def up(self, listen="127.0.0.1:0", **environment):
        """Start `vipool up` and wait until it says that it is ready."""
        self.process = self.start(listen, **environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"vipool up did not get ready: {(self.home / 'up.log').read_text()}"
        self.told = json.loads(line)
        return self

    def run(self, name, *words, code=0):
        """Run a vipool command to its end and return what it printed; it must end with `code`."""
        done = subprocess.run(
            self.command(name, *words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"vipool {name} {' '.join(words)}: {done.stderr or done.stdout}"
        return done.stdout + done.stderr

    def stop(self, number=signal.SIGTERM):
        """Stop `vipool up`; traffic flows on."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.communicate(timeout=30)

    def end(self):
        """End everything and remove it."""
        if self.process is not None:
            self.stop()
        sandbox.end(self.state_dir / "run" / "sandbox.json")
        if self.home.exists():
            shutil.rmtree(self.home)

    # --- what can be seen of it -------------------------------------------------------------------------------------

    @property
    def url(self):
        """Where its API is."""
        return self.told["url"]

    @property
    def clouds_file(self):
        """The clouds.yaml it wrote."""
        return self.state_dir / "clouds.yaml"

    @property
    def password(self):
        """The administrator's."""
        return (self.state_dir / "admin-password").read_text().strip()

    @property
    def holder(self):
        """The living holder of the sandbox, or None."""
        return sandbox.find(self.state_dir / "run" / "sandbox.json")

    def pid(self, name):
        """The process id of a living child of `vipool up`, or None."""
        last = record.read(self.state_dir / "run" / "up.json")
        return last.living(name) if last else None

    # --- inside -----------------------------------------------------------------------------------------------------

    def inside(self, *words, netns=None, check=True):
        """Run a program in the sandbox and return what it printed."""
        entered = ("ip", "netns", "exec", netns, *words) if netns else words
        done = subprocess.run(
            sandbox.entering(self.holder, entered),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr or done.stdout}"
        return done.stdout

    def begin(self, *words, netns):
        """Start a program in a namespace of the sandbox; the caller waits for it."""
        return subprocess.Popen(
            sandbox.entering(self.holder, ("ip", "netns", "exec", netns, *words)),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def web(self, netns, address):
        """Start a web server that answers with the name of its namespace; it serves when this returns."""
        serve = (sys.executable, "-m", "vipool.cli.demo.web", netns, address, "80")
        detached = ("setsid", "--fork", "sh", "-c", 'exec "$@" </dev/null >/dev/null 2>&1', "sh", *serve)
        self.inside(*detached, netns=netns)
        within(15, lambda: self.inside("ss", "-Hltn", "sport", "=", ":80", netns=netns), f"{netns} listens")

    def ask(self, netns, address, count=1, seconds=0.0):
        """What `count` requests from a namespace found: answers by server, failures in words, the slowest."""
        words = (sys.executable, "-m", "vipool.cli.demo.ask", address, "80", str(count), str(seconds))
        return json.loads(self.inside(*words, netns=netns))
