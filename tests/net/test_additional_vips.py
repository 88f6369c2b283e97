"""Every VIP of a load balancer is held, told to the neighbours, listened on, and reached from outside."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from tests.net import balanced, topology
from tests.net.balanced import CLIENT6, FLOATING, VIP, VIP6, WEB1, WEB2_6
from tests.net.members import eventually
from tests.providers import configuration, trees
from vipool.model import spec
from vipool.providers.haproxy import engine

pytestmark = configuration.needs_haproxy
THIRD = "172.16.200.11"


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, {"amphora": engine.Engine()})
    made.site.serve("web1", WEB1, "web1")
    made.site.serve("web2", WEB2_6, "web2")
    yield made
    made.close()


def neighbours(namespace: str, address: str) -> str:
    command = ["ip", "-n", namespace, "neigh", "show", address]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def turned_away(address: str) -> bool:
    """Whether the connection ends without an answer."""
    try:
        return topology.ask("client", address) == ""
    except ConnectionResetError:
        return True


def test_both_families_answer_and_members_see_the_vip_of_their_own(picture):
    picture.serve(balanced.tcp({"address": WEB1}, {"address": WEB2_6}))
    for address in (FLOATING, VIP6):
        answers = {topology.ask("client", address) for _ in range(4)}
        assert answers == {f"web1 to {VIP}", f"web2 to {VIP6}"}
    assert topology.ask("web1", VIP).startswith("web")


def test_the_counters_of_a_listener_are_of_all_its_vips_together(picture):
    picture.serve(balanced.tcp({"address": WEB1}))
    for address in (FLOATING, VIP6, VIP6):
        topology.ask("client", address)
    seen = picture.observe()
    assert seen.frontends == {trees.identifier(2, 1): "open"}
    assert seen.counters[trees.identifier(2, 1)].total_connections == 3


def test_neighbours_are_told_of_every_vip(picture):
    for address in (VIP, VIP6):
        command = ["ip", "-n", "web1", "neigh", "replace", address, "lladdr", "fa:16:3e:99:99:99", "dev", "eth0"]
        subprocess.run([*command, "nud", "stale"], check=True)
    picture.serve(balanced.tcp({"address": WEB1}))
    eventually(lambda: all(picture.vip.mac in neighbours("web1", address) for address in (VIP, VIP6)))


def test_a_client_is_let_in_by_its_network_of_either_family(picture):
    picture.serve(balanced.tcp({"address": WEB1}, allowed_cidrs=[f"{CLIENT6}/128"]))
    assert topology.ask("client", VIP6).startswith("web1")
    assert turned_away(FLOATING)


def test_a_vip_that_comes_later_is_held_and_listened_on_without_losing_the_first(picture):
    whole = balanced.tcp({"address": WEB1})
    one = dataclasses.replace(whole.loadbalancer, additional_vips=())
    port = topology.port(picture.inside, f"{VIP}/24", gateways=balanced.GATES[:1])
    picture.serve(whole.replacing(one), vip=port)
    words = picture.serve(whole, vip=dataclasses.replace(port, addresses=(f"{VIP}/24", f"{VIP6}/64")))
    assert f"added {VIP6}/64" in words
    assert topology.ask("web2", VIP6).startswith("web1")
    assert topology.ask("client", FLOATING).startswith("web1")
    gone = picture.serve(whole.replacing(one), vip=port)
    assert f"removed {VIP6}/64" in gone
    with pytest.raises(OSError, match=r"refused|timed out|unreachable|No route"):
        topology.ask("web2", VIP6)


def test_vips_in_two_subnets_each_have_a_floating_ip(picture):
    door = topology.port(picture.inside, "172.16.200.1/24")
    floating = (*picture.router.floating_ips, spec.FloatingIp(id="g", external="10.10.10.8", internal=THIRD))
    interfaces = (*picture.router.interfaces, door)
    router = dataclasses.replace(picture.router, interfaces=interfaces, floating_ips=floating)
    picture.site.make(router)
    far = topology.port(picture.inside, "172.16.200.9/24", gateways=("172.16.200.1",))
    picture.site.host("far", far)
    picture.site.serve("far", "172.16.200.9", "far")
    subnet = trees.identifier(8, 3)
    whole = balanced.tcp({"address": WEB1}, {"address": "172.16.200.9", "subnet_id": subnet})
    more = dataclasses.replace(whole.loadbalancer, additional_vips=({"subnet_id": subnet, "ip_address": THIRD},))
    port = topology.port(picture.inside, f"{VIP}/24", f"{THIRD}/24", gateways=("172.16.100.1", "172.16.200.1"))
    picture.serve(whole.replacing(more), vip=port)
    for address in (FLOATING, "10.10.10.8"):
        answers = {topology.ask("client", address) for _ in range(4)}
        assert answers == {f"web1 to {VIP}", f"far to {THIRD}"}
