"""What holds for every test: how many examples Hypothesis tries, which signals the processes under test hear, which
tests stay together where several workers share them (pytest-xdist).

`VIPOOL_EXAMPLES=fuzz` (see `make fuzz`) trades minutes for examples, `few` the other way. It promises nothing else:
fixtures of a room live with the room's tests.
"""

import os
import signal

import hypothesis
import pytest
import xdist.scheduler

# A shell leaves a job in the background deaf to the first, nohup to the second, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# No deadline: a slow example on a shared machine says nothing about the code.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
# Enough to have been everywhere once, always in the same places (see `make cover`).
hypothesis.settings.register_profile("few", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("VIPOOL_EXAMPLES", "default"))


class Shares(xdist.scheduler.LoadScopeScheduling):
    """What workers take: a file at a time, for the sake of what its tests share; of folders that share one, all."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "tests/compat" if file.startswith("tests/compat/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Shares:
    """Share the tests out so."""
    return Shares(config, log)
