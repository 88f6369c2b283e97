"""What the kernel's provider refuses, and how it says so."""

from typing import Any

import pytest

from tests.providers import trees
from vipool.model import attr, healthmonitor, listener, pool
from vipool.providers.nftables import capabilities, carried, streams

LISTENER, POOL, MEMBER, MONITOR = (trees.identifier(kind, 1) for kind in (2, 3, 4, 5))
CAN = capabilities.Capabilities()


def refused(can: capabilities.Capabilities = CAN, **changes: dict[str, Any]) -> str | None:
    rows: dict[str, dict[str, Any]] = {
        "listeners": {"id": LISTENER, "protocol": "UDP", "protocol_port": 53, "default_pool_id": POOL},
        "pools": {"id": POOL, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"},
        "members": {"id": MEMBER, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 53},
        "healthmonitors": {"id": MONITOR, "pool_id": POOL, "type": "TCP", "delay": 5, "timeout": 2, "max_retries": 1},
        "l7policies": {"id": trees.identifier(6, 1), "listener_id": LISTENER, "action": "REJECT", "dying": True},
    }
    body = {kind: [{**row, **changes.get(kind, {})}] for kind, row in rows.items()}
    return can.refuse(trees.load({"loadbalancer": changes.get("loadbalancer", {}), **body}))


def test_the_picture_is_carried():
    assert refused() is None


def connections(**changes: dict[str, Any]) -> str | None:
    """The same for the provider that carries connections too, of a TCP listener and its pool."""
    rows = {kind: {"protocol": "TCP", **changes.pop(kind, {})} for kind in ("listeners", "pools")}
    return refused(capabilities.Capabilities(carried.WHOLE), **rows, **changes)


def test_connections_are_carried_where_the_kernel_carries_all():
    assert connections() is None
    assert connections(listeners={"protocol": "HTTPS"}, pools={"protocol": "HTTPS"}) is None
    assert connections(listeners={"timeout_client_data": 1}) is None


@pytest.mark.parametrize("kind", healthmonitor.Type)
def test_members_are_checked_in_every_way_there_is(kind):
    assert connections(healthmonitors={"type": kind}) is None


PROXY_ONLY: list[tuple[str, dict[str, Any], str]] = [
    ("listeners", {"protocol": "HTTP"}, "is not served by address translation; it serves HTTPS, SCTP, TCP, UDP."),
    ("listeners", {"protocol": "TERMINATED_HTTPS"}, "TERMINATED_HTTPS is not served"),
    ("listeners", {"protocol": "PROMETHEUS"}, "PROMETHEUS is not served"),
    ("listeners", {"insert_headers": {"X-Forwarded-For": "true"}}, "insert_headers has no meaning"),
    ("listeners", {"default_tls_container_ref": "x"}, "default_tls_container_ref has no meaning"),
    ("pools", {"protocol": "HTTP"}, "protocol HTTP is not served"),
    ("pools", {"protocol": "PROXY"}, "protocol PROXY is not served"),
    ("pools", {"protocol": "PROXYV2"}, "protocol PROXYV2 is not served"),
    ("pools", {"tls_enabled": True}, "tls_enabled has no meaning"),
    ("pools", {"session_persistence": {"type": "APP_COOKIE", "cookie_name": "x"}}, "session_persistence APP_COOKIE"),
    ("l7policies", {"dying": False}, "no L7 policies"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "words"), PROXY_ONLY, ids=lambda each: str(each)[:40])
def test_what_needs_a_proxy_is_refused_by_name(kind, change, words):
    reason = connections(**{kind: change})
    assert reason is not None
    assert words in reason


def test_flavors_say_what_becomes_of_connections_where_there_are_any():
    assert capabilities.Capabilities(carried.WHOLE).flavors.keys() == {streams.ENDING}
    assert CAN.flavors == {}


REFUSED = [
    ("listeners", {"protocol": "TCP"}, "protocol TCP is not served"),
    ("listeners", {"default_tls_container_ref": "x"}, "default_tls_container_ref"),
    ("listeners", {"client_authentication": "MANDATORY"}, "client_authentication"),
    ("listeners", {"insert_headers": {"X-Forwarded-For": "true"}}, "insert_headers"),
    ("pools", {"protocol": "HTTP"}, "protocol HTTP is not served"),
    ("pools", {"tls_enabled": True}, "tls_enabled"),
    ("pools", {"session_persistence": {"type": "HTTP_COOKIE"}}, "session_persistence HTTP_COOKIE"),
    ("pools", {"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": -1}}, "persistence_timeout"),
    ("healthmonitors", {"delay": 0}, "delay must be from 1 to 86400 seconds"),
    ("healthmonitors", {"timeout": 86_401}, "timeout must be from 1 to 86400 seconds"),
    ("healthmonitors", {"type": "HTTP", "expected_codes": "204-200"}, "expected_codes"),
    ("healthmonitors", {"type": "HTTP", "expected_codes": "٢٠٠-x"}, "expected_codes"),
    ("healthmonitors", {"type": "HTTP", "domain_name": "x", "http_version": 1.0}, "domain_name needs http_version"),
    ("l7policies", {"dying": False}, "no L7 policies"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "words"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_is_not_carried_is_refused_by_name(kind, change, words):
    reason = refused(**{kind: change})
    assert reason is not None
    assert words in reason
    assert reason.endswith(".")


SERVED = [
    ("listeners", {"connection_limit": 200}),
    ("listeners", {"allowed_cidrs": ["10.0.0.0/8"]}),
    ("listeners", {"timeout_client_data": 1000, "timeout_member_connect": 1, "timeout_tcp_inspect": 50}),
    ("listeners", {"insert_headers": {}}),
    ("pools", {"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 5}}),
    ("pools", {"preserve_client_ip": True}),
    ("members", {"weight": 0, "backup": True}),
    ("healthmonitors", {"type": "HTTP", "expected_codes": "200, 204", "http_version": 1.1, "domain_name": "x"}),
]


@pytest.mark.parametrize(("kind", "change"), SERVED, ids=str)
def test_what_clients_usually_send_is_carried(kind, change):
    assert refused(**{kind: change}) is None


def test_a_member_of_the_family_of_no_vip_is_refused_in_octavias_words():
    sentence = (
        "This provider doesn't support mixing IPv4 and IPv6 addresses for its VIP and members in UDP load balancers."
    )
    six = {"address": "fd00::9"}
    assert refused(members=six) == sentence
    both = {"additional_vips": [{"subnet_id": None, "ip_address": "fd00::b", "port_id": None}]}
    assert refused(members=six, loadbalancer=both) is None
    assert refused(members={"address": "10.0.0.1"}, loadbalancer={"vip_address": "fd00::b"}) == sentence


def test_a_pool_that_no_listener_names_may_hold_members_of_any_family():
    assert refused(members={"address": "fd00::9"}, listeners={"default_pool_id": None}) is None


@pytest.mark.parametrize("protocol", list(listener.Protocol))
def test_every_listener_protocol_is_carried_or_refused(protocol):
    assert (refused(listeners={"protocol": protocol}) is None) == (protocol in carried.DATAGRAMS.listeners)


@pytest.mark.parametrize("algorithm", list(pool.Algorithm))
def test_every_algorithm_is_carried(algorithm):
    assert refused(pools={"lb_algorithm": algorithm}) is None


@pytest.mark.parametrize("kind", list(healthmonitor.Type))
def test_every_monitor_is_run_or_refused(kind):
    assert (refused(healthmonitors={"type": kind}) is None) == (kind in capabilities.MONITORS)


def test_every_attribute_that_is_listed_exists():
    for noun, names in capabilities.CARRIED.items():
        assert set(names) <= {each.name for each in attr.attributes(noun)}


def test_every_attribute_of_a_listener_is_rendered_refused_or_known_to_do_nothing():
    """What is not listed as carried is refused; what is listed is rendered, or one of those that do nothing."""
    rendered = {"protocol", "protocol_port", "connection_limit", "default_pool_id", "allowed_cidrs"}
    nothing = {"timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect"}
    assert set(capabilities.CARRIED[listener.Listener]) == rendered | nothing
