"""Who is checked, by whom, and from where."""

import dataclasses

import pytest

from tests.providers import trees
from vipool.model import healthmonitor
from vipool.providers.nftables import checks
from vipool.providers.probing import target

POOL, MONITOR = trees.identifier(3, 1), trees.identifier(5, 1)


def picture(*members, **monitor):
    return trees.load(
        {
            "loadbalancer": {"additional_vips": [{"subnet_id": None, "ip_address": "fd00::b", "port_id": None}]},
            "listeners": [
                {"id": trees.identifier(2, at), "protocol": "UDP", "protocol_port": 50 + at, "default_pool_id": POOL}
                for at in range(2)
            ],
            "pools": [{"id": POOL, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"}],
            "members": [
                {"id": trees.identifier(4, at), "pool_id": POOL, "protocol_port": 53, **each}
                for at, each in enumerate(members)
            ],
            "healthmonitors": [
                {"id": MONITOR, "pool_id": POOL, "type": "UDP-CONNECT", "delay": 5, "timeout": 2, "max_retries": 2,
                 **monitor}
            ],
        }
    )  # fmt: skip


def test_a_member_is_checked_once_from_the_vip_of_its_family_on_its_monitors_terms():
    one, two = checks.targets(picture({"address": "10.0.0.1"}, {"address": "FD00::9", "monitor_port": 8053}))
    assert dataclasses.replace(one, member_id="") == target.Target(
        member_id="", kind=healthmonitor.Type.UDP_CONNECT, address="10.0.0.1", port=53, source="172.16.100.11",
        delay=5, timeout=2, rise=2, fall=3,
    )  # fmt: skip
    assert (two.address, two.port, two.source, two.serves) == ("fd00::9", 8053, "fd00::b", False)
    assert one.end == bytes([10, 0, 0, 1, 0, 53, 0, 0])
    assert (two.version, len(two.end)) == (6, 20)


def test_where_a_member_is_checked_may_be_of_another_family_than_every_vip():
    four = {"address": "10.0.0.1", "monitor_address": "fd00::1"}
    (found,) = checks.targets(picture(four).replacing(trees.load({}).loadbalancer))
    assert (found.address, found.source) == ("fd00::1", None)


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.replacing(dataclasses.replace(whole.members[0], admin_state_up=False)),
        lambda whole: whole.replacing(dataclasses.replace(whole.healthmonitors[0], admin_state_up=False)),
        lambda whole: whole.replacing(dataclasses.replace(whole.pools[0], admin_state_up=False)),
        lambda whole: whole.replacing(dataclasses.replace(whole.loadbalancer, admin_state_up=False)),
        lambda whole: whole.having({"listeners": ()}),
        lambda whole: whole.having({"healthmonitors": ()}),
    ],
    ids=["member", "monitor", "pool", "load balancer", "no listener", "no monitor"],
)
def test_what_is_out_of_service_is_not_checked(change):
    whole = picture({"address": "10.0.0.1"})
    assert len(tuple(checks.targets(whole))) == 1
    assert tuple(checks.targets(change(whole))) == ()


def test_what_speaks_http_or_tls_is_handed_to_another_with_the_members_in_service():
    away = {"address": "10.0.0.2", "admin_state_up": False}
    for kind in ("HTTP", "HTTPS", "TLS-HELLO"):
        whole = picture({"address": "10.0.0.1"}, away, type=kind)
        assert tuple(checks.targets(whole)) == ()
        handed = checks.handed(whole)
        assert [row.id for row in handed.rows()] == [trees.LOADBALANCER, POOL, trees.identifier(4, 0), MONITOR]
        assert checks.checked(whole) == {trees.identifier(4, 0)}


@pytest.mark.parametrize("kind", sorted(target.KINDS))
def test_what_is_a_packet_and_its_answer_is_handed_to_nobody(kind):
    whole = picture({"address": "10.0.0.1"}, type=kind)
    assert tuple(checks.handed(whole).rows()) == (whole.loadbalancer,)
    assert checks.checked(whole) == {each.member_id for each in checks.targets(whole)} == {trees.identifier(4, 0)}


@pytest.mark.parametrize(("said", "good"), [(None, {200}), ("", {200}), ("a", set()), ("200,x", set()), ("5-4", set())])
def test_what_cannot_be_understood_means_no_good_answer(said, good):
    assert healthmonitor.good_codes(said) == good
