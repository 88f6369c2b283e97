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
        assert abs(found[number] - share) <= max(1, 0.02 * share)


@hypothesis.given(st.sets(numbers, min_size=2, max_size=20), st.randoms())
def test_most_homes_stay_when_a_member_goes_and_its_own_alone_must_move(given, random):
    members = sorted(given)
    gone = random.choice(members)
    before = slots.homes(dict.fromkeys(members, 1))
    after = slots.homes({each: 1 for each in members if each != gone})
    moved = sum(one != other for one, other in zip(before, after, strict=True))
    assert moved >= before.count(gone)
    assert moved <= 2.5 * len(before) / len(members)


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


@pytest.mark.parametrize(("count", "size"), [(2, 1024), (100, 4096), (300, 8192), (1000, 8192), (1025, 16384)])
def test_many_members_have_room(count, size):
    row = slots.homes({number: 1 for number in range(1, count + 1)})
    assert len(row) == size
    assert min(collections.Counter(row).values()) >= 7


def test_few_clients_of_many_members_move():
    before = slots.homes({number: 1 for number in range(1, 101)})
    after = slots.homes({number: 1 for number in range(1, 102)})
    assert sum(one != other for one, other in zip(before, after, strict=True)) < 0.08 * len(before)
