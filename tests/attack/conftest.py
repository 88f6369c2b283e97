"""What the attacks are tried on: every service as `wiring` builds it, its operator, a victim, and a tenant to fear."""

import pytest

from tests.attack import town


@pytest.fixture
def whole(tmp_path):
    """The whole server in process, over a database of its own."""
    made = town.Town(tmp_path)
    yield made
    made.database.close()
