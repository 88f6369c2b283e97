"""Large trees are read by what changed in them: what is read is what reading afresh gives, and the rest is the same."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest

from tests.providers import trees
from vipool.agent import rows
from vipool.model import spec, tree


def large(at: int = 1, members: int = rows.MANY) -> tree.Tree:
    back = trees.identifier(3, 1)
    found = [
        {"id": trees.identifier(4, each), "pool_id": back, "address": "10.0.0.1", "protocol_port": each}
        for each in range(1, members + 1)
    ]
    return trees.load(
        {
            "loadbalancer": {"id": trees.identifier(1, at)},
            "pools": [{"id": back, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}],
            "members": found,
        }
    )


def told(wanted: tree.Tree) -> Any:
    return json.loads(json.dumps(spec.dump(spec.LoadBalancer(id="1", revision=1, tree=wanted))))["tree"]


def test_rows_that_did_not_change_are_the_same():
    reader, wanted = rows.Rows(), large()
    before = reader.read(told(wanted))
    first, second, *others = before.members
    changed = wanted.replacing(dataclasses.replace(first, weight=7)).keep(lambda row: row.id != second.id)
    after = reader.read(told(changed))
    assert after == changed
    assert after.members[0].weight == 7
    assert all(one is other for one, other in zip(after.members[1:], others, strict=True))
    assert after.pools[0] is before.pools[0]


def test_what_was_told_otherwise_in_between_is_read_anew():
    reader, wanted = rows.Rows(), large()
    other = wanted.replacing(dataclasses.replace(wanted.members[0], address="10.0.0.2"))
    for each in (wanted, other, wanted, other):
        assert reader.read(told(each)) == each


@pytest.mark.parametrize(
    ("members", "others", "kept"), [(rows.MANY, rows.MOST - 1, True), (rows.MANY, rows.MOST, False), (3, 0, False)]
)
def test_few_trees_are_kept_and_no_small_ones(members, others, kept):
    reader, body = rows.Rows(), told(large(members=members))
    before = reader.read(body)
    for at in range(others):
        reader.read(told(large(at + 2)))
    after = reader.read(copy.deepcopy(body))
    assert after == before
    assert (after.members[0] is before.members[0]) is kept
