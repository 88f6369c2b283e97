"""Descriptors are moved out of the way of select(2), where there is room."""

import os
import subprocess
import sys

import pytest

from vipool.host import descriptors


def test_a_file_is_had_by_a_descriptor_that_select_cannot_count():
    reading, writing = os.pipe()
    moved = descriptors.up(writing)
    assert moved >= descriptors.COUNTED
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writing)
    assert not os.get_inheritable(moved)
    os.write(moved, b"x")
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    os.close(moved)


CRAMPED = """
import os, resource
from vipool.host import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
reading, writing = os.pipe()
assert descriptors.up(writing) == writing
assert descriptors.room() == 100
descriptors.raise_limit()
assert descriptors.room() == 200
"""


def test_where_there_is_no_room_it_stays_where_it_is():
    subprocess.run([sys.executable, "-c", CRAMPED], check=True)
