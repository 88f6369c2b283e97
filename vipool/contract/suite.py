"""The whole suite: a class to be inherited from, once for each provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vipool.contract import admission, changing, lasting, serving, stage


class Suite(admission.Admission, serving.Serving, changing.Changing, lasting.Lasting):
    """Give a class whose name begins with Test a `subject`; tests of what it refuses are skipped, with its words."""

    def staged(self, directory: Path) -> stage.Stage:
        """What is played on; for a subject without packets, one that knows how to kill it."""
        return stage.Stage(self.subject, directory)

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[stage.Stage]:
        """A stage for one test, taken away after it."""
        made = self.staged(tmp_path)
        yield made
        made.close()
