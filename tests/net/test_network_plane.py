"""Networks, routers and plugs as the agent wires them, proved by packets."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from tests.net import topology
from vipool.core import router as routing
from vipool.host import errors, namespaces, nft, observation
from vipool.model import spec, wiring


@pytest.fixture
def site(tmp_path):
    made = topology.new_site(tmp_path)
    yield made
    made.end()


class Picture:
    """The classic picture for one tenant: an outside with a client, a router, a network with two web servers."""

    def __init__(self, site, outside, name, *, gateway, floating, snat=True):
        self.inside = site.network(f"{name}-net")
        self.router = spec.Router(
            id=topology.identifier(f"{name}-router"),
            revision=1,
            interfaces=(topology.port(self.inside, "172.16.100.1/24", "fd00:100::1/64"),),
            gateway=topology.port(outside, f"{gateway}/24", "2001:db8::1/64", gateways=("10.10.10.254",)),
            floating_ips=(spec.FloatingIp(id="f", external=floating, internal="172.16.100.9"),),
            snat=snat,
        )
        self.namespace = routing.namespace_name(self.router.id)
        site.make(self.router)
        self.web = [f"{name}-web{number}" for number in (1, 2)]
        self.plugs = [
            site.host(
                host,
                topology.port(
                    self.inside,
                    f"172.16.100.{number}/24",
                    f"fd00:100::{number}/64",
                    gateways=("172.16.100.1", "fd00:100::1"),
                ),
            )
            for number, host in zip((9, 10), self.web, strict=True)
        ]
        for number, host in zip((9, 10), self.web, strict=True):
            site.serve(host, f"172.16.100.{number}", host)
            site.serve(host, f"fd00:100::{number}", host)


@pytest.fixture
def outside(site):
    segment = site.network("outside")
    site.host("client", topology.port(segment, "10.10.10.4/24", "2001:db8::4/64", gateways=("2001:db8::1",)))
    site.serve("client", "10.10.10.4", "client", 8080)
    return segment


@pytest.fixture
def picture(site, outside):
    return Picture(site, outside, "blue", gateway="10.10.10.1", floating="10.10.10.7")


def test_a_floating_ip_leads_inside_and_the_server_sees_the_client(picture):
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"


def test_the_router_itself_reaches_the_floating_ip(picture):
    assert topology.ask(picture.namespace, "10.10.10.7").startswith("blue-web1")


def test_a_host_without_a_floating_ip_leaves_with_the_gateways_address(picture):
    assert topology.ask("blue-web2", "10.10.10.4", 8080) == "client to 10.10.10.1"


def test_a_host_with_a_floating_ip_leaves_with_it(picture):
    assert topology.ask("blue-web1", "10.10.10.4", 8080) == "client to 10.10.10.7"


def test_a_neighbour_inside_reaches_the_floating_ip_and_is_seen_as_the_gateway(picture):
    assert topology.ask("blue-web2", "10.10.10.7") == "blue-web1 to 10.10.10.1"


def test_a_host_reaches_its_own_floating_ip(picture):
    assert topology.ask("blue-web1", "10.10.10.7") == "blue-web1 to 10.10.10.7"


def test_tenants_with_the_same_subnet_do_not_meet(site, outside, picture):
    green = Picture(site, outside, "green", gateway="10.10.10.2", floating="10.10.10.8")
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"
    assert topology.ask("client", "10.10.10.8") == "green-web1 to 10.10.10.4"
    assert topology.ask(green.web[1], "172.16.100.9") == "green-web1 to 172.16.100.10"
    assert topology.ask(green.web[1], "10.10.10.7") == "blue-web1 to 10.10.10.2"


def test_the_outside_cannot_route_itself_inside(picture):
    subprocess.run(["ip", "-n", "client", "route", "add", "172.16.100.0/24", "via", "10.10.10.1"], check=True)
    with pytest.raises(OSError, match="timed out"):
        topology.ask("client", "172.16.100.10")


def test_without_translation_the_outside_routes_to_the_inside(site, outside):
    Picture(site, outside, "open", gateway="10.10.10.1", floating="10.10.10.7", snat=False)
    subprocess.run(["ip", "-n", "client", "route", "add", "172.16.100.0/24", "via", "10.10.10.1"], check=True)
    assert topology.ask("client", "172.16.100.10") == "open-web2 to 10.10.10.4"
    assert topology.ask("open-web2", "10.10.10.4", 8080) == "client to 172.16.100.10"


def test_ipv6_is_routed_and_not_translated(picture):
    assert topology.ask("client", "fd00:100::9") == "blue-web1 to 2001:db8::4"


def test_two_floating_ips_of_one_address_both_lead_there(site, picture):
    more = spec.FloatingIp(id="g", external="10.10.10.9", internal="172.16.100.9")
    site.make(replace(picture.router, floating_ips=(*picture.router.floating_ips, more)))
    assert topology.ask("client", "10.10.10.9") == "blue-web1 to 10.10.10.4"
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"


def test_a_floating_ip_moves_to_another_host_without_a_new_device(site, picture):
    moved = replace(picture.router.floating_ips[0], internal="172.16.100.10")
    done = site.make(replace(picture.router, floating_ips=(moved,)))
    assert done.words == ("loaded packet rules",)
    assert topology.ask("client", "10.10.10.7") == "blue-web2 to 10.10.10.4"


def test_a_floating_ip_that_is_taken_away_answers_no_more(site, picture):
    site.make(replace(picture.router, floating_ips=()))
    with pytest.raises(OSError, match=r"No route|timed out"):
        topology.ask("client", "10.10.10.7")


def test_a_route_of_the_router_leads_further(site, picture):
    beyond = site.network("beyond")
    site.host("blue-web2", topology.port(beyond, "192.168.7.1/24"), "eth1")
    subprocess.run(["ip", "netns", "exec", "blue-web2", "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    site.host("far", topology.port(beyond, "192.168.7.2/24", gateways=("192.168.7.1",)))
    site.serve("far", "192.168.7.2", "far")
    site.make(replace(picture.router, routes=(spec.Route(destination="192.168.7.0/24", nexthop="172.16.100.10"),)))
    assert topology.ask("blue-web1", "192.168.7.2") == "far to 172.16.100.9"


def test_a_disabled_router_is_nowhere_and_comes_back(site, picture):
    site.make(replace(picture.router, enabled=False))
    assert not namespaces.exists(picture.namespace)
    site.make(picture.router)
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"


def test_what_is_right_is_not_touched(site, picture):
    again = [site.hand.realise(item, announce_all=True).words for item in site.items]
    assert again == [()] * len(site.items)


def test_rules_that_somebody_changed_are_put_right(site, picture):
    subprocess.run(["ip", "netns", "exec", picture.namespace, "nft", "flush", "ruleset"], check=True)
    assert site.make(picture.router).words == ("loaded packet rules",)
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"


def test_rules_of_others_survive(site, picture):
    subprocess.run(["ip", "netns", "exec", picture.namespace, "nft", "add", "table", "inet", "mine"], check=True)
    site.make(replace(picture.router, floating_ips=()))
    assert "table inet mine" in nft.show(picture.namespace)


def test_a_removed_router_leaves_nothing(site, picture):
    taps = set(observation.taps())
    site.hand.remove(picture.router)
    assert not namespaces.exists(picture.namespace)
    assert len(taps - set(observation.taps())) == 2
    assert picture.namespace not in site.hand.ground.belongings().namespaces


def test_a_process_is_plugged_by_its_pid(site, picture):
    process = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        own = os.stat("/proc/self/ns/net").st_ino
        while os.stat(f"/proc/{process.pid}/ns/net").st_ino == own:
            os.sched_yield()
        place = f"/proc/{process.pid}/ns/net"
        attachment = topology.port(picture.inside, "172.16.100.20/24", gateways=("172.16.100.1",))
        plug = spec.Plug(id="p", revision=1, port=attachment, target=f"pid:{process.pid}", device="eth0")
        site.make(plug)
        assert topology.ask(place, "172.16.100.9") == "blue-web1 to 172.16.100.20"
        assert topology.ask(place, "10.10.10.4", 8080) == "client to 10.10.10.1"
        site.hand.remove(plug)
        with pytest.raises(OSError, match="unreachable"):
            topology.ask(place, "172.16.100.9")
    finally:
        process.kill()
        process.wait()


def test_two_ports_live_in_one_namespace(site, picture):
    second = site.host("blue-web1", topology.port(picture.inside, "172.16.100.30/24"), "eth1")
    assert site.hand.realise(picture.plugs[0], announce_all=False).words == ()
    assert site.hand.realise(second, announce_all=False).words == ()
    site.hand.remove(second)
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"


def test_a_default_route_of_the_owner_is_left_alone(site, picture):
    subprocess.run(["ip", "netns", "add", "box"], check=True)
    site.hosts.append("box")
    for command in (
        "link add own type veth peer own-end",
        "link set own-end up",
        "link set own up",
        "route add default dev own",
    ):
        subprocess.run(["ip", "-n", "box", *command.split()], check=True)
    plug = site.host("box", topology.port(picture.inside, "172.16.100.40/24", gateways=("172.16.100.1",)))
    shown = subprocess.run(["ip", "-n", "box", "route"], check=True, capture_output=True, text=True).stdout
    assert "default dev own" in shown
    assert "via" not in shown
    assert topology.ask("box", "172.16.100.9") == "blue-web1 to 172.16.100.40"
    assert site.hand.realise(plug, announce_all=False).words == ()


def test_the_hosts_own_namespace_is_no_place_to_plug_into(site, picture):
    plug = replace(picture.plugs[0], target=f"pid:{os.getpid()}")
    with pytest.raises(errors.Failed, match="host's own"):
        site.hand.realise(plug, announce_all=False)


def test_a_process_that_is_gone_is_named(site, picture):
    plug = replace(picture.plugs[0], target="pid:999999")
    with pytest.raises(errors.Missing, match="999999"):
        site.hand.realise(plug, announce_all=False)


def test_a_flat_network_uses_the_operators_bridge_and_leaves_it(site):
    subprocess.run(["ip", "link", "add", "br-flat", "type", "bridge", "forward_delay", "0"], check=True)
    subprocess.run(["ip", "link", "set", "br-flat", "up"], check=True)
    flat = site.network("flat", flat="br-flat")
    site.host("left", topology.port(flat, "192.0.2.1/24"))
    site.host("right", topology.port(flat, "192.0.2.2/24"))
    site.serve("right", "192.0.2.2", "right")
    assert topology.ask("left", "192.0.2.2") == "right to 192.0.2.1"
    site.hand.remove(site.items[0])
    assert "br-flat" in [bridge.name for bridge in observation.bridges()]
    subprocess.run(["ip", "link", "del", "br-flat"], check=True)


def test_a_flat_network_without_its_bridge_says_so(site):
    segment = spec.Segment(network_id="n", flat="br-none")
    with pytest.raises(errors.Missing, match="br-none"):
        site.hand.realise(spec.Network(id="n", revision=1, segment=segment), announce_all=False)


def test_a_sweep_removes_what_nobody_asks_for_and_nothing_else(site, picture):
    subprocess.run(["ip", "link", "add", "br-other", "type", "bridge"], check=True)
    site.hand.ground.perform(
        [wiring.CreateNamespace(name="qlbaas-orphan"), wiring.CreateNamespace(name="qrouter-orphan")]
    )
    site.hand.ground.prepare("orphan")
    stray = topology.port(picture.inside, "172.16.100.77/24")
    site.hand.realise(
        spec.Plug(id="stray", revision=1, port=stray, target="netns:blue-web1", device="eth9"), announce_all=False
    )
    from vipool.core import node

    orphans = site.hand.ground.belongings().without(node.belongings(site.items))
    assert orphans.namespaces == {"qlbaas-orphan", "qrouter-orphan"}
    assert orphans.loadbalancers == {"orphan"}
    assert orphans.bridges == frozenset()
    assert len(orphans.taps) == 1
    site.hand.sweep(orphans)
    assert site.hand.ground.belongings().without(node.belongings(site.items)) == node.Belongings()
    assert "br-other" in [bridge.name for bridge in observation.bridges()]
    assert topology.ask("client", "10.10.10.7") == "blue-web1 to 10.10.10.4"
    subprocess.run(["ip", "link", "del", "br-other"], check=True)
