"""TLS to members: whom HAProxy believes, what it shows and asks for; monitors of members that speak TLS."""

import dataclasses
import ssl
import subprocess
from typing import Any

import pytest
from cryptography import x509

from tests.net.haproxy.balancer import FIRST, changed
from tests.net.haproxy.town import TERMS, Town, ending, with_front
from tests.net.members import Member, eventually
from tests.providers import certificates, configuration, trees
from vipool.host import namespaces
from vipool.model import healthmonitor, listener, pool, tree

pytestmark = configuration.needs_haproxy

AT = f"{FIRST}:443"
Front, Back, Monitor = listener.Protocol, pool.Protocol, healthmonitor.Type


@pytest.fixture
def town(balancer):
    return Town(balancer)


def secured(town: Town, context: ssl.SSLContext | None = None, **more: Any) -> Member:
    """A member that speaks TLS on port 443, by default with a certificate for *.example.org."""
    return town.balancer.member(FIRST, 443, context=context or town.authority.server(), **more)


def speaking(wanted: tree.Tree | None = None, **back: Any) -> tree.Tree:
    """One member, on port 443, spoken to over TLS."""
    wanted = wanted or ending()
    row = dataclasses.replace(wanted.pools[0], tls_enabled=True, **{**TERMS, **back})
    wanted = changed(wanted, 0, protocol_port=443).replacing(row).keep(lambda row: row.id != trees.identifier(4, 1))
    assert trees.accepted(wanted)
    return wanted


def plain(wanted: tree.Tree, protocol: listener.Protocol) -> tree.Tree:
    """The same behind a listener without TLS, on port 80."""
    return with_front(wanted, protocol=protocol, protocol_port=80, default_tls_container_ref=None)


def asked(town: Town, name: str | None = "www.example.org") -> str:
    """Who answers a client that asks for a name, or with which status HAProxy does."""
    with town.client(name=name) as client:
        status, body = client.get()
        return body if status == 200 else str(status)


def test_the_name_that_the_client_asked_for_is_asked_of_the_member(balancer, town):
    member = secured(town)
    balancer.converge(speaking())
    assert asked(town, "www.example.org") == AT
    assert asked(town, "other.example.org") == AT
    assert [each.name for each in member.handshakes] == ["www.example.org", "other.example.org"]
    assert asked(town, None) == AT
    assert member.handshakes[-1].name is None


def test_without_an_authority_any_certificate_will_do(balancer, town):
    secured(town, certificates.Authority("a stranger").server())
    balancer.converge(speaking())
    assert asked(town) == AT


def test_with_an_authority_only_its_certificates_will_do_and_for_the_name_that_was_asked_for(balancer, town):
    secured(town)
    believing = speaking(ca_tls_container_ref="authority")
    balancer.converge(believing)
    assert asked(town, "www.example.org") == AT
    assert asked(town, None) == AT
    assert asked(town, "www.wild.example") == "503"
    balancer.materials["authority"] = certificates.Authority("a stranger").pem
    assert "ca.pem changes" in balancer.converge(believing)
    assert asked(town, "www.example.org") == "503"


def test_a_member_whose_certificate_was_taken_back_is_not_spoken_to(balancer, town):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = town.authority.issue("www.example.org")
    certificates.load(context, issued)
    secured(town, context)
    balancer.materials["list"] = town.authority.revocations()
    wanted = speaking(ca_tls_container_ref="authority", crl_container_ref="list")
    balancer.converge(wanted)
    assert asked(town) == AT
    balancer.materials["list"] = town.authority.revocations(issued)
    assert "crl.pem changes" in balancer.converge(wanted)
    assert asked(town) == "503"


def test_a_member_is_shown_our_certificate_and_the_next_one_when_it_is_replaced(balancer, town):
    member = secured(town, town.authority.server(client=True))
    balancer.converge(speaking())
    assert asked(town) in {"502", "503"}  # before or after the request was sent: TLS 1.3 tells late
    balancer.materials["ours"] = town.authority.issue("our name").pem
    wanted = speaking(tls_container_ref="ours")
    balancer.converge(wanted)
    assert asked(town) == AT
    balancer.materials["ours"] = town.authority.issue("our next name").pem
    assert "changes" in balancer.converge(wanted)
    assert asked(town) == AT
    names = [
        x509.load_der_x509_certificate(each.certificate or b"").subject.rfc4514_string() for each in member.handshakes
    ]
    assert (names[0], names[-1]) == ("CN=our name,OU=a unit", "CN=our next name,OU=a unit")


@pytest.mark.parametrize(
    ("terms", "version", "cipher"),
    [
        ({"tls_versions": ("TLSv1.2",)}, "TLSv1.2", "ECDHE-ECDSA"),
        ({"tls_versions": ("TLSv1.3",)}, "TLSv1.3", "TLS_"),
        ({"tls_ciphers": "TLS_CHACHA20_POLY1305_SHA256"}, "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
        (
            {"tls_versions": ("TLSv1.2",), "tls_ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"},
            "TLSv1.2",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
    ],
)
def test_members_are_spoken_to_in_the_terms_of_the_pool(balancer, town, terms, version, cipher):
    member = secured(town)
    balancer.converge(speaking(**terms))
    assert asked(town) == AT
    agreed = member.handshakes[-1]
    assert agreed.version == version
    assert agreed.cipher is not None
    assert agreed.cipher[0].startswith(cipher)


HTTP_2_MEMBER = """
defaults
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend member
    mode http
    bind {address}:443 ssl crt member.pem alpn h2,http/1.1
    http-request return status 200 content-type text/plain lf-string %[req.ver]-%[ssl_fc_alpn]
"""


@pytest.fixture
def http_2_member(balancer, town, tmp_path):
    """Another HAProxy, which speaks HTTP/2 and answers with what it was spoken to in."""
    (tmp_path / "member.pem").write_text(town.authority.issue("*.example.org").pem)
    (tmp_path / "member.cfg").write_text(HTTP_2_MEMBER.format(address=FIRST))
    command = [str(configuration.BINARY), "-db", "-C", str(tmp_path), "-f", "member.cfg"]
    process = namespaces.call(
        balancer.place.namespace,
        lambda: subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL),
    )
    yield process
    process.terminate()
    process.wait()


@pytest.mark.parametrize(
    ("offered", "spoken"),
    [(("h2", "http/1.1"), "2.0-h2"), (("http/1.1", "h2"), "2.0-h2"), (("http/1.1",), "1.1-http/1.1")],
)
@pytest.mark.usefixtures("http_2_member")
def test_the_protocol_that_both_know_is_spoken_to_members(balancer, town, offered, spoken):
    balancer.converge(speaking(alpn_protocols=offered))
    assert asked(town) == spoken


@pytest.mark.parametrize("kind", [Monitor.HTTP, Monitor.HTTPS, Monitor.TLS_HELLO, Monitor.TCP])
@pytest.mark.usefixtures("http_2_member")
def test_a_member_that_speaks_http_2_is_checked_by_every_monitor(balancer, kind):
    wanted = monitored(speaking(alpn_protocols=("h2",)), kind)
    balancer.converge(wanted)
    balancer.awaits(wanted, 0, "up")


# --- without TLS in front ---------------------------------------------------------------------------------------------


def test_a_plain_listener_may_have_members_that_speak_tls(balancer, town):
    member = secured(town)
    balancer.converge(plain(speaking(ca_tls_container_ref="authority"), Front.HTTP))
    with balancer.client() as client:
        assert client.get() == (200, AT)
    assert member.handshakes[-1].name is None


def test_bytes_are_carried_into_tls_as_they_are(balancer, town):
    """No protocol is offered: the member would speak HTTP/2 to a client that does not."""
    context = town.authority.server()
    context.set_alpn_protocols(["h2", "http/1.1"])
    secured(town, context)
    balancer.converge(speaking(plain(ending(), Front.TCP), protocol=Back.TCP))
    with balancer.client() as client:
        assert client.get() == (200, AT)


# --- monitors --------------------------------------------------------------------------------------------------------


def monitored(wanted: tree.Tree, kind: healthmonitor.Type, **more: Any) -> tree.Tree:
    made = {"id": trees.identifier(5, 1), "pool_id": wanted.pools[0].id, "type": kind, "delay": 1, "timeout": 1}
    row = trees.load({"healthmonitors": [{**made, "max_retries": 1, "max_retries_down": 1, **more}]}).healthmonitors[0]
    return wanted.adding(row)


@pytest.mark.parametrize("kind", [Monitor.HTTP, Monitor.HTTPS, Monitor.TLS_HELLO, Monitor.TCP])
@pytest.mark.parametrize("comes", ["from the start", "in place"])
def test_a_member_that_speaks_tls_is_checked_by_every_monitor(balancer, town, kind, comes):
    member = secured(town)
    wanted = monitored(speaking(ca_tls_container_ref="authority"), kind, http_version=1.1, url_path="/health")
    if comes == "in place":
        other = dataclasses.replace(wanted.members[0], id=trees.identifier(4, 7), protocol_port=444)
        balancer.converge(dataclasses.replace(wanted, members=(other,)))
        assert "in place" in balancer.converge(wanted.adding(other))
    else:
        balancer.converge(wanted)
    balancer.awaits(wanted, 0, "up")
    if kind.speaks_http:
        eventually(lambda: any(each.startswith("GET /health HTTP/1.1") for each in member.heads))
    elif kind is Monitor.TLS_HELLO:
        eventually(lambda: member.handshakes)
    member.stop()
    balancer.awaits(wanted, 0, "down")


@pytest.mark.parametrize(
    ("kind", "state"),
    [(Monitor.HTTP, "down"), (Monitor.HTTPS, "down"), (Monitor.TLS_HELLO, "down"), (Monitor.TCP, "up")],
)
def test_a_member_that_is_not_to_be_believed_is_down_but_for_a_monitor_that_only_connects(balancer, town, kind, state):
    secured(town, certificates.Authority("a stranger").server())
    wanted = monitored(speaking(ca_tls_container_ref="authority"), kind)
    balancer.converge(wanted)
    balancer.awaits(wanted, 0, state)


@pytest.mark.parametrize("kind", [Monitor.HTTP, Monitor.HTTPS])
def test_a_check_that_goes_elsewhere_is_what_its_type_says(balancer, town, kind):
    """An HTTP monitor of another port speaks HTTP, also where the members speak TLS."""
    secured(town)
    wanted = monitored(speaking(), kind)
    balancer.converge(changed(wanted, 0, monitor_port=80))
    balancer.awaits(wanted, 0, "up" if kind is Monitor.HTTP else "down")


@pytest.mark.parametrize("protocol", [Back.PROXY, Back.PROXYV2])
def test_a_member_that_comes_in_place_is_checked_by_the_proxy_protocol_too(balancer, town, protocol):
    for port in (81, 82):
        balancer.member(FIRST, port, proxied=True)
    wanted = monitored(plain(ending(), Front.HTTP), Monitor.HTTP)
    wanted = wanted.replacing(dataclasses.replace(wanted.pools[0], protocol=protocol))
    wanted = changed(changed(wanted, 0, protocol_port=81), 1, protocol_port=82, address=FIRST)
    balancer.converge(wanted.keep(lambda row: row.id != trees.identifier(4, 1)))
    assert "in place" in balancer.converge(wanted)
    balancer.awaits(wanted, 1, "up")
    assert set(balancer.answers(4)) == {f"{FIRST}:81", f"{FIRST}:82"}


def test_the_first_member_of_an_empty_pool_may_need_files_that_were_never_read(balancer, town):
    """`add server` cannot load a file: then it is a reload."""
    secured(town)
    wanted = speaking(ca_tls_container_ref="authority")
    balancer.converge(wanted.keep(lambda row: row.id != trees.identifier(4, 0)))
    assert asked(town) == "503"
    assert "HAProxy" in balancer.converge(wanted)
    assert asked(town) == AT
