"""LEAST_CONNECTIONS and the counts of open connections, on packets through the kernel."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from tests.net import balanced, talkers
from tests.net.balanced import FLOATING, VIP, WEB1, WEB2
from tests.net.members import eventually
from tests.providers import trees
from vipool.host import namespaces, nft
from vipool.model import pool, spec
from vipool.providers import fake
from vipool.providers.nftables import carried, render, streams
from vipool.providers.nftables import engine as kernel

LISTENER, ONE, TWO = trees.identifier(2, 1), trees.identifier(4, 1), trees.identifier(4, 2)
LEAST = pool.Algorithm.LEAST_CONNECTIONS


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, {"amphora": kernel.Engine(carried.WHOLE, fake.Checker())})
    servers = [talkers.Talker(name, at, name).start() for name, at in (("web1", WEB1), ("web2", WEB2))]
    yield made
    for each in servers:
        each.stop()
    made.close()


def web(*members, **back):
    front = {"id": LISTENER, "protocol": "TCP", "protocol_port": 80}
    return balanced.picture([front], "TCP", members, lb_algorithm=LEAST, **back)


def without(wanted, member_id):
    return wanted.having({"members": tuple(each for each in wanted.members if each.id != member_id)})


def hold(stack, count):
    """So many connections that stay open, with who answered each."""
    opened = [stack.enter_context(talkers.Connection("client", FLOATING)) for _ in range(count)]
    return [(each, each.ask().split()[0]) for each in opened]


def turns(picture, wanted):
    """How many slots each member has in the map that follows counts, by its number."""
    (each,) = render.turnings(wanted)
    printed = nft.read(picture.namespace, f"list map inet {render.TABLE} {each.name}")
    return {number: printed.count(f" : {number:#010x}") for number in each.weights}


def number(wanted, member_id):
    return render.numbers(wanted)[member_id]


def test_open_connections_are_counted_of_the_listener_and_each_member(picture):
    picture.serve(web({"address": WEB1}, {"address": WEB2}))
    with contextlib.ExitStack() as stack:
        held = hold(stack, 5)
        homes = [home for _, home in held]

        def counted() -> bool:
            seen = picture.observe()
            assert seen is not None
            members = {key: each.active_connections for key, each in seen.members.items()}
            expected = {ONE: homes.count("web1"), TWO: homes.count("web2")}
            return seen.counters[LISTENER].active_connections == 5 and members == expected

        eventually(counted)
        seen = picture.observe()
        assert sum(each.total_connections for each in seen.members.values()) == 5
        assert seen.counters[LISTENER].bytes_in == sum(each.bytes_in for each in seen.members.values())
        assert seen.counters[LISTENER].bytes_out == sum(each.bytes_out for each in seen.members.values())
    eventually(lambda: picture.observe().counters[LISTENER].active_connections == 0)


def test_a_pool_of_two_listeners_counts_for_each_and_its_member_for_both(picture):
    wanted = web({"address": WEB1})
    other = dataclasses.replace(wanted.listeners[0], id=trees.identifier(2, 2), protocol_port=8080)
    picture.serve(wanted.adding(other))
    for port in (80, 80, 8080):
        talkers.ask("client", FLOATING, port)
    seen = picture.observe()
    assert [seen.counters[each].total_connections for each in (LISTENER, other.id)] == [2, 1]
    assert seen.members[ONE].total_connections == 3
    picture.serve(wanted)
    talkers.ask("client", FLOATING)
    seen = picture.observe()
    assert (seen.counters[LISTENER].total_connections, seen.members[ONE].total_connections) == (3, 4)


def test_what_connections_carry_that_outlast_their_member_counts_for_their_listener(picture):
    wanted = web({"address": WEB1}, {"address": WEB2})
    left = wanted.replacing(dataclasses.replace(wanted.loadbalancer, flavor={streams.ENDING: "LEAVE"}))
    alone = without(left, TWO)
    picture.serve(alone)
    with talkers.Connection("client", FLOATING) as connection:
        connection.ask()
        before = picture.observe().counters[LISTENER]
        picture.serve(without(left, ONE))
        for _ in range(5):
            assert connection.ask() == f"web1 to {VIP}"
        after = picture.observe()
        assert after.counters[LISTENER].bytes_in >= before.bytes_in + 5 * 40
        assert after.counters[LISTENER].total_connections == 1
        assert ONE not in after.members


def test_a_member_with_many_held_connections_gets_fewer_new_ones_and_keeps_those_it_has(picture):
    wanted = web({"address": WEB1}, {"address": WEB2})
    alone = without(wanted, TWO)
    picture.serve(alone)
    with contextlib.ExitStack() as stack:
        held = hold(stack, 40)
        picture.serve(wanted)
        eventually(lambda: turns(picture, wanted) == {number(wanted, ONE): 0, number(wanted, TWO): 256})
        assert {home for _, home in hold(stack, 12)} == {"web2"}
        assert {connection.ask() for connection, _ in held} == {f"web1 to {VIP}"}
    eventually(lambda: turns(picture, wanted) == {number(wanted, ONE): 128, number(wanted, TWO): 128})


def test_weights_count_and_a_change_of_them_is_in_force_at_once(picture):
    wanted = web({"address": WEB1, "weight": 3}, {"address": WEB2, "weight": 1})
    picture.serve(wanted)
    with contextlib.ExitStack() as stack:
        homes = [home for _, home in hold(stack, 40)]
        assert 26 <= homes.count("web1") <= 34
        first = wanted.members[0]
        picture.serve(wanted.replacing(dataclasses.replace(first, weight=0)))
        assert {home for _, home in hold(stack, 6)} == {"web2"}
        picture.serve(wanted.replacing(dataclasses.replace(first, weight=256)))
        assert {home for _, home in hold(stack, 20)} >= {"web1"}


def test_a_kept_client_stays_where_it_is_whoever_has_fewest(picture):
    wanted = web({"address": WEB1}, {"address": WEB2}, session_persistence={"type": "SOURCE_IP"})
    picture.serve(without(wanted, TWO))
    with contextlib.ExitStack() as stack:
        hold(stack, 30)
        picture.serve(wanted)
        eventually(lambda: turns(picture, wanted) == {number(wanted, ONE): 0, number(wanted, TWO): 256})
        assert {home for _, home in hold(stack, 6)} == {"web1"}
        assert talkers.ask("web2", VIP).split()[0] == "web2"


def test_rules_that_are_loaded_again_keep_what_was_counted_and_a_new_agent_goes_on(picture):
    wanted = web({"address": WEB1}, {"address": WEB2})
    picture.serve(without(wanted, TWO))
    with contextlib.ExitStack() as stack:
        hold(stack, 20)
        picture.serve(wanted)
        full = {number(wanted, ONE): 0, number(wanted, TWO): 256}
        eventually(lambda: turns(picture, wanted) == full)
        front = wanted.listeners[0]
        picture.serve(wanted.adding(dataclasses.replace(front, id=trees.identifier(2, 9), protocol_port=8080)))
        assert turns(picture, wanted) == full
        before = picture.observe()
        again = kernel.Engine(carried.WHOLE, fake.Checker())
        place = picture.site.hand.place(trees.LOADBALANCER)
        again.rules(place, wanted)
        again.converge(place, wanted)
        assert turns(picture, wanted) == full
        after = again.observe(place, wanted)
        assert sums(after) == sums(before)
        again.remove(place)


def sums(seen):
    assert seen is not None
    return {
        key: dataclasses.replace(each, active_connections=0)
        for key, each in {**seen.counters, **seen.members}.items()
        if each != spec.Counters()
    }


def test_a_map_is_filled_in_our_own_tables_alone(picture):
    picture.serve(web({"address": WEB1}, {"address": WEB2}))
    with pytest.raises(Exception, match="only tables whose name begins with vipool"):
        namespaces.call(picture.namespace, lambda: nft.fill_here("filter", "x", {0: 1}))
