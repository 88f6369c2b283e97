"""Defaults that depend on the rest of a body, on what is there, or on what the operator chose."""

import pytest

from vipool.core import complete
from vipool.model import deployment, faults, healthmonitor, l7policy, listener, member, pool

TLS = deployment.Tls(ciphers="GOOD", versions=("TLSv1.3",), alpn=("h2",))
ALLOWED = deployment.Deployment(listener_tls=TLS, pool_tls=TLS, timeout_client_data=1, timeout_member_data=2)
GIVEN = {"tls_ciphers": "GOOD", "tls_versions": ("TLSv1.3",), "alpn_protocols": ("h2",)}
Protocol = listener.Protocol


def front(**values):
    return complete.new(listener.Listener, {"protocol": Protocol.HTTP, **values}, ALLOWED)


def row(cls, **values):
    return cls.build({"id": "x", "project_id": "p", "loadbalancer_id": "lb", **values})


LISTENER = row(listener.Listener, protocol=Protocol.HTTP, protocol_port=80)
POOL = row(
    pool.Pool,
    protocol=pool.Protocol.HTTP,
    lb_algorithm=pool.Algorithm.ROUND_ROBIN,
    session_persistence={"type": pool.Persistence.APP_COOKIE, "cookie_name": "c"},
)


def test_timeouts_that_are_not_given_are_the_operator_s():
    made = front(timeout_member_data=None, timeout_tcp_inspect=9)
    assert [made[name] for name in complete.TIMEOUTS] == [1, 5_000, 2, 9]
    assert complete.changed(LISTENER, {"timeout_client_data": None}, ALLOWED) == {"timeout_client_data": 1}
    assert complete.changed(LISTENER, {"timeout_client_data": 7}, ALLOWED) == {"timeout_client_data": 7}
    assert complete.changed(LISTENER, {"name": "x"}, ALLOWED) == {"name": "x"}


def test_listeners_that_end_tls_get_the_operator_s_options():
    made = front(protocol=Protocol.TERMINATED_HTTPS, tls_ciphers=None)
    assert {name: made[name] for name in GIVEN} == GIVEN
    made = front(protocol=Protocol.TERMINATED_HTTPS, tls_ciphers="MINE")
    assert {name: made[name] for name in GIVEN} == {**GIVEN, "tls_ciphers": "MINE"}
    for protocol in (Protocol.HTTP, Protocol.PROMETHEUS):
        assert not GIVEN.keys() & front(protocol=protocol).keys()


def test_a_null_brings_the_operator_s_options_back():
    nulls = dict.fromkeys(GIVEN)
    assert complete.changed(LISTENER, nulls, ALLOWED) == GIVEN
    assert complete.changed(POOL, nulls, ALLOWED) == {**GIVEN, "alpn_protocols": None}


def test_pools_that_speak_tls_get_the_operator_s_options():
    made = complete.new(pool.Pool, {"tls_enabled": True}, ALLOWED)
    assert {name: made[name] for name in GIVEN} == GIVEN
    assert complete.new(pool.Pool, {}, ALLOWED) == {}


@pytest.mark.parametrize("kind", list(healthmonitor.Type))
def test_a_monitor_that_speaks_http_gets_what_it_asks_and_others_nothing(kind):
    made = complete.new(healthmonitor.HealthMonitor, {"type": kind, "url_path": None}, ALLOWED)
    asked = {name: made.get(name) for name in healthmonitor.HTTP_ONLY}
    assert asked == (dict(healthmonitor.HTTP_ONLY) if kind.speaks_http else dict.fromkeys(asked))


def test_a_persistence_must_have_a_type_and_keeps_it():
    with pytest.raises(faults.MissingAttribute):
        complete.new(pool.Pool, {"session_persistence": {"type": None, "cookie_name": "c"}}, ALLOWED)
    kept = complete.changed(POOL, {"session_persistence": {"type": None, "cookie_name": "d"}}, ALLOWED)
    assert kept["session_persistence"] == {"type": pool.Persistence.APP_COOKIE, "cookie_name": "d"}
    bare = row(pool.Pool, protocol=pool.Protocol.HTTP, lb_algorithm=pool.Algorithm.ROUND_ROBIN)
    untyped = {"session_persistence": {"type": None}}
    assert complete.changed(bare, untyped, ALLOWED) == untyped
    assert complete.changed(POOL, {"session_persistence": None}, ALLOWED) == {"session_persistence": None}


def test_a_monitor_gets_what_an_http_check_must_have():
    made = complete.new(healthmonitor.HealthMonitor, {"type": healthmonitor.Type.HTTP}, ALLOWED)
    assert (made["http_method"], made["url_path"], made["expected_codes"]) == ("GET", "/", "200")
    watch = row(
        healthmonitor.HealthMonitor, pool_id="p", type=healthmonitor.Type.HTTP, delay=1, timeout=1, max_retries=1
    )
    assert complete.changed(watch, {"url_path": None}, ALLOWED) == {"url_path": "/"}


def test_a_policy_acts():
    url = {"redirect_url": "https://example.org/"}
    made = complete.new(l7policy.L7Policy, {"action": l7policy.Action.REDIRECT_TO_URL, **url}, ALLOWED)
    assert made["redirect_url"] == url["redirect_url"]
    with pytest.raises(faults.Invalid, match="Invalid L7 Policy action specified: None"):
        complete.new(l7policy.L7Policy, {"action": None}, ALLOWED)
    policy = row(l7policy.L7Policy, listener_id="l", action=l7policy.Action.REJECT)
    assert complete.changed(policy, url, ALLOWED)["action"] is l7policy.Action.REDIRECT_TO_URL
    with pytest.raises(faults.Invalid, match="Invalid L7 Policy action specified: None"):
        complete.changed(policy, {"action": None}, ALLOWED)


def test_other_rows_are_as_they_were_given():
    assert complete.new(member.Member, {"weight": 3}, ALLOWED) == {"weight": 3}
    made = row(member.Member, pool_id="p", address="10.0.0.1", protocol_port=80)
    assert complete.changed(made, {"weight": 3}, ALLOWED) == {"weight": 3}
