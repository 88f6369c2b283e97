"""Counters never fall, whatever becomes of what counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import ledger
from vipool.model import spec

LISTENER, MEMBER, OTHER = "listener", "member", "other"
BOTH = (LISTENER, MEMBER, OTHER)
NOTHING = spec.Counters()
increments = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans(), st.booleans()), max_size=20)


def counted(owners=(LISTENER,), **more):
    return ledger.Count(owners=owners, counters=spec.Counters(**more))


@given(increments)
def test_totals_never_fall_and_miss_nothing_that_was_seen(steps):
    kept, process, inside, total = ledger.Ledger(), 0, 0, 0
    for more, active, dies, reset in steps:
        inside += more
        total += more
        before = kept.total(LISTENER).total_connections
        seen = {"a": counted(total_connections=inside, active_connections=active)}
        kept = ledger.load(ledger.dump(ledger.advance(kept, str(process), seen, [LISTENER])))
        assert kept.total(LISTENER).total_connections >= before
        assert kept.total(LISTENER).active_connections == 0
        if not reset:
            assert kept.total(LISTENER).total_connections == total
        if dies:
            process, inside = process + 1, 0
        elif reset and more:
            total = kept.total(LISTENER).total_connections


ways = st.dictionaries(st.sampled_from(("a", "b", "c")), st.integers(0, 9), max_size=3)


@given(st.lists(st.tuples(ways, st.integers(0, 1)), max_size=12))
def test_a_listener_and_its_members_count_the_same_whatever_places_come_and_go(steps):
    """Every place is the listener's and one member's: what all members come to is what the listener comes to."""
    owners = {"a": (LISTENER, MEMBER), "b": (LISTENER, OTHER), "c": (LISTENER, MEMBER)}
    kept = ledger.Ledger()
    for found, process in steps:
        seen = {place: counted(owners[place], bytes_in=octets) for place, octets in found.items()}
        before, kept = kept, ledger.advance(kept, str(process), seen, BOTH)
        assert kept.total(LISTENER).bytes_in == kept.total(MEMBER).bytes_in + kept.total(OTHER).bytes_in
        assert all(kept.total(each).bytes_in >= before.total(each).bytes_in for each in BOTH)


def test_counters_set_back_by_hand_are_kept():
    one = ledger.advance(ledger.Ledger(), "1", {"a": counted(bytes_in=9)}, [LISTENER])
    two = ledger.advance(one, "1", {"a": counted(bytes_in=2)}, [LISTENER])
    assert two.total(LISTENER).bytes_in == 11


def test_a_place_that_goes_leaves_its_count_and_begins_anew_when_it_is_back():
    one = ledger.advance(ledger.Ledger(), "1", {"a": counted(bytes_in=9), "b": counted(bytes_in=1)}, [LISTENER])
    two = ledger.advance(one, "1", {"b": counted(bytes_in=1)}, [LISTENER])
    assert two.total(LISTENER).bytes_in == 10
    three = ledger.advance(two, "1", {"a": counted(bytes_in=9), "b": counted(bytes_in=1)}, [LISTENER])
    assert three.total(LISTENER).bytes_in == 19


def test_a_listener_that_is_switched_off_keeps_its_counters_and_one_that_is_gone_does_not():
    one = ledger.advance(ledger.Ledger(), "1", {"a": counted(bytes_in=9)}, [LISTENER])
    off = ledger.advance(one, "2", {}, [LISTENER])
    assert ledger.advance(off, "2", {"a": counted(bytes_in=1)}, [LISTENER]).total(LISTENER).bytes_in == 10
    gone = ledger.advance(one, "1", {"a": counted(bytes_in=12)}, [])
    assert gone.total(LISTENER) == NOTHING


def test_what_has_counted_nothing_takes_no_room():
    seen = {"a": counted(active_connections=3), "b": counted(bytes_in=1)}
    assert ledger.advance(ledger.Ledger(), "1", seen, [LISTENER]).last.keys() == {"b"}


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"process": "1", "totals": {"x": {"y": 1}}, "last": {}}',
     '{"process": "1", "totals": {}, "last": {"a": {"owners": "x", "counters": {}}}}'],
)  # fmt: skip
def test_a_ledger_that_cannot_be_read_is_begun_afresh(text):
    assert ledger.load(text) == ledger.Ledger()
