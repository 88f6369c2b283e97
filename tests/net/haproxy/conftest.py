"""A load balancer for each test of this folder, taken away after it."""

from pathlib import Path

import pytest

from tests.net.haproxy.balancer import Balancer


@pytest.fixture
def balancer(tmp_path):
    made = Balancer(tmp_path / "lb")
    yield made
    made.close()
    assert made.processes() == 0
    assert not Path(made.place.directory).exists()
