"""The flows of a namespace: seen with who answers them, ended one by one; and the way into a namespace and back."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import threading

import pytest

from tests.net.members import eventually
from vipool.host import conntrack, errors, namespaces, netlink, nft

NAME = "qlbaas-flows"
RULES = """table inet vipool_test {
	chain output {
		type filter hook output priority mangle; policy accept;
		udp dport 53 ct mark set 0x7
		udp dport 54 ct mark set 0x8
		tcp dport 80 ct mark set 0x9
		tcp dport 81 ct mark set 0xa
	}
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 81 drop
	}
}
"""


@pytest.fixture(autouse=True)
def namespace():
    def furnish():
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "address", "add", "fd00::1/128", "dev", "lo", "nodad"], check=True)

    namespaces.create(NAME, furnish)
    nft.load(NAME, RULES)
    yield
    namespaces.delete(NAME)


def send(address: str, port: int) -> None:
    def work() -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as server, socket.socket(family, socket.SOCK_DGRAM) as client:
            server.bind((address, port))
            client.sendto(b"?", (address, port))

    namespaces.call(NAME, work)


def test_marked_flows_are_seen_with_who_answers_them_and_no_others():
    assert conntrack.marked(NAME) == ()
    send("127.0.0.1", 53)
    send("fd00::1", 54)
    send("127.0.0.1", 55)
    found = {(each.mark, each.protocol, each.answering) for each in conntrack.marked(NAME)}
    assert found == {
        (7, 17, (ipaddress.ip_address("127.0.0.1"), 53)),
        (8, 17, (ipaddress.ip_address("fd00::1"), 54)),
    }


def test_open_flows_are_counted_by_mark_and_connections_that_are_over_are_not():
    assert conntrack.counts(NAME) == {}
    for _ in range(3):
        send("127.0.0.1", 53)
    send("127.0.0.1", 55)

    def connect() -> list[socket.socket]:
        server = socket.create_server(("127.0.0.1", 80))
        return [server, *(socket.create_connection(("127.0.0.1", 80)) for _ in range(2)), server.accept()[0]]

    ends = namespaces.call(NAME, connect)
    assert conntrack.counts(NAME) == {7: 3, 9: 2}
    for each in ends:
        each.close()
    eventually(lambda: conntrack.counts(NAME) == {7: 3})
    assert len([each for each in conntrack.marked(NAME) if each.mark == 9]) == 2, "they are remembered all the same"


def test_a_connection_that_is_not_open_yet_counts_nothing_and_is_there():
    def connect() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        made.connect_ex(("127.0.0.1", 81))
        return made

    with namespaces.call(NAME, connect):
        assert conntrack.counts(NAME) == {10: 0}


def test_a_flow_that_is_ended_is_gone_and_may_be_ended_again():
    send("127.0.0.1", 53)
    send("fd00::1", 54)
    gone = [each for each in conntrack.marked(NAME) if each.mark == 8]
    conntrack.end(NAME, gone)
    conntrack.end(NAME, gone)
    conntrack.end(NAME, [])
    assert [each.mark for each in conntrack.marked(NAME)] == [7]


def test_many_flows_are_ended_in_one_go():
    for _ in range(200):
        send("127.0.0.1", 53)
    found = conntrack.marked(NAME)
    assert len(found) >= 190, "now and then a port comes twice"
    conntrack.end(NAME, found)
    assert conntrack.marked(NAME) == ()


def test_flows_are_counted_by_who_answers_them_of_both_families():
    for port, address in ((53, "127.0.0.1"), (53, "127.0.0.1"), (54, "fd00::1"), (55, "fd00::1")):
        send(address, port)

    def count() -> dict[tuple[int, str, str, int], int]:
        with netlink.Socket(netlink.NETFILTER) as channel:
            found = conntrack.ends(channel)
        read = {conntrack.read_end(end): number for end, number in found.items()}
        return {(protocol, str(ours), str(other), port): n for (protocol, ours, other, port), n in read.items()}

    assert namespaces.call(NAME, count) == {
        (17, "127.0.0.1", "127.0.0.1", 53): 2,
        (17, "fd00::1", "fd00::1", 54): 1,
        (17, "fd00::1", "fd00::1", 55): 1,
    }


def test_a_tour_leads_through_namespaces_and_past_those_that_are_not_there():
    seen = []
    home = netlink.thread_namespace()
    cost = namespaces.tour([NAME, "nowhere", NAME], lambda at: seen.append((at, netlink.thread_namespace())))
    assert seen == [(NAME, namespaces.identity(NAME))] * 2
    assert netlink.thread_namespace() == home
    assert cost > 0


def test_a_thread_that_visits_a_namespace_comes_back_whatever_happens_there():
    seen = []

    def work():
        before = netlink.thread_namespace()
        inside = namespaces.visit(NAME, netlink.thread_namespace)
        with pytest.raises(ZeroDivisionError):
            namespaces.visit(NAME, lambda: 1 // 0)
        with pytest.raises(errors.Missing):
            namespaces.visit("nowhere", netlink.thread_namespace)
        seen.append((before, inside, netlink.thread_namespace()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ((before, inside, after),) = seen
    assert before == after
    assert inside == namespaces.identity(NAME) != before
