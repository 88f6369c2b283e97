"""What the HAProxy provider refuses, and how it says so."""

import dataclasses
from typing import Any

import pytest

from tests.providers import trees
from vipool.model import attr, healthmonitor, listener, pool
from vipool.providers.haproxy import capabilities, served

LISTENER, POOL, MEMBER, MONITOR, POLICY = (trees.identifier(kind, 1) for kind in (2, 3, 4, 5, 6))
CAN = capabilities.Capabilities()


def refused(**changes: dict[str, Any]) -> str | None:
    rows: dict[str, dict[str, Any]] = {
        "listeners": {"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL},
        "pools": {"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"},
        "members": {"id": MEMBER, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80},
        "healthmonitors": {"id": MONITOR, "pool_id": POOL, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1},
    }
    if "l7policies" in changes:
        rows["l7policies"] = {"id": POLICY, "listener_id": LISTENER, "action": "REJECT"}
    body = {kind: [{**row, **changes.get(kind, {})}] for kind, row in rows.items()}
    return CAN.refuse(trees.load({"loadbalancer": changes.get("loadbalancer", {}), **body}))


def test_the_picture_is_carried():
    assert refused() is None


REFUSED = [
    ("listeners", {"protocol": "UDP"}, "UDP"),
    ("listeners", {"protocol": "TERMINATED_HTTPS"}, "TERMINATED_HTTPS"),
    ("listeners", {"protocol": "TCP", "insert_headers": {"X-Forwarded-For": "true"}}, "insert_headers"),
    ("listeners", {"insert_headers": {"X-SSL-Client-DN": "true"}}, "X-SSL-Client-DN"),
    ("listeners", {"default_tls_container_ref": "x"}, "default_tls_container_ref"),
    ("listeners", {"client_authentication": "MANDATORY"}, "client_authentication"),
    ("pools", {"protocol": "UDP"}, "UDP"),
    ("pools", {"protocol": "TCP"}, "TCP"),
    ("pools", {"tls_enabled": True}, "tls_enabled"),
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


def test_a_header_that_is_switched_off_is_no_reason():
    assert refused(listeners={"insert_headers": {"X-SSL-Client-DN": "no"}}) is None


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


def test_every_attribute_that_is_listed_exists():
    for noun, names in capabilities.UNSERVED.items():
        assert set(names) <= {each.name for each in attr.attributes(noun)}


def test_every_attribute_of_a_listener_is_rendered_or_refused():
    """A new attribute must be thought of: it is listed here as rendered, or in the capabilities as unserved."""
    rendered = {
        "protocol", "protocol_port", "connection_limit", "default_pool_id", "insert_headers", "allowed_cidrs",
        "timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect",
    }  # fmt: skip
    words = {"loadbalancer_id", "description"}
    known = rendered | words | set(capabilities.UNSERVED[listener.Listener])
    parts = {field.name for field in dataclasses.fields(attr.Resource)}
    own = {each.name for each in attr.attributes(listener.Listener)} - parts
    common = {each.name for each in attr.attributes(pool.Pool)}
    assert own - common - known == set()
