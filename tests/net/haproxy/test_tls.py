"""TLS that a listener ends: which certificate, versions, ciphers and protocols; clients that must show who they are."""

import dataclasses
import ssl
import subprocess
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from tests.net.haproxy.balancer import FIRST, LISTENER, ONE, TWO, VIP
from tests.net.haproxy.town import Town, der, ending
from tests.providers import certificates, configuration, trees
from vipool.model import deployment, l7policy, l7rule

pytestmark = configuration.needs_haproxy

ANY = "ALL:@SECLEVEL=0"


@pytest.fixture
def town(balancer):
    return Town(balancer)


def test_a_client_is_shown_the_certificate_of_the_name_it_asks_for_or_the_default(balancer, town):
    balancer.converge(ending(sni_container_refs=["wild"]))
    assert town.shown("www.example.org") == der(town.web)
    assert town.shown("example.org") == der(town.web)
    assert town.shown("a.wild.example") == der(town.wild)
    for other in ("a.b.wild.example", "nobody.example", None):
        assert town.shown(other) == der(town.web)


def test_without_a_default_the_first_of_the_names_is_it(balancer, town):
    balancer.converge(ending(default_tls_container_ref=None, sni_container_refs=["wild", "web"]))
    assert town.shown("nobody.example") == der(town.wild)
    assert town.shown("www.example.org") == der(town.web)


def test_a_great_many_names_are_one_listener(balancer, town):
    """HAProxy takes 64 words on a line."""
    names = [f"www{at}.example.org" for at in range(70)]
    issued = {each: town.authority.issue(each) for each in names}
    balancer.materials.update({each: made.pem for each, made in issued.items()})
    balancer.converge(ending(sni_container_refs=names))
    assert town.shown("www69.example.org") == der(issued["www69.example.org"])
    assert town.shown(None) == der(town.web)


VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("versions", "ciphers", "spoken"),
    [
        (["TLSv1.2", "TLSv1.3"], deployment.CIPHERS, {"TLSv1.2", "TLSv1.3"}),
        (["TLSv1.3"], deployment.CIPHERS, {"TLSv1.3"}),
        (["TLSv1.2"], deployment.CIPHERS, {"TLSv1.2"}),
        (["TLSv1.1", "TLSv1", "TLSv1.2"], "HIGH:!aNULL", {"TLSv1", "TLSv1.1", "TLSv1.2"}),
        (["TLSv1"], "ALL:@SECLEVEL=0", {"TLSv1"}),
        (["TLSv1.2", "TLSv1.3"], "TLS_AES_128_GCM_SHA256", {"TLSv1.3"}),
    ],
)
def test_the_versions_that_are_listed_are_spoken_and_no_others(balancer, town, versions, ciphers, spoken):
    balancer.converge(ending(tls_versions=versions, tls_ciphers=ciphers))
    found = set()
    for name, version in VERSIONS.items():
        context = town.authority.client()
        context.set_ciphers(ANY)
        context.minimum_version = context.maximum_version = version
        try:
            with town.client(context) as client:
                assert client.get()[0] == 200
                found.add(str(client.agreed.version()))
        except (ssl.SSLError, ConnectionError):
            assert name not in spoken
    assert found == spoken


def test_only_ciphers_that_are_listed_are_agreed(balancer, town):
    older, suite = "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_AES_256_GCM_SHA384"
    balancer.converge(ending(tls_ciphers=f"{suite}:{older}"))
    for version, cipher in ((ssl.TLSVersion.TLSv1_3, suite), (ssl.TLSVersion.TLSv1_2, older)):
        context = town.authority.client()
        context.minimum_version = context.maximum_version = version
        with town.client(context) as client:
            assert client.agreed.cipher()[0] == cipher


@pytest.mark.parametrize(
    ("offered", "asked", "agreed"),
    [
        (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"),
        (["http/1.1", "h2"], ["h2", "http/1.1"], "http/1.1"),
        (["http/1.0"], ["h2", "http/1.0"], "http/1.0"),
        (["h2"], ["http/1.1"], None),
        (None, ["h2", "http/1.1"], None),
    ],
)
def test_the_first_protocol_of_the_listener_that_the_client_knows_is_agreed(balancer, town, offered, asked, agreed):
    balancer.converge(ending(alpn_protocols=offered))
    context = town.authority.client()
    context.set_alpn_protocols(asked)
    with town.client(context) as client:
        assert client.agreed.selected_alpn_protocol() == agreed


def test_http_2_is_spoken_to_a_client_and_http_1_to_its_members(balancer, town):
    balancer.converge(ending())
    command = ["curl", "-sk", "--http2", "-w", " %{http_version}", f"https://{VIP}/a", f"https://{VIP}/b"]
    namespace = ["ip", "netns", "exec", balancer.place.namespace]
    said = subprocess.run([*namespace, *command], capture_output=True, text=True, check=True).stdout
    assert said.count(" 2") == 2
    heads = [each for found in balancer.members.values() for each in found.heads]
    assert {each.split("\r\n")[0] for each in heads} == {"GET /a HTTP/1.1", "GET /b HTTP/1.1"}


def test_plain_http_on_the_port_is_closed_without_a_word(balancer, town):
    balancer.converge(ending())
    with pytest.raises(ConnectionError), balancer.client(port=443) as client:
        client.get()


# --- clients that show who they are -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ("NONE", {"nobody": True, "known": True, "stranger": True, "revoked": True}),
        ("OPTIONAL", {"nobody": True, "known": True, "stranger": False, "revoked": False}),
        ("MANDATORY", {"nobody": False, "known": True, "stranger": False, "revoked": False}),
    ],
)
def test_a_client_is_let_in_by_its_certificate(balancer, town, asks, expected):
    known, revoked = town.authority.issue("known"), town.authority.issue("revoked")
    balancer.materials["list"] = town.authority.revocations(revoked)
    more = {"client_ca_tls_container_ref": "authority", "client_crl_container_ref": "list"}
    balancer.converge(ending(client_authentication=asks, **more))
    shows = {
        "nobody": None,
        "known": known,
        "stranger": certificates.Authority("another").issue("known"),
        "revoked": revoked,
    }
    found = {name: town.admits(each) for name, each in shows.items()}
    assert found == expected


FROM_CERTIFICATE = dict.fromkeys((*trees.FROM_CERTIFICATE, "X-Forwarded-Proto", "X-Forwarded-Port"), "true")


def told(town: Town, issued: certificates.Issued | None = None) -> dict[str, str]:
    """What the first member is told by a client that lies."""
    with town.client(town.authority.client(issued)) as client:
        client.get(headers="X-SSL-Client-CN: liar\r\nX-Forwarded-Proto: http\r\nX-SSL-Client-Verify: 7\r\n")
    head = town.balancer.members[ONE].heads[-1].split("\r\n")
    return {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:])}


def test_members_are_told_of_the_clients_certificate_whatever_the_client_says(balancer, town):
    balancer.members[TWO].stop()
    asking = {"client_authentication": "OPTIONAL", "client_ca_tls_container_ref": "authority"}
    balancer.converge(ending(insert_headers=FROM_CERTIFICATE, **asking))
    known = town.authority.issue('a "client", %[src]')
    said = told(town, known)
    fingerprint = known.certificate.fingerprint(hashes.SHA1()).hex().upper()  # the header's own choice
    assert {name.lower() for name in FROM_CERTIFICATE} <= said.keys()
    assert said["x-ssl-client-verify"] == "0"
    assert said["x-ssl-client-has-cert"] == "1"
    assert said["x-ssl-client-cn"] == 'a "client", %[src]'
    assert said["x-ssl-client-dn"] == '/OU=a unit/CN=a "client", %[src]'
    assert said["x-ssl-issuer"] == "/OU=a unit/CN=an authority"
    assert said["x-ssl-client-sha1"] == fingerprint
    assert said["x-ssl-client-not-before"] == "240101000000Z"
    assert said["x-ssl-client-not-after"] == "440101000000Z"
    assert (said["x-forwarded-proto"], said["x-forwarded-port"]) == ("https", "443")
    nobody = told(town)
    assert (nobody["x-ssl-client-has-cert"], nobody["x-ssl-client-verify"]) == ("0", "0")
    assert {nobody[name] for name in ("x-ssl-client-cn", "x-ssl-client-dn", "x-ssl-client-sha1")} == {""}


def test_members_are_told_by_the_proxy_protocol_that_it_was_tls_and_who(balancer, town):
    member = balancer.member(FIRST, 81, proxied=True)
    asking = {"client_authentication": "MANDATORY", "client_ca_tls_container_ref": "authority"}
    wanted = ending(**asking)
    wanted = wanted.replacing(
        dataclasses.replace(wanted.pools[0], protocol=type(wanted.pools[0].protocol).PROXYV2),
        dataclasses.replace(wanted.members[0], protocol_port=81),
    ).keep(lambda row: row.id != trees.identifier(4, 1))
    balancer.converge(wanted)
    with town.client(town.authority.client(town.authority.issue("who i am"))) as client:
        assert client.get()[0] == 200
    (preamble,) = member.preambles
    assert b"who i am" in preamble
    assert b"TLSv1.3" in preamble


def rule(kind: str, **more: Any) -> l7rule.L7Rule:
    values = {"compare_type": l7rule.Compare.EQUAL_TO, "l7policy_id": "policy", **more}
    return l7rule.L7Rule(id="rule", project_id="p", loadbalancer_id="lb", type=l7rule.Type(kind), **values)


@pytest.mark.parametrize(
    ("made", "known", "nobody"),
    [
        (rule("SSL_CONN_HAS_CERT", value="true"), 403, 200),
        (rule("SSL_CONN_HAS_CERT", value="true", invert=True), 200, 403),
        (rule("SSL_VERIFY_RESULT", value="0"), 403, 403),
        (rule("SSL_VERIFY_RESULT", value="1"), 200, 200),
        (rule("SSL_DN_FIELD", key="CN", value="known"), 403, 200),
        (rule("SSL_DN_FIELD", key="OU", value='"a unit"'), 403, 200),
        (rule("SSL_DN_FIELD", key="cn", value="^kno", compare_type=l7rule.Compare.REGEX), 403, 200),
        (rule("SSL_DN_FIELD", key="CN", value="other"), 200, 200),
    ],
    ids=lambda each: getattr(each, "type", None),
)
def test_policies_judge_by_the_clients_certificate(balancer, town, made, known, nobody):
    wanted = ending(client_authentication="OPTIONAL", client_ca_tls_container_ref="authority")
    policy = l7policy.L7Policy(
        id="policy", project_id="p", loadbalancer_id="lb", listener_id=LISTENER, action=l7policy.Action.REJECT
    )
    wanted = wanted.adding(policy).adding(made)
    assert trees.accepted(wanted)
    balancer.converge(wanted)
    for status, certificate in ((known, town.authority.issue("known")), (nobody, None)):
        with town.client(town.authority.client(certificate)) as client:
            assert client.get()[0] == status


# --- browsers --------------------------------------------------------------------------------------------------------


def test_browsers_are_told_to_come_over_tls_by_whatever_answers(balancer, town):
    wanted = ending(hsts_max_age=31536000, hsts_include_subdomains=True, hsts_preload=True)
    policy = {"id": "policy", "listener_id": LISTENER, "action": "REDIRECT_TO_URL", "redirect_url": "http://x.example/"}
    made = {"id": "rule", "l7policy_id": "policy", "type": "PATH", "compare_type": "EQUAL_TO", "value": "/away"}
    more = trees.load({"l7policies": [policy], "l7rules": [made]})
    wanted = dataclasses.replace(wanted, l7policies=more.l7policies, l7rules=more.l7rules)
    balancer.converge(wanted)
    said = "max-age=31536000; includeSubDomains; preload;"
    with town.client() as client:
        for path, status in (("/", 200), ("/away", 302)):
            assert (client.get(path)[0], client.header("strict-transport-security")) == (status, said)
    alone = ending(hsts_max_age=0, default_pool_id=None)
    balancer.converge(alone)
    with town.client() as client:
        assert (client.get()[0], client.header("strict-transport-security")) == (503, "max-age=0;")


def test_a_session_is_resumed(balancer, town):
    balancer.converge(ending(tls_versions=["TLSv1.2"]))
    context = town.authority.client()
    with town.client(context) as client:
        client.get()
        session = client.agreed.session
    with balancer.client(port=443) as made:
        made.secure(context, session=session)
        assert made.agreed.session_reused
