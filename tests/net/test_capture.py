"""Captures see both directions of a device, name what is not there, and pass over what they were not asked for."""

from __future__ import annotations

import os
import socket
import time

import pytest

from tests.net import scene
from vipool.host import capture, errors, namespaces
from vipool.model import packet

HERE, THERE = "fd00:7::1", "fd00:7::2"


@pytest.fixture
def pair():
    scene.run("ip", "netns", "add", "there")
    scene.run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", "there")
    scene.run("ip", "address", "add", f"{HERE}/64", "dev", "here", "nodad")
    scene.run("ip", "address", "add", "fd00:7::3/64", "dev", "here", "nodad")
    scene.run("ip", "link", "set", "here", "up")
    scene.within("there", "ip", "address", "add", f"{THERE}/64", "dev", "there", "nodad")
    scene.within("there", "ip", "link", "set", "there", "up")
    server = namespaces.call("there", lambda: socket.create_server(("::", 80), family=socket.AF_INET6))
    with server:
        yield server
    scene.run("ip", "link", "delete", "here")
    scene.run("ip", "netns", "delete", "there")


def talk(server, source):
    with socket.create_connection((THERE, 80), timeout=5, source_address=(source, 0)) as client:
        connection, _ = server.accept()
        with connection:
            client.sendall(b"hello")
            assert connection.recv(99) == b"hello"


def enough(wanted):
    return lambda packets: wanted <= {(each.hop, each.direction.value, each.payload) for each in packets}


def test_both_ends_and_directions_of_ipv6_are_seen(pair):
    points = [
        capture.Point(hop="outer", device="here"),
        capture.Point(hop="inner", device="there", namespace="there", outside=False),
        capture.Point(hop="every", device=None, namespace="there", outside=False),
    ]
    with capture.opened(points, [HERE]) as seen:
        talk(pair, HERE)
        data = {("outer", "in", b"hello"), ("inner", "in", b"hello"), ("every", "in", b"hello")}
        assert seen.wait(enough(data), deadline=time.monotonic() + 5)
        answers = [each.hop for each in seen.packets if each.accepts and each.direction is packet.Direction.OUT]
    assert sorted(answers) == ["every", "inner", "outer"]
    assert {each.source for each in seen.packets if each.protocol is packet.Protocol.TCP} == {HERE, THERE}
    times = [each.at for each in seen.packets if each.opens]
    assert max(times) - min(times) < 1_000_000_000


def test_other_addresses_are_passed_over(pair):
    with capture.opened([capture.Point(hop="outer", device="here")], [HERE]) as seen:
        talk(pair, "fd00:7::3")
        talk(pair, HERE)
        assert seen.wait(enough({("outer", "in", b"hello")}), deadline=time.monotonic() + 5)
    assert {each.source for each in seen.packets if each.opens} == {HERE}


@pytest.mark.parametrize("wanted", [{"ports": (79, 80)}, {"everything": True}])
def test_packets_of_other_addresses_are_taken_for_their_ports_or_all_of_them(pair, wanted):
    with capture.opened([capture.Point(hop="outer", device="here", **wanted)], ["192.0.2.1"]) as seen:
        talk(pair, HERE)
        assert seen.wait(enough({("outer", "in", b"hello")}), deadline=time.monotonic() + 5)
    assert any(each.accepts for each in seen.packets), "it was from the port, too"


def test_packets_of_other_ports_are_passed_over(pair):
    points = [
        capture.Point(hop="other", device="here", ports=(81, 8080)),
        capture.Point(hop="outer", device="here", ports=(80,)),
    ]
    with capture.opened(points, ["192.0.2.1"]) as seen:
        talk(pair, HERE)
        assert seen.wait(enough({("outer", "in", b"hello")}), deadline=time.monotonic() + 5)
    assert {each.hop for each in seen.packets if each.protocol is packet.Protocol.TCP} == {"outer"}


def test_what_is_not_there_is_named_and_the_rest_is_watched(pair):
    points = [
        capture.Point(hop="a", device="nothing"),
        capture.Point(hop="b", device="eth0", namespace="nowhere"),
        capture.Point(hop="c", device="here"),
    ]
    with capture.opened(points, [HERE]) as seen:
        assert [point.hop for point in seen.missing] == ["a", "b"]
        talk(pair, HERE)
        assert seen.wait(enough({("c", "in", b"hello")}), deadline=time.monotonic() + 5)


def test_a_device_that_goes_away_ends_nothing_else(pair):
    scene.run("ip", "link", "add", "brief", "type", "bridge")
    scene.run("ip", "link", "set", "brief", "up")
    points = [capture.Point(hop="brief", device="brief"), capture.Point(hop="outer", device="here")]
    with capture.opened(points, [HERE]) as seen:
        scene.run("ip", "link", "delete", "brief")
        talk(pair, HERE)
        assert seen.wait(enough({("outer", "in", b"hello")}), deadline=time.monotonic() + 5)


def test_waiting_ends_in_time_and_when_told(pair):
    reading, writing = os.pipe()
    try:
        with capture.opened([capture.Point(hop="outer", device="here")], [HERE]) as seen:
            assert not seen.read(until=reading, deadline=time.monotonic() + 0.05)
            # The kernel may ask for neighbours at any time, so nothing is the right packet here.
            assert not seen.wait(lambda _: False, deadline=time.monotonic() + 0.05)
            os.write(writing, b"x")
            assert seen.read(until=reading, deadline=time.monotonic() + 5)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_kernel_that_refuses_is_quoted(pair):
    # 4096 instructions are the most a filter may have (linux/bpf_common.h, BPF_MAXINSNS).
    many = [f"10.{index >> 8}.{index & 255}.1" for index in range(1000)]
    with (
        pytest.raises(errors.Failed, match="capturing on here"),
        capture.opened([capture.Point(hop="outer", device="here")], many),
    ):
        pass
