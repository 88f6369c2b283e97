"""A rule of a security group in numbers."""

import pytest

from vipool.model import securitygroup


def rule(protocol: str | None, ethertype: str = "IPv4") -> securitygroup.Rule:
    return securitygroup.Rule(
        id="r",
        direction=securitygroup.Direction.INGRESS,
        security_group_id="g",
        protocol=protocol,
        ethertype=ethertype,
    )


@pytest.mark.parametrize(
    ("protocol", "ethertype", "number"),
    [
        (None, "IPv4", None),
        ("ip", "IPv4", None),
        ("tcp", "IPv6", 6),
        ("132", "IPv4", 132),
        ("icmp", "IPv4", 1),
        ("icmp", "IPv6", 58),
        ("1", "IPv6", 58),
        ("icmpv6", "IPv6", 58),
        ("hopopt", "IPv6", 0),
    ],
)
def test_a_protocol_has_a_number_and_icmp_that_of_its_ip_version(protocol, ethertype, number):
    assert rule(protocol, ethertype).number == number
    assert rule(protocol, ethertype).version == (6 if ethertype == "IPv6" else 4)


def test_every_name_has_a_number_that_a_packet_can_have():
    known = {name: rule(name).number for name in securitygroup.PROTOCOLS}
    assert {name for name, number in known.items() if number is None} == {"ip"}
    assert all(0 <= number <= 255 for number in known.values() if number is not None)


def test_a_new_group_lets_its_own_members_in_and_everything_out_in_both_versions():
    assert [(each.ethertype, each.direction.value, each.inward) for each in securitygroup.FIRST_RULES] == [
        ("IPv4", "ingress", True),
        ("IPv4", "egress", False),
        ("IPv6", "ingress", True),
        ("IPv6", "egress", False),
    ]
