"""What is remembered of trees is what the store holds, whoever wrote it, and no more than there is room for."""

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from vipool.model import loadbalancer, member, pool, status, tree
from vipool.store import memory, rows, session, trees

NOW = datetime.datetime(2026, 1, 1)
MEMBERS = 3
ROWS = MEMBERS + 2


def opened(path: Path) -> session.Database:
    """A process of its own, as far as memory goes."""
    return session.Database(session.sqlite_url(path / "test.db"), clock=lambda: NOW)


@pytest.fixture
def database(tmp_path):
    found = opened(tmp_path)
    found.create()
    yield found
    found.close()


@pytest.fixture
def other(database, tmp_path):
    found = opened(tmp_path)
    yield found
    found.close()


def planted(identifier: str) -> tree.Tree:
    """A pool and its members."""
    root = loadbalancer.LoadBalancer(id=identifier, project_id="p")
    where = {"project_id": "p", "loadbalancer_id": identifier, "born": 1, "touched": 1}
    terms = {"protocol": pool.Protocol.HTTP, "lb_algorithm": pool.Algorithm.ROUND_ROBIN}
    webs = pool.Pool(id=f"{identifier}-webs", **terms, **where)
    members = tuple(
        member.Member(id=f"{identifier}-{at}", pool_id=webs.id, address=f"10.0.0.{at}", protocol_port=1, **where)
        for at in range(MEMBERS)
    )
    return tree.Tree(loadbalancer=root, pools=(webs,), members=members)


def plant(database: session.Database, identifier: str = "a") -> tree.Tree:
    with database.write() as held:
        trees.keep(held, None, planted(identifier))
    return load(database, identifier)


def load(database: session.Database, identifier: str = "a") -> tree.Tree:
    with database.read() as held:
        found = trees.load(held, identifier)
    assert found is not None
    return found


def heavier(whole: tree.Tree, weight: int) -> tree.Tree:
    return whole.replacing(dataclasses.replace(whole.members[0], weight=weight))


def weigh(database: session.Database, weight: int, then: Callable[[], object] = lambda: None) -> None:
    with database.write() as held:
        before = trees.load(held, "a")
        assert before is not None
        trees.keep(held, before, heavier(before, weight))
        then()


def test_what_was_read_is_not_read_again(database):
    first, second = plant(database), load(database)
    assert all(one is same for one, same in zip(first.members, second.members, strict=True))


def test_after_a_write_only_what_it_wrote_is_read(database):
    first = plant(database)
    weigh(database, 7)
    second = load(database)
    assert [each.weight for each in second.members] == [7, 1, 1]
    assert [one is same for one, same in zip(first.members, second.members, strict=True)] == [False, True, True]


def test_what_another_process_wrote_is_seen(database, other):
    assert plant(database) == load(other)
    weigh(other, 7)
    assert load(database).members[0].weight == 7
    with other.write() as held:
        whole = trees.load(held, "a")
        assert whole is not None
        trees.settle(held, whole, {}, (), ((whole.members[1], status.Operating.ERROR),))
    assert load(database).members[1].operating_status is status.Operating.ERROR


def test_a_write_that_was_undone_is_not_remembered(database):
    plant(database)
    with pytest.raises(ZeroDivisionError):
        weigh(database, 7, then=lambda: 1 // 0)
    assert load(database).members[0].weight == 1
    weigh(database, 8)
    assert load(database).members[0].weight == 8


def test_who_began_to_read_before_a_write_sees_what_was_before(database):
    plant(database)
    with database.read() as held:
        rows.count(held, loadbalancer.LoadBalancer)
        weigh(database, 7)
        early = trees.load(held, "a")
    assert early is not None
    assert (early.members[0].weight, load(database).members[0].weight) == (1, 7)


def test_a_load_balancer_itself_is_read_each_time(database):
    plant(database)
    with database.write() as held:
        rows.change(held, loadbalancer.LoadBalancer, "a", {"name": "new"})
    assert load(database).loadbalancer.name == "new"


def test_what_was_not_asked_for_longest_is_forgotten_first(database):
    held = memory.Memory(most=2 * ROWS)
    wholes = {name: plant(database, name) for name in "abc"}
    held.keep(wholes["a"])
    held.keep(wholes["b"])
    assert held.recall(wholes["a"].loadbalancer) == wholes["a"]
    held.keep(wholes["c"])
    assert [name for name, whole in wholes.items() if held.recall(whole.loadbalancer)] == ["a", "c"]


def test_a_tree_larger_than_all_the_room_is_not_remembered(database):
    held, whole = memory.Memory(most=ROWS - 1), plant(database)
    held.keep(whole)
    assert held.recall(whole.loadbalancer) is None
