"""What the HAProxy provider refuses, and how it says so."""

from typing import Any

import pytest

from tests.providers import trees
from vipool.core.rules import listeners as rules
from vipool.model import attr, healthmonitor, listener, parts, pool, tree
from vipool.providers.haproxy import capabilities, headers, pem, render, served

LISTENER, POOL, MEMBER, MONITOR, POLICY = (trees.identifier(kind, 1) for kind in (2, 3, 4, 5, 6))
CAN = capabilities.Capabilities()


def refused(**changes: dict[str, Any]) -> str | None:
    return CAN.refuse(tree_of(**changes))


def tree_of(**changes: dict[str, Any]) -> tree.Tree:
    rows: dict[str, dict[str, Any]] = {
        "listeners": {"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL},
        "pools": {"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"},
        "members": {"id": MEMBER, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80},
        "healthmonitors": {"id": MONITOR, "pool_id": POOL, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1},
    }
    if "l7policies" in changes:
        rows["l7policies"] = {"id": POLICY, "listener_id": LISTENER, "action": "REJECT"}
    body = {kind: [{**row, **changes.get(kind, {})}] for kind, row in rows.items()}
    return trees.load({"loadbalancer": changes.get("loadbalancer", {}), **body})


def test_the_picture_is_carried():
    assert refused() is None


def ending(**more: Any) -> dict[str, Any]:
    return {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x", **more}


SUITE = "TLS_AES_128_GCM_SHA256"
REFUSED = [
    ("listeners", {"protocol": "UDP"}, "UDP"),
    ("listeners", ending(tls_versions=["SSLv3", "TLSv1"]), "SSLv3"),
    ("listeners", ending(tls_versions=["TLSv1.3", "TLSv1.1"]), "TLSv1.1, TLSv1.2, TLSv1.3"),
    ("listeners", ending(tls_versions=["TLSv1.2"], tls_ciphers=SUITE), "tls_ciphers"),
    ("pools", {"tls_enabled": True, "tls_versions": ["TLSv1", "TLSv1.2"]}, "tls_versions"),
    ("pools", {"protocol": "UDP"}, "UDP"),
    ("pools", {"preserve_client_ip": True}, "preserve_client_ip is not served by the HAProxy provider"),
    ("healthmonitors", {"type": "UDP-CONNECT"}, "UDP-CONNECT"),
    ("healthmonitors", {"delay": 0}, "delay"),
    ("healthmonitors", {"timeout": 2**31}, "timeout"),
    ("healthmonitors", {"expected_codes": "204-200"}, "204-200"),
    ("healthmonitors", {"expected_codes": "never"}, "expected_codes"),
    ("healthmonitors", {"domain_name": "www.example.org"}, "domain_name"),
]


@pytest.mark.parametrize(("kind", "change", "named"), REFUSED)
def test_a_refusal_names_the_object_and_the_attribute(kind, change, named):
    sentence = refused(**{kind: change})
    assert sentence is not None
    assert named in sentence
    assert any(each in sentence for each in (trees.LOADBALANCER, LISTENER, POOL, MEMBER, MONITOR))


def test_a_monitor_that_sends_no_request_may_carry_the_terms_of_one():
    assert refused(healthmonitors={"type": "TCP", "http_version": 1.1, "domain_name": "x"}) is None


@pytest.mark.parametrize("protocol", [each for each in listener.Protocol if served.MODES.get(each) == "tcp"])
def test_policies_are_for_listeners_that_speak_http_as_octavia_says(protocol):
    sentence = refused(listeners={"protocol": protocol}, pools={"protocol": "TCP"}, l7policies={})
    assert sentence == f"{protocol} protocol listeners do not support L7 policies"


def test_every_reason_can_be_had_at_once():
    monitor = {"id": MONITOR, "pool_id": POOL, "type": "HTTP", "delay": 0, "timeout": 0, "expected_codes": "never"}
    whole = trees.load({"healthmonitors": [{**monitor, "max_retries": 1}]})
    assert len(list(capabilities.reasons(whole))) == 3


TERMS = {"tls_versions": ["SSLv3"], "tls_ciphers": "AES128-SHA", "alpn_protocols": ["h2"]}


def test_terms_of_tls_where_there_is_none_are_no_reason():
    """Octavia takes them, and they have no effect."""
    assert refused(listeners=TERMS, pools={**TERMS, "ca_tls_container_ref": "x"}) is None
    assert refused(listeners=ending(), pools={"tls_enabled": True}) is None


def test_every_header_that_rules_let_in_is_known():
    known = {*headers.SAYS, "X-Forwarded-For", "X-Forwarded-Proto"}
    assert known == rules.FORWARDED | rules.FROM_CERTIFICATE


def test_a_row_that_is_going_is_no_reason():
    assert refused(healthmonitors={"type": "UDP-CONNECT", "dying": True}) is None


@pytest.mark.parametrize("protocol", list(listener.Protocol))
def test_every_listener_protocol_is_rendered_or_refused(protocol):
    sentence = refused(listeners={"protocol": protocol, "default_pool_id": None})
    assert (sentence is None) == (protocol in served.MODES)


@pytest.mark.parametrize("protocol", list(pool.Protocol))
def test_every_pool_protocol_is_served_or_refused(protocol):
    sentence = refused(pools={"protocol": protocol}, listeners={"protocol": "TCP"})
    assert (sentence is None) == (protocol in capabilities.POOLS)


@pytest.mark.parametrize("kind", list(healthmonitor.Type))
def test_every_monitor_is_served_or_refused(kind):
    assert (refused(healthmonitors={"type": kind}) is None) == (kind in capabilities.MONITORS)


WORDS = {"name", "description"}


def test_every_attribute_of_a_listener_and_of_a_pool_is_rendered():
    """A new attribute must be thought of: it changes the text, or is one of the words for people."""
    with_tls = {"listeners": ending(client_ca_tls_container_ref="ca", client_authentication="OPTIONAL"), "pools": {}}
    with_tls["pools"] = {"tls_enabled": True, "ca_tls_container_ref": "ca"}
    changes: dict[str, dict[str, Any]] = {
        "listeners": {
            "protocol": "PROMETHEUS", "protocol_port": 81, "connection_limit": 5, "default_pool_id": None,
            "insert_headers": {"X-Real-IP": "true"}, "default_tls_container_ref": None, "sni_container_refs": ["y"],
            "client_ca_tls_container_ref": "other", "client_authentication": "MANDATORY",
            "client_crl_container_ref": "crl", "tls_ciphers": SUITE, "tls_versions": ["TLSv1.3"],
            "alpn_protocols": ["http/1.1"], "hsts_max_age": 5, "allowed_cidrs": ["10.0.0.0/8"],
            "timeout_client_data": 5, "timeout_member_connect": 5, "timeout_member_data": 5, "timeout_tcp_inspect": 5,
        },
        "pools": {
            "protocol": "PROXY", "lb_algorithm": "SOURCE_IP", "session_persistence": {"type": "SOURCE_IP"},
            "tls_enabled": False, "tls_container_ref": "x", "ca_tls_container_ref": None, "crl_container_ref": "crl",
            "tls_ciphers": SUITE, "tls_versions": ["TLSv1.3"], "alpn_protocols": ["h2"],
        },
    }  # fmt: skip
    # Refused, and so never rendered.
    refused = {"preserve_client_ip"}
    belongs = {each.name for each in attr.attributes(parts.Part)} | WORDS | {"loadbalancer_id"} | refused
    hsts = {"hsts_include_subdomains", "hsts_preload"}
    for kind, noun in (("listeners", listener.Listener), ("pools", pool.Pool)):
        assert {each.name for each in attr.attributes(noun)} - belongs - hsts == set(changes[kind])
        for name, value in changes[kind].items():
            changed = {**with_tls, kind: {**with_tls[kind], name: value}}
            assert text(**changed) != text(**with_tls), name
    for name in hsts:
        shown = {**with_tls, "listeners": {**with_tls["listeners"], "hsts_max_age": 5}}
        assert text(**{**shown, "listeners": {**shown["listeners"], name: True}}) != text(**shown)


def text(**changes: dict[str, Any]) -> str:
    """The rendered text, with material in which each reference stands for itself."""
    wanted = tree_of(**changes)
    materials = {each: f"-----BEGIN {each}\n-----END {each}\n" for each in ("x", "y", "ca", "other", "crl")}
    return render.render(wanted, render.Layout(), pem.files(wanted, materials))
