"""The store: transactions that are whole or nothing, objects that come back as they were, and lists in SQL."""

import datetime
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vipool.model import faults, loadbalancer, member, pool, statistics, status, tree
from vipool.store import listing, rows, session, trees

NOW = datetime.datetime(2026, 1, 1)


@pytest.fixture
def database(tmp_path):
    told: list[int] = []
    found = session.Database(session.sqlite_url(tmp_path / "test.db"), clock=lambda: NOW, on_commit=told.append)
    found.create()
    found.told = told  # type: ignore[attr-defined]
    yield found
    found.close()


def balancer(identifier: str, **values: Any) -> loadbalancer.LoadBalancer:
    return loadbalancer.LoadBalancer(id=identifier, project_id="p", **values)


def add(database: session.Database, *found: Any) -> None:
    with database.write() as held:
        rows.add(held, *found)


def test_an_object_comes_back_as_it_was(database):
    kept = balancer(
        "a",
        tags=("x", "y"),
        created_at=datetime.datetime(2026, 1, 1, 2, 3, 4, 567),
        operating_status=status.Operating.DEGRADED,
        additional_vips=({"subnet_id": "s", "ip_address": None, "port_id": None},),
    )
    add(database, kept)
    with database.read() as held:
        assert rows.get(held, loadbalancer.LoadBalancer, "a") == kept
        assert rows.get(held, loadbalancer.LoadBalancer, "b") is None


def test_a_write_that_fails_leaves_nothing(database):
    def fail() -> None:
        with database.write() as held:
            rows.add(held, balancer("a"))
            held.revision()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as held:
        assert rows.count(held, loadbalancer.LoadBalancer) == 0
        assert held.current() == 1
    assert database.told == []


def begun(calls: list[int]) -> session.Begun:
    return lambda held: calls.append(rows.count(held, loadbalancer.LoadBalancer))


def test_a_longer_transaction_begins_with_the_first_write_and_holds_all_of_them(database):
    calls: list[int] = []
    with database.longer(begun(calls)):
        other = threading.Thread(target=add, args=(database, balancer("other")))
        other.start()
        other.join(5)
        assert not other.is_alive()
        assert calls == []
        add(database, balancer("a"))
        add(database, balancer("b"))
        with database.read() as held:
            assert rows.count(held, loadbalancer.LoadBalancer) == 1
    assert calls == [1]
    with database.read() as held:
        assert rows.count(held, loadbalancer.LoadBalancer) == 3


def test_a_longer_transaction_that_fails_leaves_nothing_and_does_not_last(database):
    def fail() -> None:
        with database.longer(begun([])):
            add(database, balancer("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    add(database, balancer("b"))
    with database.read() as held:
        assert [each.id for each in rows.find(held, loadbalancer.LoadBalancer)] == ["b"]


def test_a_longer_transaction_may_be_refused_where_it_begins(database):
    def refuse(_held: session.Session) -> None:
        raise ZeroDivisionError

    def fail() -> None:
        with database.longer(refuse):
            add(database, balancer("a"))

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.longer(refuse):
        pass
    add(database, balancer("b"))


def test_a_full_disk_refuses_the_write_in_words_and_keeps_nothing_of_it(database):
    def write() -> None:
        with database.write() as held:
            held.connection.exec_driver_sql("PRAGMA max_page_count=1")  # no page more than there are
            rows.add(held, balancer("a", description="d" * 100_000))

    with pytest.raises(faults.NoRoom, match="make room, then try again"):
        write()
    with database.read() as held:
        assert rows.count(held, loadbalancer.LoadBalancer) == 0


def test_a_revision_is_raised_once_a_write_and_told_after_the_commit(database):
    with database.write() as held:
        assert held.revision() == held.revision() == 2
        assert database.told == []
    assert database.told == [2]
    with database.write():
        pass
    assert database.told == [2]


def test_writers_do_not_lose_each_others_changes(database):
    add(database, balancer("a"))

    def count() -> None:
        for _ in range(20):
            with database.write() as held:
                found = rows.get(held, loadbalancer.LoadBalancer, "a")
                assert found is not None
                rows.put(held, found.having({"generation": found.generation + 1}))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as held:
        assert rows.find(held, loadbalancer.LoadBalancer)[0].generation == 81


def test_a_reader_sees_one_moment(database):
    add(database, balancer("a"))
    with database.read() as held:
        assert rows.count(held, loadbalancer.LoadBalancer) == 1
        add(database, balancer("b"))
        assert rows.count(held, loadbalancer.LoadBalancer) == 1


def test_only_what_differs_of_a_tree_is_written_and_what_left_is_removed(database):
    webs = pool.Pool(
        id="w",
        project_id="p",
        loadbalancer_id="a",
        protocol=pool.Protocol.HTTP,
        lb_algorithm=pool.Algorithm.ROUND_ROBIN,
    )
    one = member.Member(id="m", project_id="p", loadbalancer_id="a", pool_id="w", address="10.0.0.1", protocol_port=1)
    before = tree.Tree(loadbalancer=balancer("a"), pools=(webs,), members=(one,))
    with database.write() as held:
        trees.keep(held, None, before)
    with database.read() as held:
        loaded = trees.load(held, "a")
        assert loaded is not None
        assert trees.root_of(held, member.Member, "m") == "a"
    assert [row.id for row in loaded.rows()] == ["a", "w", "m"]
    after = loaded.keep(lambda row: row.id != "m").replacing(webs.having({"name": "new"}))
    with database.write() as held:
        trees.keep(held, loaded, after)
        found = trees.load(held, "a")
        assert found is not None
        assert [(row.id, row.name) for row in found.rows()] == [("a", ""), ("w", "new")]
        assert found.loadbalancer.revision == held.current()
        assert [each.loadbalancer.id for each in trees.changed(held, held.current() - 1)] == ["a"]
        assert trees.changed(held, held.current()) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "born": st.integers(1, 4),
            "touched": st.integers(1, 4),
            "settled": st.integers(0, 4),
            "failed": st.integers(0, 4),
            "dying": st.booleans(),
        }
    )
)
def test_sql_and_python_agree_on_every_status(database, values):
    with database.write() as held:
        rows.remove(held, loadbalancer.LoadBalancer, "a")
        rows.add(held, balancer("a", generation=4, **values))
        computed = {"provisioning_status": trees.provisioning(loadbalancer.LoadBalancer)}
        progress = status.Progress(generation=4, settled=values["settled"], failed=values["failed"])
        stamps = {name: values[name] for name in ("born", "touched", "dying")}
        word = status.provisioning(**stamps, progress=progress).value
        query = listing.Query(equals={"provisioning_status": (word,)})
        assert len(listing.select(held, loadbalancer.LoadBalancer, query, computed=computed)) == 1


def listed(database, **query: Any) -> list[str]:
    with database.read() as held:
        found = listing.select(held, loadbalancer.LoadBalancer, listing.Query(**query))
    return [each.id for each in found]


def test_what_has_these_values_is_removed_and_nothing_else(database):
    made = (("a", "x", "1"), ("b", "x", "2"), ("c", "x", None), ("d", "y", "1"), ("e", "y", None))
    add(database, *(balancer(each, name=name, flavor_id=flavor) for each, name, flavor in made))

    def left_without(**equals: Any) -> str:
        with database.write() as held:
            rows.remove_where(held, loadbalancer.LoadBalancer, **equals)
            return "".join(sorted(rows.column(held, loadbalancer.LoadBalancer, "id")))

    assert left_without(name="z") == "abcde"
    assert left_without(name=()) == "abcde"
    assert left_without(name="x", flavor_id=("1", "3")) == "bcde"
    assert left_without(name="y", flavor_id=None) == "bcd"
    assert left_without(name=["x", "y"]) == ""


def test_more_values_than_one_statement_takes_find_what_has_one_of_them(database):
    add(database, *(balancer(each, name=each.upper()) for each in "abc"))
    wanted = ["A", *(f"nobody-{place}" for place in range(33_000)), "C", "A"]
    with database.read() as held:
        found = rows.among(held, loadbalancer.LoadBalancer, "name", wanted)
        assert sorted(each.id for each in found) == ["a", "c"]
        assert list(rows.among(held, loadbalancer.LoadBalancer, "name", ())) == []


def test_to_remove_everything_by_saying_nothing_is_refused(database):
    with database.write() as held:
        rows.add(held, balancer("a"))
        with pytest.raises(ValueError, match="say which"):
            rows.remove_where(held, loadbalancer.LoadBalancer)
        assert rows.count(held, loadbalancer.LoadBalancer) == 1


def test_filters_compare_any_of_their_values(database):
    add(database, balancer("a", name="One"), balancer("b", name="two"), balancer("c", name="three", vip_address="1"))
    assert listed(database, equals={"name": ("two", "three")}) == ["b", "c"]
    assert listed(database, equals={"vip_address": (None,)}) == ["a", "b"]
    assert listed(database, equals={"name": ("ONE",)}, ignoring_case=frozenset({"name"})) == ["a"]
    assert listed(database, contains={"name": "w"}) == ["b"]
    assert listed(database, contains={"name": "%"}) == []


def test_tags_are_asked_for_in_four_ways(database):
    add(database, balancer("a", tags=("x", "y")), balancer("b", tags=("y",)), balancer("c"))
    assert listed(database, tags=listing.Tags(every=("x", "y"))) == ["a"]
    assert listed(database, tags=listing.Tags(some=("x", "y"))) == ["a", "b"]
    assert listed(database, tags=listing.Tags(not_every=("x", "y"))) == ["b", "c"]
    assert listed(database, tags=listing.Tags(not_some=("x", "y"))) == ["c"]


def test_bounds_hold_all_together_and_may_let_objects_without_a_value_stay(database):
    add(database, *(balancer(name, vip_address=value) for name, value in (("a", None), ("b", "1"), ("c", "2"))))

    def within(*bounds: tuple[str, str], or_none: bool = False) -> list[str]:
        relations = [(listing.Relation(word), value) for word, value in bounds]
        asked = [listing.Bound(name="vip_address", relation=r, value=v, or_none=or_none) for r, v in relations]
        return listed(database, bounds=tuple(asked))

    assert within(("lt", "2")) == ["b"]
    assert within(("lte", "2")) == ["b", "c"]
    assert within(("gt", "1")) == ["c"]
    assert within(("gte", "1")) == ["b", "c"]
    assert within(("gte", "1"), ("lt", "2")) == ["b"]
    assert within(("gt", "1"), or_none=True) == ["a", "c"]


def test_an_offset_leaves_out_what_comes_first_and_the_count_is_that_of_all_pages(database):
    add(database, *(balancer(name, name="x") for name in "abc"))
    assert listed(database, limit=1, offset=1) == ["b"]
    assert listed(database, offset=2) == ["c"]
    with database.read() as held:
        query = listing.Query(equals={"name": ("x",)}, limit=1, offset=1)
        assert listing.count(held, loadbalancer.LoadBalancer, query) == 3


def test_a_marker_nobody_has_is_refused(database):
    with pytest.raises(faults.BadQuery, match="marker 'nobody'"):
        listed(database, marker="nobody")


NAMES = st.lists(st.sampled_from(["", "a", "b", None]), min_size=1, max_size=7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(NAMES, st.integers(1, 4), st.booleans(), st.booleans())
def test_pages_hold_everything_once_in_order_forwards_and_back(database, names, limit, ascending, reverse):
    with database.write() as held:
        rows.remove(held, loadbalancer.LoadBalancer, *(str(place) for place in range(7)))
        rows.add(held, *(balancer(str(place), vip_address=name) for place, name in enumerate(names)))
    order = {"sort": (("vip_address", ascending),)}
    whole = listed(database, **order)
    assert sorted(whole) == [str(place) for place in range(len(names))]
    seen: list[str] = []
    marker = None
    while page := listed(database, **order, limit=limit, marker=marker, reverse=reverse):
        seen = [*page, *seen] if reverse else [*seen, *page]
        marker = page[0] if reverse else page[-1]
    assert seen == whole


def test_counters_larger_than_32_bits_are_kept(database):
    add(database, statistics.Statistics(id="l", loadbalancer_id="a", bytes_in=2**40))
    with database.read() as held:
        assert rows.find(held, statistics.Statistics, loadbalancer_id="a")[0].bytes_in == 2**40
