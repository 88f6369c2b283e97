"""What differs between two states of a tree is found by the objects, and is all that differs."""

import dataclasses

from vipool.model import listener, loadbalancer, pool, tree

OWNED = {"project_id": "p", "loadbalancer_id": "a"}
FRONTS = tuple(
    listener.Listener(id=name, protocol=listener.Protocol.TCP, protocol_port=80, **OWNED) for name in ("x", "y", "z")
)
BACK = pool.Pool(id="w", protocol=pool.Protocol.TCP, lb_algorithm=pool.Algorithm.ROUND_ROBIN, **OWNED)
WHOLE = tree.Tree(loadbalancer=loadbalancer.LoadBalancer(id="a", project_id="p"), listeners=FRONTS, pools=(BACK,))


def test_nothing_differs_between_a_tree_and_itself():
    assert list(tree.differing(WHOLE, WHOLE)) == []
    assert list(tree.differing(WHOLE, WHOLE.keep(lambda row: True))) == []


def test_every_row_of_a_new_tree_is_new():
    assert list(tree.differing(None, WHOLE)) == [(None, row) for row in WHOLE.rows()]


def test_what_changed_comes_what_came_and_what_went_are_told_apart():
    root = dataclasses.replace(WHOLE.loadbalancer, generation=2)
    changed = dataclasses.replace(FRONTS[1], name="new")
    added = dataclasses.replace(FRONTS[2], id="v")
    after = WHOLE.keep(lambda row: row.id not in {"x", "w"}).adding(added).replacing(root, changed)
    assert list(tree.differing(WHOLE, after)) == [
        (WHOLE.loadbalancer, root),
        (FRONTS[1], changed),
        (None, added),
        (FRONTS[0], None),
        (BACK, None),
    ]


def test_an_equal_row_that_is_another_object_is_given():
    twin = dataclasses.replace(BACK)
    assert list(tree.differing(WHOLE, WHOLE.replacing(twin))) == [(BACK, twin)]
