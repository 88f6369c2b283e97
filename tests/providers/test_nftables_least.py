"""LEAST_CONNECTIONS: whoever has fewest for its weight gets most of what comes, and nobody more than would be right."""

import collections
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.providers.nftables import least, sampler

members = st.dictionaries(
    st.integers(1, 0x7FFFFFFF), st.tuples(st.integers(1, 256), st.integers(0, 5000)), min_size=2, max_size=30
)


def turning(weights):
    marks = {number: frozenset({number}) for number in weights}
    return least.Turning(name="least", weights=weights, marks=marks)


def parts(found):
    return {number: weight for number, (weight, _) in found.items()}, {
        number: held for number, (_, held) in found.items()
    }


@given(members, st.integers(1, 5000))
def test_what_comes_is_shared_out_so_that_the_emptiest_end_up_level_and_nobody_is_filled_beyond(found, coming):
    weights, active = parts(found)
    shared = least.shares(weights, active, coming)
    assert sum(shared.values()) == pytest.approx(coming)
    levels = {number: (active[number] + shared[number]) / weights[number] for number in weights}
    filled = [levels[number] for number, share in shared.items() if share > 1e-6]
    assert max(filled) == pytest.approx(min(filled))
    assert all(levels[number] >= max(filled) - 1e-6 for number, share in shared.items() if share <= 1e-6)


@given(members, st.integers(0, 5000))
def test_a_row_gives_no_more_for_its_weight_to_who_has_more_for_its_weight(found, begun):
    weights, active = parts(found)
    each = turning(weights)
    row = each.row(active, begun)
    assert len(row) == each.size
    given_to = collections.Counter(row)
    for one, other in itertools.combinations(weights, 2):
        fuller, emptier = sorted((one, other), key=lambda number: active[number] / weights[number], reverse=True)
        # One slot is lost or won by rounding.
        assert (given_to[fuller] - 1) / weights[fuller] <= (given_to[emptier] + 1) / weights[emptier]


@given(members, st.integers(0, 40))
def test_where_all_have_the_same_for_their_weight_shares_are_the_weights(found, each):
    weights, _ = parts(found)
    row = turning(weights).row({number: weight * each for number, weight in weights.items()}, 0)
    for number, weight in weights.items():
        assert abs(row.count(number) - len(row) * weight / sum(weights.values())) < 1


def test_one_with_many_held_flows_gets_none_until_the_others_have_as_many():
    each = turning({1: 1, 2: 1, 3: 2})
    assert set(each.row({1: 100}, 0)) == {2, 3}
    assert collections.Counter(each.row({1: 100, 2: 100}, 0)) == {3: 256}
    assert collections.Counter(each.row({1: 100, 2: 100, 3: 200}, 0)) == {1: 64, 2: 64, 3: 128}
    assert collections.Counter(each.row({1: 100}, 400)) == {1: 16, 2: 80, 3: 160}, "400 come: 25, 125 and 250 of them"


def test_turns_are_spread_so_that_any_part_of_a_row_is_like_the_whole():
    row = turning({1: 1, 2: 3}).row({}, 0)
    assert all(abs(row[start : start + 16].count(1) - 4) <= 1 for start in range(0, 256, 16))


@pytest.mark.parametrize(("held", "noticed"), [(0, False), (1, False), (2, False), (3, True)])
def test_a_row_is_put_in_place_of_another_when_shares_move_by_more_than_a_quarter(held, noticed):
    each = turning({1: 1, 2: 1})
    assert each.differs(each.row({1: held}, 0), each.row({}, 0)) == noticed
    assert least.FEW == 4, "eight flows come: with three held the shares are 2.5 and 5.5"


def test_the_flows_of_all_listeners_count_for_a_member():
    each = least.Turning(name="least", weights={1: 1, 2: 1}, marks={1: frozenset({10, 11}), 2: frozenset({20})})
    assert each.count({10: 1, 11: 2, 20: 3, 30: 9}) == 6
    assert set(each.row({10: 50, 11: 50}, 0)) == {2}


@given(st.integers(2, 3000))
def test_a_row_has_eight_slots_for_each_of_many_but_no_more_than_fit_into_one_message(count):
    found = least.size(count)
    assert found >= min(4096, max(256, 8 * count))
    assert found & (found - 1) == 0


@given(st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_counting_takes_its_share_of_a_core_however_much_there_is_to_count(costs):
    passed = sum(cost + sampler.rest(cost) for cost in costs)
    assert sum(costs) == pytest.approx(passed * sampler.SHARE)
