"""What readings of a namespace mean: which condition begins by what, what keeps it, what ends it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import trees
from vipool.core import conditions
from vipool.model import condition, spec, vitals

POOL, OTHER = trees.identifier(3, 1), trees.identifier(3, 2)
FIRST, SECOND, DATAGRAM = (trees.identifier(4, each) for each in (1, 2, 3))
VIP, GATE = "172.16.100.11", "172.16.100.1"
ROOM = 1000
Name = condition.Name

TREE = trees.load(
    {
        "pools": [
            {"id": POOL, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"},
            {"id": OTHER, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"},
        ],
        "members": [
            {"id": FIRST, "pool_id": POOL, "address": "172.16.100.9", "protocol_port": 80},
            {"id": SECOND, "pool_id": POOL, "address": "FD00:100::000A", "protocol_port": 80},
            {"id": DATAGRAM, "pool_id": OTHER, "address": "172.16.100.9", "protocol_port": 80},
        ],
    }
)
ITEM = spec.LoadBalancer(
    id=trees.LOADBALANCER,
    revision=1,
    tree=TREE,
    vip=spec.Attachment(
        port_id="p",
        mac="",
        segment=spec.Segment(network_id="n"),
        addresses=(f"{VIP}/24",),
        gateways=(GATE,),
        routes=(spec.Route(destination="10.0.0.0/8", nexthop="172.16.100.2"),),
    ),
)


def reading(*, dropped: int = 0, clashed: int = 0, displaced: int = 0, **more) -> vitals.Vitals:
    losses = vitals.Losses(dropped=dropped, clashed=clashed, displaced=displaced)
    return vitals.Vitals(**{"flows": 10, "room": ROOM, "losses": losses, **more})


def lost(address: str, *, asking: bool = False, idle: float = 0.0) -> vitals.Neighbour:
    return vitals.Neighbour(address=address, asking=asking, idle=idle)


def crowd(count: int, *, translated: bool = True, protocol: str = "TCP", port: int = 80) -> vitals.Crowd:
    return vitals.Crowd(
        protocol=protocol,
        source=VIP,
        address="172.16.100.9",
        port=port,
        count=count,
        room=100,
        translated=translated,
    )


def told(*readings: vitals.Vitals, every: float = 1.0, item: spec.LoadBalancer = ITEM) -> list[tuple[str, str, str]]:
    """The conditions after readings at so many seconds from each other."""
    standing = conditions.NOTHING
    for at, each in enumerate(readings):
        standing = conditions.judge(standing, each, item, at * every)
    return [conditions.key(each) for each in standing.conditions]


WHOLE = (Name.CONNTRACK_TABLE_FULL, trees.LOADBALANCER, "")
NEARLY = (Name.CONNTRACK_TABLE_NEARLY_FULL, trees.LOADBALANCER, "")
PORTS = (Name.PORTS_EXHAUSTED, FIRST, VIP)


def gateway(address: str) -> tuple[str, str, str]:
    return Name.GATEWAY_UNREACHABLE, trees.LOADBALANCER, address


def member(identifier: str, address: str) -> tuple[str, str, str]:
    return Name.MEMBER_UNREACHABLE, identifier, address


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([reading()], []),
        ([reading(room=0, flows=10**6)], []),
        ([reading(flows=899)], []),
        ([reading(flows=900)], [NEARLY]),
        ([reading(flows=900), reading(flows=800)], [NEARLY]),
        ([reading(flows=900), reading(flows=799)], []),
        ([reading(flows=800)], []),
        ([reading(flows=1000)], [WHOLE]),
        ([reading(flows=990), reading(flows=990, dropped=1)], [WHOLE]),
        ([reading(flows=990), reading(flows=990, displaced=1)], [WHOLE]),
        ([reading(flows=10, losses=None), reading(flows=990, dropped=9, displaced=9)], [NEARLY]),
        ([reading(flows=990, dropped=9), reading(flows=10, losses=None)], []),
        # What was counted before the first look says nothing, nor do packets dropped where there is room.
        ([reading(flows=10, dropped=5, displaced=5)], []),
        ([reading(), reading(dropped=5)], []),
        # A flow whose ports clash is dropped as well: the table is not why.
        ([reading(flows=950), reading(flows=950, dropped=3, clashed=3)], [NEARLY]),
        # A namespace that was made anew counts anew.
        ([reading(flows=950, dropped=9, displaced=9), reading(flows=950)], [NEARLY]),
        ([reading(flows=1000), reading(flows=5)], [WHOLE]),
    ],
)
def test_the_table_of_flows(readings, expected):
    assert told(*readings) == expected


def test_a_full_table_is_told_for_a_minute_after_its_last_evidence():
    assert told(reading(flows=1000), reading(), every=conditions.HOLD - 1) == [WHOLE]
    assert told(reading(flows=1000), reading(), every=conditions.HOLD) == []


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([reading(crowds=(crowd(100),))], []),
        ([reading(), reading(crowds=(crowd(74),), clashed=1, dropped=1)], []),
        ([reading(), reading(crowds=(crowd(75),), clashed=1, dropped=1)], [PORTS]),
        ([reading(), reading(crowds=(crowd(75),), dropped=1)], []),
        ([reading(), reading(crowds=(crowd(75),), clashed=1, dropped=1), reading(clashed=1, dropped=1)], [PORTS]),
        ([reading(), reading(crowds=(crowd(100, port=81),), clashed=1, dropped=1)], []),
        (
            [reading(), reading(crowds=(crowd(90, protocol="UDP"),), clashed=1, dropped=1)],
            [(Name.PORTS_EXHAUSTED, DATAGRAM, VIP)],
        ),
        # Sockets are given any port that is left: nothing but the count tells.
        ([reading(crowds=(crowd(97, translated=False),))], []),
        ([reading(crowds=(crowd(98, translated=False),))], [PORTS]),
    ],
)
def test_source_ports(readings, expected):
    assert told(*readings) == expected


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (
            [reading(neighbours=(lost("172.16.100.9"),))],
            [member(FIRST, "172.16.100.9"), member(DATAGRAM, "172.16.100.9")],
        ),
        ([reading(neighbours=(lost("fd00:100::a"),))], [member(SECOND, "fd00:100::a")]),
        ([reading(neighbours=(lost("fd00:100::a", asking=True),))], []),
        ([reading(neighbours=(lost("fd00:100::a", idle=conditions.RECENT),))], []),
        ([reading(neighbours=(lost("172.16.100.77"),))], []),
        ([reading(neighbours=(lost(GATE),))], [gateway(GATE)]),
        ([reading(neighbours=(lost("172.16.100.2"),))], [gateway("172.16.100.2")]),
        # To ask again neither ends it nor begins it; an answer ends it, and so does it when nobody asks any more.
        ([reading(neighbours=(lost(GATE, asking=again),)) for again in (False, True, True)], [gateway(GATE)]),
        ([reading(neighbours=(lost(GATE),)), reading()], []),
        ([reading(neighbours=(lost(GATE),)), reading(neighbours=(lost(GATE, idle=conditions.RECENT),))], []),
    ],
)
def test_neighbours(readings, expected):
    assert told(*readings) == expected


def test_an_address_that_is_asked_for_again_and_again_without_an_answer_is_lost_though_the_kernel_has_not_given_up():
    asking = reading(neighbours=(lost(GATE, asking=True),))
    assert told(*[asking] * 4) == []
    assert told(*[asking] * 5) == [gateway(GATE)]
    assert told(asking, asking, reading(), asking, asking, asking) == [], "an answer in between counts"


def test_what_is_about_a_member_ends_with_the_member():
    standing = conditions.judge(conditions.NOTHING, reading(crowds=(crowd(98, translated=False),)), ITEM, 0)
    assert [each.object_id for each in standing.conditions] == [FIRST]
    without = dataclasses.replace(ITEM, tree=TREE.keep(lambda row: row.id != FIRST))
    assert conditions.judge(standing, reading(), without, 1).conditions == ()


def test_a_load_balancer_without_a_port_has_no_gateway_to_miss():
    bare = dataclasses.replace(ITEM, vip=None)
    assert told(reading(neighbours=(lost(GATE),)), item=bare) == []


def test_what_was_measured_is_said_in_numbers():
    standing = conditions.judge(conditions.NOTHING, reading(flows=990), ITEM, 0)
    standing = conditions.judge(standing, reading(flows=1000, dropped=7, displaced=2), ITEM, 1)
    assert [each.measured for each in standing.conditions] == [
        "1000 of 1000 places are taken; since the last look 7 packets were dropped and 2 flows ended."
    ]
    clashing = reading(crowds=(crowd(99),), clashed=5, dropped=5)
    (found,) = conditions.judge(conditions.Standing(reading=reading()), clashing, ITEM, 1).conditions
    assert found.measured == (
        "99 of 100 ports of 172.16.100.11 towards it are taken; 5 flows found none since the last look."
    )


def test_every_name_has_a_meaning_and_a_way_out_in_sentences():
    assert set(condition.SENSES) == set(Name)
    for name in Name:
        sense = condition.SENSES[name]
        assert sense.meaning.endswith(".")
        assert sense.way_out.endswith(".")
        assert condition.message(name, "7 of 9.") == f"{sense.meaning} 7 of 9. {sense.way_out}"


counts = st.integers(0, 2000)
neighbours = st.builds(
    vitals.Neighbour,
    address=st.sampled_from(["172.16.100.9", "fd00:100::a", GATE, "172.16.100.2", "10.9.9.9"]),
    asking=st.booleans(),
    idle=st.floats(0, 300),
)
crowds = st.builds(
    vitals.Crowd,
    protocol=st.sampled_from(["TCP", "UDP", "SCTP", ""]),
    source=st.just(VIP),
    address=st.sampled_from(["172.16.100.9", "fd00:100::a", "10.9.9.9"]),
    port=st.sampled_from([80, 81]),
    count=st.integers(0, 100),
    room=st.just(100),
    translated=st.booleans(),
)
readings = st.builds(
    vitals.Vitals,
    flows=st.integers(0, ROOM),
    room=st.sampled_from([0, ROOM]),
    losses=st.none() | st.builds(vitals.Losses, dropped=counts, clashed=counts, displaced=counts),
    neighbours=st.lists(neighbours, max_size=3).map(tuple),
    crowds=st.lists(crowds, max_size=3).map(tuple),
)


@given(st.lists(st.tuples(readings, st.floats(0, 100)), max_size=8))
def test_whatever_is_read_conditions_are_of_the_list_about_rows_that_are_there_each_once(seen):
    standing, now = conditions.NOTHING, 0.0
    ids = {row.id for row in TREE.rows()}
    for each, passed in seen:
        now += passed
        standing = conditions.judge(standing, each, ITEM, now)
        keys = [conditions.key(found) for found in standing.conditions]
        assert len(keys) == len(set(keys))
        names = {found.name for found in standing.conditions}
        assert names <= set(Name)
        assert not {Name.CONNTRACK_TABLE_FULL, Name.CONNTRACK_TABLE_NEARLY_FULL} <= names
        assert {found.object_id for found in standing.conditions} <= ids
        assert all(found.measured for found in standing.conditions)


@given(st.lists(readings, max_size=5))
def test_where_all_is_well_again_nothing_is_left_after_a_while(seen):
    standing = conditions.NOTHING
    for each in seen:
        standing = conditions.judge(standing, each, ITEM, 0)
    # The counters stand still at what they are; a namespace made anew would have them at 0.
    last = seen[-1] if seen else reading()
    well = dataclasses.replace(last, flows=1, neighbours=(), crowds=())
    assert conditions.judge(standing, well, ITEM, conditions.HOLD).conditions == ()


@given(readings)
def test_to_look_again_at_the_same_is_to_see_the_same_but_for_what_was_counted(seen):
    once = conditions.judge(conditions.NOTHING, seen, ITEM, 0)
    again = conditions.judge(once, seen, ITEM, 1)
    assert [conditions.key(each) for each in again.conditions] == [conditions.key(each) for each in once.conditions]
