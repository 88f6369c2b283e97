"""Which flows are ended, what the kernel's counts mean, and that states are those the provider in memory shows."""

import dataclasses
import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers import trees
from vipool.core import enabled, ledger
from vipool.host import conntrack
from vipool.model import spec
from vipool.providers import base, fake
from vipool.providers.nftables import checks, flows, reading, render, rotation, streams
from vipool.providers.probing import sctp

LISTENER, POOL, ONE, TWO = (
    trees.identifier(2, 1),
    trees.identifier(3, 1),
    trees.identifier(4, 1),
    trees.identifier(4, 2),
)


def picture(protocol="UDP", **more):
    return trees.load(
        {
            "listeners": [{"id": LISTENER, "protocol": protocol, "protocol_port": 53, "default_pool_id": POOL}],
            "pools": [{"id": POOL, "protocol": protocol, "lb_algorithm": "ROUND_ROBIN"}],
            "members": [
                {"id": ONE, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 53},
                {"id": TWO, "pool_id": POOL, "address": "FD00:0::2", "protocol_port": 54},
            ],
            **more,
        }
    )


def flow(wanted, address="10.0.0.1", port=53, *, protocol=flows.UDP, to=None):
    end = (ipaddress.ip_address(address), port)
    vip, client = (
        (ipaddress.ip_address(wanted.loadbalancer.vip_address), 53),
        (ipaddress.ip_address("192.0.2.1"), 40_000),
    )
    ends = {"asking": client, "called": vip, "answering": end, "answered": vip}
    mark = render.ways(wanted)[LISTENER, to or (TWO if ":" in address else ONE)]
    return conntrack.Flow(mark=mark, protocol=protocol, **ends, _key=(2, b""))


def test_flows_to_members_stay():
    wanted = picture()
    found = (flow(wanted), flow(wanted, "fd00::2", 54))
    assert flows.kept(wanted, ()).stale(found) == ()


@pytest.mark.parametrize("other", [{"port": 54}, {"address": "10.0.0.2"}, {"protocol": sctp.PROTOCOL}])
def test_flows_that_lead_elsewhere_are_ended(other):
    wanted = picture()
    assert flows.kept(wanted, ()).stale([flow(wanted), flow(wanted, **other)]) == (flow(wanted, **other),)


def test_flows_stay_with_their_end_whoever_is_called_so():
    """A member that is made again, or another pool with the same members, breaks no connection."""
    wanted = picture("TCP")
    mine = flow(wanted, protocol=streams.TCP)
    again = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7))
    after = wanted.having({"members": (again, *wanted.members[1:])})
    assert flows.kept(after, ()).stale([mine]) == ()
    assert flows.kept(after, ()).covers(flows.kept(wanted, ()))
    elsewhere = wanted.replacing(dataclasses.replace(wanted.listeners[0], protocol_port=54))
    assert flows.kept(elsewhere, ()).stale([mine]) == (mine,)


@pytest.mark.parametrize(
    ("kind", "change", "udp", "associations"),
    [
        ("members", {"weight": 0}, True, True),
        ("members", {"backup": True}, True, True),
        ("members", {"admin_state_up": False}, False, True),
        ("pools", {"admin_state_up": False}, False, False),
        ("listeners", {"admin_state_up": False}, False, False),
    ],
)
def test_what_becomes_of_flows_when_something_changes(kind, change, udp, associations):
    kinds = (("UDP", flows.UDP, udp), ("SCTP", sctp.PROTOCOL, associations), ("TCP", streams.TCP, associations))
    for protocol, number, stays in kinds:
        wanted = picture(protocol)
        row = getattr(wanted, kind)[0]
        after = wanted.replacing(dataclasses.replace(row, **change))
        assert (flows.kept(after, ()).stale([flow(wanted, protocol=number)]) == ()) == stays


def test_flows_leave_who_is_down():
    for protocol, number in (("UDP", flows.UDP), ("SCTP", sctp.PROTOCOL), ("TCP", streams.TCP)):
        wanted = picture(protocol)
        assert flows.kept(wanted, {ONE}).stale([flow(wanted, protocol=number)]) != ()
        assert flows.kept(wanted, {TWO}).stale([flow(wanted, protocol=number)]) == ()


def test_connections_that_are_left_to_themselves_end_with_their_listener_alone():
    wanted = picture("HTTPS")
    left = wanted.replacing(dataclasses.replace(wanted.loadbalancer, flavor={streams.ENDING: "LEAVE"}))
    mine = flow(wanted, protocol=streams.TCP)
    other = flow(wanted, protocol=flows.UDP)
    assert flows.kept(left.having({"members": ()}), ()).stale([mine, other]) == (other,)
    assert flows.kept(left, {ONE, TWO}).stale([mine]) == ()
    seen = left.replacing(dataclasses.replace(left.pools[0], preserve_client_ip=True))
    assert flows.kept(seen, {ONE, TWO}).stale([mine]) == ()
    assert flows.kept(seen.having({"members": ()}), ()).stale([mine]) == (mine,), "nobody would bring its answers back"
    off = dataclasses.replace(left.listeners[0], admin_state_up=False)
    assert flows.kept(left.replacing(off), ()).stale([mine]) == (mine,)
    assert flows.kept(wanted, {ONE, TWO}).stale([mine]) == (mine,)


def test_flows_of_clients_that_members_saw_end_when_they_are_to_see_them_no_more():
    wanted = picture("TCP")
    seen = wanted.replacing(dataclasses.replace(wanted.pools[0], preserve_client_ip=True))
    plain = flow(wanted, protocol=streams.TCP)
    mine = dataclasses.replace(plain, answered=plain.asking)
    assert flows.kept(seen, ()).stale([mine, plain]) == ()
    assert flows.kept(wanted, ()).stale([mine, plain]) == (mine,)


@settings(max_examples=60)
@given(
    wanted=trees.translated(),
    drop=st.sets(st.sampled_from(("listeners", "pools", "members"))),
    down=st.sets(st.integers(0, 3).map(lambda each: trees.identifier(4, each))),
    left=st.booleans(),
)
def test_where_nothing_went_no_flow_is_stale_that_was_not(wanted, drop, down, left):
    """What `covers` promises: no need to look."""
    if left:
        wanted = wanted.replacing(dataclasses.replace(wanted.loadbalancer, flavor={streams.ENDING: "LEAVE"}))
    before = wanted.having({kind: getattr(wanted, kind)[:-1] for kind in drop})
    one, other = flows.kept(before, down), flows.kept(wanted, ())
    doors = {door for each in (one, other) for door in (*each.ends, *each.left, *each.seen)}
    ends = {end for each in (one, other) for found in each.ends.values() for end in found}
    client = (ipaddress.ip_address("192.0.2.1"), 40_000)
    found = [
        conntrack.Flow(
            mark=1, protocol=protocol, asking=client, called=called, answering=end, answered=back, _key=(2, b"")
        )
        for protocol, called in doors
        for end in ends
        for back in (client, called)
    ]
    staying = [each for each in found if one.keeps(each)]
    assert other.covers(other)
    if other.covers(one):
        assert flows.kept(wanted, ()).stale(staying) == ()


def test_both_ends_of_a_connection_are_made_to_speak_and_nobody_else():
    wanted = picture("TCP")
    mine = flow(wanted, protocol=streams.TCP)
    assert list(flows.ways([mine, flow(wanted)])) == [(mine.called, mine.asking), (mine.answered, mine.answering)]


def printed(name: str, mark: str, packets: int, octets: int) -> str:
    """What nft(8) prints of one set: elements go on over several lines."""
    others = ",\n\t\t\t     ".join(f"0x0000000{other} counter packets 9 bytes 9" for other in (1, 2))
    elements = f"\t\telements = {{ {mark} counter packets {packets} bytes {octets}, {others} }}"
    head = [f"\tset {name} {{", "\t\ttype mark", "\t\tsize 16", "\t\tflags dynamic", "\t\tcounter"]
    return "\n".join(["table inet vipool_balance {", *head, elements, "\t}", "}", ""])


def test_what_the_kernel_counted_is_its_listeners_and_its_members():
    wanted = picture()
    mark = render.ways(wanted)[LISTENER, ONE]
    counted = (("flows", 3, 90), ("inward", 10, 1000), ("outward", 12, 2000))
    text = "".join(printed(name, f"{mark:#010x}", packets, octets) for name, packets, octets in counted)
    expected = spec.Counters(active_connections=2, total_connections=3, bytes_in=1000, bytes_out=2000)
    found = {str(mark): ledger.Count(owners=(LISTENER, ONE), counters=expected)}
    assert reading.counts(wanted, text, {}, {mark: 2}) == found
    assert reading.counts(wanted, "", {}, {}) == {}
    without = wanted.having({"members": wanted.members[1:]})
    assert reading.counts(without, text, {}, {}) == {}
    assert reading.counts(without, text, found, {mark: 2}) == found, "flows may outlast their member"


@settings(max_examples=40)
@given(wanted=trees.datagrams(), down=st.sets(st.integers(0, 3).map(lambda each: trees.identifier(4, each))))
def test_states_are_those_of_the_provider_in_memory(wanted, down):
    down &= {each.member_id for each in checks.targets(wanted)}
    memory, place = fake.Engine(down=set(down)), base.Place(namespace="n", directory="d")
    memory.converge(place, wanted)
    shown = memory.observe(place, wanted)
    states = (rotation.pool_states(wanted, down), rotation.member_states(wanted, down))
    assert states == (({}, {}) if shown is None else (shown.backends, shown.servers))
    assert {each.id for each in enabled.listeners(wanted)} == (set() if shown is None else set(shown.frontends))
