"""PING monitors, pure: the bytes of echo messages, and who is pinged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import trees
from vipool.providers.haproxy import ping

LISTENER, OTHER, POOL = trees.identifier(2, 1), trees.identifier(2, 2), trees.identifier(3, 1)
MONITOR, MEMBER = trees.identifier(5, 1), trees.identifier(4, 1)
TARGET = ping.Target(member_id=MEMBER, address="10.0.0.1", names=(), delay=1, timeout=1, rise=3, fall=2)


def test_an_echo_request_has_the_checksum_of_rfc_1071():
    packet = ping.request(4, 0x1234, 7)
    assert packet[0] == 8
    assert ping.checksum(packet) == 0
    assert ping.checksum(b"\xff\xff\x00\x02") == 0xFFFD  # the carry comes round
    assert ping.request(6, 0x1234, 7)[:4] == b"\x80\0\0\0"


def test_an_echo_reply_is_recognised_behind_an_ip_header_of_any_length():
    answer = b"\0\0\0\0\x12\x34\0\x07"
    for words in (5, 15):
        header = bytes([0x40 | words]) + bytes(words * 4 - 1)
        assert ping.reply(4, header + answer) == (0x1234, 7)
    assert ping.reply(6, b"\x81" + answer[1:]) == (0x1234, 7)


@given(packet=st.binary(max_size=80), version=st.sampled_from((4, 6)))
def test_no_packet_is_too_odd_to_read(packet, version):
    found = ping.reply(version, packet)
    assert found is None or len(packet) >= 8


def test_a_request_is_not_taken_for_a_reply():
    assert ping.reply(6, ping.request(6, 1, 1)) is None
    assert ping.reply(4, b"\x45" + bytes(19) + ping.request(4, 1, 1)) is None


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
    (found,) = ping.targets(trees.load(body()))
    assert (found.member_id, found.address, found.delay, found.timeout) == (MEMBER, "10.0.0.9", 5, 2)
    assert found.names == (f"{POOL}:{LISTENER}/{MEMBER}", f"{POOL}:{OTHER}/{MEMBER}")


@pytest.mark.parametrize("monitor", [{"type": "TCP"}, {"admin_state_up": False}])
def test_members_of_other_monitors_are_not_pinged(monitor):
    assert not list(ping.targets(trees.load(body(**monitor))))


def test_members_of_a_pool_that_only_a_policy_leads_to_are_pinged():
    http = {"listeners": [{"id": LISTENER, "protocol": "HTTP", "protocol_port": 80}]}
    policy = {"id": "policy", "listener_id": LISTENER, "action": "REDIRECT_TO_POOL", "redirect_pool_id": POOL}
    rule = {"id": "rule", "l7policy_id": "policy", "type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
    (found,) = ping.targets(trees.load({**body(), **http, "l7policies": [policy], "l7rules": [rule]}))
    assert found.names == (f"{POOL}:{LISTENER}/{MEMBER}",)
    assert not list(ping.targets(trees.load({**body(), **http, "l7policies": [policy]})))
