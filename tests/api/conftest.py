"""What the tests of the load-balancer API and of the key manager stand on."""

import pytest

from tests.api import balancing, keymanager_cloud


@pytest.fixture
def cloud(tmp_path):
    """A cloud with nothing in it but a network."""
    made = balancing.Cloud(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def keys(tmp_path):
    """A key manager with nothing in it."""
    made = keymanager_cloud.Cloud(tmp_path / "keys.db")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_keys(tmp_path_factory):
    """A key manager for tests that do not look at what others left."""
    made = keymanager_cloud.Cloud(tmp_path_factory.mktemp("keys") / "keys.db")
    yield made
    made.close()
