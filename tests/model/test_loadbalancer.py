"""Which VIPs a load balancer has, and which of them it speaks to a member from."""

import pytest

from tests.providers import trees

FIRST, SECOND, THIRD = (trees.identifier(8, number) for number in (1, 2, 3))


def root(**more):
    top = {
        "vip_address": "172.16.100.11",
        "vip_subnet_id": FIRST,
        "additional_vips": [
            {"subnet_id": SECOND, "ip_address": "172.16.200.11", "port_id": None},
            {"subnet_id": THIRD, "ip_address": "fd00::b", "port_id": None},
        ],
        **more,
    }
    return trees.load({"loadbalancer": top}).loadbalancer


def test_the_vip_it_is_known_by_comes_first():
    assert root().vips == ("172.16.100.11", "172.16.200.11", "fd00::b")
    assert root(additional_vips=[]).vips == ("172.16.100.11",)
    assert root(vip_address=None, additional_vips=[]).vips == ()


@pytest.mark.parametrize(
    ("address", "subnet_id", "source"),
    [
        ("172.16.200.9", SECOND, "172.16.200.11"),
        ("172.16.100.9", FIRST, "172.16.100.11"),
        ("10.0.0.9", None, "172.16.100.11"),
        ("10.0.0.9", trees.identifier(8, 9), "172.16.100.11"),
        ("10.0.0.9", THIRD, "172.16.100.11"),
        ("fd00::9", None, "fd00::b"),
    ],
)
def test_a_member_is_spoken_to_from_its_own_subnet_or_else_from_the_first_vip_of_its_family(address, subnet_id, source):
    assert root().source(address, subnet_id) == source


def test_there_is_no_source_for_a_family_without_a_vip():
    assert root(additional_vips=[]).source("fd00::9", None) is None
