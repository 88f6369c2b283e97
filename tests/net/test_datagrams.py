"""UDP and SCTP through the kernel of a load balancer's namespace: by router and floating IP, to members and back."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.net import balanced, datagrams, topology
from tests.net.balanced import CLIENT, FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2, WEB2_6
from tests.net.members import eventually
from tests.providers import configuration, trees
from vipool.host import conntrack, namespaces, nft
from vipool.model import pool
from vipool.providers import joined
from vipool.providers.haproxy import checker
from vipool.providers.haproxy import engine as connections
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel
from vipool.providers.probing import sctp

pytestmark = configuration.needs_haproxy
LISTENER, POOL = trees.identifier(2, 1), trees.identifier(3, 1)
FRONT = {"id": LISTENER, "protocol": "UDP", "protocol_port": 53}
BOTH = ({"address": WEB1}, {"address": WEB2})


def dns(*members, front=None, **back):
    """A UDP listener on port 53 of both VIPs, with these members on port 53."""
    members = tuple({"protocol_port": 53, **each} for each in members)
    return balanced.picture([{**FRONT, **(front or {})}], "UDP", members, **back)


def engines():
    return {"amphora": both_halves()}


def both_halves():
    datagrams = kernel.Engine(carried.DATAGRAMS, checker.Checker())
    return joined.Engine(streams=connections.Engine(), datagrams=datagrams)


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, engines())
    for name, address in (("web1", WEB1), ("web2", WEB2)):
        made.echo(name, address)
    yield made
    made.close()


def flows(picture):
    return conntrack.marked(picture.namespace)


def test_datagrams_go_by_floating_ip_and_router_to_a_member_and_back_with_the_vip_alone_in_between(picture):
    said = picture.serve(dns(*BOTH))
    assert "loaded packet rules" in said
    assert "switched forwarding on" in said
    with datagrams.Client("client", FLOATING) as client:
        answers = {client.ask() for _ in range(5)}
    assert len(answers) == 1, "a flow stays with its member"
    assert answers < {f"web1 to {VIP}", f"web2 to {VIP}"}
    found = {datagrams.ask("client", FLOATING) for _ in range(4)}
    assert found == {f"web1 to {VIP}", f"web2 to {VIP}"}


@pytest.mark.parametrize(("address", "vip", "ends"), [(FLOATING, VIP, (WEB1, WEB2)), (VIP6, VIP6, (WEB1_6, WEB2_6))])
def test_datagrams_that_nobody_answers_arrive_each_flow_at_one_member(picture, address, vip, ends):
    """As those of a log: what is sent is all there is."""
    picture.serve(dns(*({"address": each, "protocol_port": 514} for each in ends)))
    with contextlib.ExitStack() as stack:
        sinks = []
        for name, end in zip(("web1", "web2"), ends, strict=True):
            sink = stack.enter_context(namespaces.call(name, functools.partial(datagrams.udp, end)))
            sink.bind((end, 514))
            sink.settimeout(5)
            sinks.append(sink)
        for turn in range(2):
            client = stack.enter_context(namespaces.call("client", functools.partial(datagrams.udp, address)))
            client.connect((address, 53))
            for number in range(20):
                client.send(f"{turn} {number}".encode())
        heard = [[sink.recvfrom(100) for _ in range(20)] for sink in sinks]
    assert sorted([data.decode() for data, _ in each] for each in heard) == [
        [f"{turn} {number}" for number in range(20)] for turn in range(2)
    ]
    assert {peer[0] for each in heard for _, peer in each} == {vip}


def test_a_neighbour_and_a_member_itself_are_served_too(picture):
    picture.serve(dns(*BOTH))
    for name in ("web1", "web2"):
        assert {datagrams.ask(name, VIP).split()[0] for _ in range(4)} == {"web1", "web2"}


def test_the_kernel_says_it_where_nobody_serves(picture):
    for wanted in (dns(), dns({"address": WEB1, "weight": 0}), dns({"address": WEB1, "admin_state_up": False})):
        picture.serve(wanted)
        with pytest.raises(ConnectionRefusedError):
            datagrams.ask("client", FLOATING)


def test_udp_tcp_and_sctp_share_a_port_number(picture):
    other, third = trees.identifier(3, 2), trees.identifier(3, 3)
    whole = dns({"address": WEB1})
    body = {
        "listeners": [
            {"id": trees.identifier(2, 2), "protocol": "TCP", "protocol_port": 53, "default_pool_id": other},
            {"id": trees.identifier(2, 3), "protocol": "SCTP", "protocol_port": 53, "default_pool_id": third},
        ],
        "pools": [
            {"id": other, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"},
            {"id": third, "protocol": "SCTP", "lb_algorithm": "ROUND_ROBIN"},
        ],
        "members": [
            {"id": trees.identifier(4, 8), "pool_id": other, "address": WEB2, "protocol_port": 80},
            {"id": trees.identifier(4, 9), "pool_id": third, "address": WEB2, "protocol_port": 53},
        ],
    }
    more = trees.load(body)
    for row in (*more.listeners, *more.pools, *more.members):
        whole = whole.adding(row)
    picture.site.serve("web2", WEB2, "web2")
    server = datagrams.Association("web2", WEB2).start()
    picture.serve(whole)
    assert datagrams.ask("client", FLOATING) == f"web1 to {VIP}"
    assert topology.ask("client", FLOATING, 53) == f"web2 to {VIP}"
    said = next(datagrams.associate("client", FLOATING, 53, 40_001))
    assert said == (sctp.Answer.LISTENS, FLOATING)
    assert server.asked == [(VIP, 40_001)]
    server.stop()
    seen = picture.observe()
    assert set(seen.frontends.values()) == {"open"}
    assert {key: each.total_connections for key, each in seen.counters.items()} == {
        LISTENER: 1, trees.identifier(2, 2): 1, trees.identifier(2, 3): 1
    }  # fmt: skip


def test_an_init_of_sctp_is_translated_both_ways_over_ipv6_too(picture):
    front = {**FRONT, "protocol": "SCTP", "protocol_port": 3868}
    members = ({"address": WEB1, "protocol_port": 3868}, {"address": WEB1_6, "protocol_port": 3868})
    picture.serve(balanced.picture([front], "SCTP", members))
    servers = [datagrams.Association("web1", address, 3868).start() for address in (WEB1, WEB1_6)]
    for address, server, vip in ((FLOATING, servers[0], VIP), (VIP6, servers[1], VIP6)):
        assert next(datagrams.associate("client", address, 3868, 40_002)) == (sctp.Answer.LISTENS, address)
        assert server.asked == [(vip, 40_002)]
        server.stop()


def test_ipv6_flows_go_to_members_of_their_family_and_leave_from_the_vip_of_it(picture):
    picture.echo("web2", WEB2_6, "six")
    picture.serve(dns({"address": WEB1}, {"address": WEB2_6}))
    assert {datagrams.ask("client", VIP6) for _ in range(3)} == {f"six to {VIP6}"}
    assert {datagrams.ask("client", FLOATING) for _ in range(3)} == {f"web1 to {VIP}"}


def test_ten_thousand_flows_are_shared_by_weight(picture):
    picture.serve(dns({"address": WEB1, "weight": 3}, {"address": WEB2, "weight": 1}))
    found = datagrams.many("client", FLOATING, 53, 10_000)
    assert found == {"web1": 7500, "web2": 2500}
    seen = picture.observe().counters[LISTENER]
    assert seen.total_connections == 10_000
    assert seen.bytes_in == 10_000 * (20 + 8 + 1)
    assert seen.bytes_out == sum(each.asked for each in picture.echoes.values()) * (28 + len(f"web1 to {VIP}"))


@pytest.mark.parametrize("algorithm", [pool.Algorithm.SOURCE_IP, pool.Algorithm.SOURCE_IP_PORT])
def test_many_flows_are_shared_by_hash_within_reason(picture, algorithm):
    """By source address the client must be many: it has a whole network of addresses."""
    add = "".join(f"address add 10.10.10.{last}/32 dev eth0\n" for last in range(50, 250))
    subprocess.run(["ip", "-n", "client", "-batch", "-"], input=add, text=True, check=True)
    picture.serve(dns({"address": WEB1, "weight": 3}, {"address": WEB2, "weight": 1}, lb_algorithm=algorithm))
    if algorithm is pool.Algorithm.SOURCE_IP_PORT:
        found = datagrams.many("client", FLOATING, 53, 4000)
        assert 0.7 * 4000 < found["web1"] < 0.8 * 4000
        return
    homes = {}
    for last in range(50, 250):
        source = f"10.10.10.{last}"
        homes[source] = {datagrams.ask("client", FLOATING, source=(source, 0)).split()[0] for _ in range(2)}
    assert all(len(each) == 1 for each in homes.values()), "an address has one home"
    first = sum(each == {"web1"} for each in homes.values())
    assert 120 <= first <= 180


def test_addresses_keep_their_home_when_members_come_unless_they_move_to_the_new_one(picture):
    picture.echo("web1", WEB1, "more", 5353)
    wanted = dns(*BOTH, lb_algorithm="SOURCE_IP")
    picture.serve(wanted)
    sources = [f"10.10.10.{last}" for last in range(50, 110)]
    add = "".join(f"address add {source}/32 dev eth0\n" for source in sources)
    subprocess.run(["ip", "-n", "client", "-batch", "-"], input=add, text=True, check=True)

    def homes():
        return {each: datagrams.ask("client", FLOATING, source=(each, 0)).split()[0] for each in sources}

    before = homes()
    third = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7), protocol_port=5353)
    picture.serve(wanted.adding(third))
    after = homes()
    assert all(after[each] in {before[each], "more"} for each in sources)
    assert "more" in after.values()


def test_a_client_is_kept_by_its_address_and_forgotten_after_the_timeout(picture):
    kept = {"type": "SOURCE_IP", "persistence_timeout": 1}
    picture.serve(dns(*BOTH, session_persistence=kept))
    first = datagrams.ask("client", FLOATING)
    assert {datagrams.ask("client", FLOATING) for _ in range(4)} == {first}
    assert datagrams.ask("web1", VIP).split()[0] != first.split()[0], "the next client has the next turn"

    def moved():
        threading.Event().wait(1.2)  # the kernel forgets by its own clock
        return datagrams.ask("client", FLOATING) != first

    eventually(moved)


def test_a_client_is_kept_over_changes_of_other_members_and_given_another_when_its_own_goes(picture):
    kept = {"type": "SOURCE_IP", "persistence_timeout": 60, "persistence_granularity": "255.255.255.0"}
    wanted = dns(*BOTH, session_persistence=kept)
    picture.serve(wanted)
    home = datagrams.ask("client", FLOATING).split()[0]
    picture.echo("web1", WEB1, "more", 5353)
    third = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7), protocol_port=5353)
    more = wanted.adding(third)
    picture.serve(more)
    subprocess.run(["ip", "-n", "client", "address", "add", "10.10.10.77/32", "dev", "eth0"], check=True)
    for source in ("10.10.10.77", CLIENT):
        assert {datagrams.ask("client", FLOATING, source=(source, 0)).split()[0] for _ in range(3)} == {home}
    mine = next(each for each in more.members if each.address == {"web1": WEB1, "web2": WEB2}[home])
    picture.serve(more.replacing(dataclasses.replace(mine, weight=0)))
    assert datagrams.ask("client", FLOATING).split()[0] == home, "a drained member keeps its clients"
    picture.serve(more.having({"members": tuple(each for each in more.members if each.id != mine.id)}))
    other = datagrams.ask("client", FLOATING).split()[0]
    assert other != home
    assert {datagrams.ask("client", FLOATING).split()[0] for _ in range(4)} == {other}


def test_a_flow_leaves_a_member_that_goes_and_stays_with_one_that_is_drained(picture):
    wanted = dns(*BOTH)
    picture.serve(wanted)
    with datagrams.Client("client", FLOATING) as client:
        home = client.ask().split()[0]
        at = {"web1": 0, "web2": 1}[home]
        picture.serve(wanted.replacing(dataclasses.replace(wanted.members[at], weight=0)))
        assert client.ask().split()[0] == home
        said = picture.serve(wanted.replacing(dataclasses.replace(wanted.members[at], admin_state_up=False)))
        assert "1 flows ended, whose member is gone" in said
        assert client.ask().split()[0] != home
        picture.serve(wanted)
        assert client.ask().split()[0] != home, "it stays where it went"
        picture.serve(wanted.having({"members": (wanted.members[at],)}))
        assert client.ask().split()[0] == home


def test_what_is_disabled_or_deleted_answers_no_more_even_to_flows_that_were_open(picture):
    wanted = dns(*BOTH)
    for row in (wanted.listeners[0], wanted.pools[0], wanted.loadbalancer):
        picture.serve(wanted)
        with datagrams.Client("client", FLOATING) as client:
            assert client.ask()
            picture.serve(wanted.replacing(dataclasses.replace(row, admin_state_up=False)))
            with pytest.raises(ConnectionRefusedError):
                client.ask()
            picture.serve(wanted)
            assert client.ask()
            picture.serve(wanted.having({"listeners": ()}))
            with pytest.raises(ConnectionRefusedError):
                client.ask()


def test_a_client_that_went_on_asking_is_served_once_there_is_a_listener(picture):
    wanted = dns(*BOTH)
    picture.serve(wanted.replacing(dataclasses.replace(wanted.listeners[0], protocol_port=54)))
    with datagrams.Client("client", FLOATING) as client:
        with pytest.raises(ConnectionRefusedError):
            client.ask()
        picture.serve(wanted)
        assert client.ask().startswith("web")


def test_members_come_and_go_under_load_and_flows_of_those_that_stay_lose_nothing(picture):
    """One flow for each member, one datagram after the other, while the third member comes and goes twenty times."""
    picture.echo("web1", WEB1, "more", 5353)
    wanted = dns(*BOTH)
    third = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7), protocol_port=5353)
    picture.serve(wanted)
    ended = threading.Event()
    told: collections.Counter[str] = collections.Counter()
    lost: list[str] = []

    def talk(client: datagrams.Client) -> None:
        home = ""
        while not ended.is_set():
            try:
                said = client.ask().split()[0]
            except OSError as error:
                lost.append(str(error))
                continue
            lost.extend([f"{home} became {said}"] if home and said != home else [])
            home = said
            told[said] += 1

    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(datagrams.Client("client", FLOATING)) for _ in range(2)]
        threads = [threading.Thread(target=talk, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        eventually(lambda: len(told) == 2)
        for turn in range(40):
            picture.serve(wanted if turn % 2 else wanted.adding(third))
        ended.set()
        for thread in threads:
            thread.join()
    assert lost == []
    assert set(told) == {"web1", "web2"}
    assert min(told.values()) > 40


def test_networks_that_are_not_allowed_are_not_answered(picture):
    picture.serve(dns({"address": WEB1}, front={"allowed_cidrs": [f"{CLIENT}/32"]}))
    assert datagrams.ask("client", FLOATING).startswith("web1")
    with pytest.raises(TimeoutError):
        datagrams.ask("web2", VIP)
    picture.serve(dns({"address": WEB1}, front={"allowed_cidrs": [f"{WEB2}/32", "10.0.0.0/16"]}))
    assert datagrams.ask("web2", VIP).startswith("web1")
    with pytest.raises(TimeoutError):
        datagrams.ask("client", FLOATING)


def test_a_listener_at_its_limit_takes_no_new_flows_until_one_ends(picture):
    wanted = dns({"address": WEB1}, front={"connection_limit": 2})
    picture.serve(wanted)
    with datagrams.Client("client", FLOATING) as one, datagrams.Client("client", FLOATING) as two:
        assert one.ask() == two.ask()
        with pytest.raises(TimeoutError):
            datagrams.ask("client", FLOATING)
        picture.serve(wanted.replacing(dataclasses.replace(wanted.members[0], weight=5)))
        with pytest.raises(TimeoutError):
            datagrams.ask("client", FLOATING)
        assert one.ask() == two.ask()
        conntrack.end(picture.namespace, flows(picture)[:1])
        assert datagrams.ask("client", FLOATING)


def test_connections_beside_datagrams_are_not_tracked_and_the_namespace_is_no_router(picture):
    whole = dns({"address": WEB1})
    beside = balanced.tcp({"address": WEB1}).listeners[0]
    other = trees.identifier(3, 2)
    back = dataclasses.replace(balanced.tcp({"address": WEB1}).pools[0], id=other)
    member = dataclasses.replace(whole.members[0], id=trees.identifier(4, 5), pool_id=other, protocol_port=80)
    front = dataclasses.replace(beside, id=trees.identifier(2, 5), default_pool_id=other)
    picture.site.serve("web1", WEB1, "web1")
    picture.serve(whole.adding(front).adding(back).adding(member))
    assert topology.ask("client", FLOATING) == f"web1 to {VIP}"
    listing = ["ip", "netns", "exec", picture.namespace, "conntrack", "-L", "-p", "tcp"]
    assert subprocess.run(listing, check=True, capture_output=True, text=True).stdout == ""
    subprocess.run(["ip", "-n", "web2", "route", "add", "10.10.10.0/24", "via", VIP], check=True)
    picture.site.serve("client", CLIENT, "client", 8080)
    with pytest.raises(OSError, match="timed out"):
        topology.ask("web2", CLIENT, 8080)


def test_a_load_balancer_without_datagrams_has_no_rules_and_forwards_nothing(picture):
    said = picture.serve(balanced.tcp({"address": WEB1}))
    assert not any("packet rules" in each or "forwarding" in each for each in said)
    assert nft.tables(picture.namespace) == ()
    assert namespaces.call(picture.namespace, lambda: Path("/proc/sys/net/ipv4/ip_forward").read_text()) == "0\n"
    assert not (Path(picture.site.hand.place(trees.LOADBALANCER).directory) / kernel.LEDGER).exists()


def test_states_are_what_the_kernel_has(picture):
    wanted = dns({"address": WEB1}, {"address": WEB2, "admin_state_up": False})
    picture.serve(wanted)
    seen = picture.observe()
    assert seen.frontends == {LISTENER: "open"}
    assert seen.backends == {POOL: "up"}
    assert seen.servers == {trees.identifier(4, 1): "no_check", trees.identifier(4, 2): "maint"}
    picture.serve(dns())
    assert picture.observe().backends == {POOL: "up"}, "a pool without members is up"
    picture.serve(dns({"address": WEB1, "weight": 0}))
    assert picture.observe().backends == {POOL: "down"}
    subprocess.run(["ip", "netns", "exec", picture.namespace, "nft", "flush", "ruleset"], check=True)
    assert picture.observe() is None
    picture.serve(dns({"address": WEB1, "weight": 0}))
    assert picture.observe().frontends == {LISTENER: "open"}


def test_counters_never_fall_whatever_becomes_of_the_rules(picture):
    """What the listener counts is what its members did, also those that are not there any more."""
    wanted = dns(*BOTH)
    ones = wanted.members[0].id
    picture.serve(wanted)
    for _ in range(2):
        datagrams.ask("client", FLOATING)
    assert totals(picture.observe()) == {LISTENER: 2, ones: 1, wanted.members[1].id: 1}
    picture.serve(wanted.having({"members": wanted.members[:1]}))
    datagrams.ask("client", FLOATING)
    assert totals(picture.observe()) == {LISTENER: 3, ones: 2}
    subprocess.run(["ip", "netns", "exec", picture.namespace, "nft", "flush", "ruleset"], check=True)
    picture.serve(wanted.having({"members": wanted.members[:1]}))
    datagrams.ask("client", FLOATING)
    assert totals(picture.observe()) == {LISTENER: 4, ones: 3}
    again = both_halves()
    place = picture.site.hand.place(trees.LOADBALANCER)
    assert totals(again.observe(place, wanted)) == {LISTENER: 4, ones: 3}
    namespaces.delete(picture.namespace)
    picture.serve(wanted.having({"members": wanted.members[:1]}))
    datagrams.ask("client", FLOATING)
    assert totals(picture.observe()) == {LISTENER: 5, ones: 4}


def test_members_that_come_by_the_dozen_are_all_counted(picture):
    """What counts was made for a few, and has room for as many as there are by then."""
    ports = range(2000, 2070)
    picture.serve(dns({"address": WEB1}))
    datagrams.ask("client", FLOATING)
    picture.serve(dns({"address": WEB1}, *({"address": WEB1, "protocol_port": each} for each in ports)))

    def send() -> None:
        for source in range(20_000, 20_071):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind((CLIENT, source))
                client.sendto(b"?", (FLOATING, 53))

    namespaces.call("client", send)
    seen = picture.observe()
    assert seen.counters[LISTENER].total_connections == 72
    assert len(seen.members) == 71
    assert {each.total_connections for each in seen.members.values()} <= {1, 2}


def totals(seen):
    """The connections of the listener and the members, by id."""
    return {key: each.total_connections for key, each in {**seen.counters, **seen.members}.items()}
