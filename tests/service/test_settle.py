"""Reports of nodes: what they change, what they cost, and how old ones are told from new ones."""

import dataclasses
import threading

import pytest

from tests.service import world
from vipool.model import device, listener, loadbalancer, port, spec, statistics, status
from vipool.service import settle
from vipool.store import rows, trees


@pytest.fixture
def cloud(tmp_path):
    made = world.World(tmp_path)
    yield made
    made.database.close()


def served(cloud) -> spec.LoadBalancer:
    """A load balancer with a listener, as a node is asked to be it."""
    body = {"vip_subnet_id": world.SUBNET, "listeners": [{"protocol": "HTTP", "protocol_port": 80}]}
    cloud.writer.create_root(world.POST, body)
    (item,) = cloud.balancers()
    return item


def root(cloud) -> loadbalancer.LoadBalancer:
    with cloud.database.read() as held:
        (found,) = rows.find(held, loadbalancer.LoadBalancer)
    return found


def ports(cloud) -> tuple[port.Port, ...]:
    with cloud.database.read() as held:
        return rows.find(held, port.Port, device_owner=device.LOAD_BALANCER)


def test_a_report_that_says_nothing_new_waits_for_no_writer(cloud):
    item = served(cloud)
    cloud.settle()
    with cloud.database.write():  # whoever needs the writers' lock now waits for ever
        thread = threading.Thread(target=lambda: [cloud.report(world.realised(item)) for _ in range(20)], daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()


def test_reports_raise_no_revision_and_wake_nobody(cloud):
    served(cloud)
    told = list(cloud.told)
    cloud.settle()
    assert cloud.told == told
    assert root(cloud).settled == 1


def test_a_crowd_of_reports_lets_users_write_in_between(cloud):
    items = []
    for _ in range(settle.TOGETHER * 2):
        cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET})
    items = cloud.balancers()
    began = []
    write = cloud.database.write

    def counted():
        began.append(1)
        return write()

    cloud.database.write = counted
    cloud.report(*(world.realised(item) for item in items))
    assert len(began) == 2


def test_what_was_seen_of_an_older_generation_is_late(cloud):
    old = served(cloud)
    cloud.settle()
    cloud.writer.update_root(world.PUT, old.id, {})
    cloud.settle()
    nothing = spec.Observation(frontends={}, backends={}, servers={}, counters={})
    cloud.report(dataclasses.replace(world.realised(old), observation=nothing))
    assert root(cloud).operating_status is status.Operating.ONLINE
    (new,) = cloud.balancers()
    cloud.report(dataclasses.replace(world.realised(new), observation=nothing))
    with cloud.database.read() as held:
        (front,) = rows.find(held, listener.Listener)
    assert front.operating_status is status.Operating.ERROR


def test_what_the_last_good_state_serves_is_heard_beside_a_failure(cloud):
    good = served(cloud)
    cloud.settle()
    cloud.writer.update_root(world.PUT, good.id, {"name": "x"})
    cloud.settle(fault="The configuration is refused.")
    full = spec.Observation(
        frontends=dict.fromkeys([good.tree.listeners[0].id], "full"), backends={}, servers={}, counters={}
    )
    cloud.report(dataclasses.replace(world.realised(good), observation=full))
    assert (root(cloud).operating_status, root(cloud).failed, root(cloud).fault) == (
        status.Operating.DEGRADED,
        2,
        "The configuration is refused.",
    )


def test_reports_in_one_batch_build_on_each_other(cloud):
    item = served(cloud)
    again = world.realised(item, fault="It could not.")
    cloud.report(again, again, world.realised(item), world.realised(item))
    assert (root(cloud).settled, root(cloud).failed, root(cloud).fault) == (1, 0, None)
    assert cloud.count(statistics.Statistics) == 1


def test_only_members_whose_counters_changed_are_written(cloud):
    members = [{"address": f"10.0.0.{last}", "protocol_port": 80} for last in (1, 2)]
    back = {"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members}
    front = {"protocol": "HTTP", "protocol_port": 80, "default_pool": back}
    cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET, "listeners": [front]})
    cloud.settle()
    (item,) = cloud.balancers()
    one, two = (each.id for each in item.tree.members)
    seen = world.serving(item)
    more = {**seen.members, two: spec.Counters(total_connections=9, active_connections=3)}
    report = dataclasses.replace(world.realised(item), observation=dataclasses.replace(seen, members=more))
    with cloud.database.read() as held:
        known = {each.id: each for cls in settle.COUNTED for each in rows.find(held, cls)}
        (whole,) = trees.load_many(held, rows.find(held, loadbalancer.LoadBalancer))
    change = settle.changes(whole, settle.Known(counted=known, found={}), report)
    assert ([each.id for each in change.counters], change.new_counters) == ([two], ())
    cloud.report(report)
    cloud.report(dataclasses.replace(report, observation=dataclasses.replace(seen, members={})))
    with cloud.database.read() as held:
        counted = rows.find(held, statistics.MemberStatistics)
    assert {each.id: each.total_connections for each in counted} == {one: 2, two: 9}, "who is not spoken of keeps them"
    assert {each.active_connections for each in counted} == {0}, "and has nothing open"


def test_what_fails_after_it_was_realised_says_why_and_stays_active(cloud):
    item = served(cloud)
    cloud.settle()
    cloud.settle(fault="The disk is full.")
    assert (root(cloud).settled, root(cloud).failed, root(cloud).fault) == (1, 0, "The disk is full.")
    late = dataclasses.replace(world.realised(item), revision=item.revision - 1)
    cloud.report(late)
    assert root(cloud).fault == "The disk is full."
    cloud.settle()
    assert root(cloud).fault is None


def test_a_report_on_what_is_not_there_or_not_going_is_nothing(cloud):
    item = served(cloud)
    cloud.report(spec.Report(kind="loadbalancer", id="unknown", generation=1))
    cloud.report(spec.Report(kind="loadbalancer", id=item.id, gone=True))
    cloud.report(spec.Report(kind="loadbalancer", id=item.id, generation=99))
    assert (root(cloud).settled, root(cloud).generation) == (0, 1)


def test_the_port_of_the_vip_is_active_once_a_node_carries_it(cloud):
    served(cloud)
    assert [each.status for each in ports(cloud)] == ["DOWN"]
    cloud.settle(fault="the disk is full")
    assert [each.status for each in ports(cloud)] == ["DOWN"]
    cloud.settle()
    assert [each.status for each in ports(cloud)] == ["ACTIVE"]
