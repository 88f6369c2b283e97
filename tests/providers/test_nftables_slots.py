"""Shares come out as the weights say, turns are evenly spread, and most homes stay when others come and go."""

import collections
import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from vipool.core import numbering
from vipool.providers.nftables import slots

numbers = st.integers(1, 2**31 - 1)
weights = st.dictionaries(numbers, st.integers(1, 256), min_size=1, max_size=40)


@hypothesis.given(weights)
def test_turns_are_shared_by_weight_to_within_a_slot(given):
    row = slots.turns(given)
    found, total = collections.Counter(row), sum(given.values())
    for number, weight in given.items():
        assert abs(found[number] - weight * len(row) / total) <= 1
    if len(row) < slots.LEAST:
        assert all(found[a] * given[b] == found[b] * given[a] for a, b in itertools.pairwise(given))


def test_equal_members_take_turns_and_heavier_ones_are_spread():
    assert slots.turns({3: 7, 5: 7}) == (3, 5)
    assert slots.turns({1: 5}) == (1,)
    row = slots.turns({1: 4, 2: 1, 3: 1})
    assert collections.Counter(row) == {1: 4, 2: 1, 3: 1}
    assert max(len(list(run)) for number, run in itertools.groupby(row * 2) if number == 1) == 2


@hypothesis.given(weights)
def test_homes_are_a_power_of_two_and_shared_by_weight(given):
    row = slots.homes(given)
    assert len(row) >= slots.LEAST
    assert len(row) & (len(row) - 1) == 0
    found, total = collections.Counter(row), sum(given.values())
    for number, weight in given.items():
        share = weight * len(row) / total
        # Among many, some have a little more or less: of all flows, less than two in a hundred.
        assert abs(found[number] - share) <= (max(1, 0.02 * share) if len(given) <= 12 else 0.02 * len(row))


@hypothesis.given(st.sets(numbers, min_size=2, max_size=12), st.randoms())
def test_most_homes_stay_when_a_member_goes_and_its_own_alone_must_move(given, random):
    members = sorted(given)
    gone = random.choice(members)
    before = slots.homes(dict.fromkeys(members, 1))
    after = slots.homes({each: 1 for each in members if each != gone})
    moved = sum(one != other for one, other in zip(before, after, strict=True))
    assert moved >= before.count(gone)
    assert moved <= 1.5 * len(before) / len(members)


@hypothesis.given(numbers)
def test_a_member_would_have_every_slot_once(number):
    for size in (1024, 4096):
        assert sorted(slots._wishes(number, size)) == list(range(size))


def test_homes_do_not_depend_on_the_order_in_which_members_are_named():
    given = numbering.numbers(f"member-{each}" for each in range(9))
    weighted = {number: 1 + number % 7 for number in given.values()}
    assert slots.homes(weighted) == slots.homes(dict(reversed(weighted.items())))


@hypothesis.given(weights, st.integers(0, 2000))
def test_every_member_has_a_slot_and_no_slot_is_left(given, more):
    found = slots.quotas(given, len(given) + more)
    assert sum(found.values()) == len(given) + more
    assert min(found.values()) >= 1


@pytest.mark.parametrize(
    ("count", "size"),
    [(2, 1024), (12, 1024), (13, 4096), (64, 4096), (65, 8192), (300, 8192), (1000, 8192), (1025, 16384)],
)
def test_many_members_have_room(count, size):
    row = slots.homes({number: 1 for number in range(1, count + 1)})
    assert len(row) == size
    assert min(collections.Counter(row).values()) >= 7


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 10, 11, 20, 50, 100])
def test_hardly_more_clients_move_to_a_member_that_comes_than_it_takes(count):
    """Members have ids, as they do; over ten of the many pools there can be."""
    moved = total = 0
    for pool in range(10):
        given = sorted(numbering.numbers(f"{pool}-{each}" for each in range(count + 1)).values())
        before, after = slots.homes(dict.fromkeys(given[1:], 1)), slots.homes(dict.fromkeys(given, 1))
        moved += sum(one != other for one, other in zip(before, after, strict=True))
        total += len(before)
    assert moved <= 1.3 / (count + 1) * total
