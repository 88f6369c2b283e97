"""TCP through the kernel of a load balancer's namespace, by the provider that carries connections and datagrams."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import subprocess
import threading

import pytest

from tests.net import balanced, datagrams, talkers
from tests.net.balanced import CLIENT, FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2, WEB2_6
from tests.net.members import eventually
from tests.providers import trees
from vipool.host import conntrack, nft
from vipool.model import healthmonitor, pool, spec
from vipool.providers.haproxy import checker
from vipool.providers.nftables import carried, render, streams
from vipool.providers.nftables import engine as kernel
from vipool.providers.probing import sctp

LISTENER, POOL = trees.identifier(2, 1), trees.identifier(3, 1)
BOTH = ({"address": WEB1}, {"address": WEB2})


class Picture(balanced.Balanced):
    """The classic picture, carried by the kernel alone, with a server on port 80 of each member."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.servers = {name: self.talk(name, at) for name, at in (("web1", WEB1), ("web2", WEB2))}

    def talk(self, namespace, address, name="", port=80):
        return talkers.Talker(namespace, address, name or namespace, port).start()

    def flows(self):
        return conntrack.marked(self.namespace)

    def close(self):
        for each in self.servers.values():
            each.stop()
        super().close()


@pytest.fixture
def picture(tmp_path):
    made = Picture(tmp_path, {"amphora": kernel.Engine(carried.WHOLE, checker.Checker())})
    yield made
    made.close()


def web(*members, front=None, **back):
    """A TCP listener on port 80 of both VIPs, with these members on port 80."""
    said = {"id": LISTENER, "protocol": "TCP", "protocol_port": 80, **(front or {})}
    return balanced.picture([said], "TCP", members, **back)


def without(wanted, *members):
    return wanted.having({"members": tuple(each for each in wanted.members if each not in members)})


def test_connections_go_to_members_by_turns_and_come_from_the_vip(picture):
    picture.serve(web(*BOTH))
    assert {talkers.ask("client", FLOATING) for _ in range(4)} == {f"web1 to {VIP}", f"web2 to {VIP}"}
    for name in ("web1", "web2"):
        assert {talkers.ask(name, VIP).split()[0] for _ in range(4)} == {"web1", "web2"}
    seen = picture.observe()
    assert seen.frontends == {LISTENER: "open"}
    assert seen.counters[LISTENER].total_connections == 12
    assert seen.counters[LISTENER].bytes_in > 12 * 40


def test_ipv6_connections_go_to_members_of_their_family(picture):
    six = picture.talk("web2", WEB2_6, "six")
    picture.serve(web({"address": WEB1}, {"address": WEB2_6}))
    assert {talkers.ask("client", VIP6) for _ in range(3)} == {f"six to {VIP6}"}
    assert {talkers.ask("client", FLOATING) for _ in range(3)} == {f"web1 to {VIP}"}
    six.stop()


def test_encrypted_connections_pass_as_they_are(picture):
    front = {"id": LISTENER, "protocol": "HTTPS", "protocol_port": 443}
    picture.serve(balanced.picture([front], "HTTPS", BOTH))
    assert talkers.ask("client", FLOATING, 443).split()[0] in picture.servers


def test_where_nobody_serves_clients_are_told_at_once(picture):
    for wanted in (web(), web({"address": WEB1, "weight": 0}), web({"address": WEB1, "admin_state_up": False})):
        picture.serve(wanted)
        for address in (FLOATING, VIP6):
            with pytest.raises(ConnectionRefusedError):
                talkers.ask("client", address)


def test_udp_tcp_and_sctp_share_a_port_number(picture):
    whole = web({"address": WEB1}, front={"protocol_port": 53})
    kinds = {"UDP": (WEB1, 53), "SCTP": (WEB2, 53)}
    for at, (protocol, (address, port)) in enumerate(kinds.items(), 2):
        front, back, member = (trees.identifier(kind, at) for kind in (2, 3, 4))
        more = trees.load(
            {
                "listeners": [{"id": front, "protocol": protocol, "protocol_port": 53, "default_pool_id": back}],
                "pools": [{"id": back, "protocol": protocol, "lb_algorithm": "ROUND_ROBIN"}],
                "members": [{"id": member, "pool_id": back, "address": address, "protocol_port": port}],
            }
        )
        for row in (*more.listeners, *more.pools, *more.members):
            whole = whole.adding(row)
    picture.echo("web1", WEB1, "echo")
    server = datagrams.Association("web2", WEB2).start()
    picture.serve(whole)
    assert talkers.ask("client", FLOATING, 53) == f"web1 to {VIP}"
    assert datagrams.ask("client", FLOATING, 53) == f"echo to {VIP}"
    assert next(datagrams.associate("client", FLOATING, 53, 40_001)) == (sctp.Answer.LISTENS, FLOATING)
    server.stop()
    assert {each.total_connections for each in picture.observe().counters.values()} == {1}


@pytest.mark.parametrize("algorithm", [pool.Algorithm.ROUND_ROBIN, pool.Algorithm.SOURCE_IP_PORT])
def test_ten_thousand_connections_are_shared_by_weight_to_within_two_in_a_hundred(picture, algorithm):
    picture.serve(web({"address": WEB1, "weight": 3}, {"address": WEB2, "weight": 1}, lb_algorithm=algorithm))
    talkers.knock("client", FLOATING, 80, 10_000)
    eventually(lambda: sum(len(each.peers) for each in picture.servers.values()) == 10_000)
    first = len(picture.servers["web1"].peers)
    assert first == 7500 if algorithm is pool.Algorithm.ROUND_ROBIN else abs(first - 7500) <= 200
    assert picture.observe().counters[LISTENER].total_connections == 10_000


def test_a_client_is_kept_by_its_address_when_members_come_and_finds_another_when_its_own_goes(picture):
    kept = {"type": "SOURCE_IP", "persistence_timeout": 60, "persistence_granularity": "255.255.255.0"}
    wanted = web(*BOTH, session_persistence=kept)
    picture.serve(wanted)
    home = talkers.ask("client", FLOATING).split()[0]
    picture.servers["more"] = picture.talk("web1", WEB1, "more", 8080)
    third = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7), protocol_port=8080)
    more = wanted.adding(third)
    picture.serve(more)
    subprocess.run(["ip", "-n", "client", "address", "add", "10.10.10.77/32", "dev", "eth0"], check=True)
    for source in ("10.10.10.77", CLIENT):
        assert {talkers.ask("client", FLOATING, source=(source, 0)).split()[0] for _ in range(3)} == {home}
    mine = next(each for each in more.members if each.address == {"web1": WEB1, "web2": WEB2}[home])
    picture.serve(without(more, mine))
    other = talkers.ask("client", FLOATING).split()[0]
    assert other != home
    assert {talkers.ask("client", FLOATING).split()[0] for _ in range(4)} == {other}


@pytest.mark.parametrize(("address", "sixth"), [(FLOATING, False), (VIP6, True)])
def test_a_removed_member_loses_its_connections_though_neither_end_says_a_word(picture, address, sixth):
    ends = {"web1": WEB1_6, "web2": WEB2_6} if sixth else {"web1": WEB1, "web2": WEB2}
    servers = {name: picture.talk(name, at, name, 81) for name, at in ends.items()}
    wanted = web(*({"address": each, "protocol_port": 81} for each in ends.values()))
    picture.serve(wanted)
    with talkers.Connection("client", address) as one, talkers.Connection("client", address) as two:
        first, second = one.ask().split()[0], two.ask().split()[0]
        gone = next(each for each in wanted.members if each.address == ends[first])
        assert "1 flows ended, whose member is gone" in picture.serve(without(wanted, gone))
        with pytest.raises(ConnectionResetError):
            one.hear()
        eventually(lambda: servers[first].ended == ["reset"])
        assert two.ask().split()[0] == second
        assert servers[second].ended == []
        picture.serve(wanted.having({"listeners": ()}))
        with pytest.raises(ConnectionResetError):
            two.hear()
    for each in servers.values():
        each.stop()


def test_a_member_that_fails_its_check_loses_its_connections_and_gets_new_ones_when_it_is_back(picture):
    """Nobody listens there any more, though the connection is open: as where a service is stopped gracefully."""
    check = healthmonitor.HealthMonitor(
        id=trees.identifier(5, 1),
        project_id="p",
        loadbalancer_id=trees.LOADBALANCER,
        pool_id=POOL,
        type=healthmonitor.Type.TCP,
        **{"delay": 1, "timeout": 1, "max_retries": 1, "max_retries_down": 1},
    )
    picture.serve(web(*BOTH).adding(check))
    with talkers.Connection("client", FLOATING) as one, talkers.Connection("client", FLOATING) as two:
        homes = {each.ask().split()[0]: each for each in (one, two)}
        picture.servers["web1"].stop()
        eventually(lambda: "is down" in picture.watch())
        with pytest.raises(ConnectionResetError):
            homes["web1"].hear()
        assert homes["web2"].ask().split()[0] == "web2"
        assert {talkers.ask("client", FLOATING).split()[0] for _ in range(4)} == {"web2"}
        picture.servers["web1"] = picture.talk("web1", WEB1)
        eventually(lambda: "is up again" in picture.watch())
        assert {talkers.ask("client", FLOATING).split()[0] for _ in range(4)} == {"web1", "web2"}
        assert homes["web2"].ask().split()[0] == "web2"


def test_all_of_many_connections_end_with_their_member(picture):
    """Whatever their numbers are at that moment: the router in between does not let every packet by."""
    wanted = web({"address": WEB1})
    picture.serve(wanted)
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(talkers.Connection("client", FLOATING)) for _ in range(60)]
        assert {each.ask().split()[0] for each in many} == {"web1"}
        assert "60 flows ended, whose member is gone" in picture.serve(without(wanted, *wanted.members))
        for each in many:
            with pytest.raises(ConnectionResetError):
                each.hear()
    eventually(lambda: picture.servers["web1"].ended == ["reset"] * 60)


def test_connections_stay_with_a_member_that_is_gone_where_the_flavor_says_so(picture):
    wanted = web(*BOTH)
    left = wanted.replacing(dataclasses.replace(wanted.loadbalancer, flavor={streams.ENDING: "LEAVE"}))
    picture.serve(left)
    with talkers.Connection("client", FLOATING) as connection:
        home = connection.ask()
        picture.serve(without(left, *left.members))
        assert connection.ask() == home
        with pytest.raises(ConnectionRefusedError):
            talkers.ask("client", FLOATING)
        picture.serve(left.having({"listeners": ()}))
        with pytest.raises(ConnectionResetError):
            connection.ask()


def test_a_member_that_is_drained_or_out_of_service_keeps_its_connections_and_gets_no_more(picture):
    wanted = web(*BOTH)
    for change in ({"weight": 0}, {"admin_state_up": False}, {"backup": True}):
        picture.serve(wanted)
        with talkers.Connection("client", FLOATING) as connection:
            home = connection.ask()
            mine = next(each for each in wanted.members if each.address == ends(home))
            picture.serve(wanted.replacing(dataclasses.replace(mine, **change)))
            assert connection.ask() == home
            assert {talkers.ask("client", FLOATING) for _ in range(4)}.isdisjoint({home})


def ends(said):
    return {"web1": WEB1, "web2": WEB2}[said.split()[0]]


def test_what_follows_on_a_connection_that_the_kernel_forgot_is_answered_with_a_reset(picture):
    """And is given to no member: it would not know it either."""
    picture.serve(web({"address": WEB1}))
    with talkers.Connection("client", FLOATING) as connection:
        connection.ask()
        conntrack.end(picture.namespace, picture.flows())
        with pytest.raises(ConnectionResetError):
            connection.ask()
    assert len(picture.servers["web1"].peers) == 1


def test_a_silent_connection_ends_after_the_listeners_shorter_time(picture):
    picture.serve(web({"address": WEB1}, front={"timeout_client_data": 1001, "timeout_member_data": 60_000}))
    with talkers.Connection("client", FLOATING) as connection:
        connection.ask()
        eventually(lambda: picture.flows() == ())
        with pytest.raises(ConnectionResetError):
            connection.ask()
    picture.serve(web({"address": WEB1}))
    with talkers.Connection("client", FLOATING) as connection:
        connection.ask()
        assert len(picture.flows()) == 1


def test_connections_survive_every_change_that_leaves_them_their_member(picture):
    """Two of them talk without end, while members come, go, are weighed otherwise, and listeners and rules change."""
    picture.servers["more"] = picture.talk("web1", WEB1, "more", 8080)
    wanted = web(*BOTH)
    third = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7), protocol_port=8080)
    front, back, first = wanted.listeners[0], wanted.pools[0], wanted.members[0]
    changes = [
        wanted.adding(third),
        wanted.replacing(dataclasses.replace(first, weight=0)),
        wanted.replacing(dataclasses.replace(first, weight=200)),
        wanted.replacing(dataclasses.replace(back, lb_algorithm=pool.Algorithm.SOURCE_IP)),
        wanted.replacing(dataclasses.replace(back, session_persistence={"type": "SOURCE_IP"})),
        wanted.replacing(dataclasses.replace(front, connection_limit=5)),
        wanted.replacing(dataclasses.replace(front, allowed_cidrs=("192.0.2.0/24",))),
        wanted.replacing(dataclasses.replace(front, timeout_client_data=2000)),
        wanted.adding(dataclasses.replace(front, id=trees.identifier(2, 9), protocol_port=8080)),
    ]
    picture.serve(wanted)
    ended = threading.Event()
    told: collections.Counter[str] = collections.Counter()
    lost: list[str] = []

    def talk(connection: talkers.Connection) -> None:
        home = connection.ask()
        while not ended.is_set():
            try:
                said = connection.ask()
            except OSError as error:
                lost.append(str(error))
                return
            lost.extend([f"{home} became {said}"] if said != home else [])
            told[said] += 1

    with contextlib.ExitStack() as stack:
        open_ones = [stack.enter_context(talkers.Connection("client", FLOATING)) for _ in range(2)]
        threads = [threading.Thread(target=talk, args=(each,)) for each in open_ones]
        for thread in threads:
            thread.start()
        for _ in range(3):
            for change in changes:
                before = sum(told.values())
                picture.serve(change)
                picture.serve(wanted)
                eventually(lambda least=before + 10: sum(told.values()) > least or bool(lost))  # type: ignore[misc]
        ended.set()
        for thread in threads:
            thread.join()
    assert lost == []
    assert len(told) == 2


@pytest.mark.parametrize("rule", ["ip daddr . meta l4proto . th dport vmap", "snat ip to meta mark map"])
def test_who_finds_no_member_while_rules_change_is_given_one_at_the_next_attempt(picture, rule):
    """Without the rule every connection is as one that comes at that moment; a SYN is sent again after a second."""
    picture.serve(web(*BOTH))
    text = picture.site.hand.ground.loaded[picture.namespace]
    assert rule in text
    spoiled = "\n".join(line for line in text.splitlines() if not line.strip().startswith(rule)) + "\n"
    nft.load(picture.namespace, spoiled)
    with pytest.raises(TimeoutError):
        talkers.ask("client", FLOATING, patience=0.5)
    assert picture.flows() == ()
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(talkers.ask("client", FLOATING, source=(CLIENT, 4567))))
    thread.start()
    eventually(lambda: _begun("4567"))
    nft.load(picture.namespace, text)
    thread.join()
    assert answers[0].split()[0] in picture.servers


def _begun(port: str) -> bool:
    """Whether the client has sent a SYN from the port, that nobody has answered."""
    words = ["ip", "netns", "exec", "client", "ss", "-Htn", "state", "syn-sent"]
    return f":{port}" in subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_a_table_of_an_earlier_name_gives_way_and_takes_no_connection_with_it(picture):
    """As where the agent is a newer one than the one that loaded the rules: the kernel remembers what it translated."""
    earlier = "vipool_datagram"
    picture.serve(web(*BOTH))
    with talkers.Connection("client", FLOATING) as one:
        home = one.ask()
        text = picture.site.hand.ground.loaded.pop(picture.namespace)
        nft.load(picture.namespace, text.replace(render.TABLE, earlier))
        assert nft.tables(picture.namespace) == (("inet", earlier),)
        assert picture.again() != ()
        assert nft.tables(picture.namespace) == (("inet", render.TABLE),)
        assert one.ask() == home
        assert talkers.ask("client", FLOATING).split()[0] in picture.servers


def test_security_groups_filter_what_opens_connections_and_leave_those_that_are_open(picture):
    permit = spec.Permit(version=4, protocol=6, first=80, last=80, sources=(f"{CLIENT}/32",))
    wanted = web({"address": WEB1})
    picture.serve(wanted, vip=dataclasses.replace(picture.vip, ingress=(permit,)))
    with talkers.Connection("client", FLOATING) as connection:
        assert connection.ask() == f"web1 to {VIP}"
        with pytest.raises(TimeoutError):
            talkers.ask("web2", VIP, patience=0.5)
        picture.serve(wanted, vip=dataclasses.replace(picture.vip, ingress=()))
        assert connection.ask() == f"web1 to {VIP}"
        with pytest.raises(TimeoutError):
            talkers.ask("client", FLOATING, patience=0.5)
        picture.serve(wanted.having({"members": ()}), vip=dataclasses.replace(picture.vip, ingress=()))
        with pytest.raises(ConnectionResetError):
            connection.hear()


def test_networks_that_are_not_allowed_are_not_answered(picture):
    picture.serve(web({"address": WEB1}, front={"allowed_cidrs": [f"{CLIENT}/32"]}))
    assert talkers.ask("client", FLOATING).startswith("web1")
    with pytest.raises(TimeoutError):
        talkers.ask("web2", VIP, patience=0.5)


def test_a_listener_at_its_limit_takes_no_new_connections_until_one_ends(picture):
    picture.serve(web({"address": WEB1}, front={"connection_limit": 2}))
    with talkers.Connection("client", FLOATING) as one:
        with talkers.Connection("client", FLOATING) as two:
            assert one.ask() == two.ask()
            with pytest.raises(TimeoutError):
                talkers.ask("client", FLOATING, patience=0.5)
        # Who asks again, as every client's kernel does, gets the place of one that was closed.
        assert talkers.ask("client", FLOATING, patience=10).startswith("web1")
