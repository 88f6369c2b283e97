"""A load balancer in two halves: each row is in one, each half is carried, and the whole is told."""

import dataclasses
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers import trees
from vipool.model import listener, pool, spec, tree, wiring
from vipool.providers import base, fake, halves, joined

PLACE = base.Place(namespace="qlbaas-1", directory="/nowhere")
FRONTS = {"TCP": trees.identifier(2, 1), "UDP": trees.identifier(2, 2)}
BACKS = {"TCP": trees.identifier(3, 1), "UDP": trees.identifier(3, 2)}
MEMBERS = {"TCP": trees.identifier(4, 1), "UDP": trees.identifier(4, 2)}


def picture(*protocols: str) -> tree.Tree:
    return trees.load(
        {
            "listeners": [
                {"id": FRONTS[each], "protocol": each, "protocol_port": 53, "default_pool_id": BACKS[each]}
                for each in protocols
            ],
            "pools": [{"id": BACKS[each], "protocol": each, "lb_algorithm": "ROUND_ROBIN"} for each in protocols],
            "members": [
                {"id": MEMBERS[each], "pool_id": BACKS[each], "address": "10.0.0.1", "protocol_port": 53}
                for each in protocols
            ],
        }
    )


def ids(whole: tree.Tree | None) -> set[str]:
    return set() if whole is None else {row.id for row in whole.rows()} - {whole.loadbalancer.id}


@settings(max_examples=40)
@given(one=trees.trees(), other=trees.datagrams())
def test_every_row_is_in_one_half_and_with_the_rows_it_belongs_to(one, other):
    def renamed(row):
        values = {name: getattr(row, name, None) for name in ("id", "pool_id", "default_pool_id")}
        return dataclasses.replace(row, **{name: f"x{value}" for name, value in values.items() if value})

    more = other.having({field: tuple(map(renamed, getattr(other, field))) for field in tree.FIELDS.values()})
    both = one.having({field: (*getattr(one, field), *getattr(more, field)) for field in tree.FIELDS.values()})
    assert ids(halves.stream(both)) == ids(one)
    assert ids(halves.datagram(both)) == ids(more)
    assert halves.stream(one) is one
    assert halves.datagram(one) is None


def test_policies_and_their_rules_follow_their_listener():
    whole = picture("TCP", "UDP")
    more = trees.load(
        {
            "l7policies": [
                {"id": trees.identifier(6, at), "listener_id": each, "action": "REJECT"}
                for at, each in enumerate(FRONTS.values())
            ],
            "l7rules": [
                {"id": trees.identifier(7, at), "l7policy_id": trees.identifier(6, at), "type": "PATH",
                 "compare_type": "EQUAL_TO", "value": "/"}
                for at in range(2)
            ],
        }
    )  # fmt: skip
    whole = whole.having({"l7policies": more.l7policies, "l7rules": more.l7rules})
    assert {trees.identifier(6, 0), trees.identifier(7, 0)} <= ids(halves.stream(whole))
    assert {trees.identifier(6, 1), trees.identifier(7, 1)} <= ids(halves.datagram(whole))


class Kernel(fake.Engine):
    """An engine whose traffic the kernel carries."""

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        return wiring.Rules(ruleset=f"table inet vipool_{len(wanted.listeners)} {{\n}}\n", forwarding=True)


def engines() -> joined.Engine:
    return joined.Engine(streams=fake.Engine(), datagrams=Kernel())


def test_the_kernel_is_asked_for_nothing_where_there_are_no_datagrams():
    assert engines().rules(PLACE, picture("TCP")) == wiring.NO_RULES
    rules = engines().rules(PLACE, picture("TCP", "UDP"))
    assert rules == wiring.Rules(ruleset="table inet vipool_1 {\n}\n", forwarding=True)


def test_both_halves_are_made_and_told_and_removed():
    both = engines()
    assert both.converge(PLACE, picture("TCP", "UDP")) == "started; started"
    assert both.converge(PLACE, picture("TCP", "UDP")) == ""
    seen = both.observe(PLACE, picture("TCP", "UDP"))
    assert seen is not None
    assert set(seen.frontends) == set(FRONTS.values())
    assert seen.backends == dict.fromkeys(BACKS.values(), "up")
    assert seen.servers == dict.fromkeys(MEMBERS.values(), "no_check")
    both.remove(PLACE)
    assert both.observe(PLACE, picture("TCP", "UDP")) is None


def test_one_half_alone_tells_all_there_is():
    both = engines()
    both.converge(PLACE, picture("UDP"))
    assert isinstance(both.streams, fake.Engine)
    both.streams.kill(PLACE)
    seen = both.observe(PLACE, picture("UDP"))
    assert seen is not None
    assert set(seen.frontends) == {FRONTS["UDP"]}


@pytest.mark.parametrize("half", ["streams", "datagrams"])
def test_one_half_in_trouble_does_not_keep_the_other_from_being_made(half):
    both = engines()
    trouble, other = getattr(both, half), both.datagrams if half == "streams" else both.streams
    trouble.troubles[trees.LOADBALANCER] = base.Broken("no")
    with pytest.raises(base.Broken, match="no"):
        both.converge(PLACE, picture("TCP", "UDP"))
    assert isinstance(other, fake.Engine)
    assert [what for _, what in other.done] == ["started"]


def test_what_either_half_finds_wanting_is_told():
    both = engines()
    both.converge(PLACE, picture("TCP", "UDP"))
    assert both.watch([PLACE]) == {}
    assert isinstance(both.datagrams, fake.Engine)
    both.datagrams.kill(PLACE)
    assert both.watch([PLACE]) == {"qlbaas-1": base.GONE}


def test_each_half_refuses_its_own():
    streams, datagrams = fake.Capabilities(), fake.Capabilities()
    whole = halves.Capabilities(streams, datagrams)
    assert whole.refuse(picture("TCP", "UDP")) is None
    streams.refusals[FRONTS["UDP"]] = datagrams.refusals[FRONTS["TCP"]] = "asked the wrong one"
    assert whole.refuse(picture("TCP", "UDP")) is None
    datagrams.refusals[MEMBERS["UDP"]] = "not this datagram"
    assert whole.refuse(picture("TCP", "UDP")) == "not this datagram"
    streams.refusals[MEMBERS["TCP"]] = "not this stream"
    assert whole.refuse(picture("TCP", "UDP")) == "not this stream"


@given(st.sampled_from(listener.Protocol), st.sampled_from(pool.Protocol))
def test_transports_tell_the_halves_apart(front, back):
    assert (front.transport != "TCP") == (front in {"UDP", "SCTP"})
    assert (back.transport != "TCP") == (back in {"UDP", "SCTP"})


def test_nothing_seen_twice_is_nothing():
    assert joined.merged(None, None) is None
    empty = spec.Observation(frontends={}, backends={}, servers={}, counters={})
    assert joined.merged(empty, None) is empty


@pytest.mark.parametrize(
    ("protocols", "given"),
    [(("TCP", "PROMETHEUS"), None), (("TCP", "UDP"), None), (("UDP", "PROMETHEUS"), joined.METRICS)],
)
def test_metrics_are_told_of_both_halves_where_there_are_two_and_somebody_asks(protocols, given):
    """Nobody can be asked where there is no namespace: that is no reason not to carry the rest."""

    class Streams(fake.Engine):
        places: ClassVar[list[base.Place]] = []

        def converge(self, place, wanted, materials=spec.NO_MATERIALS):
            self.places.append(place)
            return super().converge(place, wanted, materials)

    fronts = [
        {"id": trees.identifier(2, at), "protocol": each, "protocol_port": 53 + at} for at, each in enumerate(protocols)
    ]
    streams = Streams()
    engine = joined.Engine(streams=streams, datagrams=fake.Engine())
    wanted = trees.load({"listeners": fronts})
    engine.converge(PLACE, wanted)
    engine.observe(PLACE, wanted)
    assert streams.places.pop() == dataclasses.replace(PLACE, metrics=given)
    off = wanted.replacing(*(dataclasses.replace(each, admin_state_up=False) for each in wanted.listeners))
    engine.converge(PLACE, off)
    assert streams.places.pop() == PLACE
