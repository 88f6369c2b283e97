"""Conditions as nodes tell them: kept once from when they are first heard of, gone with the cause, in the history."""

import dataclasses

import pytest

from tests.service import world
from vipool.model import condition, event, spec
from vipool.service import conditions
from vipool.store import rows

NAME = condition.Name.MEMBER_UNREACHABLE


@pytest.fixture
def cloud(tmp_path):
    made = world.World(tmp_path)
    yield made
    made.database.close()


def served(cloud) -> spec.LoadBalancer:
    """A load balancer with a member, made so by a node."""
    members = [{"address": "172.16.100.9", "protocol_port": 80}]
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members}
    front = {"protocol": "TCP", "protocol_port": 80, "default_pool": pool}
    cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET, "listeners": [front]})
    cloud.settle()
    (item,) = cloud.balancers()
    return item


def unreachable(item: spec.LoadBalancer, **more) -> spec.Condition:
    values = {
        "name": NAME,
        "object_type": "member",
        "object_id": item.tree.members[0].id,
        "address": "172.16.100.9",
        "measured": "Asked in vain.",
    }
    return spec.Condition(**{**values, **more})


def tell(cloud, item: spec.LoadBalancer, *found: spec.Condition | None) -> None:
    """What a node sees of it; None for a node that has not looked."""
    told = None if None in found else found
    observation = dataclasses.replace(world.serving(item), conditions=told)
    cloud.report(dataclasses.replace(world.realised(item), observation=observation))


def kept(cloud) -> list[condition.Condition]:
    with cloud.database.read() as held:
        return list(rows.find(held, condition.Condition))


def noted(cloud) -> list[str]:
    with cloud.database.read() as held:
        entries = sorted(rows.find(held, event.Event), key=lambda each: each.created_at)
    return [each.action for each in entries if each.action.startswith("condition:")]


def test_a_condition_is_kept_from_when_it_is_first_heard_of(cloud):
    item = served(cloud)
    cloud.pass_time(60)
    tell(cloud, item, unreachable(item))
    (first,) = kept(cloud)
    assert (first.name, first.since, first.loadbalancer_id, first.project_id) == (
        NAME,
        cloud.now,
        item.id,
        world.PROJECT,
    )
    assert (first.object_type, first.object_id) == (condition.About.MEMBER, item.tree.members[0].id)
    assert first.message == condition.message(NAME, "Asked in vain.")
    cloud.pass_time(60)
    tell(cloud, item, unreachable(item))
    assert kept(cloud) == [first]
    tell(cloud, item, unreachable(item, measured="Asked again."))
    assert kept(cloud) == [dataclasses.replace(first, message=condition.message(NAME, "Asked again."))]
    assert noted(cloud) == [conditions.BEGIN]


def test_it_goes_with_its_cause_and_what_comes_again_begins_anew(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    cloud.pass_time(5)
    tell(cloud, item)
    assert kept(cloud) == []
    cloud.pass_time(5)
    tell(cloud, item, unreachable(item))
    assert [each.since for each in kept(cloud)] == [cloud.now]
    assert noted(cloud) == [conditions.BEGIN, conditions.END, conditions.BEGIN]


def test_a_node_that_has_not_looked_takes_nothing_away(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    tell(cloud, item, None)
    cloud.settle(fault="The disk is full.")
    cloud.settle()
    assert [each.name for each in kept(cloud)] == [NAME]


def test_what_a_node_says_again_waits_for_no_writer(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    revision = list(cloud.told)
    writes = []
    write = cloud.database.write

    def counted():
        writes.append(1)
        return write()

    cloud.database.write = counted
    tell(cloud, item, unreachable(item))
    tell(cloud, item, unreachable(item))
    assert writes == []
    assert cloud.told == revision


@pytest.mark.parametrize(
    "more",
    [
        {"name": "SomethingOfANewerNode"},
        {"object_type": "router"},
        {"object_id": "00000000-0000-4000-8000-00000000ffff"},
    ],
)
def test_what_this_server_cannot_place_is_passed_over(cloud, more):
    item = served(cloud)
    tell(cloud, item, unreachable(item, **more), unreachable(item))
    assert [each.object_id for each in kept(cloud)] == [item.tree.members[0].id]


def test_it_ends_with_what_it_is_about(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    cloud.pass_time(5)
    (member,) = item.tree.members
    cloud.writer.delete(world.about("member", "delete"), type(member), member.id)
    (now,) = cloud.balancers()
    tell(cloud, now, unreachable(item))
    assert kept(cloud) == []
    assert noted(cloud) == [conditions.BEGIN, conditions.END]


def test_it_ends_with_the_load_balancer(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    cloud.writer.delete_root(world.DELETE, item.id, cascade=True)
    cloud.settle()
    assert kept(cloud) == []


def test_what_befell_a_load_balancer_is_in_its_history_with_the_sentence(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    tell(cloud, item)
    with cloud.database.read() as held:
        begin, end = (rows.find(held, event.Event, action=each)[0] for each in (conditions.BEGIN, conditions.END))
    ((came,), (went,)) = (begin.changes, end.changes)
    assert (came["object"], came["before"], went["after"]) == ("condition", None, None)
    assert came["after"] == went["before"]
    assert (came["after"]["name"], came["after"]["object_id"]) == (NAME, item.tree.members[0].id)
    assert "Asked in vain." in came["after"]["message"]
    assert (begin.user_id, begin.realised_at, begin.generation) == ("", begin.created_at, item.generation)


def test_metrics_count_every_name_and_tell_each_condition(cloud):
    item = served(cloud)
    tell(cloud, item, unreachable(item))
    with cloud.database.read() as held:
        counts, each = conditions.gauges(held)
    assert {labels["condition"]: value for labels, value in counts.samples} == {
        name: int(name is NAME) for name in condition.Name
    }
    ((labels, value),) = each.samples
    assert value == 1
    assert (labels["condition"], labels["loadbalancer"], labels["address"]) == (NAME, item.id, "172.16.100.9")
