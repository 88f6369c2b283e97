"""Plans performed on a real kernel: what was asked for is what is then observed."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.net import members
from vipool.core import wiring as core
from vipool.host import errors, namespaces, netlink, observation, processes
from vipool.host import wiring as host
from vipool.model import wiring

BRIDGE = wiring.Bridge(name="brq-test", mtu=1500)
DEVICE = wiring.Device(
    name="eth0",
    mac="fa:16:3e:00:00:01",
    mtu=1450,
    tap="tap-test",
    bridge=BRIDGE.name,
    addresses=("10.0.0.5/24", "2001:db8::5/64"),
)
BALANCER = wiring.Namespace(
    name="qlbaas-test",
    devices=(DEVICE,),
    routes=(
        wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.1"),
        wiring.Route(destination="::/0", nexthop="2001:db8::1"),
        wiring.Route(destination="192.0.2.0/24", device="eth0"),
        wiring.Route(destination="198.51.100.0/24", nexthop="172.16.0.1", device="eth0"),
    ),
    ruleset="table inet vipool_filter {\n chain input { type filter hook input priority 0; policy accept; }\n}\n",
    forwarding=True,
)


def ip(command: str) -> str:
    """What ip-route(8) and its kin say: a second opinion on what we read ourselves."""
    return subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True).stdout


def inside(name: str, command: str) -> str:
    return ip(f"netns exec {name} {command}")


def reach(desired: wiring.Namespace, marks: Path) -> tuple[wiring.Action, ...]:
    """Plan, perform, and see that nothing is left to do."""
    actions = core.plan(desired, observation.observe(desired.name, foreign=desired.foreign, path=desired.path))
    host.perform(actions, marks=marks)
    seen = observation.observe(desired.name, foreign=desired.foreign, path=desired.path)
    assert core.plan(desired, seen) == ()
    return actions


def sweep(marks: Path) -> None:
    host.perform([wiring.DeleteNamespace(name=name) for name in namespaces.names()], marks=marks)
    host.perform(core.plan_bridges((), observation.bridges()), marks=marks)


@pytest.fixture
def bridge(marks: Path) -> Iterator[wiring.Bridge]:
    host.perform(core.plan_bridges((BRIDGE,), observation.bridges()), marks=marks)
    assert core.plan_bridges((BRIDGE,), observation.bridges()) == ()
    yield BRIDGE
    sweep(marks)
    assert observation.taps() == ()


@pytest.fixture
def balancer(bridge: wiring.Bridge, marks: Path) -> wiring.Namespace:
    reach(BALANCER, marks)
    return BALANCER


def test_a_namespace_becomes_what_was_planned(balancer):
    assert "10.0.0.5/24 brd 10.0.0.255 scope global eth0" in inside(balancer.name, "ip address show dev eth0")
    assert "default via 10.0.0.1 dev eth0 proto 118" in inside(balancer.name, "ip route show")
    assert "default via 2001:db8::1 dev eth0" in inside(balancer.name, "ip -6 route show")
    assert "mtu 1450" in ip("link show dev tap-test")
    assert "alias vipool" in ip("link show dev tap-test")
    assert "UP" in inside(balancer.name, "ip -brief link show dev lo")


def test_an_address_is_usable_at_once(balancer):
    assert "tentative" not in inside(balancer.name, "ip -6 address show dev eth0 scope global")


def test_a_namespace_of_ours_starts_with_the_settings_of_a_router(balancer):
    for name, value in (
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv6.conf.all.forwarding", "1"),
        ("net.ipv4.conf.all.send_redirects", "0"),
        ("net.ipv4.conf.eth0.send_redirects", "0"),
        ("net.ipv4.conf.eth0.promote_secondaries", "1"),
        ("net.ipv6.conf.eth0.accept_ra", "0"),
        ("net.ipv4.tcp_congestion_control", "reno"),
    ):
        assert inside(balancer.name, f"sysctl -n {name}").strip() == value, name


def test_the_host_side_has_no_addresses(balancer):
    assert "inet" not in ip("address show dev brq-test")
    assert "inet" not in ip("address show dev tap-test")


def test_a_bridge_forwards_at_once_and_filters_nothing(bridge):
    shown = ip("-details link show dev brq-test")
    assert "stp_state 0" in shown
    assert "forward_delay 0" in shown
    assert "mcast_snooping 0" in shown


def test_two_namespaces_of_one_bridge_reach_each_other(balancer, marks):
    other = wiring.Namespace(
        name="member",
        devices=(replace(DEVICE, mac="fa:16:3e:00:00:02", tap="tap-two", addresses=("10.0.0.6/24", "2001:db8::6/64")),),
    )
    reach(other, marks)
    observation.await_carrying(balancer.name, "eth0", seconds=2)
    observation.await_carrying("member", "eth0", seconds=2)
    for address in ("10.0.0.6", "2001:db8::6"):
        assert greeting(address, server="member", client=balancer.name) == b"hello"


def greeting(address: str, *, server: str, client: str) -> bytes:
    """What a client reads that connects from one namespace to the other."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = namespaces.call(server, lambda: socket.create_server((address, 0), family=family))
    with listener:
        port = listener.getsockname()[1]
        with namespaces.call(client, lambda: socket.create_connection((address, port), timeout=5)) as reading:
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"hello")
            return reading.recv(100)


def test_the_mtu_of_a_bridge_does_not_follow_its_ports(balancer):
    assert core.plan_bridges((BRIDGE,), observation.bridges()) == ()


def test_a_link_local_address_is_usable_as_soon_as_the_kernel_gets_to_it(balancer):
    # Without the second in which it would ask whether somebody else has it.
    assert inside(balancer.name, "cat /proc/sys/net/ipv6/conf/eth0/accept_dad").strip() == "0"
    members.eventually(lambda: "tentative" not in inside(balancer.name, "ip -6 address show dev eth0 scope link"))


@pytest.mark.parametrize(
    "change",
    [
        {"mac": "fa:16:3e:00:00:99"},
        {"mtu": 1400},
        {"addresses": ("10.0.0.9/24", "2001:db8::9/64")},
        {"addresses": ("10.0.0.5/24", "10.0.0.6/24", "10.0.0.7/32", "2001:db8::5/64")},
        {"tap": "tap-other"},
    ],
    ids="-".join,
)
def test_a_device_changes_into_what_is_planned(balancer, marks, change):
    reach(replace(balancer, devices=(replace(DEVICE, **change),)), marks)


def test_a_device_moves_to_another_bridge(balancer, marks):
    second = wiring.Bridge(name="brq-second")
    host.perform([wiring.EnsureBridge(bridge=second)], marks=marks)
    reach(replace(balancer, devices=(replace(DEVICE, bridge=second.name),)), marks)
    assert "master brq-second" in ip("link show dev tap-test")


def test_removing_the_first_address_of_a_subnet_keeps_the_others(balancer, marks):
    three = replace(DEVICE, addresses=("10.0.0.5/24", "10.0.0.6/24", "10.0.0.7/24"))
    desired = replace(balancer, devices=(three,), routes=balancer.routes[:1])
    reach(desired, marks)
    reach(replace(desired, devices=(replace(three, addresses=three.addresses[1:]),)), marks)


@pytest.mark.parametrize(
    "damage",
    [
        "netns exec qlbaas-test ip link set eth0 down",
        "netns exec qlbaas-test ip address flush dev eth0 scope global",
        "netns exec qlbaas-test ip route del default",
        "netns exec qlbaas-test ip route replace default via 10.0.0.77",
        "netns exec qlbaas-test ip route add 203.0.113.0/24 via 10.0.0.1",
        "netns exec qlbaas-test ip route add default via 10.0.0.77 metric 50",
        "netns exec qlbaas-test ip route replace 192.0.2.0/24 via 10.0.0.1 proto 118 metric 1118",
        "netns exec qlbaas-test ip -6 route add default via 2001:db8::77 metric 10",
        "netns exec qlbaas-test ip -6 route replace default via 2001:db8::77",
        "netns exec qlbaas-test ip link set eth0 address fa:16:3e:11:11:11 mtu 1300",
        "netns exec qlbaas-test ip address add 10.5.0.1/24 dev eth0",
        "netns exec qlbaas-test ip link del eth0",
        "netns exec qlbaas-test sysctl -qw net.ipv4.ip_forward=0",
        "link set tap-test nomaster",
        "link set tap-test down",
        "link set tap-test mtu 1300",
        "link del tap-test",
        "netns del qlbaas-test",
    ],
)
def test_what_somebody_broke_by_hand_is_repaired(balancer, marks, damage):
    ip(damage)
    assert reach(balancer, marks), "nothing was repaired"


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_a_route_put_in_the_place_of_ours_by_hand_is_removed_at_once(balancer, marks, family):
    inside(balancer.name, f"ip {family} route flush proto 118")
    gateway = {"-4": "10.0.0.77", "-6": "2001:db8::77"}[family]
    inside(balancer.name, f"ip {family} route add default via {gateway}")
    reach(balancer, marks)
    assert gateway not in inside(balancer.name, f"ip {family} route show")


def test_every_plan_may_be_cut_short_and_taken_up_again(bridge, marks):
    whole = core.plan(BALANCER, None)
    for length in range(len(whole) + 1):
        host.perform(whole[:length], marks=marks)
        reach(BALANCER, marks)
        reach_absence(marks)


def reach_absence(marks: Path) -> None:
    host.perform(core.plan(None, observation.observe(BALANCER.name)), marks=marks)
    assert observation.observe(BALANCER.name) is None


def test_performing_a_plan_twice_changes_nothing(bridge, marks):
    whole = core.plan(BALANCER, None)
    host.perform(whole, marks=marks)
    host.perform(whole, marks=marks)
    assert core.plan(BALANCER, observation.observe(BALANCER.name)) == ()


def test_a_namespace_that_was_only_half_named_is_made(bridge, marks):
    (namespaces.DIRECTORY / BALANCER.name).touch()
    assert observation.observe(BALANCER.name) is None
    reach(BALANCER, marks)


def test_a_deleted_namespace_takes_its_taps_along_though_a_process_stays(balancer, marks, tmp_path):
    left = processes.spawn(["sleep", "60"], log=tmp_path / "log", reference=balancer.name)
    try:
        reach_absence(marks)
        assert observation.taps() == ()
        assert host.marked(marks) == ()
    finally:
        processes.stop([left], grace=2)


def test_what_is_ours_is_marked_before_it_is_there(bridge, marks):
    marks.mkdir()
    (marks / "qlbaas-gone").touch()
    reach(BALANCER, marks)
    assert host.marked(marks) == ("qlbaas-gone", "qlbaas-test")


def test_a_namespace_that_cannot_be_furnished_is_not_made():
    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        namespaces.create("broken", fails)
    assert namespaces.names() == ()


def test_a_container_is_plugged_and_unplugged_and_otherwise_left_alone(bridge, marks):
    holder = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    path = f"/proc/{holder.pid}/ns/net"
    own = namespaces.identity("/proc/self/ns/net")
    try:
        while namespaces.identity(path) == own:
            threading.Event().wait(0.005)  # until unshare(1) has made its namespace: nothing tells
        namespaces.call(
            path, lambda: subprocess.run(["ip", "link", "add", "own0", "type", "veth", "peer", "own9"], check=True)
        )
        routes = tuple(replace(route, device="eth0") for route in BALANCER.routes)
        desired = wiring.Namespace(name="container", path=path, foreign=True, devices=(DEVICE,), routes=routes)
        reach(desired, marks)
        seen = observation.observe("container", foreign=True, path=path)
        assert seen is not None
        assert [device.name for device in seen.devices] == ["eth0"]
        host.perform(core.plan(None, seen), marks=marks)
        assert "own0" in namespaces.call(path, lambda: ip("link show"))
        assert "eth0" not in namespaces.call(path, lambda: ip("link show"))
        assert observation.taps() == ()
        assert host.marked(marks) == ()
    finally:
        holder.kill()
        holder.wait()


def test_routes_of_a_container_are_shown_and_left_alone(bridge, marks):
    ip("netns add container")
    inside("container", "ip link add own0 type veth peer name own9")
    for command in (
        "ip link set own0 up",
        "ip link set own9 up",
        "ip address add 192.0.2.2/24 dev own0",
        "ip route add default via 192.0.2.1 proto dhcp metric 100",
    ):
        inside("container", command)
    before = inside("container", "ip route show dev own0")
    desired = wiring.Namespace(name="container", foreign=True, devices=(DEVICE,), routes=BALANCER.routes[2:])
    reach(desired, marks)
    inside("container", "ip route add 203.0.113.0/24 via 10.0.0.1 dev eth0 proto static")
    seen = observation.observe("container", foreign=True)
    assert seen is not None
    assert wiring.Route(destination="0.0.0.0/0", nexthop="192.0.2.1", device="own0", foreign=True) in seen.routes
    assert core.plan(desired, seen) == ()
    host.perform(core.plan(None, seen), marks=marks)
    assert inside("container", "ip route show dev own0") == before


def test_a_route_of_a_daemon_is_left_alone(balancer):
    inside(balancer.name, "ip route add 203.0.113.0/24 via 10.0.0.1 proto keepalived")
    assert core.plan(balancer, observation.observe(balancer.name)) == ()


def test_a_name_taken_in_a_container_is_refused_with_a_sentence(bridge, marks):
    ip("netns add container")
    inside("container", "ip link add eth0 type veth peer name eth9")
    desired = wiring.Namespace(name="container", foreign=True, devices=(DEVICE,))
    with pytest.raises(
        errors.Failed, match=r"making the device eth0 with the tap tap-test on .* brq-test: File exists"
    ):
        reach(desired, marks)
    assert "eth0@eth9" in inside("container", "ip link show eth0")


def test_a_missing_container_is_refused_with_a_sentence(bridge, marks):
    desired = wiring.Namespace(name="gone", path="/proc/999999/ns/net", foreign=True, devices=(DEVICE,))
    with pytest.raises(errors.Missing, match="there is no network namespace /proc/999999/ns/net"):
        reach(desired, marks)


def test_a_missing_bridge_is_refused_with_a_sentence(marks):
    with pytest.raises(errors.Missing, match="there is no bridge brq-test on this host for the tap tap-test"):
        reach(BALANCER, marks)
    sweep(marks)


def test_a_route_that_leads_nowhere_is_refused_with_the_kernels_words(bridge, marks):
    lost = replace(BALANCER, routes=(wiring.Route(destination="0.0.0.0/0", nexthop="172.31.0.1"),))
    with pytest.raises(errors.Failed, match=r"adding the route to 0\.0\.0\.0/0 via 172\.31\.0\.1: .*[Nn]exthop"):
        reach(lost, marks)


def test_an_uplink_is_connected_and_survives_the_bridge(marks):
    ip("link add up0 type veth peer name up9")
    desired = (replace(BRIDGE, uplink="up0"),)
    host.perform(core.plan_bridges(desired, observation.bridges()), marks=marks)
    assert core.plan_bridges(desired, observation.bridges()) == ()
    assert observation.bridges()[0].ports == ("up0",)
    sweep(marks)
    assert "master" not in ip("link show dev up0")
    ip("link del up0")


def test_an_uplink_of_another_bridge_is_not_taken_away(marks):
    ip("link add br-theirs type bridge")
    ip("link add up0 type veth peer name up9")
    ip("link set up0 master br-theirs")
    with pytest.raises(errors.Failed, match="connecting the bridge brq-test to up0: it belongs to another bridge"):
        host.perform([wiring.EnsureBridge(bridge=replace(BRIDGE, uplink="up0"))], marks=marks)
    assert "master br-theirs" in ip("link show dev up0")
    ip("link del up0")
    sweep(marks)
    assert [bridge.name for bridge in observation.bridges()] == ["br-theirs"]
    ip("link del br-theirs")


def test_an_operators_bridge_is_used_and_left_as_it_is(marks):
    ip("link add br-theirs type bridge")
    physical = wiring.Bridge(name="br-theirs", foreign=True)
    host.perform([wiring.EnsureBridge(bridge=physical)], marks=marks)
    assert "alias" not in ip("link show dev br-theirs")
    assert "DOWN" in ip("-brief link show dev br-theirs")
    reach(replace(BALANCER, devices=(replace(DEVICE, bridge="br-theirs"),)), marks)
    sweep(marks)
    assert [bridge.name for bridge in observation.bridges()] == ["br-theirs"]
    ip("link del br-theirs")
    with pytest.raises(errors.Missing, match="there is no bridge br-theirs on this host"):
        host.perform([wiring.EnsureBridge(bridge=physical)], marks=marks)


def test_many_at_once_are_made_and_deleted(bridge, marks):
    many = [
        replace(
            BALANCER,
            name=f"qlbaas-{place}",
            devices=(replace(DEVICE, tap=f"tap-{place}", addresses=(f"10.0.0.{place + 10}/24",)),),
            routes=BALANCER.routes[:1],
        )
        for place in range(20)
    ]
    threads = [threading.Thread(target=reach, args=(namespace, marks)) for namespace in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(namespaces.names()) == len(observation.taps()) == len(host.marked(marks)) == 20
    host.perform([wiring.DeleteNamespace(name=namespace.name) for namespace in many], marks=marks)
    assert namespaces.names() == observation.taps() == host.marked(marks) == ()


def test_no_descriptor_is_left_open(bridge, marks):
    reach(BALANCER, marks)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        reach_absence(marks)
        reach(BALANCER, marks)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_batch_larger_than_the_receive_buffer_is_acknowledged_in_full(balancer, marks):
    many = tuple(f"10.1.{place // 250}.{place % 250 + 1}/32" for place in range(1000))
    desired = replace(balancer, devices=(replace(DEVICE, addresses=(*DEVICE.addresses, *many)),))
    reach(desired, marks)


def test_the_callers_thread_stays_in_its_namespace(balancer):
    before = netlink.thread_namespace()
    assert namespaces.call(balancer.name, netlink.thread_namespace) == namespaces.identity(balancer.name)
    assert netlink.thread_namespace() == before
