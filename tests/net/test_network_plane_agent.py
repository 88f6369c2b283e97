"""The agent as a process: a whole picture made, kept, taken over and taken away, with HAProxy and packets."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.agent import door
from tests.net import topology
from vipool.agent import fake, run
from vipool.core import attach, router
from vipool.host import namespaces, observation, processes
from vipool.model import listener, loadbalancer, member, pool, spec, tree
from vipool.providers.haproxy import engine

PROGRAM = """
import logging, sys
from pathlib import Path
from vipool.agent import run
from vipool.providers.haproxy import engine
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
sys.exit(run.run_agent(Path(sys.argv[1]), Path(sys.argv[2]), {"amphora": engine.Engine()}))
"""
NOTHING_DONE = "the agent ends; what it set up goes on"


class Node:
    """A node with its server, and the agent's process."""

    def __init__(self, state, gate: door.Door) -> None:
        self.state = state
        self.gate = gate
        self.log = state / "agent.log"
        self.agent: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("wb") as log:
            command = [sys.executable, "-c", PROGRAM, str(self.state), str(self.gate.server_address)]
            self.agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.agent is not None
        self.agent.send_signal(number)
        code = self.agent.wait(10)
        self.agent = None
        return code

    def said(self) -> list[str]:
        return [line.split(":", 2)[2] for line in self.log.read_text().splitlines() if line.count(":") >= 2]

    def ask_for(self, *items: spec.Item) -> None:
        """Ask, and wait until the node says that all of it is so."""
        self.gate.put(*items)
        self.settle()

    def settle(self) -> None:
        wanted = dict(self.gate.behind.items)

        def told(server: fake.Server) -> bool:
            return all(
                (last := server.last(key)) and last.revision == item.revision and last.fault is None
                for key, item in wanted.items()
            )

        self.gate.await_reports(told)


@pytest.fixture
def node(tmp_path) -> Iterator[Node]:
    with door.opened(tmp_path / "agent.sock", fake.Server()) as gate:
        made = Node(tmp_path, gate)
        made.start()
        yield made
        if made.agent is not None:
            made.end(signal.SIGKILL)
        run.tear_down(tmp_path, {"amphora": engine.Engine()})


def picture() -> dict[str, spec.Item]:
    outside = spec.Segment(network_id=topology.identifier("outside"))
    inside = spec.Segment(network_id=topology.identifier("inside"))
    gateways = ("172.16.100.1",)
    return {
        "outside": spec.Network(id=outside.network_id, revision=0, segment=outside),
        "inside": spec.Network(id=inside.network_id, revision=0, segment=inside),
        "router": spec.Router(
            id=topology.identifier("router"),
            revision=0,
            interfaces=(topology.port(inside, "172.16.100.1/24"),),
            gateway=topology.port(outside, "10.10.10.1/24"),
            floating_ips=(spec.FloatingIp(id="f", external="10.10.10.7", internal="172.16.100.11"),),
        ),
        "client": plug("client", topology.port(outside, "10.10.10.4/24")),
        "web1": plug("web1", topology.port(inside, "172.16.100.9/24", gateways=gateways)),
        "web2": plug("web2", topology.port(inside, "172.16.100.10/24", gateways=gateways)),
        "balancer": balancer(topology.port(inside, "172.16.100.11/24", gateways=gateways)),
    }


def plug(name: str, port: spec.Attachment) -> spec.Plug:
    return spec.Plug(id=topology.identifier(name), revision=0, port=port, target=f"netns:{name}", device="eth0")


def balancer(vip: spec.Attachment) -> spec.LoadBalancer:
    identifier = topology.identifier("balancer")
    common = {"project_id": "p", "loadbalancer_id": identifier}
    return spec.LoadBalancer(
        id=identifier,
        revision=0,
        vip=vip,
        tree=tree.Tree(
            loadbalancer=loadbalancer.LoadBalancer(id=identifier, project_id="p", vip_address="172.16.100.11"),
            listeners=(
                listener.Listener(id="front", protocol="TCP", protocol_port=80, default_pool_id="farm", **common),
            ),
            pools=(pool.Pool(id="farm", protocol="TCP", lb_algorithm="ROUND_ROBIN", **common),),
            members=tuple(
                member.Member(id=f"m{last}", pool_id="farm", address=f"172.16.100.{last}", protocol_port=80, **common)
                for last in (9, 10)
            ),
        ),
    )


@pytest.fixture
def hosts(node) -> Iterator[topology.Site]:
    site = topology.new_site(node.state)
    for name in ("client", "web1", "web2"):
        subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        site.hosts.append(name)
    yield site
    site.end()


@pytest.fixture
def running(node, hosts) -> dict[str, spec.Item]:
    items = picture()
    node.ask_for(*items.values())
    for name, last in (("web1", 9), ("web2", 10)):
        hosts.serve(name, f"172.16.100.{last}", name)
    return items


def answers(count: int = 4) -> set[str]:
    return {topology.ask("client", "10.10.10.7").split()[0] for _ in range(count)}


def test_the_picture_serves_and_its_data_plane_is_observed(node, running):
    assert answers() == {"web1", "web2"}
    key = ("loadbalancer", running["balancer"].id)
    first = next(each for each in node.gate.behind.reports if (each.kind, each.id) == key)
    assert first.observation is not None, "the first report tells what was seen"
    assert first.observation.frontends == {"front": "open"}
    node.gate.await_reports(
        lambda server: (
            (last := server.last(key))
            and last.observation
            and last.observation.counters["front"].total_connections >= 4
        )
    )


def test_a_new_agent_touches_nothing(node, running):
    carried = processes.inside(attach.loadbalancer_namespace(running["balancer"].id))
    assert node.end() == 0
    assert answers() == {"web1", "web2"}, "the data plane goes on without the agent"
    node.gate.behind.reports.clear()
    node.start()
    node.settle()
    assert processes.inside(attach.loadbalancer_namespace(running["balancer"].id)) == carried
    node.end()
    assert [line for line in node.said() if line != NOTHING_DONE] == []


def test_an_agent_that_is_killed_anywhere_is_followed_by_one_that_finishes(node, hosts):
    items = picture()
    for pause in (0.0, 0.02, 0.05, 0.1, 0.2):
        node.gate.put(*items.values())
        threading.Event().wait(pause)
        node.end(signal.SIGKILL)
        node.start()
    node.settle()
    for name, last in (("web1", 9), ("web2", 10)):
        hosts.serve(name, f"172.16.100.{last}", name)
    assert answers() == {"web1", "web2"}
    assert len(processes.inside(attach.loadbalancer_namespace(items["balancer"].id))) == 1


def test_a_killed_haproxy_is_back_within_a_second(node, running):
    namespace = attach.loadbalancer_namespace(running["balancer"].id)
    (carrying,) = processes.inside(namespace)
    os.kill(carrying.pid, signal.SIGKILL)
    killed = time.monotonic()
    while True:
        with contextlib.suppress(OSError):
            topology.ask("client", "10.10.10.7")
            break
        assert time.monotonic() - killed < 5
    assert time.monotonic() - killed < 1


def test_the_server_comes_back_and_is_told_again(node, running):
    node.gate.behind.reports.clear()
    node.gate.hang_up()
    node.settle()
    assert answers() == {"web1", "web2"}


def test_items_go_one_by_one_and_are_confirmed(node, running):
    for name in ("balancer", "web1", "web2", "client", "router", "inside", "outside"):
        item = running[name]
        node.gate.put(replace(item, absent=True))
        node.gate.await_reports(lambda server, key=item.id: all(each.id != key for each in server.items.values()))
    assert observation.taps() == ()
    assert [bridge for bridge in observation.bridges() if not bridge.foreign] == []
    assert [name for name in namespaces.names() if name.startswith("q")] == []
    assert list((node.state / "loadbalancers").iterdir()) == []


def test_what_the_server_no_longer_knows_is_removed(node, running):
    node.end()
    server = node.gate.behind
    for name in ("router", "balancer", "web2"):
        item = running[name]
        server.items = {key: each for key, each in server.items.items() if each.id != item.id}
    node.start()
    node.settle()
    gone = (router.namespace_name(running["router"].id), attach.loadbalancer_namespace(running["balancer"].id))
    deadline = time.monotonic() + 5
    while any(namespaces.exists(name) for name in gone) or len(observation.taps()) != 2:
        assert time.monotonic() < deadline, (namespaces.names(), observation.taps())
        threading.Event().wait(0.02)
    assert topology.ask("web1", "172.16.100.9").startswith("web1")


def test_a_fault_is_told_in_words_and_delays_nothing_else(node, hosts):
    items = picture()
    broken = spec.Segment(network_id=topology.identifier("flat"), flat="br-none")
    node.gate.put(spec.Network(id=broken.network_id, revision=0, segment=broken), *items.values())
    node.gate.await_reports(
        lambda server: (last := server.last(("network", broken.network_id))) and "br-none" in (last.fault or "")
    )
    del node.gate.behind.items["network", broken.network_id]
    node.settle()


def test_a_plug_waits_for_its_namespace(node, hosts):
    items = picture()
    item = replace(items["web1"], target="netns:later")
    node.gate.put(items["inside"], item)
    node.gate.await_reports(lambda server: (last := server.last(("plug", item.id))) and "later" in (last.fault or ""))
    subprocess.run(["ip", "netns", "add", "later"], check=True)
    hosts.hosts.append("later")
    node.settle()


def test_tearing_down_leaves_nothing_of_ours(node, running):
    carried = processes.inside(attach.loadbalancer_namespace(running["balancer"].id))
    node.end()
    assert run.tear_down(node.state, {"amphora": engine.Engine()})
    assert [name for name in namespaces.names() if name.startswith("q")] == []
    assert not any(processes.alive(each) for each in carried)
    assert observation.taps() == ()
    assert run.tear_down(node.state, {"amphora": engine.Engine()}) == ()
