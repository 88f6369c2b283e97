"""Members that see the client's own address: what brings their answers back, with a router of vipool and without."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from tests.net import datagrams, preserved, talkers, topology
from tests.net.balanced import CLIENT, CLIENT6, FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2
from tests.net.members import eventually
from vipool.providers.haproxy import checker
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel


@pytest.fixture
def picture(tmp_path):
    made = preserved.Picture(tmp_path, {"amphora": kernel.Engine(carried.WHOLE, checker.Checker())})
    yield made
    made.close()


def ip(namespace, *words):
    subprocess.run(["ip", "-n", namespace, *words], check=True)


def test_the_router_brings_answers_back_by_itself_over_ipv4_and_ipv6(picture):
    wanted = preserved.web({"address": WEB1}, {"address": WEB1_6})
    picture.serve(wanted)
    with pytest.raises(TimeoutError):
        talkers.ask("client", FLOATING, patience=0.5)
    picture.bring_back(wanted)
    assert {talkers.ask("client", FLOATING) for _ in range(3)} == {f"web1 to {CLIENT}"}
    assert {talkers.ask("client", VIP6) for _ in range(3)} == {f"six to {CLIENT6}"}
    picture.bring_back(wanted.having({"members": ()}))
    with pytest.raises(TimeoutError):
        talkers.ask("client", FLOATING, patience=0.5)


def test_much_is_carried_both_ways_and_the_source_port_is_kept(picture):
    wanted = preserved.web({"address": WEB1})
    picture.serve(wanted)
    picture.bring_back(wanted)
    with talkers.Connection("client", FLOATING, source=(CLIENT, 45_678)) as connection:
        for _ in range(200):
            connection.socket.sendall(b"x" * 4000)
            assert connection.hear()
    assert picture.one.peers[-1] == (CLIENT, 45_678)


def test_datagrams_come_back_too(picture):
    wanted = preserved.web({"address": WEB1, "protocol_port": 53}, protocol="UDP")
    picture.echo("web1", WEB1)
    picture.serve(wanted)
    picture.bring_back(wanted)
    assert datagrams.ask("client", FLOATING, 80) == f"web1 to {CLIENT}"


def test_other_ports_of_a_member_are_answered_as_ever(picture):
    wanted = preserved.web({"address": WEB1})
    other = talkers.Talker("web1", WEB1, "other", 8080).start()
    picture.serve(wanted)
    picture.bring_back(wanted)
    ip("client", "route", "add", "172.16.100.0/24", "via", "10.10.10.1")
    picture.router = dataclasses.replace(picture.router, snat=False)
    picture.bring_back(wanted)
    assert talkers.ask("client", WEB1, 8080) == f"other to {CLIENT}"
    other.stop()


def test_a_removed_member_loses_its_connections(picture):
    wanted = preserved.web({"address": WEB1})
    picture.serve(wanted)
    picture.bring_back(wanted)
    with talkers.Connection("client", FLOATING) as connection:
        assert connection.ask() == f"web1 to {CLIENT}"
        picture.serve(wanted.having({"members": ()}))
        with pytest.raises(ConnectionResetError):
            connection.hear()
        eventually(lambda: picture.one.ended == ["reset"])


def test_without_a_router_of_vipool_a_route_by_the_vip_does_it(picture):
    picture.serve(preserved.web({"address": WEB1}))
    ip("web1", "route", "replace", "default", "via", VIP)
    assert talkers.ask("client", FLOATING) == f"web1 to {CLIENT}"


def test_a_client_on_the_members_own_link_needs_a_rule_there_and_a_member_may_call_itself(picture):
    picture.serve(preserved.web({"address": WEB1}))
    with pytest.raises(TimeoutError):
        talkers.ask("web2", VIP, patience=0.5)
    ip("web1", "rule", "add", "from", WEB1, "ipproto", "tcp", "sport", "80", "lookup", "100")
    ip("web1", "route", "add", "default", "via", VIP, "dev", "eth0", "table", "100")
    assert talkers.ask("web2", VIP) == f"web1 to {WEB2}"
    assert talkers.ask("web1", VIP) == f"web1 to {VIP}"


def test_a_member_behind_another_interface_of_the_router_is_reached_and_answers(picture):
    """The VIP is in one subnet, the member in another of the same router."""
    segment = picture.site.network("further")
    gate = topology.port(segment, "172.16.101.1/24")
    picture.router = dataclasses.replace(picture.router, interfaces=(*picture.router.interfaces, gate))
    far = picture.site.host("far", topology.port(segment, "172.16.101.9/24", gateways=("172.16.101.1",)))
    assert far
    server = talkers.Talker("far", "172.16.101.9", "far").start()
    wanted = preserved.web({"address": "172.16.101.9"})
    picture.serve(wanted)
    picture.bring_back(wanted)
    assert {talkers.ask("client", FLOATING) for _ in range(3)} == {f"far to {CLIENT}"}
    server.stop()
