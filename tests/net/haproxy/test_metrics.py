"""PROMETHEUS listeners: what they answer, to whom, and what they leave alone."""

import dataclasses
import re
import subprocess

import pytest

from tests.net.haproxy.balancer import CLIENTS, LISTENER, PAIR, POOL, VIP, both, picture
from tests.net.haproxy.town import Town
from tests.net.members import Tls
from tests.providers import configuration, trees
from vipool.core import health
from vipool.model import listener, status, tree

pytestmark = configuration.needs_haproxy

METRICS, MEMBER = trees.identifier(2, 5), trees.identifier(4, 0)


def measured(**more: object) -> tree.Tree:
    """An HTTP listener with two members, and one on port 8088 that tells of them."""
    wanted = picture(*PAIR, monitor={})
    made = trees.load({"listeners": [{"id": METRICS, "protocol": "PROMETHEUS", "protocol_port": 8088, **more}]})
    wanted = wanted.adding(made.listeners[0])
    assert trees.accepted(wanted)
    return wanted


def test_metrics_are_under_their_path_and_nothing_else_is(balancer):
    both(balancer)
    balancer.converge(measured())
    balancer.answers(3)
    with balancer.client(port=8088) as client:
        assert [client.get(path)[0] for path in ("/", "/metric", "/metrics/", "/?/metrics")] == [404] * 4
        assert client.get("/metrics")[0] == 200
        assert client.header("content-type") == "text/plain; version=0.0.4"
    body = subprocess.run(
        ["ip", "netns", "exec", balancer.place.namespace, "curl", "-s", f"http://{VIP}:8088/metrics"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f'haproxy_frontend_sessions_total{{proxy="{LISTENER}"}} 3' in body
    assert re.search(rf'haproxy_server_status{{proxy="{POOL}:{LISTENER}",server="{MEMBER}",state="UP"}} 1', body)
    assert "haproxy_process_uptime_seconds" in body


def test_questions_for_metrics_are_not_counted_and_change_nothing_for_others(balancer):
    both(balancer)
    wanted = measured()
    balancer.converge(wanted)
    for _ in range(3):
        with balancer.client(port=8088) as client:
            assert client.get("/metrics")[0] == 200
    balancer.answers(2)
    seen = balancer.engine.observe(balancer.place, wanted)
    assert seen is not None
    assert set(seen.counters) == {LISTENER}
    assert seen.counters[LISTENER].total_connections == 2
    assert seen.frontends == {LISTENER: "open", METRICS: "open"}
    found = health.derive(wanted, seen)
    assert {found[LISTENER], found[METRICS]} == {status.Operating.ONLINE}


def test_metrics_may_be_for_some_networks_alone(balancer):
    both(balancer)
    balancer.converge(measured(allowed_cidrs=[f"{CLIENTS[0]}/32"]))
    with balancer.client(CLIENTS[0], port=8088) as client:
        assert client.get("/metrics")[0] == 200
    with pytest.raises(ConnectionError), balancer.client(CLIENTS[1], port=8088) as client:
        client.get("/metrics")


def test_metrics_may_be_told_over_tls(balancer):
    town = Town(balancer)
    balancer.converge(measured(default_tls_container_ref="web"))
    with balancer.client(port=8088, tls=Tls(town.authority.client())) as client:
        assert client.get("/metrics")[0] == 200


def test_metrics_alone_are_a_load_balancer_too(balancer):
    wanted = measured()
    alone = dataclasses.replace(
        wanted, pools=(), members=(), healthmonitors=(),
        listeners=tuple(each for each in wanted.listeners if each.protocol is listener.Protocol.PROMETHEUS),
    )  # fmt: skip
    balancer.converge(alone)
    with balancer.client(port=8088) as client:
        assert client.get("/metrics")[0] == 200
