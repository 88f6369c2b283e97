"""A request is followed through what the agent itself builds: its router, its HAProxy, its plugs."""

from __future__ import annotations

import dataclasses

import pytest

from tests.net import members, scene, topology
from vipool.agent import ground, realise
from vipool.cli import trace as command
from vipool.core import journey, loss
from vipool.model import healthmonitor, spec
from vipool.providers.haproxy import engine

BALANCER = topology.identifier("balancer")


@pytest.fixture
def site(tmp_path):
    made = topology.Site(hand=realise.Hand(ground=ground.Linux(state=tmp_path), engines={"amphora": engine.Engine()}))
    yield made
    made.end()


@pytest.fixture
def items(site):
    outside, inside = site.network("outside"), site.network("inside")
    site.host("client", topology.port(outside, "10.10.10.4/24"))
    site.make(
        spec.Router(
            id=topology.identifier("router"),
            revision=1,
            interfaces=(topology.port(inside, "172.16.100.1/24", "fd00:100::1/64"),),
            gateway=topology.port(outside, "10.10.10.1/24"),
            floating_ips=(spec.FloatingIp(id="f", external=scene.FLOATING, internal=scene.VIP),),
        )
    )
    gateways = ("172.16.100.1", "fd00:100::1")
    for name, last in (("web1", 9), ("web2", 10)):
        port = topology.port(inside, f"172.16.100.{last}/24", f"fd00:100::{last:x}/64", gateways=gateways)
        site.host(name, port)
    web1 = members.Member("web1", "::", 80, name="web1").start()  # before the monitor looks
    site.stack.callback(web1.stop)
    vip = topology.port(inside, f"{scene.VIP}/24", "fd00:100::b/64", gateways=gateways)
    site.make(balancer(vip, ("WEB1", scene.WEB1)))
    return site.items


def balancer(vip, *webs):
    made = scene.balancer(webs, "ROUND_ROBIN")
    monitor = healthmonitor.HealthMonitor(
        id="m",
        project_id="p",
        loadbalancer_id=BALANCER,
        pool_id="pool",
        type=healthmonitor.Type.HTTP,
        delay=1,
        timeout=1,
        max_retries=1,
    )
    row = dataclasses.replace(made.tree.loadbalancer, id=BALANCER, vip_address=vip.addresses[0].partition("/")[0])
    tree = dataclasses.replace(made.tree, loadbalancer=row, healthmonitors=(monitor,))
    return dataclasses.replace(made, id=BALANCER, tree=tree, vip=vip)


def ask(items, target, *, origin=None, seconds=5.0):
    way = journey.find(items, command.wish(target, origin, passive=False))
    return next(iter(command.run(way, command.Request(seconds=seconds), 1)))


def test_the_ten_steps_through_what_the_agent_built(items):
    told = ask(items, scene.FLOATING)
    assert told.loss is None, told
    assert told.notes == ()
    assert len(told.steps) == 10
    assert all(step.at is not None for step in told.steps)


def test_ipv6_is_followed_as_well(site, items):
    vip = items[-1].vip
    turned = dataclasses.replace(vip, addresses=vip.addresses[::-1])
    six = balancer(turned, ("WEB1", "fd00:100::9"))
    site.make(six)
    told = ask([*items[:-2], six], "[fd00:100::b]:80", origin="web2")
    assert told.loss is None, told
    assert len(told.steps) == 7
    assert told.steps[-1].source == "[fd00:100::b]:80"
    assert told.member == "WEB1 [fd00:100::9]:80"


def test_a_floating_ip_that_the_router_does_not_have_yet_is_named(site, items):
    router = next(each for each in items if isinstance(each, spec.Router))
    site.make(dataclasses.replace(router, floating_ips=()))
    told = ask(items[:-1], scene.FLOATING, seconds=1)
    assert told.loss is not None
    assert told.loss.where in {loss.Where.CLIENT_TO_ROUTER, loss.Where.ROUTER}


def test_a_tenants_host_that_asks_the_floating_ip_turns_around_in_the_router(items):
    told = ask(items, scene.FLOATING, origin="web2")
    assert told.loss is None, told
    assert len(told.steps) == 10
    assert all(step.at is not None for step in told.steps)
    assert told.steps[-1].source == "10.10.10.7:80"
