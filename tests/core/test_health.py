"""Operating statuses from what the data plane says: the table of OCTAVIA-SPEC 3.5, row by row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import trees
from vipool.core import health
from vipool.model import spec, status, tree

Operating = status.Operating
LISTENER, POOL, MONITOR = trees.identifier(2, 1), trees.identifier(3, 1), trees.identifier(5, 1)
FIRST, SECOND = trees.identifier(4, 1), trees.identifier(4, 2)


def wanted(**more: object) -> tree.Tree:
    settled = {"generation": 2, "settled": 2, "touched": 2}
    body = {
        "loadbalancer": settled,
        "listeners": [{"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL, "touched": 2}],
        "pools": [{"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}],
        "members": [
            {"id": each, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80} for each in (FIRST, SECOND)
        ],
        "healthmonitors": [{"id": MONITOR, "pool_id": POOL, "type": "TCP", "delay": 1, "timeout": 1, "max_retries": 1}],
    }
    return trees.load({**body, **more})


def seen(first: str = "up", second: str = "up", pool: str = "up", front: str = "open") -> spec.Observation:
    servers = {FIRST: first, SECOND: second}
    return spec.Observation(frontends={LISTENER: front}, backends={POOL: pool}, servers=servers, counters={})


def derived(whole: tree.Tree, observation: spec.Observation | None) -> list[Operating]:
    """Load balancer, listener, pool, first and second member."""
    found = health.derive(whole, observation)
    return [found[each] for each in (trees.LOADBALANCER, LISTENER, POOL, FIRST, SECOND)]


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(), "ONLINE ONLINE ONLINE ONLINE ONLINE"),
        (seen(first="down"), "DEGRADED ONLINE DEGRADED ERROR ONLINE"),
        (seen("down", "down", "down"), "ERROR ONLINE ERROR ERROR ERROR"),
        (seen(first="drain"), "ONLINE ONLINE ONLINE DRAINING ONLINE"),
        (seen(first="maint"), "ONLINE ONLINE ONLINE OFFLINE ONLINE"),
        (seen("no_check", "no_check"), "ONLINE ONLINE ONLINE NO_MONITOR NO_MONITOR"),
        (seen(front="full"), "DEGRADED DEGRADED ONLINE ONLINE ONLINE"),
        (seen("down", "down", "down", "full"), "ERROR DEGRADED ERROR ERROR ERROR"),
        (seen(front="closed"), "ONLINE ERROR ONLINE ONLINE ONLINE"),
        (seen("maint", "maint", "down"), "ERROR ONLINE ERROR OFFLINE OFFLINE"),
        (seen(first="a word of a newer agent"), "ONLINE ONLINE ONLINE OFFLINE ONLINE"),
        (None, "ONLINE ERROR OFFLINE OFFLINE OFFLINE"),
    ],
)
def test_what_is_reported_becomes_a_status(observation, expected):
    assert " ".join(derived(wanted(), observation)) == expected


def test_a_pool_without_members_is_online():
    found = health.derive(wanted(members=[]), seen())
    assert found[POOL] is Operating.ONLINE


def test_a_listener_that_the_node_has_not_made_yet_is_offline():
    whole = wanted(loadbalancer={"generation": 3, "settled": 1, "touched": 2})
    assert health.derive(whole, None)[LISTENER] is Operating.OFFLINE


def test_a_disabled_listener_is_offline():
    front = {"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "admin_state_up": False}
    assert health.derive(wanted(listeners=[front]), None)[LISTENER] is Operating.OFFLINE


def test_a_disabled_load_balancer_takes_everything_offline():
    whole = wanted(loadbalancer={"admin_state_up": False, "settled": 2})
    states = health.derive(whole, None)
    assert {state for row, state in states.items() if row != MONITOR} == {Operating.OFFLINE}


def test_a_member_nobody_reports_stays_unmonitored():
    row = {"id": FIRST, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80, "operating_status": "NO_MONITOR"}
    assert health.derive(wanted(members=[row]), None)[FIRST] is Operating.NO_MONITOR


def test_a_monitor_is_online_once_a_node_has_made_it_so():
    assert health.derive(wanted(loadbalancer={"settled": 0}), None)[MONITOR] is Operating.OFFLINE
    assert health.derive(wanted(loadbalancer={"settled": 1}), None)[MONITOR] is Operating.ONLINE


def test_a_monitor_that_is_changing_stays_what_it_was():
    monitor = {"id": MONITOR, "pool_id": POOL, "type": "TCP", "delay": 1, "timeout": 1, "max_retries": 1, "touched": 2}
    for state in ("ONLINE", "OFFLINE"):
        row = {**monitor, "operating_status": state, "admin_state_up": state == "OFFLINE"}
        whole = wanted(loadbalancer={"settled": 1}, healthmonitors=[row])
        assert health.derive(whole, None)[MONITOR] == state


words = st.dictionaries(
    st.sampled_from([trees.identifier(kind, number) for kind in (2, 3, 4) for number in range(4)]),
    st.sampled_from(("open", "full", "closed", "up", "down", "drain", "maint", "no_check", "unknown")),
)


@given(whole=trees.trees(), fronts=words, backs=words, servers=words)
def test_every_row_gets_a_status_from_any_observation(whole, fronts, backs, servers):
    observation = spec.Observation(frontends=fronts, backends=backs, servers=servers, counters={})
    assert health.derive(whole, observation).keys() == {row.id for row in whole.rows()}
