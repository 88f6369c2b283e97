"""What unmodified clients could do with vipool so far: `passes.txt`, a list that may only grow.

`make bless` has nothing to do with it: run the tests of this folder with `VIPOOL_BLESS=1` to add what passes newly.
"""

import os
from pathlib import Path

FILE = Path(__file__).with_name("passes.txt")


class Passes:
    """The passes of one client, noted while its tests run."""

    def __init__(self, client):
        self.client = client
        self._seen = set()

    def note(self, what):
        """This worked."""
        self._seen.add(f"{self.client} {what}")

    def typed(self, command, words):
        """This command line worked."""
        self.note(command)

    def missing(self):
        """What passed before and was not even seen now; with the switch, new passes are written down."""
        listed = set(FILE.read_text().splitlines()) if FILE.exists() else set()
        if os.environ.get("VIPOOL_BLESS") == "1" and not self._seen <= listed:
            FILE.write_text("".join(f"{line}\n" for line in sorted(listed | self._seen)))
        return sorted(line for line in listed - self._seen if line.startswith(f"{self.client} "))

    def unlisted(self):
        """What passes and is not listed yet."""
        return sorted(self._seen - set(FILE.read_text().splitlines()))
