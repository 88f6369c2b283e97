"""What people ask for leads to one way through router, load balancer and members, or to a sentence that says why."""

from __future__ import annotations

import dataclasses

import pytest

from tests.net import scene
from vipool.core import journey
from vipool.model import faults, listener, packet, pool, spec

WEBS = (("WEB1", scene.WEB1), ("WEB2", scene.WEB2))
ITEMS = scene.described(*WEBS)
OTHER = spec.Segment(network_id="other-net")


def find(target, *, items=ITEMS, **more):
    return journey.find(items, journey.Wish(target=target, **more))


def changed(old, **values):
    return tuple(dataclasses.replace(each, **values) if each.id == old else each for each in ITEMS)


def plug(name, address, segment):
    port = scene.attachment(name, address, segment)
    return spec.Plug(id=name, revision=1, port=port, target=f"netns:{name}", device=name)


def test_a_floating_ip_leads_from_a_client_outside_through_the_router():
    way = find(scene.FLOATING)
    assert way.gate == journey.Gate(router_id="router-1", outside="tapgate", inside="tapdoor", translates=True)
    assert way.client == journey.Client(target="netns:client", tap="tapclient")
    assert (way.vip, way.port, way.listener, way.why) == (scene.VIP, 80, "http", "round robin")
    assert way.devices == (
        ("client", "tapclient"),
        ("router outside", "tapgate"),
        ("router inside", "tapdoor"),
        ("load balancer", "tapvip"),
        ("member 172.16.100.9", "tapweb1"),
        ("member 172.16.100.10", "tapweb2"),
    )
    assert way.addresses == (scene.FLOATING, scene.VIP)


@pytest.mark.parametrize("name", [scene.VIP, scene.BALANCER, "web"])
def test_a_vip_from_its_own_network_needs_no_router(name):
    way = find(name, origin="web2")
    assert way.gate is None
    assert way.asked == scene.VIP


def test_a_vip_from_another_network_of_the_tenant_is_routed_untranslated():
    side = scene.attachment("side", "192.168.7.1", OTHER)
    door = scene.attachment("door", "172.16.100.1", scene.INSIDE)
    items = (*changed("router-1", interfaces=(door, side)), plug("neighbour", "192.168.7.2", OTHER))
    way = find(scene.VIP, items=items)
    assert way.client == journey.Client(target="netns:neighbour", tap="tapneighbour")
    assert way.gate == journey.Gate(router_id="router-1", outside="tapside", inside="tapdoor", translates=False)


def test_a_tenants_own_host_asking_the_floating_ip_enters_and_leaves_by_one_door():
    way = find(scene.FLOATING, origin="web2")
    assert way.gate is not None
    assert way.gate.inner_hop == journey.Place.OUTSIDE
    assert way.devices == (
        ("client", "tapweb2"),
        ("router outside", "tapdoor"),
        ("load balancer", "tapvip"),
        ("member 172.16.100.9", "tapweb1"),
        ("member 172.16.100.10", "tapweb2"),
    )


def test_a_client_that_is_nobodys_port_is_taken_at_its_word():
    way = find(scene.FLOATING, origin="laptop")
    assert way.client == journey.Client(target="netns:laptop", tap=None)
    assert find(scene.FLOATING, origin="host").client == journey.Client(target="host", tap=None)
    assert find(scene.FLOATING, origin="pid:42").client == journey.Client(target="pid:42", tap=None)


def test_whoever_waits_for_others_knows_no_client():
    assert find(scene.FLOATING, passive=True).client is None


def test_nobody_to_ask_is_said():
    with pytest.raises(faults.NotFound, match="no namespace is plugged"):
        find(scene.FLOATING, items=changed("client", absent=True))


def test_an_unknown_address_names_those_that_are_known():
    with pytest.raises(faults.NotFound, match=r"10\.10\.10\.9 is neither .* There are 10\.10\.10\.7, 172\.16\.100\.11"):
        find("10.10.10.9")


def test_an_empty_node_says_so():
    with pytest.raises(faults.NotFound, match="There is no load balancer on this node"):
        find(scene.VIP, items=())


def test_a_floating_ip_of_something_else_is_no_journey():
    other = spec.FloatingIp(id="g", external="10.10.10.8", internal=scene.WEB1)
    with pytest.raises(faults.NotFound, match=r"leads to 172\.16\.100\.9, which is no load balancer's VIP"):
        find("10.10.10.8", items=changed("router-1", floating_ips=(other,)))


def test_a_vip_that_two_tenants_have_must_be_told_apart():
    twin = dataclasses.replace(
        scene.balancer(WEBS, "SOURCE_IP"), id="twin", vip=scene.attachment("vip2", scene.VIP, OTHER)
    )
    with pytest.raises(faults.Conflict, match="twin"):
        find(scene.VIP, items=(*ITEMS, twin), origin="web1")
    assert find("twin", items=(*ITEMS, twin), origin="web1").loadbalancer_id == "twin"
    assert find(scene.FLOATING, items=(*ITEMS, twin)).loadbalancer_id == scene.BALANCER


def test_members_of_another_tenant_with_the_same_address_are_not_watched():
    stranger = plug("stranger", scene.WEB1, OTHER)
    way = find(scene.FLOATING, items=(stranger, *ITEMS))
    assert [member.tap for member in way.members] == ["tapweb1", "tapweb2"]


def test_a_port_without_a_listener_is_a_journey_all_the_same():
    way = find(scene.FLOATING, port=81)
    assert (way.port, way.listener, way.why) == (81, None, "")


def test_each_of_several_vips_is_a_way_of_its_own_and_all_are_watched():
    vip = dataclasses.replace(
        scene.attachment("vip", scene.VIP, scene.INSIDE), addresses=("172.16.100.11/24", "fd00::b/64")
    )
    items = (*ITEMS[:-1], dataclasses.replace(scene.balancer(WEBS, "ROUND_ROBIN"), vip=vip))
    six = find("fd00::b", items=items, origin="web2")
    assert (six.asked, six.vip, six.addresses) == ("fd00::b", "fd00::b", ("fd00::b", scene.VIP))
    assert find("web", items=items, origin="web2").asked == scene.VIP
    through = find(scene.FLOATING, items=items)
    assert (through.vip, through.addresses) == (scene.VIP, (scene.FLOATING, scene.VIP, "fd00::b"))


def listening(*spoken):
    """The picture with a listener for each protocol and port, all of them in front of the same pool."""
    balancer = ITEMS[-1]
    web = balancer.tree.listeners[0]
    rows = tuple(
        dataclasses.replace(web, id=f"l{at}", name=protocol, protocol=listener.Protocol(protocol), protocol_port=port)
        for at, (protocol, port) in enumerate(spoken)
    )
    return (*ITEMS[:-1], dataclasses.replace(balancer, tree=balancer.tree.having({"listeners": rows})))


@pytest.mark.parametrize(
    ("spoken", "wanted", "aimed"),
    [
        ([("UDP", 53), ("UDP", 80), ("HTTP", 80)], {}, ("TCP", 80, "HTTP")),
        ([("UDP", 53), ("UDP", 80), ("HTTP", 80)], {"port": 53}, ("UDP", 53, "UDP")),
        ([("UDP", 53), ("UDP", 80), ("HTTP", 80)], {"protocol": packet.Protocol.UDP}, ("UDP", 53, "UDP")),
        ([("UDP", 53), ("HTTP", 80)], {"port": 53, "protocol": packet.Protocol.TCP}, ("TCP", 53, None)),
        ([("UDP", 514), ("SCTP", 3868)], {}, ("UDP", 514, "UDP")),
        ([("HTTP", 8080)], {"protocol": packet.Protocol.UDP}, ("UDP", 53, None)),
        ([("SCTP", 3868)], {"port": 81}, ("TCP", 81, None)),
        ([], {}, ("TCP", 80, None)),
    ],
)
def test_what_is_not_said_of_protocol_and_port_is_the_listeners(spoken, wanted, aimed):
    way = find(scene.VIP, items=listening(*spoken), origin="web2", **wanted)
    assert (way.protocol, way.port, way.listener) == aimed


@pytest.mark.parametrize("port", [None, 3868])
def test_a_listener_that_speaks_what_no_trace_follows_is_refused_in_words(port):
    with pytest.raises(faults.Invalid, match="speaks SCTP on port 3868"):
        find(scene.VIP, items=listening(("SCTP", 3868)), origin="web2", port=port)


def test_the_members_are_those_that_are_spoken_to_over_the_protocol_and_the_listener_says_who_may_ask():
    (*others, balancer) = listening(("UDP", 53))
    front = dataclasses.replace(balancer.tree.listeners[0], allowed_cidrs=("10.0.0.0/8",), connection_limit=5)
    back = dataclasses.replace(balancer.tree.pools[0], id="datagrams", protocol=pool.Protocol.UDP)
    one = dataclasses.replace(balancer.tree.members[0], id="m", pool_id="datagrams", protocol_port=5353)
    whole = balancer.tree.replacing(front).adding(back).adding(one)
    way = find(scene.VIP, items=(*others, dataclasses.replace(balancer, tree=whole)), origin="web2")
    assert [each.endpoint for each in way.members] == [(scene.WEB1, 5353)]
    assert (way.allowed, way.limit) == (("10.0.0.0/8",), 5)


def test_ipv6_addresses_are_found_however_they_are_written():
    vip = scene.attachment("vip", "fd00::b", scene.INSIDE)
    balancer = dataclasses.replace(scene.balancer(WEBS, "ROUND_ROBIN"), vip=vip)
    assert find("[fd00:0:0::000b]", items=(*ITEMS[:-1], balancer), origin="web2").vip == "fd00::b"
