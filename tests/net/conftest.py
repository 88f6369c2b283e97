"""Tests of this folder touch the kernel, so they run in a sandbox of their own: `unshare` with new network, mount and
process namespaces, a private /run, and without root also a user namespace.

`pytest` stays as it is: when the first test of this folder comes up, one child pytest is started in the sandbox, is
told one test after another, and its reports are passed on. No test of this folder can run anywhere else:
`pytest_runtest_protocol` below never runs one here, and the child checks that it has no interface that leads out.
Several workers (pytest-xdist) have a sandbox each.
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
PIPES = "VIPOOL_SANDBOX_PIPES"
INSIDE = os.environ.get("VIPOOL_SANDBOXED") == "1"


class Sandbox:
    """The child pytest, which runs one test after another as it is told."""

    def __init__(self, session: pytest.Session) -> None:
        self._config = session.config
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the session
        # A root of temporary directories of its own: pytest refuses that of another user, and in there root is another.
        self._directory = tempfile.TemporaryDirectory(prefix="vipool-net-")
        files = sorted({str(item.path) for item in session.items if HERE in item.path.parents})
        asked, asking = os.pipe()
        told, telling = os.pipe()
        self._child = subprocess.Popen(
            [*_unshare(), "sh", "-ec", _FURNISH, "sh", sys.executable, "-m", "pytest", *_OPTIONS, *files],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=(asked, telling),
            cwd=session.config.rootpath,
            env={
                **os.environ,
                "VIPOOL_SANDBOXED": "1",
                PIPES: f"{asked},{telling}",
                "PYTEST_DEBUG_TEMPROOT": self._directory.name,
            },
        )
        os.close(asked)
        os.close(telling)
        self._asking = os.fdopen(asking, "w")
        self._reports = os.fdopen(told)

    def run(self, item: pytest.Item, following: pytest.Item | None) -> list[pytest.TestReport]:
        """The reports of one test; a failure with the child's output where it died without one.

        What the test after it needs too is kept: of one that is not in there, nothing is.
        """
        stays = following is not None and HERE in following.path.parents
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps((item.nodeid, following.nodeid if stays else None)), file=self._asking, flush=True)
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
        with contextlib.suppress(BrokenPipeError):
            self._asking.close()
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
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if INSIDE or HERE not in item.path.parents:
        return None
    if _sandbox not in item.session.stash:
        item.session.stash[_sandbox] = Sandbox(item.session)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in item.session.stash[_sandbox].run(item, nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _sandbox in session.stash:
        session.stash[_sandbox].close()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if INSIDE and _config:
        data = _config[0].hook.pytest_report_to_serializable(config=_config[0], report=report)
        os.write(_pipes()[1], (json.dumps(data, default=str) + "\n").encode())


def _pipes() -> tuple[int, int]:
    """In the child: where it is told what to run, and where it reports."""
    asked, telling = os.environ[PIPES].split(",")
    return int(asked), int(telling)


_config: list[pytest.Config] = []


@pytest.fixture(scope="session", autouse=True)
def _only_in_the_sandbox() -> None:
    names = [name for _, name in socket.if_nameindex()]
    if not INSIDE or PIPES not in os.environ or names != ["lo"]:
        pytest.exit(f"tests of {HERE.name} run in a sandbox only, and this is none: {names}", returncode=4)


if INSIDE:

    def pytest_configure(config: pytest.Config) -> None:
        _config.append(config)

    def pytest_runtestloop(session: pytest.Session) -> bool:
        """Run what is asked for until nobody asks any more."""
        items = {item.nodeid: item for item in session.items}
        for line in os.fdopen(_pipes()[0]):
            asked, following = json.loads(line)
            item, nextitem = items[asked], items.get(following)
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        return True


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """The directory of marks of one test."""
    return tmp_path / "marks"
