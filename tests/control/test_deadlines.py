"""No load balancer is pending for ever: an error with its reason ends it, and a node's word ends the error."""

import threading

import pytest

from tests.service import world
from vipool.control import deadlines
from vipool.model import loadbalancer
from vipool.service import views
from vipool.store import rows


@pytest.fixture
def cloud(tmp_path):
    made = world.World(tmp_path)
    yield made
    made.database.close()


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def balancer(cloud) -> str:
    whole = cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET})
    return str(whole.loadbalancer.id)


def state(cloud, identifier) -> tuple[str, str | None]:
    with cloud.database.read() as held:
        (root,) = rows.find(held, loadbalancer.LoadBalancer, id=identifier)
    return views.provisioning(root, root.progress).value, root.fault


def watch(cloud, clock) -> deadlines.Deadlines:
    return deadlines.Deadlines(cloud.database, cloud.networks, clock=clock)


def test_silence_becomes_an_error_with_its_reason_and_a_report_ends_it(cloud):
    clock = Clock()
    loop = watch(cloud, clock)
    identifier = balancer(cloud)
    assert loop.look() == ()
    clock.now += 29.9
    assert loop.look() == ()
    assert state(cloud, identifier) == ("PENDING_CREATE", None)
    clock.now += 0.1
    assert loop.look() == (identifier,)
    word, reason = state(cloud, identifier)
    assert (word, reason is not None and "No node has reported on generation 1 for 30 seconds" in reason) == (
        "ERROR",
        True,
    )
    clock.now += 3600
    assert loop.look() == ()
    cloud.settle()
    assert state(cloud, identifier) == ("ACTIVE", None)
    assert loop.look() == ()


def test_writes_do_not_put_the_deadline_off_and_progress_does(cloud):
    clock = Clock()
    loop = watch(cloud, clock)
    identifier = balancer(cloud)
    late = []
    for _ in range(4):
        cloud.writer.update_root(world.PUT, identifier, {})
        late.append(loop.look())
        clock.now += 10
    assert late == [(), (), (), (identifier,)]
    cloud.writer.update_root(world.PUT, identifier, {})
    late = []
    for _ in range(6):
        late.append(loop.look())
        cloud.settle()
        cloud.writer.update_root(world.PUT, identifier, {})
        clock.now += 20
    assert late == [()] * 6


def test_a_crowd_that_is_being_worked_on_is_not_given_up(cloud):
    clock = Clock()
    loop = watch(cloud, clock)
    crowd = [balancer(cloud) for _ in range(5)]
    loop.look()
    for _ in crowd:
        clock.now += 29
        assert loop.look() == ()
        waiting = [item for item in cloud.balancers() if not item.tree.loadbalancer.settled]
        cloud.report(world.realised(waiting[0]))
    clock.now += 29
    assert loop.look() == ()


def test_a_failure_that_was_reported_keeps_its_own_reason(cloud):
    clock = Clock()
    loop = watch(cloud, clock)
    identifier = balancer(cloud)
    loop.look()
    cloud.settle(fault="There is no haproxy on this node.")
    clock.now += 100
    assert loop.look() == ()
    assert state(cloud, identifier) == ("ERROR", "There is no haproxy on this node.")


def test_a_deletion_that_nobody_carries_out_is_an_error_too(cloud):
    clock = Clock()
    loop = watch(cloud, clock)
    identifier = balancer(cloud)
    cloud.settle()
    cloud.writer.delete_root(world.DELETE, identifier, cascade=False)
    loop.look()
    clock.now += 30
    assert loop.look() == (identifier,)
    assert state(cloud, identifier)[0] == "ERROR"
    cloud.settle()
    assert cloud.count(loadbalancer.LoadBalancer) == 0


def test_the_words_of_a_failure_outlive_a_late_word_on_what_served_before(cloud):
    identifier = balancer(cloud)
    before = cloud.balancers()
    cloud.settle()
    cloud.writer.update_root(world.PUT, identifier, {})
    cloud.settle(fault="The disk is full.")
    cloud.report(*(world.realised(item) for item in before))
    assert state(cloud, identifier) == ("ERROR", "The disk is full.")


def test_nothing_overdue_writes_nothing(cloud):
    clock = Clock()
    loop = watch(cloud, clock)
    balancer(cloud)
    cloud.settle()
    with cloud.database.write():  # whoever wanted to write now would wait for ever
        thread = threading.Thread(target=loop.look, daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()


def test_the_loop_outlives_a_failing_pass_and_stops_when_told(cloud, caplog, monkeypatch):
    monkeypatch.setattr(deadlines, "EVERY", 0.001)
    stop = threading.Event()
    calls = []

    def clock() -> float:
        calls.append(1)
        if len(calls) == 1:
            return 0.0
        if len(calls) == 4:
            stop.set()
        raise RuntimeError("no clock")

    watch(cloud, clock).run(stop)
    assert len(calls) == 4
    assert "no clock" in caplog.text
