"""What the HAProxy provider refuses, and how it says so."""

import dataclasses
from typing import Any

import pytest

from tests.providers import trees
from vipool.contract import cases
from vipool.core import references
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


# What is for people, what every row has, and what stands in the place of a row in its tree.
NOT_RENDERED = {"name", "description", "loadbalancer_id"} | {each.name for each in attr.attributes(parts.Part)}
RENDERED = [
    pytest.param(noun, each, id=f"{noun.__name__}-{each.name}")
    for noun in (listener.Listener, pool.Pool)
    for each in attr.attributes(noun)
    if each.name not in NOT_RENDERED
]


@pytest.mark.parametrize(("noun", "attribute"), RENDERED)
def test_every_attribute_of_a_listener_and_of_a_pool_is_rendered_or_refused(noun, attribute):
    """A new attribute must be thought of: another value changes the text, or is refused by name."""
    asking = [
        (whole, row)
        for whole in cases.CASES.values()
        for row in whole.children(noun)
        if getattr(row, attribute.name) != attribute.default
    ]
    assert asking, "no tree of the contract asks for it"
    if all(CAN.refuse(whole) for whole, _ in asking):
        assert any(attribute.wire in str(CAN.refuse(whole)) for whole, _ in asking)
        return
    values = [getattr(row, attribute.name) for _, row in asking]
    others = values if attribute.default is dataclasses.MISSING else [attribute.default]
    pairs = ((whole, whole.replacing(row.having({attribute.name: other}))) for whole, row in asking for other in others)
    assert any(text(one) != text(two) for one, two in pairs if CAN.refuse(one) is CAN.refuse(two) is None)


def text(wanted: tree.Tree) -> str:
    """The rendered text, with material in which each reference stands for itself."""
    named = {each.ref for row in wanted.rows() for each in references.of(row)}
    materials = {each: f"-----BEGIN {each}\n-----END {each}\n" for each in named}
    return render.render(wanted, render.Layout(), pem.files(wanted, materials))
