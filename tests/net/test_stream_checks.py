"""Members of TCP and HTTPS pools that the kernel carries are checked in every way; who is down takes no connections."""

from __future__ import annotations

import dataclasses
import os
import signal
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.net import balanced, talkers
from tests.net.balanced import FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2, WEB2_6
from tests.net.members import Member, eventually
from tests.net.test_datagram_checks import ONE, TWO, becomes, monitored, states
from tests.providers import certificates, configuration
from vipool.providers import base, fake
from vipool.providers.haproxy import checker, generations
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel

pytestmark = configuration.needs_haproxy
BOTH = ({"address": WEB1}, {"address": WEB2})
SPEAKS_HTTP = ("HTTP", "HTTPS")


def engines():
    return {"amphora": kernel.Engine(carried.WHOLE, checker.Checker())}


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, engines())
    yield made
    made.close()


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A server's, with a certificate that nobody vouches for."""
    issued = certificates.Authority("nobody").issue("member")
    path = tmp_path_factory.mktemp("certificate") / "member.pem"
    path.write_text(issued.pem)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


@pytest.fixture
def servers(context):
    """Servers of both members, by address, that speak TLS where they are told to; stopped in the end."""
    made: dict[str, Member] = {}

    def start(tls: bool, *places: tuple[str, str], port: int = 80) -> dict[str, Member]:
        for name, address in places:
            one = Member(name, address, port, name=name, context=context if tls else None)
            made[address] = one.start()
        return made

    yield start
    for each in made.values():
        each.stop()


def places() -> tuple[tuple[str, str], ...]:
    return ("web1", WEB1), ("web2", WEB2)


def checkers(picture) -> tuple[int, ...]:
    """The processes that check members of the load balancer."""
    return tuple(each.pid for each in generations.every(inside(picture)))


def inside(picture) -> Path:
    assert picture.item is not None
    return Path(picture.site.hand.place(picture.item.id).directory) / checker.FOLDER


def answered(count: int = 4) -> set[str]:
    return {talkers.ask("client", FLOATING).split()[0] for _ in range(count)}


@pytest.mark.parametrize("kind", ["TCP", "HTTP", "HTTPS", "TLS-HELLO"])
def test_a_member_goes_out_and_comes_back_and_is_checked_from_the_vip(picture, servers, kind):
    found = servers(kind in {"HTTPS", "TLS-HELLO"}, *places())
    callers = [balanced.Callers(name, 80) for name, _ in places()]
    picture.put(monitored(balanced.tcp(*BOTH), kind))
    eventually(lambda: [each.seen() for each in callers] == [{VIP}, {VIP}])
    assert states(picture) == ({ONE: "up", TWO: "up"}, "up")
    found[WEB1].stop()
    becomes(picture, ONE, "down")
    assert states(picture) == ({ONE: "down", TWO: "up"}, "up")
    found[WEB1].start()
    becomes(picture, ONE, "up")
    assert callers[0].seen() == {VIP}


@pytest.mark.parametrize("kind", SPEAKS_HTTP)
def test_a_member_that_answers_with_the_wrong_status_is_down(picture, servers, kind):
    found = servers(kind == "HTTPS", *places())
    found[WEB2].status = 404
    said = {"http_method": "HEAD", "url_path": "/alive?q=1", "expected_codes": "200,204"}
    picture.put(monitored(balanced.tcp(*BOTH), kind, **said))
    becomes(picture, TWO, "down")
    assert states(picture)[0][ONE] == "up"
    assert found[WEB1].heads[0].startswith("HEAD /alive?q=1 HTTP/1.0\r\n")
    found[WEB2].status = 204
    becomes(picture, TWO, "up")
    found[WEB1].status = 500
    becomes(picture, ONE, "down")


@pytest.mark.parametrize("kind", ["HTTPS", "TLS-HELLO"])
def test_a_member_that_speaks_no_tls_is_down(picture, servers, kind):
    servers(True, ("web1", WEB1))
    found = servers(False, ("web2", WEB2))
    picture.put(monitored(balanced.tcp(*BOTH), kind))
    becomes(picture, TWO, "down")
    eventually(lambda: found[WEB1].handshakes)
    assert states(picture)[0] == {ONE: "up", TWO: "down"}
    assert not found[WEB2].heads


def test_a_member_is_checked_where_it_says_and_that_is_the_host_it_is_asked_for(picture, servers):
    found = servers(False, ("web2", WEB2), ("web2", WEB2_6), port=8080)
    members = (
        {"address": WEB1, "monitor_address": WEB2, "monitor_port": 8080},
        {"address": WEB1_6, "monitor_address": WEB2_6, "monitor_port": 8080},
    )
    picture.put(monitored(balanced.tcp(*members), "HTTP", http_version=1.1))
    eventually(lambda: all(each.heads for each in found.values()))
    for address, host, source, member in ((WEB2, WEB2, VIP, ONE), (WEB2_6, f"[{WEB2_6}]", VIP6, TWO)):
        assert f"host: {host}:8080\r\n" in found[address].heads[0]
        assert set(found[address].peers) == {source}
        found[address].stop()
        becomes(picture, member, "down")


SILENT = """
table inet silent {
    chain c {
        type filter hook input priority 0
        icmp type echo-request drop
        icmpv6 type echo-request drop
    }
}
"""


@pytest.mark.parametrize(("address", "dead"), [(WEB1, "172.16.100.77"), (WEB1_6, "fd00:100::77")])
def test_a_host_that_is_not_there_or_does_not_answer_is_found_by_ping(picture, address, dead):
    picture.put(monitored(balanced.tcp({"address": address}, {"address": dead}), "PING"))
    becomes(picture, TWO, "down")
    assert states(picture)[0] == {ONE: "up", TWO: "down"}
    nft(SILENT)
    becomes(picture, ONE, "down")
    nft("delete table inet silent")
    becomes(picture, ONE, "up")
    assert checkers(picture) == (), "no program is needed for that"


def nft(text):
    subprocess.run(["ip", "netns", "exec", "web1", "nft", "-f", "-"], input=text, text=True, check=True)


def test_what_is_down_takes_no_connections(picture):
    talking = {name: talkers.Talker(name, address, name, 80).start() for name, address in places()}
    picture.put(monitored(balanced.tcp(*BOTH), "TCP"))
    assert answered() == {"web1", "web2"}
    talking["web1"].stop()
    becomes(picture, ONE, "down")
    assert answered() == {"web2"}
    talking["web2"].stop()


def test_members_come_and_go_without_another_process(picture, servers):
    found = servers(False, *places())
    picture.put(monitored(balanced.tcp({"address": WEB1}), "HTTP"))
    (pid,) = checkers(picture)
    picture.serve(monitored(balanced.tcp(*BOTH), "HTTP"))
    eventually(lambda: found[WEB2].heads)
    found[WEB2].status = 500
    becomes(picture, TWO, "down")
    picture.serve(monitored(balanced.tcp({"address": WEB1}), "HTTP"))
    assert states(picture)[0] == {ONE: "up"}
    assert checkers(picture) == (pid,)


def test_a_monitor_that_changes_asks_otherwise_and_nobodys_standing_changes(picture, servers):
    found = servers(False, *places())
    found[WEB1].status = 500
    picture.put(monitored(balanced.tcp(*BOTH), "HTTP"))
    becomes(picture, ONE, "down")
    (pid,) = checkers(picture)
    found[WEB1].status = 200
    slower = monitored(balanced.tcp(*BOTH), "HTTP", url_path="/other", delay=20, max_retries=2)
    (said,) = picture.put(slower)
    assert said.startswith("checker: HAProxy reloaded")
    assert states(picture)[0] == {ONE: "down", TWO: "up"}
    eventually(lambda: checkers(picture) not in ((), (pid,)) and len(checkers(picture)) == 1, seconds=10)
    eventually(lambda: any(head.startswith("GET /other ") for head in found[WEB2].heads), seconds=25)
    assert states(picture)[0] == {ONE: "down", TWO: "up"}


def test_what_another_checker_finds_is_what_the_rules_say(tmp_path):
    found = fake.Checker()
    made = balanced.Balanced(tmp_path, {"amphora": kernel.Engine(carried.WHOLE, found)})
    talking = [talkers.Talker(name, address, name, 80).start() for name, address in places()]
    made.serve(monitored(balanced.tcp(*BOTH), "HTTPS"))
    assert answered() == {"web1", "web2"}
    found.missing.add(ONE)
    assert made.watch() == f"member {ONE} is down"
    assert answered() == {"web2"}
    found.killed.update(found.assigned)
    assert made.watch() == base.GONE
    assert made.watch() == ""
    assert states(made)[0] == {ONE: "down", TWO: "up"}
    made.close()
    assert found.assigned == {}
    for each in talking:
        each.stop()


def test_nothing_is_left_when_the_monitor_goes_or_the_load_balancer(picture, servers):
    servers(False, *places())
    wanted = monitored(balanced.tcp(*BOTH), "HTTP")
    picture.serve(wanted)
    assert len(checkers(picture)) == 1
    assert "the checker ended" in picture.serve(balanced.tcp(*BOTH))
    assert checkers(picture) == ()
    assert not inside(picture).exists()
    assert states(picture)[0] == {ONE: "no_check", TWO: "no_check"}
    picture.serve(wanted)
    assert len(checkers(picture)) == 1
    picture.site.hand.remove(picture.item)
    assert checkers(picture) == ()
    assert not inside(picture).exists()


def test_a_checker_that_was_killed_is_there_again_and_nobodys_standing_changed(picture, servers):
    found = servers(False, *places())
    found[WEB1].status = 500
    picture.put(monitored(balanced.tcp(*BOTH), "HTTP", delay=20, max_retries=2))
    becomes(picture, ONE, "down")
    (pid,) = checkers(picture)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: checkers(picture) == ())
    assert states(picture)[0] == {ONE: "down", TWO: "up"}
    found[WEB1].status = 200
    assert picture.watch() == checker.GONE
    (other,) = checkers(picture)
    assert other != pid
    assert picture.watch() == ""
    # Two good answers 20 seconds apart are needed: it cannot be up by itself.
    assert states(picture)[0] == {ONE: "down", TWO: "up"}


def test_a_new_agent_finds_the_checker_at_work_and_thinks_what_it_thinks(picture, servers):
    found = servers(False, *places())
    found[WEB1].status = 500
    wanted = monitored(balanced.tcp(*BOTH), "HTTP")
    picture.put(wanted)
    becomes(picture, ONE, "down")
    before = checkers(picture)
    picture.site.hand = dataclasses.replace(picture.site.hand, engines=engines())
    assert states(picture)[0] == {ONE: "down", TWO: "up"}, "before it has done anything"
    assert picture.again() == ()
    assert checkers(picture) == before
    assert states(picture)[0] == {ONE: "down", TWO: "up"}
    found[WEB1].status = 200
    becomes(picture, ONE, "up")


def test_whoever_is_checked_otherwise_keeps_the_standing_it_had(picture, servers):
    found = servers(False, *places())
    found[WEB1].stop()
    picture.put(monitored(balanced.tcp(*BOTH), "TCP", delay=20))
    becomes(picture, ONE, "down")
    slow = monitored(balanced.tcp(*BOTH), "HTTP", delay=20, max_retries=2)
    found[WEB1].start()
    picture.serve(slow)
    assert states(picture)[0] == {ONE: "down", TWO: "up"}
    assert picture.watch() == ""
