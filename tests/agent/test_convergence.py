"""Whatever happens between a server and a node, the node becomes what was asked, says so, and then rests."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.agent import doubles
from vipool.agent import fake, pace
from vipool.core import node
from vipool.model import wiring
from vipool.providers import base

WEATHER = st.sampled_from(("fine", "lost", "unanswered", "doubled", "late"))
NUMBER = st.integers(0, 2)
PORTS = st.lists(st.sampled_from((80, 81, 443, doubles.DNS)), unique=True, max_size=3)


class Life(RuleBasedStateMachine):
    """A server that is written to, a node that lives and dies, and the weather between them."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = fake.Machine(foreign=("box-a", "box-b"))
        self.engine = doubles.Engine(self.machine)
        self.server = fake.Server()
        self.clock = fake.Clock()
        self.generation = 1
        self.agent = self.new_agent()
        for number in range(3):
            self.server.put(doubles.network(number))
        self.backup = self.server.snapshot()
        # Start in the middle of a life: most of what can go wrong needs something to be there.
        for item in (doubles.router(1, floating=(1,)), doubles.plug(1, "netns:box-a"), doubles.balancer(1)):
            self.server.put(item)
        self.agent.round()

    def new_agent(self) -> doubles.Agent:
        return doubles.Agent(self.machine, self.engine, self.server, self.clock)

    @contextlib.contextmanager
    def alive_or_reborn(self):
        try:
            yield
        except fake.Died:
            self.agent = self.new_agent()

    # What clients ask for.

    @rule(number=NUMBER, mtu=st.sampled_from((1400, 1500)))
    def ask_for_a_network(self, number, mtu):
        self.server.put(doubles.network(number, mtu=mtu))

    @rule(number=NUMBER, floating=st.sets(NUMBER), enabled=st.booleans(), inside=st.sampled_from((1, 2)))
    def ask_for_a_router(self, number, floating, enabled, inside):
        self.server.put(doubles.router(number, floating=sorted(floating), enabled=enabled, inside=inside))

    @rule(number=NUMBER, box=st.sampled_from(("netns:box-a", "netns:box-b")), on=st.sampled_from((1, 2)))
    def ask_for_a_plug(self, number, box, on):
        self.server.put(doubles.plug(number, box, on=on))

    @rule(number=NUMBER, ports=PORTS)
    def ask_for_a_load_balancer(self, number, ports):
        self.generation += 1
        self.server.put(doubles.balancer(number, ports=ports, generation=self.generation))

    @rule(which=st.integers(0, 20))
    def ask_for_a_removal(self, which):
        items = [item for item in self.server.items.values() if not isinstance(item, doubles.spec.Network)]
        if items:
            self.server.put(replace(items[which % len(items)], absent=True))

    # What the node does, and what becomes of its messages.

    @rule(weather=WEATHER)
    def pull(self, weather):
        self.server.weather = [weather]
        self.agent.pull()

    @rule(weather=WEATHER)
    def deliver(self, weather):
        self.server.weather = [weather]
        self.agent.deliver()

    @rule(weathers=st.lists(WEATHER, max_size=4))
    def live(self, weathers):
        self.server.weather = weathers
        with self.alive_or_reborn():
            self.agent.round()

    @rule(seconds=st.sampled_from((0.0, 0.3, 2.0, 70.0, 400.0)))
    def turn(self, seconds):
        self.clock.time += seconds
        with self.alive_or_reborn():
            self.agent.loop.turn()

    # What goes wrong.

    @rule(actions=st.integers(0, 12))
    def let_the_agent_die_soon(self, actions):
        self.machine.dies_in = actions

    @rule()
    def restart_the_agent(self):
        self.agent = self.new_agent()

    @rule(
        word=st.sampled_from(
            ("PlugDevice", "AddRoute", "LoadRuleset", "starting", "stopping", "DeleteNamespace", "announcing")
        )
    )
    def refuse(self, word):
        self.machine.refuses = {word}

    @rule()
    def refuse_nothing(self):
        self.machine.refuses = set()

    @rule(times=st.integers(1, 4))
    def be_busy(self, times):
        self.engine.not_now = times

    @rule(which=NUMBER)
    def kill_a_process(self, which):
        self.engine.running.pop(f"qlbaas-balancer-{which}", None)

    @rule(which=NUMBER, health=st.integers(0, 2))
    def change_the_health_of_members(self, which, health):
        self.engine.health[f"qlbaas-balancer-{which}"] = health

    @rule()
    def reboot(self):
        self.machine.reboot()
        self.engine.running.clear()
        self.agent = self.new_agent()

    @rule(which=st.integers(0, 20))
    def take_a_device_away(self, which):
        devices = [device for each in self.machine.namespaces.values() for device in each.devices]
        if devices:
            self.machine._delete_tap(devices[which % len(devices)].tap)

    @rule(name=st.sampled_from(("qrouter-orphan", "qlbaas-orphan", "qrouter-router-1", "qlbaas-balancer-1")))
    def leave_an_orphan(self, name):
        self.machine._perform(wiring.CreateNamespace(name=name))
        self.agent = self.new_agent()  # only an agent that dies leaves one

    @rule()
    def back_up_the_server(self):
        self.backup = self.server.snapshot()

    @rule()
    def restore_the_server(self):
        self.server.restore(self.backup)
        # It was restarted for that: whoever was asking it something got no answer.
        self.server.weather = ["lost"]
        self.agent.pull()

    # In the end.

    def teardown(self):
        self.server.weather.clear()
        self.machine.refuses, self.machine.dies_in, self.engine.not_now = set(), None, 0
        self.server.report([])
        for _ in range(4):
            self.agent.round()
            self.clock.time += pace.AUDIT["loadbalancer"] * 1.25
        self.agent.round()
        self.server.report([])
        self.everything_is_as_asked()
        self.server_knows()
        self.the_node_rests(self.agent)
        self.the_node_rests(self.new_agent())

    def everything_is_as_asked(self):
        assert not any(item.absent for item in self.server.items.values()), "a removal was not confirmed"
        items = [item for item in self.server.items.values()]
        for item in items:
            wanted = self.namespace(item)
            if wanted is not None and not wanted.foreign:
                assert wiring.canonical(self.machine.namespaces[wanted.name]) == wiring.canonical(wanted)
            elif wanted is not None:
                device = wiring.canonical(wanted).devices[0]
                assert device in wiring.canonical(self.machine.namespaces[wanted.name]).devices
            elif isinstance(item, doubles.spec.Network):
                assert self.machine.links[wiring_name(item)].mtu == item.segment.mtu
        disabled = {
            node.own_namespace(item) for item in items if isinstance(item, doubles.spec.Router) and not item.enabled
        }
        claimed = node.belongings(item for item in items if node.own_namespace(item) not in disabled)
        assert self.machine.belongings() == claimed
        assert self.engine.running == {
            f"qlbaas-{item.id}": item.tree for item in items if isinstance(item, doubles.spec.LoadBalancer)
        }

    def namespace(self, item):
        if not isinstance(item, doubles.spec.LoadBalancer):
            return node.namespace(item)
        place = base.Place(namespace=f"qlbaas-{item.id}", directory="")
        return node.loadbalancer(item, self.engine.rules(place, item.tree))

    def server_knows(self):
        for key, item in self.server.items.items():
            last = self.server.last(key)
            assert last is not None, f"nothing was said of {key}"
            assert (last.fault, last.revision, last.gone) == (None, item.revision, False)

    def the_node_rests(self, agent):
        self.machine.performed.clear()
        before = len(self.server.reports)
        agent.round()
        said = self.server.reports[before:]
        assert self.machine.performed == []
        assert all(each.fault is None for each in said)
        self.clock.time += 10
        before = len(self.server.reports)
        agent.round()
        assert self.machine.performed == []
        assert self.server.reports[before:] == []


def wiring_name(item):
    return f"brq{item.id[:11]}"


Life.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
