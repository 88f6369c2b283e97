"""The stage of the demo: a vipool of its own in a sandbox, and the namespaces of the client and the web servers.

Promises: everything happens inside the sandbox; ending the sandbox ends all of it.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from vipool import settings
from vipool.cli import record
from vipool.host import errors, processes, sandbox

LOOK_EVERY = 0.02
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the demo plays."""

    chosen: settings.Settings

    @property
    def url(self) -> str:
        """The API."""
        last = record.read(self.chosen.up_file)
        if last is None:
            raise errors.Missing("vipool is not running.")
        return last.url

    def raise_curtain(self) -> float:
        """Start vipool in the background; returns the seconds until it was ready."""
        began = time.monotonic()
        log = self.chosen.state_dir.parent / f"{self.chosen.state_dir.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        listen = str(self.chosen.listen)
        words = (sys.executable, "-m", "vipool", "up", "--sandbox", "--state-dir", str(self.chosen.state_dir))
        up = processes.spawn((*words, "--listen", listen), log=log)
        while not self.chosen.ready_file.exists():
            if not processes.alive(up) or time.monotonic() - began > PATIENCE:
                raise errors.Failed("starting vipool", reason=f"it says: {_last_line(log)} (log: {log})")
            time.sleep(LOOK_EVERY)  # neither a file nor a listening socket can be waited for
        return time.monotonic() - began

    def inside(self, words: tuple[str, ...], *, netns: str | None = None, seconds: float = 30.0) -> str:
        """Run a program inside the sandbox and return what it printed. Raises errors.Failed when it fails."""
        holder = sandbox.find(self.chosen.sandbox_file)
        if holder is None:
            raise errors.Missing("The sandbox is not running.")
        entered = ("ip", "netns", "exec", netns, *words) if netns else words
        done = processes.run(sandbox.entering(holder, entered), seconds=seconds)
        if done.code != 0:
            raise errors.Failed(f"running {' '.join(words[:4])}", reason=done.complaint.strip() or done.output.strip())
        return done.output

    def add_host(self, name: str) -> None:
        """A new namespace that stands for a machine of somebody else."""
        self.inside(("ip", "netns", "add", name))

    def plug(self, port_id: str, name: str) -> None:
        """Plug the namespace into its port, as an operator does."""
        words = ("port", "attach", port_id, "--netns", name, "--state-dir", str(self.chosen.state_dir))
        done = processes.run((sys.executable, "-m", "vipool", *words), seconds=30.0)
        if done.code != 0:
            raise errors.Failed(f"plugging {name} into its port", reason=done.complaint.strip())

    def start_web(self, name: str, address: str) -> None:
        """Start the web server of a namespace; it serves when this returns."""
        pid = self.chosen.run_dir / f"{name}.pid"
        serve = f"echo $$ > {pid}; exec {sys.executable} -m vipool.cli.demo.web {name.upper()} {address} 80"
        detached = ("setsid", "--fork", "sh", "-c", f"exec </dev/null >/dev/null 2>&1; {serve}")
        self.inside(detached, netns=name)
        began = time.monotonic()
        while self.inside(("ss", "-Hltn", "sport", "=", ":80"), netns=name) == "":
            if time.monotonic() - began > PATIENCE:
                raise errors.Failed(f"starting {name}", reason="it does not listen")
            time.sleep(LOOK_EVERY)  # neither a file nor a listening socket can be waited for

    def stop_web(self, name: str) -> None:
        """End the web server of a namespace."""
        pid = (self.chosen.run_dir / f"{name}.pid").read_text(encoding="utf-8").strip()
        self.inside(("kill", "-KILL", pid))

    def ask(self, address: str, count: int, seconds: float = 0.0) -> dict[str, object]:
        """Let the client ask; returns answers by server, failures in words, and the slowest answer in seconds."""
        words = (sys.executable, "-m", "vipool.cli.demo.ask", address, "80", str(count), str(seconds))
        said = self.inside(words, netns="client", seconds=seconds + count * 5.0 + 30.0)
        found: dict[str, object] = json.loads(said)
        return found

    def trace(self, address: str) -> str:
        """The ten steps of one request."""
        words = ("trace", address, "--from", "client", "--state-dir", str(self.chosen.state_dir))
        done = processes.run((sys.executable, "-m", "vipool", *words), seconds=60.0)
        return done.output or done.complaint


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "nothing"
