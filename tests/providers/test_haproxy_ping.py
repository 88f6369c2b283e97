"""PING monitors of HAProxy's members: who is pinged, and what HAProxy calls them."""

import pytest

from tests.providers import trees
from vipool.providers.haproxy import ping

LISTENER, OTHER, POOL = trees.identifier(2, 1), trees.identifier(2, 2), trees.identifier(3, 1)
MONITOR, MEMBER = trees.identifier(5, 1), trees.identifier(4, 1)


def body(**monitor: object) -> dict[str, object]:
    common = {"protocol": "TCP", "default_pool_id": POOL}
    return {
        "listeners": [{"id": LISTENER, "protocol_port": 80, **common}, {"id": OTHER, "protocol_port": 81, **common}],
        "pools": [{"id": POOL, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}],
        "members": [
            {"id": MEMBER, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80, "monitor_address": "10.0.0.9"},
            {"id": trees.identifier(4, 2), "pool_id": POOL, "address": "10.0.0.2", "protocol_port": 80,
             "admin_state_up": False},
        ],
        "healthmonitors": [
            {"id": MONITOR, "pool_id": POOL, "type": "PING", "delay": 5, "timeout": 2, "max_retries": 1, **monitor}
        ],
    }  # fmt: skip


def test_a_member_is_pinged_once_and_judged_for_every_listener():
    (found,) = ping.pinged(trees.load(body()))
    seen = found.target
    assert (seen.member_id, seen.address, seen.delay, seen.timeout) == (MEMBER, "10.0.0.9", 5, 2)
    assert seen.source == "172.16.100.11", "as its traffic"
    assert found.names == (f"{POOL}:{LISTENER}/{MEMBER}", f"{POOL}:{OTHER}/{MEMBER}")


@pytest.mark.parametrize("monitor", [{"type": "TCP"}, {"admin_state_up": False}])
def test_members_of_other_monitors_are_not_pinged(monitor):
    assert not list(ping.pinged(trees.load(body(**monitor))))


def test_members_of_a_pool_that_only_a_policy_leads_to_are_pinged():
    http = {"listeners": [{"id": LISTENER, "protocol": "HTTP", "protocol_port": 80}]}
    policy = {"id": "policy", "listener_id": LISTENER, "action": "REDIRECT_TO_POOL", "redirect_pool_id": POOL}
    rule = {"id": "rule", "l7policy_id": "policy", "type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
    (found,) = ping.pinged(trees.load({**body(), **http, "l7policies": [policy], "l7rules": [rule]}))
    assert found.names == (f"{POOL}:{LISTENER}/{MEMBER}",)
    assert not list(ping.pinged(trees.load({**body(), **http, "l7policies": [policy]})))
