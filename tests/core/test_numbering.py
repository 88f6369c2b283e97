"""Each id has a number of its own that does not depend on the others."""

from hypothesis import given
from hypothesis import strategies as st

from vipool.core import numbering


@given(st.sets(st.text(max_size=8), max_size=30), st.randoms())
def test_numbers_are_distinct_within_bounds_and_do_not_depend_on_the_order(identifiers, random):
    mixed = list(identifiers)
    random.shuffle(mixed)
    found = numbering.numbers(mixed)
    assert found == numbering.numbers(sorted(identifiers))
    assert len(set(found.values())) == len(identifiers)
    assert all(1 <= each <= numbering.MOST for each in found.values())


@given(st.sets(st.uuids().map(str), min_size=1, max_size=20), st.uuids().map(str))
def test_a_number_stays_when_others_come(identifiers, another):
    before, after = numbering.numbers(identifiers), numbering.numbers({*identifiers, another})
    assert {key: after[key] for key in identifiers} == before


def test_ids_whose_numbers_would_be_the_same_get_different_ones():
    # The two words have the same CRC-32.
    found = numbering.numbers(["plumless", "buckeroo"])
    assert abs(found["plumless"] - found["buckeroo"]) == 1
