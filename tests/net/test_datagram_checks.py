"""Members of UDP and SCTP pools are checked; those that are down take no flows, and their UDP flows move on."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from tests.net import balanced, datagrams
from tests.net.balanced import FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2
from tests.net.members import Member, eventually
from tests.net.test_datagrams import BOTH, LISTENER, POOL, dns, engines
from tests.providers import configuration, trees
from vipool.model import healthmonitor
from vipool.providers.probing import prober

pytestmark = configuration.needs_haproxy
ONE, TWO = trees.identifier(4, 1), trees.identifier(4, 2)


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, engines())
    for name, address in (("web1", WEB1), ("web2", WEB2)):
        made.echo(name, address)
    yield made
    made.close()


def monitored(wanted, kind, **more):
    monitor = healthmonitor.HealthMonitor(
        id=trees.identifier(5, 1),
        project_id="p",
        loadbalancer_id=trees.LOADBALANCER,
        pool_id=POOL,
        type=healthmonitor.Type(kind),
        **{"delay": 1, "timeout": 1, "max_retries": 1, "max_retries_down": 1, **more},
    )
    return wanted.adding(monitor)


def states(picture):
    seen = picture.observe()
    return seen.servers, seen.backends[POOL]


def becomes(picture, member, state):
    """Wait until a member has the state, doing what the agent does meanwhile."""

    def settled() -> bool:
        picture.watch()
        return states(picture)[0][member] == state and not picture.watch()

    eventually(settled, seconds=15)


def test_a_udp_member_whose_port_is_closed_is_down_and_its_flows_go_elsewhere(picture):
    wanted = monitored(dns(*BOTH), "UDP-CONNECT")
    picture.put(wanted)
    with datagrams.Client("client", FLOATING) as client:
        home = client.ask().split()[0]
        picture.echoes[home].stop()
        member = {"web1": ONE, "web2": TWO}[home]
        becomes(picture, member, "down")
        other = client.ask().split()[0]
        assert other != home
        assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(4)} == {other}
        assert states(picture) == ({ONE: "up", TWO: "up"} | {member: "down"}, "up")
        picture.echoes[home].start()
        becomes(picture, member, "up")
        assert client.ask().split()[0] == other, "a flow stays where it went"
        assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(4)} == {home, other}


DEAF = """
table inet deaf {
    chain c {
        type filter hook input priority 0
        icmp type destination-unreachable drop
        icmpv6 type destination-unreachable drop
    }
}
"""


@pytest.mark.parametrize("address", [FLOATING, VIP6])
def test_a_dead_port_is_found_though_its_host_speaks_of_it_to_clients_alone(picture, address):
    """Clients that ask all the time use up what the host says (icmp(7), icmp_ratelimit)."""
    picture.put(monitored(dns({"address": WEB1}, {"address": WEB1_6}), "UDP-CONNECT", delay=3))
    member = {FLOATING: ONE, VIP6: TWO}[address]
    picture.echo("web1", WEB1_6, "six")
    assert datagrams.ask("client", address)
    command = ["ip", "netns", "exec", picture.namespace, "nft", "-f", "-"]
    subprocess.run(command, input=DEAF, text=True, check=True)
    for each in picture.echoes.values():
        each.stop()

    def asked() -> bool:
        # Refused, or not even told so: the host has said it often enough.
        with pytest.raises(OSError, match=r"refused|timed out"):
            datagrams.ask("client", address)
        return states(picture)[0][member] == "down"

    eventually(asked, seconds=10)


def test_silence_is_taken_for_life(picture):
    rule = "table ip swallow { chain c { type filter hook input priority 0; udp dport 53 drop; }; }\n"
    subprocess.run(["ip", "netns", "exec", "web1", "nft", "-f", "-"], input=rule, text=True, check=True)
    picture.echoes["web1"].stop()
    picture.put(monitored(dns({"address": WEB1}), "UDP-CONNECT"))
    asked = counted(picture, "web1")
    eventually(lambda: counted(picture, "web1") >= asked + 2, seconds=10)
    assert picture.watch() == ""
    assert states(picture) == ({ONE: "up"}, "up")


def counted(picture, namespace):
    """How many datagrams came to port 53 of a host, answered or not."""
    text = subprocess.run(
        ["ip", "netns", "exec", namespace, "cat", "/proc/net/snmp"], check=True, capture_output=True, text=True
    ).stdout
    heads, values = (line.split() for line in text.splitlines() if line.startswith("Ip:"))
    return int(values[heads.index("InReceives")])


def test_a_host_that_is_not_there_is_down_and_the_last_of_them_takes_the_pool_with_it(picture):
    picture.put(monitored(dns({"address": "172.16.100.77"}), "UDP-CONNECT", timeout=5))
    becomes(picture, ONE, "down")
    assert states(picture) == ({ONE: "down"}, "down")
    assert picture.observe().frontends == {LISTENER: "open"}
    with pytest.raises(ConnectionRefusedError):
        datagrams.ask("client", FLOATING)


def test_backups_step_in_and_out(picture):
    wanted = monitored(dns({"address": WEB1}, {"address": WEB2, "backup": True}), "UDP-CONNECT")
    picture.put(wanted)
    assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(3)} == {"web1"}
    picture.echoes["web1"].stop()
    becomes(picture, ONE, "down")
    assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(3)} == {"web2"}
    picture.echoes["web1"].start()
    becomes(picture, ONE, "up")
    assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(3)} == {"web1"}


def test_a_tcp_monitor_checks_another_port_from_the_vip(picture):
    health = Member("web1", WEB1, 8080, name="health").start()
    callers = balanced.Callers("web1", 8080)
    members = ({"address": WEB1, "monitor_port": 8080}, {"address": WEB2, "monitor_port": 8080})
    picture.put(monitored(dns(*members), "TCP"))
    becomes(picture, TWO, "down")
    eventually(lambda: callers.seen() == {VIP})
    assert states(picture) == ({ONE: "up", TWO: "down"}, "up")
    health.stop()
    becomes(picture, ONE, "down")


def test_an_http_monitor_asks_what_it_was_told_and_judges_by_the_code(picture):
    health = Member("web1", WEB1, 8080, name="health", status=204).start()
    said = {"http_method": "HEAD", "url_path": "/alive?q=1", "http_version": 1.1, "domain_name": "dns.example"}
    members = ({"address": WEB1, "monitor_port": 8080},)
    picture.put(monitored(dns(*members), "HTTP", expected_codes="200-204", **said))
    eventually(lambda: len(health.heads) >= 2, seconds=10)
    assert health.heads[0] == "HEAD /alive?q=1 HTTP/1.1\r\nhost: dns.example\r\nconnection: close\r\n\r\n"
    assert states(picture)[0] == {ONE: "up"}
    health.status = 503
    becomes(picture, ONE, "down")
    health.status = 200
    becomes(picture, ONE, "up")
    health.stop()


def test_an_sctp_monitor_begins_an_association(picture):
    front = {"id": LISTENER, "protocol": "SCTP", "protocol_port": 3868}
    ends = ({"address": WEB1, "protocol_port": 3868}, {"address": WEB1_6, "protocol_port": 3868})
    picture.put(monitored(balanced.picture([front], "SCTP", ends), "SCTP"))
    servers = [datagrams.Association("web1", address, 3868).start() for address in (WEB1, WEB1_6)]
    becomes(picture, ONE, "up")
    becomes(picture, TWO, "up")
    eventually(lambda: {peer for each in servers for peer, _ in each.asked} == {VIP, VIP6})
    servers[0].refuses = True
    becomes(picture, ONE, "down")
    servers[1].stop()
    becomes(picture, TWO, "down")
    servers[0].refuses = False
    becomes(picture, ONE, "up")
    servers[0].stop()


def test_datagrams_to_one_host_are_sent_apart_and_each_dead_port_is_found(picture):
    """Linux says once a second to each who asks that nobody is there, after six at once (icmp(7))."""
    ends = tuple({"address": WEB1, "protocol_port": 1000 + port} for port in range(12))
    picture.put(monitored(dns(*ends), "UDP-CONNECT", delay=3))
    every = [trees.identifier(4, at) for at in range(1, 13)]
    eventually(lambda: set(states(picture)[0].values()) == {"down"} and not picture.watch(), seconds=20 * prober.APART)
    assert states(picture) == (dict.fromkeys(every, "down"), "down")


def test_a_new_agent_takes_members_for_what_the_old_one_found(picture):
    picture.echoes["web1"].stop()
    wanted = monitored(dns(*BOTH), "UDP-CONNECT", delay=3, max_retries=3)
    picture.put(wanted)
    becomes(picture, ONE, "down")
    hand = dataclasses.replace(picture.site.hand, engines=engines())
    assert hand.realise(picture.item, announce_all=False).words == ()
    assert hand.look(picture.item).servers == {ONE: "down", TWO: "up"}
    assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(4)} == {"web2"}


def test_without_its_monitor_a_member_that_was_down_is_served_again(picture):
    picture.echoes["web1"].stop()
    wanted = monitored(dns(*BOTH), "UDP-CONNECT")
    picture.put(wanted)
    becomes(picture, ONE, "down")
    picture.echoes["web1"].start()
    picture.serve(dns(*BOTH))
    assert states(picture) == ({ONE: "no_check", TWO: "no_check"}, "up")
    assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(4)} == {"web1", "web2"}
