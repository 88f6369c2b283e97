"""The provider in memory keeps the contract that the real ones keep."""

import dataclasses

import pytest

from tests.providers import trees
from vipool.model import tree
from vipool.providers import base, fake

LISTENER, POOL, FIRST, SECOND = *(trees.identifier(kind, 1) for kind in (2, 3, 4)), trees.identifier(4, 2)
PLACE = base.Place(namespace="qlbaas-1", directory="/nowhere")


def picture(**more: object) -> tree.Tree:
    body = {
        "listeners": [{"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL}],
        "pools": [{"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}],
        "members": [
            {"id": each, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80} for each in (FIRST, SECOND)
        ],
        "healthmonitors": [
            {"id": trees.identifier(5, 1), "pool_id": POOL, "type": "TCP", "delay": 1, "timeout": 1, "max_retries": 1}
        ],
    }
    return trees.load({**body, **more})


def test_a_pool_that_a_policy_leads_to_is_seen():
    engine = fake.Engine()
    policy = {"id": "policy", "listener_id": LISTENER, "action": "REDIRECT_TO_POOL", "redirect_pool_id": POOL}
    rule = {"id": "rule", "l7policy_id": "policy", "type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
    front = {"id": LISTENER, "protocol": "HTTP", "protocol_port": 80}
    for rules, seen in (([rule], {POOL: "up"}), ([], {})):
        wanted = picture(listeners=[front], l7policies=[policy], l7rules=rules)
        engine.converge(PLACE, wanted)
        found = engine.observe(PLACE, wanted)
        assert found is not None
        assert found.backends == seen


def test_converging_twice_does_nothing_the_second_time():
    engine = fake.Engine()
    assert engine.converge(PLACE, picture()) == "started"
    assert engine.converge(PLACE, picture()) == ""
    assert engine.converge(PLACE, picture(members=[])) == "changed"
    engine.remove(PLACE)
    engine.remove(PLACE)
    assert [what for _, what in engine.done] == ["started", "changed", "removed"]


def test_members_that_do_not_answer_are_down_and_the_pool_with_the_last():
    engine = fake.Engine(down={FIRST})
    engine.converge(PLACE, picture())
    seen = engine.observe(PLACE, picture())
    assert seen is not None
    assert (seen.servers, seen.backends) == ({FIRST: "down", SECOND: "up"}, {POOL: "up"})
    engine.down.add(SECOND)
    seen = engine.observe(PLACE, picture())
    assert seen is not None
    assert seen.backends == {POOL: "down"}


def test_what_is_disabled_unmonitored_or_drained_shows_it():
    engine = fake.Engine()
    whole = picture()
    rows = dataclasses.replace(whole.members[0], weight=0), dataclasses.replace(whole.members[1], admin_state_up=False)
    for wanted, states in (
        (whole.replacing(*rows), {FIRST: "drain", SECOND: "maint"}),
        (dataclasses.replace(whole, healthmonitors=()), {FIRST: "no_check", SECOND: "no_check"}),
    ):
        engine.converge(PLACE, wanted)
        seen = engine.observe(PLACE, wanted)
        assert seen is not None
        assert seen.servers == states


def test_a_killed_process_is_noticed_and_started_again():
    engine = fake.Engine()
    engine.converge(PLACE, picture())
    assert engine.watch([PLACE]) == {}
    engine.kill(PLACE)
    assert engine.watch([PLACE]) == {"qlbaas-1": base.GONE}
    assert engine.observe(PLACE, picture()) is None
    assert engine.converge(PLACE, picture()) == "started"
    assert engine.watch([PLACE]) == {}


def test_trouble_is_raised_and_the_last_good_state_stays():
    engine = fake.Engine()
    engine.converge(PLACE, picture())
    engine.troubles[trees.LOADBALANCER] = base.Broken("no")
    with pytest.raises(base.Broken):
        engine.converge(PLACE, picture(members=[]))
    assert engine.carried[PLACE.directory] == picture()


def test_it_refuses_what_it_was_told_to():
    capabilities = fake.Capabilities()
    assert capabilities.refuse(picture()) is None
    capabilities.refusals[FIRST] = "not this one"
    assert capabilities.refuse(picture()) == "not this one"
