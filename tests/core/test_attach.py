"""Ports as devices and namespaces, and the order of a node's items."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import attach, node
from vipool.model import loadbalancer, spec, tree, wiring

SEGMENT = spec.Segment(network_id="0a1b2c3d-4e5f-4000", mtu=1400)
PORT = spec.Attachment(
    port_id="5e6f7a8b-9c0d-4000",
    mac="fa:16:3e:00:00:01",
    segment=SEGMENT,
    addresses=("172.16.100.11/24", "fd00:0:0::11/64"),
    gateways=("172.16.100.1", "fd00::1"),
    routes=(spec.Route(destination="192.0.2.0/24", nexthop="172.16.100.2"),),
)


def balancer(**more):
    root = loadbalancer.LoadBalancer(id="b", project_id="p")
    return spec.LoadBalancer(**{"id": "b", "revision": 1, "tree": tree.Tree(loadbalancer=root), "vip": PORT, **more})


PLUG = spec.Plug(id="p", revision=1, port=PORT, target="netns:box", device="eth0")
NETWORK = spec.Network(id=SEGMENT.network_id, revision=1, segment=SEGMENT)
ROUTER = spec.Router(id="r", revision=1, interfaces=(PORT,))


def test_a_load_balancers_namespace_holds_its_vip():
    assert attach.loadbalancer(balancer()) == wiring.Namespace(
        name="qlbaas-b",
        devices=(
            wiring.Device(
                name="vip",
                mac="fa:16:3e:00:00:01",
                mtu=1400,
                tap="tap5e6f7a8b-9c",
                bridge="brq0a1b2c3d-4e",
                addresses=("172.16.100.11/24", "fd00::11/64"),
            ),
        ),
        routes=(
            wiring.Route(destination="0.0.0.0/0", nexthop="172.16.100.1", device="vip"),
            wiring.Route(destination="::/0", nexthop="fd00::1", device="vip"),
            wiring.Route(destination="192.0.2.0/24", nexthop="172.16.100.2", device="vip"),
        ),
    )


def test_a_load_balancer_without_a_port_is_refused_with_a_sentence():
    with pytest.raises(attach.Unwirable, match="load balancer b has no VIP port"):
        attach.loadbalancer(balancer(vip=None))


def test_a_default_route_of_the_subnet_wins_over_its_gateway():
    own = replace(PORT, routes=(spec.Route(destination="0.0.0.0/0", nexthop="172.16.100.7"),))
    assert [route.nexthop for route in attach.routes(own, "vip")] == ["172.16.100.7", "fd00::1"]


def test_a_flat_network_hangs_on_the_operators_bridge():
    flat = replace(SEGMENT, flat="br-ex")
    assert attach.bridge(flat) == wiring.Bridge(name="br-ex", mtu=1400, foreign=True)
    assert attach.device(replace(PORT, segment=flat), "vip").bridge == "br-ex"


def test_a_plug_is_reached_by_name_or_by_process():
    assert attach.plug(PLUG).foreign
    assert attach.plug(PLUG).reference == "box"
    assert attach.plug(replace(PLUG, target="pid:42")).reference == "/proc/42/ns/net"
    assert attach.plug(PLUG).devices[0].name == "eth0"


@pytest.mark.parametrize(
    "target", ["", "box", "netns:", "netns:a/b", "netns:..", "pid:", "pid:x", "pid:-1", "pid:1/../2", "pid:²", "host:a"]
)
def test_a_target_that_names_no_namespace_is_refused(target):
    with pytest.raises(attach.Unwirable, match="names no namespace"):
        attach.plug(replace(PLUG, target=target))


@pytest.mark.parametrize("device", ["", "sixteen-letters-", "a b", "a/b", "a:b", ".", "..", "a\n"])
def test_a_name_that_no_device_can_have_is_refused(device):
    with pytest.raises(attach.Unwirable, match="name of a device"):
        attach.plug(replace(PLUG, device=device))


@pytest.mark.parametrize(
    "change",
    [
        {"addresses": ("172.16.100",)},
        {"gateways": ("nowhere",)},
        {"port_id": "../etc"},
        {"port_id": ""},
        {"segment": spec.Segment(network_id='"')},
        {"routes": (spec.Route(destination="192.0.2.1/24", nexthop="172.16.100.2"),)},
        {"routes": (spec.Route(destination="192.0.2.0/24", nexthop="fd00::2"),)},
    ],
)
def test_what_cannot_be_parsed_is_refused(change):
    with pytest.raises(attach.Unwirable):
        attach.plug(replace(PLUG, port=replace(PORT, **change)))


@given(st.text(max_size=70))
def test_names_are_letters_digits_and_hyphens_whatever_the_id(text):
    try:
        names = (attach.short("tap", text), attach.loadbalancer_namespace(text))
    except attach.Unwirable:
        return
    assert all(re.fullmatch(r"[0-9A-Za-z-]+", name) for name in names)
    assert len(names[0]) <= 15


def test_what_goes_goes_first_and_networks_carry_the_rest():
    items = (NETWORK, ROUTER, PLUG, balancer())
    gone = tuple(replace(item, absent=True) for item in items)
    ordered = sorted((*items, *gone)[::-1], key=node.order)
    assert [(node.key(item)[0], item.absent) for item in ordered] == [
        ("loadbalancer", True), ("plug", True), ("router", True), ("network", True),
        ("network", False), ("router", False), ("plug", False), ("loadbalancer", False),
    ]  # fmt: skip


def test_items_claim_what_they_are_made_of():
    gateway = replace(PORT, port_id="ffffffff-0000-4000")
    claimed = node.belongings((NETWORK, replace(ROUTER, gateway=gateway), PLUG, balancer(vip=None)))
    assert claimed == node.Belongings(
        namespaces=frozenset({"qrouter-r", "qlbaas-b"}),
        bridges=frozenset({"brq0a1b2c3d-4e"}),
        taps=frozenset({"tap5e6f7a8b-9c", "tapffffffff-00"}),
        loadbalancers=frozenset({"b"}),
    )


def test_orphans_are_what_is_there_and_not_claimed():
    there = node.Belongings(namespaces=frozenset({"a", "b"}), taps=frozenset({"t"}))
    claimed = node.Belongings(namespaces=frozenset({"b", "c"}), bridges=frozenset({"x"}))
    assert there.without(claimed) == node.Belongings(namespaces=frozenset({"a"}), taps=frozenset({"t"}))


def test_a_flat_network_claims_no_bridge():
    flat = replace(NETWORK, segment=replace(SEGMENT, flat="br-ex"))
    assert node.belongings((flat,)) == node.Belongings()


def test_every_kind_of_item_has_its_namespace():
    assert node.namespace(NETWORK) is None
    assert node.namespace(ROUTER).name == "qrouter-r"
    assert node.namespace(PLUG).name == "box"
    assert node.namespace(balancer()).name == "qlbaas-b"
