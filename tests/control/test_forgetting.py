"""History is kept as long as the operator wants it, and no longer."""

import pytest

from tests.service import world
from vipool.control import forgetting
from vipool.model import event

DAY = 86_400


@pytest.fixture
def cloud(tmp_path):
    made = world.World(tmp_path)
    yield made
    made.database.close()


def test_what_is_older_than_wanted_goes(cloud):
    cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET})
    cloud.pass_time(29 * DAY)
    cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET})
    loop = forgetting.Forgetting(database=cloud.database, days=30)
    assert (loop.look(), cloud.count(event.Event)) == (0, 2)
    cloud.pass_time(2 * DAY)
    assert (loop.look(), cloud.count(event.Event)) == (1, 1)


def test_what_is_wanted_for_ever_stays(cloud):
    cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET})
    cloud.pass_time(10_000 * DAY)
    assert forgetting.Forgetting(database=cloud.database, days=0).look() == 0
    assert cloud.count(event.Event) == 1
