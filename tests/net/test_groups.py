"""Security groups of a VIP port, on packets: who may open what, whatever carries it, and what passes all the same."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import subprocess
import threading

import pytest

from tests.net import balanced, datagrams, topology
from tests.net.balanced import CLIENT, CLIENT6, FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2
from tests.net.members import eventually
from tests.net.test_datagram_checks import monitored
from tests.net.test_datagrams import dns, engines
from tests.providers import configuration, trees
from vipool.host import namespaces
from vipool.model import healthmonitor, spec
from vipool.providers.probing import echo

pytestmark = configuration.needs_haproxy
TCP, UDP = 6, 17
WEB = spec.Permit(version=4, protocol=TCP, first=80, last=80)
DNS = spec.Permit(version=4, protocol=UDP, first=53, last=53)


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, engines())
    made.echo("web1", WEB1)
    made.echo("web1", WEB1_6, "six")
    made.site.serve("web1", WEB1, "web1")
    yield made
    made.close()


def both():
    """A UDP listener on port 53 and a TCP listener on port 80, on both VIPs, in front of WEB1."""
    whole, other = dns({"address": WEB1}, {"address": WEB1_6}), trees.identifier(3, 2)
    beside = balanced.tcp({"address": WEB1})
    rows = (
        dataclasses.replace(beside.listeners[0], id=trees.identifier(2, 5), default_pool_id=other),
        dataclasses.replace(beside.pools[0], id=other),
        dataclasses.replace(beside.members[0], id=trees.identifier(4, 5), pool_id=other),
    )
    for row in rows:
        whole = whole.adding(row)
    return whole


def only(permit, *sources):
    return dataclasses.replace(permit, sources=sources)


def serve(picture, *permits, wanted=None):
    """Filter by these permits; what was done, in words."""
    return picture.serve(wanted or both(), vip=dataclasses.replace(picture.vip, ingress=permits))


def opens(namespace, address):
    """Whether a connection to port 80 can be opened: it is answered, or nothing comes back."""
    try:
        return topology.ask(namespace, address).startswith("web1")
    except TimeoutError:
        return False


def asks(namespace, address):
    """The same of a datagram to port 53."""
    try:
        return bool(datagrams.ask(namespace, address))
    except TimeoutError:
        return False


def pings(namespace, address):
    """Whether an echo request is answered."""
    version = 6 if ":" in address else 4
    kind = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if version == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)

    def work():
        with socket.socket(kind[0], socket.SOCK_RAW, kind[1]) as channel:
            channel.settimeout(1)
            channel.connect((address, 0))
            channel.send(echo.request(version, 77, 1))
            with contextlib.suppress(TimeoutError):
                while echo.reply(version, channel.recv(4096)) != (77, 1):
                    pass
                return True
            return False

    return namespaces.call(namespace, work)


def test_without_groups_everybody_reaches_the_listeners(picture):
    picture.serve(both())
    assert opens("client", FLOATING)
    assert asks("client", FLOATING)
    assert pings("web2", VIP)


def test_groups_without_rules_let_nobody_in(picture):
    serve(picture)
    assert not opens("client", FLOATING)
    assert not asks("client", FLOATING)
    assert not asks("client", VIP6)
    assert not pings("web2", VIP)


def test_clients_of_a_floating_ip_are_judged_by_the_address_they_have(picture):
    serve(picture, only(WEB, f"{CLIENT}/32"), only(DNS, f"{CLIENT}/32"))
    assert opens("client", FLOATING)
    assert asks("client", FLOATING)
    assert not opens("web2", VIP)
    assert not asks("web2", VIP)
    serve(picture, only(WEB, f"{WEB2}/32"), only(DNS, "172.16.0.0/16"))
    assert opens("web2", VIP)
    assert asks("web2", VIP)
    assert not opens("client", FLOATING)
    assert not asks("client", FLOATING)


def test_each_protocol_and_port_is_judged_by_itself(picture):
    serve(picture, WEB)
    assert opens("client", FLOATING)
    assert not asks("client", FLOATING)
    serve(picture, dataclasses.replace(DNS, first=1, last=60))
    assert not opens("client", FLOATING)
    assert asks("client", FLOATING)
    serve(picture, spec.Permit(version=4))
    assert opens("client", FLOATING)
    assert asks("client", FLOATING)


def test_address_families_are_judged_apart(picture):
    serve(picture, WEB, DNS)
    assert not opens("client", VIP6)
    assert not asks("client", VIP6)
    serve(picture, *(dataclasses.replace(each, version=6, sources=(f"{CLIENT6}/128",)) for each in (WEB, DNS)))
    assert opens("client", VIP6)
    assert asks("client", VIP6)
    assert not opens("client", FLOATING)
    assert not asks("web2", VIP6)


def test_a_rule_that_goes_leaves_what_is_open_and_closes_the_door(picture):
    wanted = both()
    talk = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    picture.site.stack.callback(serve_echo("web1", WEB1, 8080).close)
    member = next(each for each in wanted.members if each.protocol_port == 80)
    wanted = wanted.replacing(dataclasses.replace(member, protocol_port=8080))
    serve(picture, WEB, DNS, wanted=wanted)
    with connected("client", FLOATING) as open_still, datagrams.Client("client", FLOATING) as flow:
        assert echoed(open_still, talk) == talk
        assert flow.ask()
        said = serve(picture, wanted=wanted)
        assert said == ("loaded packet rules",)
        assert echoed(open_still, talk) == talk
        assert flow.ask()
        assert not asks("client", FLOATING)
        with pytest.raises(TimeoutError):
            connected("client", FLOATING)
    serve(picture, WEB, DNS, wanted=wanted)
    assert asks("client", FLOATING)
    connected("client", FLOATING).close()


def connected(namespace, address):
    return namespaces.call(namespace, lambda: socket.create_connection((address, 80), timeout=2))


def echoed(connection, data):
    connection.sendall(data)
    return connection.recv(len(data))


def serve_echo(namespace, address, port):
    """A TCP server that says back what it is told, for as long as it is open."""
    server = namespaces.call(namespace, lambda: socket.create_server((address, port)))

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(4096):
                connection.sendall(data)

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server


def test_groups_come_and_go_at_run_time_without_a_reload(picture):
    picture.serve(both())
    assert serve(picture, only(WEB, f"{WEB2}/32")) == ("loaded packet rules",)
    assert not opens("client", FLOATING)
    assert picture.serve(both()) == ("loaded packet rules",)
    assert opens("client", FLOATING)


def test_a_load_balancer_of_connections_alone_is_filtered_and_then_left_without_rules(picture):
    wanted = balanced.tcp({"address": WEB1})
    serve(picture, only(WEB, f"{CLIENT}/32"), wanted=wanted)
    assert opens("client", FLOATING)
    assert not opens("web2", VIP)
    assert picture.serve(wanted) == ("removed packet rules",)
    assert opens("web2", VIP)


def test_ping_is_let_in_by_its_own_rule(picture):
    echo = spec.Permit(version=4, protocol=1, first=8, last=0)
    serve(picture, only(echo, f"{WEB2}/32"))
    assert pings("web2", VIP)
    assert not pings("client", FLOATING)
    assert not pings("web2", VIP6)
    serve(picture, spec.Permit(version=6, protocol=58))
    assert pings("web2", VIP6)


@pytest.mark.parametrize("kind", ["TCP", "HTTP", "PING"])
def test_checks_of_connections_pass_their_answers(picture, kind):
    wanted = balanced.tcp({"address": WEB1, "monitor_port": 8080})
    server = serve_echo("web1", WEB1, 8080)
    monitor = healthmonitor.HealthMonitor(
        id=trees.identifier(5, 1), project_id="p", loadbalancer_id=trees.LOADBALANCER, pool_id=wanted.pools[0].id,
        type=healthmonitor.Type(kind), delay=1, timeout=1, max_retries=1, max_retries_down=1,
    )  # fmt: skip
    # What is echoed is no answer to an HTTP check: that it is down shows that something came back.
    state = "down" if kind == "HTTP" else "up"
    picture.put(wanted.adding(monitor), vip=dataclasses.replace(picture.vip, ingress=()))
    eventually(lambda: picture.observe().servers == {trees.identifier(4, 1): state}, seconds=10)
    server.close()


def test_checks_of_datagrams_pass_their_answers(picture):
    wanted = monitored(dns({"address": WEB1}, {"address": WEB1_6}), "UDP-CONNECT")
    picture.put(wanted, vip=dataclasses.replace(picture.vip, ingress=()))
    picture.echoes["web1"].stop()
    states = {trees.identifier(4, 1): "down", trees.identifier(4, 2): "up"}
    eventually(lambda: picture.observe().servers == states, seconds=10)


def test_neighbours_find_each_other_though_nothing_is_let_in(picture):
    serve(picture, only(DNS, f"{CLIENT}/32"), dataclasses.replace(DNS, version=6))
    for name in (picture.namespace, "web1"):
        subprocess.run(["ip", "-n", name, "neigh", "flush", "all"], check=True)
    assert asks("client", FLOATING)
    assert asks("client", VIP6)


def test_a_segment_that_opens_nothing_is_no_way_in(picture):
    """A client that is not let in sends a segment with ACK, as if a connection were open: it is told that none is."""
    serve(picture)
    flags = {"ACK": 0x10, "FIN": 0x01, "nothing": 0x00}
    answers = {name: probed("web2", VIP, value) for name, value in flags.items()}
    assert answers == {"ACK": "reset", "FIN": "silence", "nothing": "silence"}


def probed(namespace, address, flags):
    """What comes back for a bare TCP segment to port 80."""
    source, sequence = 40_100, 7
    head = source.to_bytes(2, "big") + (80).to_bytes(2, "big") + sequence.to_bytes(4, "big") + bytes(4)
    body = head + bytes([0x50, flags]) + (1024).to_bytes(2, "big") + bytes(4)
    pseudo = socket.inet_aton(WEB2) + socket.inet_aton(address) + bytes([0, 6]) + len(body).to_bytes(2, "big")
    total = sum(int.from_bytes((pseudo + body)[at : at + 2], "big") for at in range(0, len(pseudo + body), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    packet = body[:16] + (~total & 0xFFFF).to_bytes(2, "big") + body[18:]

    def work():
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as channel:
            channel.settimeout(1)
            channel.sendto(packet, (address, 0))
            while True:
                try:
                    said, peer = channel.recvfrom(4096)
                except TimeoutError:
                    return "silence"
                segment = said[(said[0] & 0xF) * 4 :]
                if peer[0] == address and int.from_bytes(segment[2:4], "big") == source:
                    return "reset" if segment[13] & 0x04 else "something else"

    return namespaces.call(namespace, work)
