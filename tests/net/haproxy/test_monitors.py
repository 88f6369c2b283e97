"""Monitors: members go out and come back by what they answer, and stay out over a reload."""

import dataclasses
import datetime
import os
import signal
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.net.haproxy.balancer import FIRST, ONE, PAIR, SECOND, SIXTH, TWO, both, picture
from tests.net.members import eventually
from tests.providers import configuration, trees
from vipool.model import healthmonitor, pool
from vipool.providers.probing import prober, target

pytestmark = configuration.needs_haproxy


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


def test_a_thousand_members_are_pinged_and_no_answer_is_lost(balancer):
    pinging = prober.Prober()
    terms = {"port": 0, "source": None, "delay": 2, "timeout": 1, "rise": 3, "fall": 2}
    one = target.Target(member_id="", kind=healthmonitor.Type.PING, address="", **terms)
    addresses = [f"127.1.{at // 250}.{at % 250 + 1}" for at in range(1000)]
    targets = [dataclasses.replace(one, member_id=each, address=each) for each in addresses]
    pinging.assign(balancer.place, targets, ())

    def values() -> set[int]:
        return {each.value for each in pinging.standings(balancer.place).values()}

    # Four good answers: up, and as far up as they can be. A lost one would cost three good ones.
    eventually(lambda: values() == {4}, seconds=10)
    pinging.forget(balancer.place)
    assert pinging.standings(balancer.place) == {}


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
