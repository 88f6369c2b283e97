"""What objects of the identity and network services say of themselves, and values only they have."""

import ipaddress

import pytest

from vipool.model import (
    accessrule,
    caller,
    catalog,
    device,
    network,
    networkquota,
    port,
    qosrule,
    spec,
    subnet,
    subnetpool,
)


@pytest.mark.parametrize("value", [0, 46, "26", 56])
def test_a_mark_has_a_name(value):
    assert qosrule.Mark().parse(value) == int(value)
    assert qosrule.Mark().schema() == {"type": "integer", "enum": list(qosrule.MARKS)}


@pytest.mark.parametrize("value", [1, 45, 64, -8, True, None, "EF"])
def test_what_is_no_mark_is_refused(value):
    with pytest.raises(ValueError, match=r"is not in \[0, 8|integer|int\(\)"):
        qosrule.Mark().parse(value)


def test_every_kind_of_rule_is_named_as_neutron_lists_it():
    assert [qosrule.kind(cls) for cls in qosrule.KINDS] == [
        "bandwidth_limit",
        "dscp_marking",
        "minimum_bandwidth",
        "minimum_packet_rate",
        "packet_rate_limit",
    ]


@pytest.mark.parametrize("value", ["true", 1, 0, None, []])
def test_a_switch_is_true_or_false_and_nothing_like_it(value):
    assert catalog.Switch().parse(True) is True
    assert catalog.Switch().parse(False) is False
    with pytest.raises(ValueError, match="is not of type 'boolean'"):
        catalog.Switch().parse(value)


def test_an_access_rule_allows_what_it_says():
    rule = accessrule.AccessRule(id="r", service="network", path="/v2.0/**", method=accessrule.Method.GET, user_id="u")
    assert rule.access == caller.Access(service="network", method="GET", path="/v2.0/**")


def test_a_caller_without_a_project_owns_nothing():
    assert caller.Caller(user_id="u", project_id="p").owns("p")
    assert not caller.Caller(user_id="u").owns(None)
    assert caller.Caller(user_id="u", roles=frozenset({"admin"})).is_admin
    assert not caller.Caller(user_id="u", roles=frozenset({"member"})).is_admin


def test_blocks_of_pools_and_subnets_are_values_to_reckon_with():
    pool = subnetpool.SubnetPool(id="s", project_id="p", prefixes=("10.0.0.0/16", "10.1.0.0/16"), default_prefixlen=24)
    assert pool.blocks == (ipaddress.ip_network("10.0.0.0/16"), ipaddress.ip_network("10.1.0.0/16"))
    made = subnet.Subnet(
        id="s", project_id="p", network_id="n", cidr="fd00::/64", ip_version=6, ipv6_address_mode="slaac"
    )
    assert made.block == ipaddress.ip_network("fd00::/64")
    assert made.derives_addresses


def test_a_port_names_each_of_its_subnets_once():
    fixed = tuple(
        {"subnet_id": name, "ip_address": ip} for name, ip in (("a", "10.0.0.2"), ("b", "fd::2"), ("a", "10.0.0.3"))
    )
    made = port.Port(id="p", project_id="q", network_id="n", mac_address="fa:16:3e:00:00:01", fixed_ips=fixed)
    assert made.subnet_ids == ("a", "b")
    assert made.addresses == ("10.0.0.2", "fd::2", "10.0.0.3")


@pytest.mark.parametrize(("kind", "bridge"), [("flat", "br0"), ("vxlan", None)])
def test_only_a_flat_network_is_an_existing_bridge(kind, bridge):
    made = network.Network(id="n", project_id="p", name="", network_type=kind, physical_network="br0")
    assert made.flat == bridge
    assert made.segment == spec.Segment(network_id="n", mtu=made.mtu, flat=bridge)


def test_limits_that_were_not_set_are_the_defaults():
    chosen = networkquota.NetworkQuota(id="p", limits={"port": 7})
    assert networkquota.of(chosen) == {**networkquota.DEFAULTS, "port": 7}
    assert networkquota.of(None) == networkquota.DEFAULTS


def test_a_port_is_used_by_what_neutron_calls_it():
    assert {device.ROUTER_INTERFACE, device.ROUTER_GATEWAY, device.FLOATING_IP} == {
        "network:router_interface",
        "network:router_gateway",
        "network:floatingip",
    }
