"""Traffic through HAProxy: who is chosen, what members are told, who may connect."""

import collections
import dataclasses
import time

import pytest

from tests.net.haproxy.balancer import CLIENTS, FIRST, LISTENER, ONE, PAIR, SIXTH, THIRD, TWO, VIP, VIP6, both, picture
from tests.providers import configuration, trees
from vipool.model import listener, pool

pytestmark = configuration.needs_haproxy


def test_requests_are_spread_over_the_members_and_come_from_the_vip(balancer):
    both(balancer)
    assert balancer.converge(picture(*PAIR)) == "HAProxy started"
    assert balancer.answers(10) == {ONE: 5, TWO: 5}
    assert set(balancer.members[ONE].peers) == {VIP}


def test_a_client_stays_with_its_member_by_source_address(balancer):
    both(balancer)
    wanted = picture(*PAIR, back={"lb_algorithm": "SOURCE_IP"})
    balancer.converge(wanted)

    def homes() -> dict[str, str]:
        found = {}
        for source in CLIENTS:
            with balancer.client(source) as client:
                found[source] = client.get()[1]
        return found

    before = homes()
    assert min(collections.Counter(before.values()).values()) >= 5
    assert homes() == before
    balancer.member(THIRD)
    more = wanted.adding(dataclasses.replace(wanted.members[0], id=trees.identifier(4, 9), address=THIRD))
    assert "in place" in balancer.converge(more)
    after = homes()
    assert all(after[each] in {before[each], f"{THIRD}:80"} for each in CLIENTS)
    balancer.converge(more.replacing(dataclasses.replace(more.listeners[0], timeout_client_data=7000)))
    assert homes() == after


def test_a_connection_stays_with_its_member_by_source_address_and_port(balancer):
    """Spread within a tenth of even over 600 connections, by the protocol and by every request."""
    both(balancer)
    wanted = picture(*PAIR, back={"lb_algorithm": "SOURCE_IP_PORT"})
    balancer.converge(wanted)

    def homes(ports: range) -> dict[int, str]:
        found = {}
        for number in ports:
            with balancer.client(CLIENTS[0], source_port=number) as client:
                (found[number],) = {client.get()[1] for _ in range(2)}
        return found

    before = homes(range(20_000, 20_600))
    spread = collections.Counter(before.values())
    assert set(spread) == {ONE, TWO}
    assert min(spread.values()) >= 240
    balancer.member(THIRD)
    more = wanted.adding(dataclasses.replace(wanted.members[0], id=trees.identifier(4, 9), address=THIRD))
    assert "in place" in balancer.converge(more)
    after = homes(range(20_000, 20_100))
    assert all(home in {before[each], f"{THIRD}:80"} for each, home in after.items())
    assert f"{THIRD}:80" in after.values()
    balancer.converge(more.replacing(dataclasses.replace(more.listeners[0], timeout_client_data=7000)))
    assert homes(range(20_000, 20_100)) == after


def test_ipv6_vip_and_members_of_both_families(balancer):
    balancer.member(SIXTH)
    balancer.member(FIRST)
    wanted = picture({"address": SIXTH}, {"address": FIRST}, loadbalancer={"vip_address": VIP6}, monitor={})
    balancer.converge(wanted)
    found = set()
    for _ in range(4):
        with balancer.client(address=VIP6) as client:
            found.add(client.get()[1])
    assert found == {f"{SIXTH}:80", f"{FIRST}:80"}
    assert set(balancer.members[f"{SIXTH}:80"].peers) == {VIP6}


def test_headers_are_inserted(balancer):
    both(balancer)
    headers = dict.fromkeys(trees.HEADERS, "true")
    balancer.converge(picture(*PAIR, front={"insert_headers": headers}))
    with balancer.client(CLIENTS[0]) as client:
        client.get(headers="X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Port: 1\r\n")
    head = (balancer.members[ONE].heads + balancer.members[TWO].heads)[0].lower().split("\r\n")
    assert "x-forwarded-for: 192.0.2.1" in head
    assert f"x-forwarded-for: {CLIENTS[0]}" in head
    assert [each for each in head if each.startswith("x-forwarded-port")] == ["x-forwarded-port: 80"]
    assert "x-forwarded-proto: http" in head
    assert f"x-real-ip: {CLIENTS[0]}" in head


@pytest.mark.parametrize(("protocol", "mark"), [("PROXY", b"PROXY TCP4"), ("PROXYV2", b"\r\n\r\n\0\r\nQUIT")])
def test_members_are_told_the_client_by_the_proxy_protocol(balancer, protocol, mark):
    first = balancer.member(FIRST, proxied=True)
    wanted = picture({"address": FIRST}, back={"protocol": protocol}, monitor={})
    balancer.converge(wanted)
    with balancer.client(CLIENTS[0]) as client:
        assert client.get() == (200, ONE)
    assert any(each.startswith(mark) and (CLIENTS[0].encode() in each or b"\x0a\x0a\x0a\x04" in each)
               for each in first.preambles)  # fmt: skip
    balancer.awaits(wanted, 0, "up")


def test_a_tcp_listener_carries_bytes_and_upgrades_for_an_http_pool(balancer):
    both(balancer)
    wanted = picture(*PAIR, front={"protocol": "TCP"}, back={"protocol": "TCP"})
    balancer.converge(wanted)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
    with balancer.client() as client:
        assert len({client.get()[1] for _ in range(4)}) == 1
    http = picture(*PAIR)
    shared = dataclasses.replace(
        http.listeners[0], id=trees.identifier(2, 2), protocol=listener.Protocol.TCP, protocol_port=81
    )
    balancer.converge(http.adding(shared))
    with balancer.client(port=81) as client:
        assert {client.get()[1] for _ in range(4)} == {ONE, TWO}


def test_networks_that_are_not_allowed_are_turned_away(balancer):
    both(balancer)
    balancer.converge(picture(*PAIR, front={"allowed_cidrs": [f"{CLIENTS[0]}/32", "192.0.2.0/24"]}))
    with balancer.client(CLIENTS[0]) as client:
        assert client.get()[0] == 200
    with pytest.raises(ConnectionError), balancer.client(CLIENTS[1]) as client:
        client.get()


def test_a_listener_at_its_limit_is_full_until_the_limit_is_raised(balancer):
    both(balancer)
    wanted = picture(*PAIR, front={"connection_limit": 1})
    balancer.converge(wanted)
    with balancer.client() as client:
        assert client.get()[0] == 200
        seen = balancer.engine.observe(balancer.place, wanted)
        assert seen is not None
        assert seen.frontends == {LISTENER: "full"}
        more = wanted.replacing(dataclasses.replace(wanted.listeners[0], connection_limit=5))
        assert "reloaded" in balancer.converge(more)
        assert balancer.answers(2) == {ONE: 1, TWO: 1}


def test_a_listener_without_a_pool_answers_503(balancer):
    balancer.converge(picture(front={"default_pool_id": None}))
    assert balancer.answers(1) == {"503": 1}


@pytest.mark.parametrize("algorithm", list(pool.Algorithm))
@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_a_dead_member_costs_no_request_and_no_second_even_without_a_monitor(balancer, protocol, algorithm):
    both(balancer)
    back = {"protocol": protocol, "lb_algorithm": algorithm}
    balancer.converge(picture(*PAIR, front={"protocol": protocol}, back=back))
    balancer.members[ONE].stop()
    began = time.monotonic()
    assert balancer.answers(10) == {TWO: 10}
    assert time.monotonic() - began < 1
