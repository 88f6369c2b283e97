"""Tests of this folder touch the kernel, so they run in a sandbox of their own: `unshare` with new network, mount and
process namespaces, a private /run, and without root also a user namespace.

`pytest` stays as it is: when the first test of this folder comes up, one child pytest is started in the sandbox with
all the tests that were selected, and its reports are passed on as they come. No test of this folder can run anywhere
else: `pytest_runtest_protocol` below never runs one here, and the child checks that it has no interface that leads
out.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PIPE = "VIPOOL_SANDBOX_PIPE"
INSIDE = os.environ.get("VIPOOL_SANDBOXED") == "1"


class Sandbox:
    """The child pytest, and the reports it has sent so far."""

    def __init__(self, session: pytest.Session) -> None:
        selected = [item.nodeid for item in session.items if HERE in item.path.parents]
        self._config = session.config
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the session
        # A root of temporary directories of its own: pytest refuses that of another user, and in there root is another.
        self._directory = tempfile.TemporaryDirectory(prefix="vipool-net-")
        arguments = Path(self._directory.name, "tests.txt")
        arguments.write_text("\n".join(selected))
        reading, writing = os.pipe()
        self._child = subprocess.Popen(
            [*_unshare(), "sh", "-ec", _FURNISH, "sh", sys.executable, "-m", "pytest", *_OPTIONS, f"@{arguments}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            cwd=session.config.rootpath,
            env={
                **os.environ,
                "VIPOOL_SANDBOXED": "1",
                PIPE: str(writing),
                "PYTEST_DEBUG_TEMPROOT": self._directory.name,
            },
        )
        os.close(writing)
        self._reports = os.fdopen(reading)

    def reports(self, item: pytest.Item) -> list[pytest.TestReport]:
        """The reports of one test; a failure with the child's output where it died without one."""
        found = []
        for line in self._reports:
            data = json.loads(line)
            report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
            # JSON has no tuples, and where a test was skipped must be one.
            if isinstance(report.longrepr, list):
                report.longrepr = tuple(report.longrepr)
            found.append(report)
            if report.when == "teardown":
                return found
        self._child.wait()
        self._log.seek(0)
        said = f"the sandbox ended with {self._child.returncode} before this test's report\n{self._log.read()[-8000:]}"
        return [
            *found,
            pytest.TestReport(item.nodeid, item.location, {}, "failed", said, "call", duration=0, start=0, stop=0),
        ]

    def close(self) -> None:
        self._reports.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(10)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._log.close()
        self._directory.cleanup()


def _unshare() -> list[str]:
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *root, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]


_FURNISH = 'mount -t tmpfs tmpfs /run; mkdir /run/netns; exec "$@"'
_OPTIONS = ("-p", "no:cacheprovider", "-p", "no:terminal", "--override-ini", "addopts=--import-mode=importlib")
_sandbox = pytest.StashKey[Sandbox]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    if INSIDE or HERE not in item.path.parents:
        return None
    if _sandbox not in item.session.stash:
        item.session.stash[_sandbox] = Sandbox(item.session)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in item.session.stash[_sandbox].reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _sandbox in session.stash:
        session.stash[_sandbox].close()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if INSIDE and _pipe:
        data = _pipe[0].hook.pytest_report_to_serializable(config=_pipe[0], report=report)
        os.write(int(os.environ[PIPE]), (json.dumps(data, default=str) + "\n").encode())


_pipe: list[pytest.Config] = []


@pytest.fixture(scope="session", autouse=True)
def _only_in_the_sandbox() -> None:
    names = [name for _, name in socket.if_nameindex()]
    if not INSIDE or PIPE not in os.environ or names != ["lo"]:
        pytest.exit(f"tests of {HERE.name} run in a sandbox only, and this is none: {names}", returncode=4)


if INSIDE:

    def pytest_configure(config: pytest.Config) -> None:
        _pipe.append(config)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """The directory of marks of one test."""
    return tmp_path / "marks"
