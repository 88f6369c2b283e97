"""What the tests of the load-balancer API stand on."""

import pytest

from tests.api import balancing


@pytest.fixture
def cloud(tmp_path):
    """A cloud with nothing in it but a network."""
    made = balancing.Cloud(tmp_path)
    yield made
    made.database.close()
