"""Chains as they were written last: what they lead to is what writing all of them leads to, and the rest is left."""

import random

import pytest

from tests.net import churn
from vipool.providers.nftables import carried, chains, render


@pytest.mark.parametrize("seed", range(4))
def test_rules_are_those_that_would_be_written_afresh(seed):
    changes, wanted, known, drawn = churn.Changes(seed), churn.begin(), chains.Chains(), random.Random(seed)
    for _ in range(80):
        wanted, word = changes.next(wanted)
        down = {each.id for each in wanted.members if drawn.random() < 0.2}
        assert render.render(wanted, down, carried.WHOLE, known) == render.render(wanted, down, carried.WHOLE), word


def test_a_chain_is_written_again_where_what_it_says_has_changed():
    known, lines = chains.Chains(), iter(["first", "second", "third"])

    def write(*source: object) -> str:
        found = known.written("chain", source, lambda: [next(lines)])
        known.end_round()
        return found

    assert [write(1), write(1), write(2), write(2), write(1)] == ["first", "first", "second", "second", "third"]


def test_what_a_round_does_not_ask_for_is_forgotten():
    known, lines = chains.Chains(), iter(["first", "second"])
    assert known.written("chain", (1,), lambda: [next(lines)]) == "first"
    known.end_round()
    known.end_round()
    assert known.written("chain", (1,), lambda: [next(lines)]) == "second"
