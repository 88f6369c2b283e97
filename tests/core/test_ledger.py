"""Counters never fall, whatever becomes of what counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import ledger
from vipool.model import spec

LISTENER = "listener"
increments = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans(), st.booleans()), max_size=20)


@given(increments)
def test_totals_never_fall_and_miss_nothing_that_was_seen(steps):
    kept, process, inside, total = ledger.Ledger(), 0, 0, 0
    for more, active, dies, reset in steps:
        inside += more
        total += more
        seen = {LISTENER: spec.Counters(total_connections=inside, active_connections=active)}
        before = kept.total(LISTENER).total_connections
        kept = ledger.load(ledger.dump(ledger.advance(kept, str(process), seen, [LISTENER])))
        assert kept.total(LISTENER).total_connections >= before
        assert kept.total(LISTENER).active_connections == active
        if not reset:
            assert kept.total(LISTENER).total_connections == total
        if dies:
            process, inside = process + 1, 0
        elif reset and more:
            total = kept.total(LISTENER).total_connections


def test_counters_set_back_by_hand_are_kept():
    one = ledger.advance(ledger.Ledger(), "1", {LISTENER: spec.Counters(bytes_in=9)}, [LISTENER])
    two = ledger.advance(one, "1", {LISTENER: spec.Counters(bytes_in=2)}, [LISTENER])
    assert two.total(LISTENER).bytes_in == 11


def test_a_listener_that_is_switched_off_keeps_its_counters_and_one_that_is_gone_does_not():
    one = ledger.advance(ledger.Ledger(), "1", {LISTENER: spec.Counters(bytes_in=9)}, [LISTENER])
    off = ledger.advance(one, "2", {}, [LISTENER])
    assert ledger.advance(off, "2", {LISTENER: spec.Counters(bytes_in=1)}, [LISTENER]).total(LISTENER).bytes_in == 10
    gone = ledger.advance(one, "1", {}, [])
    assert gone.total(LISTENER) == spec.Counters()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"process": "1", "base": {"x": {"y": 1}}, "last": {}}'])
def test_a_ledger_that_cannot_be_read_is_begun_afresh(text):
    assert ledger.load(text) == ledger.Ledger()
