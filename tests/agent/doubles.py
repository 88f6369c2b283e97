"""What the agent's tests share: an engine in memory, items by number, and an agent on a machine that can die."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from vipool.agent import fake, loop, outbox, realise, run
from vipool.model import listener, loadbalancer, spec, tree, wiring
from vipool.providers import base

DNS = 53
"""The port of a UDP listener: those on others speak TCP."""

SEGMENTS = tuple(spec.Segment(network_id=f"{number:08x}-network") for number in range(3))


class Engine:
    """A `base.Engine` in memory: what runs, by namespace. It shares the fate of the machine it is on.

    Datagrams are the kernel's to carry, and how depends on `health`, by namespace.
    """

    def __init__(self, machine: fake.Machine) -> None:
        self._machine = machine
        self.running: dict[str, tree.Tree] = {}
        self.not_now = 0
        self.counted = 0
        self.converged = 0
        self.materials: dict[str, str] = {}
        self.observed = 0
        self.health: dict[str, int] = {}
        self._told: dict[str, int] = {}

    def rules(self, place: base.Place, wanted: tree.Tree) -> wiring.Rules:
        ports = sorted(each.protocol_port for each in wanted.listeners if each.protocol == "UDP")
        health = self._told[place.namespace] = self.health.get(place.namespace, 0)
        text = f"table inet vipool_test {{ # {ports} at {health}\n}}\n" if ports else ""
        return wiring.Rules(ruleset=text, forwarding=bool(ports))

    def converge(self, place: base.Place, wanted: tree.Tree, materials: Mapping[str, str] = spec.NO_MATERIALS) -> str:
        self.converged += 1
        self.materials = dict(materials)
        if self.not_now:
            self.not_now -= 1
            raise base.NotNow("a connection is still open")
        if self.running.get(place.namespace) == wanted:
            return ""
        self._machine.step(f"starting in {place.namespace}")
        self.running[place.namespace] = wanted
        return "started"

    def observe(self, place: base.Place, wanted: tree.Tree) -> spec.Observation | None:
        self.observed += 1
        if place.namespace not in self.running:
            return None
        return spec.Observation(
            frontends={each.id: "open" for each in wanted.listeners},
            backends={},
            servers={},
            counters={each.id: spec.Counters(total_connections=self.counted) for each in wanted.listeners},
        )

    def remove(self, place: base.Place) -> None:
        if place.namespace in self.running:
            self._machine.step(f"stopping in {place.namespace}")
            del self.running[place.namespace]

    def watch(self, places: Sequence[base.Place]) -> Mapping[str, str]:
        names = [place.namespace for place in places]
        other = {each: "its members changed" for each in names if self.health.get(each, 0) != self._told.get(each, 0)}
        return other | {each: base.GONE for each in names if each not in self.running}


class Agent:
    """One life of an agent, turned by hand: a new one knows nothing of the last."""

    def __init__(self, machine: fake.Machine, engine: Engine, server: fake.Server, clock: fake.Clock) -> None:
        self.server = server
        self.reports = outbox.Outbox()
        hand = realise.Hand(ground=machine, engines={"amphora": engine})
        self.loop = loop.Loop(hand, clock, fake.Inline(), self.reports)
        self.puller = run.Puller(server, self.loop, threading.Event())

    def pull(self) -> None:
        self.puller.once(0)

    def deliver(self) -> None:
        if taken := self.reports.take():
            run.deliver_once(self.server, self.reports, taken)

    def round(self) -> float:
        """Everything once."""
        self.pull()
        self.loop.turn()
        rest = self.loop.turn()  # what the pool did in the first is taken note of in the second
        self.deliver()
        return rest


def port(number: int, network: int, *addresses: str, gateways: tuple[str, ...] = ()) -> spec.Attachment:
    return spec.Attachment(
        port_id=f"{number:08x}-port",
        mac=f"fa:16:3e:00:00:{number:02x}",
        segment=SEGMENTS[network],
        addresses=addresses,
        gateways=gateways,
    )


def network(number: int, *, mtu: int = 1500) -> spec.Network:
    segment = spec.Segment(network_id=SEGMENTS[number].network_id, mtu=mtu)
    return spec.Network(id=segment.network_id, revision=0, segment=segment)


def router(number: int, *, floating: Sequence[int] = (), enabled: bool = True, inside: int = 1) -> spec.Router:
    return spec.Router(
        id=f"router-{number}",
        revision=0,
        enabled=enabled,
        interfaces=(port(16 + number, inside, "172.16.100.1/24"),),
        gateway=port(32 + number, 0, f"10.10.10.{1 + number}/24", gateways=("10.10.10.254",)),
        floating_ips=tuple(
            spec.FloatingIp(id=f"f{each}", external=f"10.10.10.{100 + each}", internal=f"172.16.100.{100 + each}")
            for each in floating
        ),
    )


def plug(number: int, target: str, *, on: int = 1) -> spec.Plug:
    attached = port(48 + number, on, f"172.16.100.{50 + number}/24", gateways=("172.16.100.1",))
    return spec.Plug(id=f"plug-{number}", revision=0, port=attached, target=target, device=f"eth{number}")


def balancer(
    number: int, *, ports: Sequence[int] = (80,), generation: int = 1, provider: str = "amphora"
) -> spec.LoadBalancer:
    identifier = f"balancer-{number}"
    listeners = tuple(
        listener.Listener(
            id=f"{identifier}-{each}",
            project_id="p",
            loadbalancer_id=identifier,
            protocol="UDP" if each == DNS else "TCP",
            protocol_port=each,
        )
        for each in ports
    )
    root = loadbalancer.LoadBalancer(id=identifier, project_id="p", generation=generation, provider=provider)
    return spec.LoadBalancer(
        id=identifier,
        revision=0,
        tree=tree.Tree(loadbalancer=root, listeners=listeners),
        vip=port(
            80 + number,
            1,
            f"172.16.{100 + (150 + number) // 256}.{(150 + number) % 256}/16",
            gateways=("172.16.100.1",),
        ),
    )
