"""What a write changed, as its history tells it."""

import json

from tests.core import test_admit as trees
from tests.core import test_l7
from vipool.core import admit, changes
from vipool.model import listener, member, pool


def entries(before, after):
    found = changes.between(before, after)
    json.dumps(found)
    return {each["id"]: each for each in found}


def test_what_is_new_is_told_without_its_defaults():
    whole = trees.root()
    after = admit.create(whole, trees.row(listener.Listener, "l"), trees.when(whole))
    (entry,) = entries(whole, after).values()
    assert (entry["object"], entry["id"], entry["before"]) == ("listener", "l", None)
    assert entry["after"] == {"project_id": trees.PROJECT, "protocol": "HTTP", "protocol_port": 80}


def test_a_whole_new_tree_is_told_object_by_object():
    whole = trees.grown()
    assert set(entries(None, whole)) == {row.id for row in whole.rows()}


def test_of_a_change_only_what_changed_is_told():
    whole = trees.grown()
    after = admit.update(whole, member.Member, "m1", {"weight": 7, "backup": False}, trees.when(whole))
    assert entries(whole, after) == {
        "m1": {"object": "member", "id": "m1", "before": {"weight": 1}, "after": {"weight": 7}}
    }
    assert entries(whole, admit.update_root(whole, {}, trees.when(whole))) == {}


def test_what_goes_takes_what_cannot_be_without_it_along():
    whole = trees.grown()
    found = entries(whole, admit.delete(whole, pool.Pool, "p", trees.when(whole)))
    gone = {name for name, entry in found.items() if entry["after"] is None}
    assert gone == {"p", "m1", "m2", "h"}
    assert found["l"] == {
        "object": "listener",
        "id": "l",
        "before": {"default_pool_id": "p"},
        "after": {"default_pool_id": None},
    }


def test_secrets_are_not_told():
    whole = test_l7.added(trees.grown())
    after = test_l7.ruled(whole, value="open-sesame")
    assert entries(whole, after)["r0"]["after"]["value"] == changes.REDACTED
    changed = admit.update(after, type(after.l7rules[0]), "r0", {"key": "x"}, trees.when(after))
    assert "open-sesame" not in json.dumps(changes.between(after, changed))
