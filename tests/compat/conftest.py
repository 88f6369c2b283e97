"""One live vipool for all tests of this folder, and the clients that talk to it."""

import pytest

from tests import live as lives


@pytest.fixture(scope="session")
def live():
    """A `vipool up --sandbox`, ended after the last test."""
    vipool = lives.Live()
    try:
        yield vipool.up()
    finally:
        vipool.end()
