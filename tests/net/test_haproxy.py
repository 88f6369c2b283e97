"""HAProxy as the engine runs it, by real connections through it in a namespace."""

import collections
import contextlib
import dataclasses
import datetime
import itertools
import os
import signal
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.net.members import Client, Member, eventually
from tests.providers import configuration, trees
from vipool.host import namespaces
from vipool.model import listener, member, pool, tree
from vipool.providers import base
from vipool.providers.haproxy import engine, generations

pytestmark = configuration.needs_haproxy

VIP, VIP6 = "172.16.100.11", "fd00::b"
FIRST, SECOND, THIRD, SIXTH = "172.16.100.9", "172.16.100.10", "172.16.100.12", "fd00::9"
CLIENTS = [f"10.10.10.{last}" for last in range(4, 34)]
LISTENER, POOL = trees.identifier(2, 1), trees.identifier(3, 1)
_numbers = itertools.count(1)
CHANGES = int(os.environ.get("VIPOOL_FUZZ", "40"))


class Balancer:
    """One load balancer in a namespace of its own, with its members beside it."""

    def __init__(self, directory: Path) -> None:
        self.place = base.Place(namespace=f"qlbaas-{next(_numbers)}", directory=str(directory))
        self.engine = engine.Engine()
        self.members: dict[str, Member] = {}
        namespaces.create(self.place.namespace, self._furnish)

    def _furnish(self) -> None:
        lines = ["link set lo up"]
        lines += [f"addr add {each}/32 dev lo" for each in (VIP, FIRST, SECOND, THIRD, *CLIENTS)]
        lines += [f"addr add {each}/128 dev lo nodad" for each in (VIP6, SIXTH)]
        subprocess.run(["ip", "-b", "-"], input="\n".join(lines), text=True, check=True)

    def ip(self, *lines: str) -> None:
        """Change the namespace as ip(8) would."""
        command = ["ip", "-n", self.place.namespace, "-b", "-"]
        subprocess.run(command, input="\n".join(lines), text=True, check=True)

    def member(self, address: str, port: int = 80, **more: Any) -> Member:
        made = Member(self.place.namespace, address, port, name=f"{address}:{port}", **more).start()
        self.members[made.name] = made
        return made

    def converge(self, wanted: tree.Tree) -> str:
        said = self.engine.converge(self.place, wanted)
        assert self.engine.converge(self.place, wanted) == ""
        return said

    def client(self, source: str | None = None, address: str = VIP, port: int = 80) -> Client:
        return Client(self.place.namespace, address, port, source)

    def answers(self, count: int = 12) -> collections.Counter[str]:
        """Who answers, each time on a new connection."""
        found: collections.Counter[str] = collections.Counter()
        for _ in range(count):
            with self.client() as client:
                status, body = client.get()
                found[body if status == 200 else str(status)] += 1
        return found

    def state(self, wanted: tree.Tree, member_id: str) -> str | None:
        seen = self.engine.observe(self.place, wanted)
        return seen.servers.get(member_id) if seen else None

    def awaits(self, wanted: tree.Tree, at: int, state: str) -> None:
        """Wait until the member at that place has the state."""
        eventually(lambda: self.state(wanted, trees.identifier(4, at)) == state)

    def processes(self) -> int:
        return len(generations.every(Path(self.place.directory)))

    def pid(self) -> int:
        process = generations.serving(Path(self.place.directory))
        assert process is not None
        return process.pid

    def close(self) -> None:
        self.engine.remove(self.place)
        for each in self.members.values():
            each.stop()
        namespaces.delete(self.place.namespace)


@pytest.fixture
def balancer(tmp_path):
    made = Balancer(tmp_path / "lb")
    yield made
    made.close()
    assert made.processes() == 0
    assert not Path(made.place.directory).exists()


def picture(*members: dict[str, Any], **more: Any) -> tree.Tree:
    """An HTTP listener, its pool and these members, checked when `monitor` is given."""
    monitor = more.pop("monitor", None)
    front = {"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL, **more.pop("front", {})}
    back = {"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", **more.pop("back", {})}
    common = {"pool_id": POOL, "protocol_port": 80}
    check = {"id": trees.identifier(5, 1), "pool_id": POOL, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1}
    return trees.load(
        {
            "listeners": [front],
            "pools": [back],
            "members": [{"id": trees.identifier(4, at), **common, **each} for at, each in enumerate(members)],
            "healthmonitors": [{**check, "max_retries_down": 1, **monitor}] if monitor is not None else [],
            **more,
        }
    )


def changed(wanted: tree.Tree, at: int, **values: Any) -> tree.Tree:
    return wanted.replacing(dataclasses.replace(wanted.members[at], **values))


PAIR = ({"address": FIRST}, {"address": SECOND})
ONE, TWO = f"{FIRST}:80", f"{SECOND}:80"


def both(balancer: Balancer) -> None:
    balancer.member(FIRST)
    balancer.member(SECOND)


def test_requests_are_spread_over_the_members_and_come_from_the_vip(balancer):
    both(balancer)
    assert balancer.converge(picture(*PAIR)) == "HAProxy started"
    assert balancer.answers(10) == {ONE: 5, TWO: 5}
    assert set(balancer.members[ONE].peers) == {VIP}


def test_a_weight_takes_effect_without_a_new_process(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    before = balancer.pid()
    assert "in place" in balancer.converge(changed(wanted, 0, weight=4))
    assert balancer.answers(10) == {ONE: 8, TWO: 2}
    assert "in place" in balancer.converge(changed(wanted, 0, weight=0))
    assert balancer.answers(10) == {TWO: 10}
    assert balancer.pid() == before
    assert "weight 0" in Path(balancer.place.directory, "haproxy.cfg").read_text()


@pytest.mark.parametrize("monitor", [None, {}])
def test_members_come_and_go_without_a_new_process(balancer, monitor):
    both(balancer)
    wanted = picture(*PAIR, monitor=monitor)
    balancer.converge(wanted.keep(lambda row: row.id != trees.identifier(4, 1)))
    before = balancer.pid()
    assert balancer.answers() == {ONE: 12}
    assert "in place" in balancer.converge(wanted)
    assert balancer.answers() == {ONE: 6, TWO: 6}
    if monitor is not None:
        balancer.awaits(wanted, 1, "up")
    assert "in place" in balancer.engine.converge(
        balancer.place, wanted.keep(lambda row: row.id != trees.identifier(4, 0))
    )
    assert balancer.answers() == {TWO: 12}
    assert balancer.pid() == before


def test_a_disabled_member_gets_nothing_until_it_is_enabled(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(changed(wanted, 0, admin_state_up=False))
    assert balancer.answers() == {TWO: 12}
    assert balancer.state(wanted, trees.identifier(4, 0)) == "maint"
    assert "in place" in balancer.converge(wanted)
    assert balancer.answers() == {ONE: 6, TWO: 6}


def test_a_backup_serves_only_when_no_other_can(balancer):
    both(balancer)
    wanted = picture({"address": FIRST}, {"address": SECOND, "backup": True}, monitor={})
    balancer.converge(wanted)
    assert balancer.answers() == {ONE: 12}
    balancer.members[ONE].stop()
    balancer.awaits(wanted, 0, "down")
    assert balancer.answers() == {TWO: 12}


@pytest.mark.parametrize("kind", ["TCP", "HTTP"])
def test_a_monitor_takes_a_dead_member_out_and_back(balancer, kind):
    both(balancer)
    wanted = picture(*PAIR, monitor={"type": kind})
    balancer.converge(wanted)
    identifier = trees.identifier(4, 0)
    balancer.members[ONE].stop()
    eventually(lambda: balancer.state(wanted, identifier) == "down")
    assert balancer.answers() == {TWO: 12}
    balancer.members[ONE].start()
    eventually(lambda: balancer.state(wanted, identifier) == "up")
    assert set(balancer.answers()) == {ONE, TWO}


def test_an_http_monitor_asks_what_it_was_told_and_judges_by_the_code(balancer):
    both(balancer)
    balancer.members[ONE].status = 404
    path = "/a%20b?x='1'&$HOME#[]"
    monitor = {"url_path": path, "http_method": "HEAD", "http_version": 1.1, "domain_name": "www.example.org"}
    wanted = picture(*PAIR, monitor={**monitor, "expected_codes": "200 , 204"})
    balancer.converge(wanted)
    balancer.awaits(wanted, 0, "down")
    eventually(lambda: balancer.members[TWO].heads)
    assert balancer.members[TWO].heads[0].startswith(f"HEAD {path} HTTP/1.1\r\n")
    assert "host: www.example.org\r\n" in balancer.members[TWO].heads[0].lower()


def test_health_survives_a_reload(balancer):
    both(balancer)
    wanted = picture(*PAIR, monitor={"delay": 2})
    balancer.converge(wanted)
    balancer.members[ONE].stop()
    balancer.awaits(wanted, 0, "down")
    more = wanted.replacing(dataclasses.replace(wanted.pools[0], lb_algorithm=pool.Algorithm.LEAST_CONNECTIONS))
    assert "reloaded" in balancer.converge(more)
    assert balancer.state(more, trees.identifier(4, 0)) == "down"
    assert balancer.answers() == {TWO: 12}


def test_what_was_changed_in_place_stands_after_a_reload(balancer):
    both(balancer)
    wanted = changed(picture(*PAIR, monitor={}), 0, admin_state_up=False)
    balancer.converge(picture(*PAIR, monitor={}))
    balancer.converge(wanted)
    again = changed(wanted, 0, admin_state_up=True, weight=3)
    again = again.replacing(dataclasses.replace(again.listeners[0], timeout_client_data=7000))
    assert "reloaded" in balancer.converge(again)
    assert balancer.answers(8) == {ONE: 6, TWO: 2}


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


def test_source_ip_persistence_survives_a_reload(balancer):
    both(balancer)
    wanted = picture(*PAIR, back={"session_persistence": {"type": "SOURCE_IP"}})
    balancer.converge(wanted)
    with balancer.client(CLIENTS[0]) as client:
        home = client.get()[1]
    balancer.answers(3)
    for _ in range(4):
        with balancer.client(CLIENTS[0]) as client:
            assert client.get()[1] == home
    balancer.converge(wanted.replacing(dataclasses.replace(wanted.listeners[0], timeout_client_data=7000)))
    for _ in range(4):
        with balancer.client(CLIENTS[0]) as client:
            assert client.get()[1] == home


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
    with balancer.client(CLIENTS[1]) as client, pytest.raises(ConnectionError):
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


def test_no_enabled_listener_means_no_process(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    off = wanted.replacing(dataclasses.replace(wanted.loadbalancer, admin_state_up=False))
    assert balancer.converge(off) == ""
    balancer.converge(wanted)
    assert "stopped" in balancer.converge(off)
    assert balancer.processes() == 0
    assert balancer.engine.watch([balancer.place]) == ()
    assert balancer.engine.observe(balancer.place, off) is None
    balancer.converge(wanted)
    assert balancer.answers(2) == {ONE: 1, TWO: 1}


def test_a_killed_process_is_noticed_and_started_again_with_its_counters(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    balancer.answers(5)
    assert balancer.engine.watch([balancer.place]) == ()
    first = balancer.engine.observe(balancer.place, wanted)
    os.kill(balancer.pid(), signal.SIGKILL)
    eventually(lambda: balancer.engine.watch([balancer.place]) == (balancer.place.namespace,))
    assert balancer.converge(wanted) == "HAProxy started"
    assert balancer.engine.watch([balancer.place]) == ()
    balancer.answers(2)
    second = balancer.engine.observe(balancer.place, wanted)
    assert first is not None
    assert second is not None
    assert first.counters[LISTENER].total_connections == 5
    assert second.counters[LISTENER].total_connections == 7
    assert second.counters[LISTENER].bytes_in > first.counters[LISTENER].bytes_in


def test_a_process_replaced_by_a_reload_is_not_missed(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    assert balancer.engine.watch([balancer.place]) == ()
    balancer.converge(wanted.replacing(dataclasses.replace(wanted.listeners[0], timeout_client_data=7000)))
    eventually(lambda: balancer.processes() == 1)
    assert balancer.engine.watch([balancer.place]) == ()


def test_old_generations_are_bounded(balancer):
    both(balancer)
    wanted = picture(*PAIR, front={"protocol": "TCP"}, back={"protocol": "TCP"})
    balancer.converge(wanted)
    with contextlib.ExitStack() as stack:
        held = []
        for number in range(8):
            held.append(stack.enter_context(balancer.client()))
            assert held[-1].get()[0] == 200
            front = dataclasses.replace(wanted.listeners[0], timeout_client_data=60_000 + number)
            balancer.converge(wanted.replacing(front))
        assert balancer.processes() <= 1 + engine.OLD_GENERATIONS
        for client in held[-engine.OLD_GENERATIONS :]:
            assert client.get()[0] == 200


def test_a_refused_configuration_leaves_the_last_good_one_serving(balancer):
    both(balancer)
    wanted = picture(*PAIR, monitor={})
    balancer.converge(wanted)
    bad = wanted.replacing(dataclasses.replace(wanted.healthmonitors[0], expected_codes="300-200"))
    with pytest.raises(base.Broken, match="invalid range of status codes"):
        balancer.engine.converge(balancer.place, bad)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
    assert balancer.converge(wanted) == ""


def test_a_port_that_is_taken_is_told_in_haproxys_words(balancer):
    balancer.member(VIP)
    with pytest.raises(base.Broken, match=f"{VIP}:80"):
        balancer.engine.converge(balancer.place, picture())


def test_a_change_that_was_cut_short_is_finished(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    Path(balancer.place.directory, "haproxy.cfg.next").write_text("half")
    assert "cut short" in balancer.converge(wanted)
    assert not Path(balancer.place.directory, "haproxy.cfg.next").exists()


def test_a_weight_changed_behind_our_back_is_put_right(balancer):
    both(balancer)
    wanted = picture(*PAIR)
    balancer.converge(wanted)
    from vipool.providers.haproxy import runtime

    name = f"{POOL}:{LISTENER}/{trees.identifier(4, 0)}"
    runtime.ask(Path(balancer.place.directory), f"set server {name} weight 0")
    assert "in place" in balancer.converge(wanted)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}


def test_a_removed_member_finishes_what_it_serves(balancer):
    both(balancer)
    wanted = picture(*PAIR, front={"protocol": "TCP"}, back={"protocol": "TCP"})
    balancer.converge(wanted)
    clients = [balancer.client() for _ in range(2)]
    assert {client.get()[1] for client in clients} == {ONE, TWO}
    less = wanted.keep(lambda row: not (isinstance(row, member.Member) and row.address == FIRST))
    balancer.engine.converge(balancer.place, less)
    assert {client.get()[1] for client in clients} == {ONE, TWO}
    assert balancer.answers(4) == {TWO: 4}
    for client in clients:
        client.__exit__()
    eventually(lambda: balancer.engine.converge(balancer.place, less) == "")


class Load:
    """Clients on threads, on kept and on new connections, that count what failed."""

    def __init__(self, balancer: Balancer, threads: int = 6) -> None:
        self.balancer = balancer
        self.failures: list[str] = []
        self.done = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each % 2 == 0,)) for each in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        eventually(lambda: self.done > 100)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def _run(self, kept: bool) -> None:
        while not self._over.is_set():
            try:
                with self.balancer.client() as client:
                    self._requests(client, kept)
            except OSError as error:
                self.failures.append(repr(error))

    def _requests(self, client: Client, kept: bool) -> None:
        """Up to a thousand on a kept connection, one on a new one. A connection closed between requests is renewed."""
        for _ in range(1000 if kept else 1):
            status, _body, closes = client.request()
            if status != 200:
                self.failures.append(str(status))
            self.done += 1
            if closes or self._over.is_set():
                return


def test_no_request_fails_while_everything_changes(balancer):
    """Members, weights and states in place, and a reload each fourth time, under load."""
    for address in (FIRST, SECOND, THIRD):
        balancer.member(address)
    wanted = picture(*PAIR, {"address": THIRD}, monitor={"delay": 1})
    balancer.converge(wanted)
    with Load(balancer) as load:
        before = load.done
        for number in range(CHANGES):
            front = dataclasses.replace(wanted.listeners[0], timeout_client_data=60_000 + number // 4)
            after = changed(wanted.replacing(front), 0, weight=number % 3, admin_state_up=number % 5 != 0)
            if number % 3 == 0:
                after = after.keep(lambda row: row.id != trees.identifier(4, 2))
            balancer.engine.converge(balancer.place, after)
        assert load.done > before
    assert load.failures == []
    balancer.engine.converge(balancer.place, wanted)
    eventually(lambda: balancer.processes() == 1)


@pytest.mark.parametrize(("address", "gone"), [(FIRST, "172.16.100.9/32"), (SIXTH, "fd00::9/128")])
def test_a_ping_monitor_takes_out_a_member_whose_address_is_gone(balancer, address, gone):
    """The member's server stays: only the echo replies go. The address moves to a route that refuses it."""
    balancer.member(address)
    balancer.member(SECOND)
    wanted = picture({"address": address}, {"address": SECOND}, monitor={"type": "PING"})
    balancer.converge(wanted)
    identifier = trees.identifier(4, 0)
    eventually(lambda: balancer.state(wanted, identifier) == "up")
    balancer.ip(f"addr del {gone} dev lo", f"route add blackhole {gone}")
    eventually(lambda: balancer.state(wanted, identifier) == "down")
    assert balancer.answers() == {TWO: 12}
    more = wanted.replacing(dataclasses.replace(wanted.listeners[0], timeout_client_data=7000))
    assert "reloaded" in balancer.converge(more)
    assert balancer.state(more, identifier) == "down"
    os.kill(balancer.pid(), signal.SIGKILL)
    eventually(lambda: balancer.engine.watch([balancer.place]))
    balancer.converge(more)
    eventually(lambda: balancer.state(more, identifier) == "down")
    balancer.ip(f"route del blackhole {gone}", f"addr add {gone} dev lo{' nodad' if ':' in gone else ''}")
    eventually(lambda: balancer.state(more, identifier) == "up")
    assert set(balancer.answers()) >= {TWO}


def test_a_member_that_was_down_serves_again_when_its_monitor_goes(balancer):
    both(balancer)
    wanted = picture({"address": "203.0.113.1"}, {"address": SECOND}, monitor={"type": "PING"})
    balancer.converge(wanted)
    balancer.awaits(wanted, 0, "down")
    less = dataclasses.replace(wanted, healthmonitors=())
    balancer.converge(less)
    assert balancer.state(less, trees.identifier(4, 0)) == "no_check"


def test_https_monitors_shake_hands(balancer, tmp_path):
    context = certificate(tmp_path)
    balancer.member(FIRST, 443, context=context)
    balancer.member(SECOND, 443)  # accepts and speaks no TLS
    members = [{"address": each, "protocol_port": 443} for each in (FIRST, SECOND)]
    front = {"protocol": "HTTPS", "protocol_port": 443}
    for kind in ("HTTPS", "TLS-HELLO"):
        wanted = picture(*members, front=front, back={"protocol": "HTTPS"}, monitor={"type": kind})
        balancer.converge(wanted)
        balancer.awaits(wanted, 1, "down")
        balancer.awaits(wanted, 0, "up")
    assert any(head.startswith("GET / HTTP/1.0") for head in balancer.members[f"{FIRST}:443"].heads)


def certificate(directory: Path) -> ssl.SSLContext:
    """A server's context with a certificate made for the test."""
    paths = directory / "key.pem", directory / "cert.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "member")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[0].write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    paths[1].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths[1], paths[0])
    return context


def test_a_node_without_haproxy_is_told_how_to_get_it():
    with pytest.raises(base.Broken, match="apt-get install"):
        generations.binary("haproxy-that-is-not-there")


def test_a_directory_may_be_deeper_than_a_socket_path(tmp_path):
    deep = tmp_path.joinpath(*["a-directory-with-a-long-name"] * 5)
    made = Balancer(deep)
    try:
        both(made)
        made.converge(picture(*PAIR))
        assert made.answers(4) == {ONE: 2, TWO: 2}
        assert "reloaded" in made.converge(picture(*PAIR, front={"connection_limit": 5}))
    finally:
        made.close()


def test_a_process_that_hangs_is_asked_again_later(balancer):
    both(balancer)
    balancer.converge(picture(*PAIR))
    os.kill(balancer.pid(), signal.SIGSTOP)
    try:
        assert balancer.engine.observe(balancer.place, picture(*PAIR)) is None
        with pytest.raises(base.NotNow, match="does not answer"):
            balancer.engine.converge(balancer.place, picture(*PAIR))
    finally:
        os.kill(balancer.pid(), signal.SIGCONT)
    assert balancer.converge(picture(*PAIR)) == ""


def test_what_was_good_serves_when_what_is_wanted_does_not_start(balancer):
    both(balancer)
    wanted = picture(*PAIR, monitor={})
    balancer.converge(wanted)
    os.kill(balancer.pid(), signal.SIGKILL)
    bad = wanted.replacing(dataclasses.replace(wanted.healthmonitors[0], expected_codes="300-200"))
    eventually(lambda: balancer.processes() == 0)
    with pytest.raises(base.Broken, match="status codes"):
        balancer.engine.converge(balancer.place, bad)
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
    assert balancer.converge(wanted) == ""


def test_a_second_engine_finds_what_the_first_one_left(balancer):
    """An agent that starts again touches nothing that is right, and still counts from where it was."""
    both(balancer)
    wanted = picture(*PAIR, monitor={"type": "PING"})
    balancer.converge(wanted)
    balancer.answers(3)
    first = balancer.engine.observe(balancer.place, wanted)
    before = balancer.pid()
    balancer.engine = engine.Engine()
    assert balancer.engine.converge(balancer.place, wanted) == ""
    assert balancer.pid() == before
    second = balancer.engine.observe(balancer.place, wanted)
    assert first is not None
    assert second is not None
    assert second.counters == first.counters
    assert balancer.engine.watch([balancer.place]) == ()


def test_a_lost_pid_file_leaves_no_process_behind(balancer):
    both(balancer)
    balancer.converge(picture(*PAIR))
    Path(balancer.place.directory, generations.PID_FILE).write_text("")
    assert balancer.converge(picture(*PAIR)) == "HAProxy started"
    assert balancer.processes() == 1
    assert balancer.answers(4) == {ONE: 2, TWO: 2}
