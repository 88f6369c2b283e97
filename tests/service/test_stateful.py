"""Users write, a node does what it is told or fails, its words come late, twice, out of order, it dies and forgets.

Whatever happens, in whatever order: nothing is ever stuck, nothing is called ACTIVE that no node has realised, what has
settled never unsettles, and no address, port or row is left behind or held twice.
"""

import itertools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.service import world
from vipool.model import (
    attr,
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    port,
    spec,
    statistics,
    status,
    tree,
)
from vipool.service import act, desired, views
from vipool.store import memory, rows, trees

ROOT = loadbalancer.LoadBalancer
CHILDREN: tuple[type[tree.Child], ...] = tuple(tree.FIELDS)
PENDING = frozenset({"PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE"})
# What the server keeps of a node's word: no part of what a node must be.
KEPT = frozenset({"settled", "failed", "fault", "operating_status", "revision", "edition", "updated_at"})
UPDATES: Mapping[type[Any], tuple[dict[str, Any], ...]] = {
    ROOT: ({}, {"name": "n"}, {"admin_state_up": False}, {"admin_state_up": True}),
    listener.Listener: ({"connection_limit": 5}, {"default_pool_id": None}, {"admin_state_up": False}),
    pool.Pool: ({"lb_algorithm": "SOURCE_IP"}, {"session_persistence": {"type": "SOURCE_IP"}}),
    member.Member: ({"weight": 0}, {"weight": 7}, {"admin_state_up": False}, {"monitor_port": 81}),
    healthmonitor.HealthMonitor: ({"delay": 9}, {"max_retries_down": None}),
    l7policy.L7Policy: ({"position": 1}, {"position": 9}, {"action": "REJECT"}, {"admin_state_up": False}),
    l7rule.L7Rule: ({"invert": True}, {"value": "/y"}),
}


def about(cls: type[Any], verb: str, *also: str) -> act.Act:
    return world.about("l7rule" if cls is l7rule.L7Rule else cls.NOUN.wrapper, verb, *also)


def wanted(item: spec.LoadBalancer) -> Any:
    """An item without what the server keeps in it for itself."""
    plain = [{name: value for name, value in attr.dump(row).items() if name not in KEPT} for row in item.tree.rows()]
    return plain, item.vip, item.absent


class Life(RuleBasedStateMachine):
    """One service, one node, and the words between them."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.world = world.World(Path(self.directory.name))
        self.known = 0
        self.node: dict[str, spec.LoadBalancer] = {}
        self.words: list[spec.Report] = []
        self.realised: dict[str, int] = {}
        self.settled: dict[str, int] = {}
        self.mine: set[str] = set()
        self.ports = itertools.count(1)

    def teardown(self) -> None:
        self.catch_up()
        self.world.database.close()
        self.directory.cleanup()

    # Users

    def attempt(self, write: Callable[[], object]) -> None:
        """A write that may be refused, and then leaves no trace."""
        with self.world.database.read() as held:
            before = held.current()
        self.world.pass_time(1)
        try:
            write()
        except faults.Refusal:
            with self.world.database.read() as held:
                assert held.current() == before

    def pick(self, data: st.DataObject, cls: type[Any]) -> Any:
        with self.world.database.read() as held:
            found = rows.find(held, cls)
        return data.draw(st.sampled_from(found)) if found else None

    def any_of(self, cls: type[Any]) -> int:
        return self.world.count(cls)

    @rule(data=st.data(), whole=st.booleans())
    def create_a_load_balancer(self, data: st.DataObject, whole: bool) -> None:
        if self.any_of(ROOT) >= 4:
            return
        body: dict[str, Any] = {"vip_subnet_id": world.SUBNET}
        if whole:
            members = [
                {"address": f"10.0.0.{last}", "protocol_port": 80} for last in range(data.draw(st.integers(0, 3)))
            ]
            back = {"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members}
            front = {"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "p"}}
            body |= {"listeners": [front], "pools": [back]}
        elif data.draw(st.booleans()):
            body["vip_address"] = data.draw(st.sampled_from(["172.16.100.10", "172.16.100.77", "9.9.9.9"]))
        self.attempt(lambda: self.world.writer.create_root(world.POST, body))

    @rule()
    def create_a_load_balancer_on_a_port_of_the_user(self) -> None:
        request = port.Request(network_id=world.NETWORK, fixed_ips=((world.SUBNET, None),), project_id=world.PROJECT)
        if len(self.mine) < 2:
            with self.world.database.write() as held:
                self.mine.add(self.world.networks.create_port(held, world.MEMBER, request).id)
        for identifier in sorted(self.mine):
            body = {"vip_port_id": identifier}
            self.attempt(lambda body=body: self.world.writer.create_root(world.POST, body))  # type: ignore[misc]

    @precondition(lambda self: self.any_of(ROOT))
    @rule(data=st.data())
    def create_a_listener(self, data: st.DataObject) -> None:
        body = {"loadbalancer_id": self.pick(data, ROOT).id, "protocol": "HTTP"}
        body["protocol_port"] = data.draw(st.integers(80, 83))
        back = self.pick(data, pool.Pool) if data.draw(st.booleans()) else None
        if back is not None:
            body["default_pool_id"] = back.id
        self.create(listener.Listener, body)

    @precondition(lambda self: self.any_of(ROOT))
    @rule(data=st.data())
    def create_a_pool(self, data: st.DataObject) -> None:
        body = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
        front = self.pick(data, listener.Listener) if data.draw(st.booleans()) else None
        if front is not None:
            body["listener_id"] = front.id
        else:
            body["loadbalancer_id"] = self.pick(data, ROOT).id
        self.create(pool.Pool, body)

    @precondition(lambda self: self.any_of(pool.Pool))
    @rule(data=st.data())
    def create_a_member(self, data: st.DataObject) -> None:
        back = self.pick(data, pool.Pool)
        body = {"address": f"10.0.0.{data.draw(st.integers(0, 4))}", "protocol_port": 80}
        make = self.world.writer.create_below
        self.attempt(lambda: make(about(member.Member, "post"), member.Member, back.id, body))

    @precondition(lambda self: self.any_of(pool.Pool))
    @rule(data=st.data(), additive=st.booleans())
    def replace_members(self, data: st.DataObject, additive: bool) -> None:
        back = self.pick(data, pool.Pool)
        lasts = data.draw(st.lists(st.integers(0, 4), max_size=4))
        bodies = [{"address": f"10.0.0.{last}", "protocol_port": 80, "weight": len(lasts)} for last in lasts]
        replace = self.world.writer.replace_members
        what = about(member.Member, "post", "put", "delete")
        self.attempt(lambda: replace(what, back.id, bodies, additive=additive))

    @precondition(lambda self: self.any_of(pool.Pool))
    @rule(data=st.data())
    def create_a_monitor(self, data: st.DataObject) -> None:
        body = {"pool_id": self.pick(data, pool.Pool).id, "type": "HTTP", "delay": 5, "timeout": 2, "max_retries": 2}
        self.create(healthmonitor.HealthMonitor, body)

    @precondition(lambda self: self.any_of(listener.Listener))
    @rule(data=st.data())
    def create_a_policy(self, data: st.DataObject) -> None:
        body = {"listener_id": self.pick(data, listener.Listener).id, "action": "REJECT"}
        if data.draw(st.booleans()):
            body["position"] = data.draw(st.integers(1, 4))
        back = self.pick(data, pool.Pool) if data.draw(st.booleans()) else None
        if back is not None:
            body |= {"action": "REDIRECT_TO_POOL", "redirect_pool_id": back.id}
        self.create(l7policy.L7Policy, body)

    @precondition(lambda self: self.any_of(l7policy.L7Policy))
    @rule(data=st.data())
    def create_a_rule(self, data: st.DataObject) -> None:
        above = self.pick(data, l7policy.L7Policy)
        body = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/x"}
        make = self.world.writer.create_below
        self.attempt(lambda: make(about(l7rule.L7Rule, "post"), l7rule.L7Rule, above.id, body))

    def create(self, cls: type[tree.Child], body: dict[str, Any]) -> None:
        self.attempt(lambda: self.world.writer.create(about(cls, "post"), cls, body))

    @precondition(lambda self: self.any_of(ROOT))
    @rule(data=st.data())
    def update_something(self, data: st.DataObject) -> None:
        cls = data.draw(st.sampled_from((ROOT, *CHILDREN)))
        row = self.pick(data, cls)
        if row is None:
            return
        body = data.draw(st.sampled_from(UPDATES[cls]))
        writer, put = self.world.writer, about(cls, "put")
        if cls is ROOT:
            self.attempt(lambda: writer.update_root(put, row.id, body))
        else:
            self.attempt(lambda: writer.update(put, type(row), row.id, body))

    @precondition(lambda self: self.any_of(ROOT))
    @rule(data=st.data())
    def fail_over(self, data: st.DataObject) -> None:
        row = self.pick(data, ROOT)
        self.attempt(lambda: self.world.writer.fail_over(about(ROOT, "put"), row.id))

    @precondition(lambda self: self.any_of(ROOT))
    @rule(data=st.data(), cls=st.sampled_from(CHILDREN))
    def delete_a_child(self, data: st.DataObject, cls: type[tree.Child]) -> None:
        row = self.pick(data, cls)
        if row is not None:
            self.attempt(lambda: self.world.writer.delete(about(cls, "delete"), cls, row.id))

    @precondition(lambda self: self.any_of(ROOT))
    @rule(data=st.data(), cascade=st.booleans())
    def delete_a_load_balancer(self, data: st.DataObject, cascade: bool) -> None:
        row = self.pick(data, ROOT)
        remove = self.world.writer.delete_root
        self.attempt(lambda: remove(world.DELETE, row.id, cascade=cascade))

    # The node

    @rule(fails=st.booleans())
    def pull(self, fails: bool) -> None:
        """The node learns what changed, does it or fails, and has something to say."""
        self.learn()
        for item in self.node.values():
            if item.absent or item.generation > self.realised.get(item.id, 0):
                self.words.append(world.realised(item, fault="It could not." if fails else None))

    def learn(self) -> None:
        with self.world.database.read() as held:
            found = desired.desired(held, self.world.networks, self.world.secrets, known=self.known)
            whole = desired.desired(held, self.world.networks, self.world.secrets, known=0)
        balancers = [item for item in found.items if isinstance(item, spec.LoadBalancer)]
        if found.complete:
            self.node = {}
        self.node |= {item.id: item for item in balancers}
        self.known = found.revision
        complete = {item.id: wanted(item) for item in whole.items if isinstance(item, spec.LoadBalancer)}
        assert whole.complete
        # What was forgotten by the server had been taken away before; all the rest is the same by either way.
        self.node = {identifier: item for identifier, item in self.node.items() if identifier in complete}
        assert {identifier: wanted(item) for identifier, item in self.node.items()} == complete

    @precondition(lambda self: self.words)
    @rule(data=st.data(), again=st.booleans())
    def deliver(self, data: st.DataObject, again: bool) -> None:
        """One word arrives, in any order, and maybe once more later."""
        place = data.draw(st.integers(0, len(self.words) - 1))
        word = self.words[place] if again else self.words.pop(place)
        self.hear(word)

    def hear(self, word: spec.Report) -> None:
        if word.fault is None and not word.gone:
            self.realised[word.id] = max(word.generation, self.realised.get(word.id, 0))
        self.world.report(word)

    @rule()
    def die(self) -> None:
        """The node is gone with all it knew and all it had to say; another takes its place."""
        self.known = 0
        self.node = {}
        self.words = []

    @rule()
    def lose_the_memory(self) -> None:
        """The node forgets, while its words are still under way."""
        self.known = 0
        self.node = {}

    @rule()
    def catch_up(self) -> None:
        """A node that works says all there is to say: nothing is pending any more, and what was to go is gone."""
        self.known = 0
        self.learn()
        for item in self.node.values():
            self.hear(world.realised(item))
        self.check()
        for whole in self.trees():
            assert whole.loadbalancer.fault is None
            states = {views.provisioning(row, whole.loadbalancer.progress).value for row in whole.rows()}
            assert states == {"ACTIVE"}
            assert not any(row.dying for row in whole.rows())
        for item in self.node.values():
            with self.world.database.read() as held:
                assert (rows.get(held, ROOT, item.id) is None) == item.absent

    # What always holds

    def trees(self) -> tuple[tree.Tree, ...]:
        with self.world.database.read() as held:
            return trees.load_many(held, rows.find(held, ROOT))

    def check_memory(self, found: tuple[tree.Tree, ...]) -> None:
        with self.world.database.read() as held:
            held.trees = memory.Memory(most=0)
            assert found == trees.load_many(held, rows.find(held, ROOT)), "what is remembered is what is kept"

    @invariant()
    def check(self) -> None:
        found = self.trees()
        self.check_memory(found)
        for whole in found:
            self.check_progress(whole)
            self.check_family(whole)
        self.check_counts(found)
        self.check_addresses(found)

    def check_progress(self, whole: tree.Tree) -> None:
        root = whole.loadbalancer
        assert root.settled >= self.settled.get(root.id, 0), "what has settled never unsettles"
        self.settled[root.id] = root.settled
        assert root.settled <= self.realised.get(root.id, 0), "nothing settles that no node has realised"
        assert max(root.settled, root.failed) <= root.generation
        for row in whole.rows():
            state = views.provisioning(row, root.progress)
            assert row.touched <= root.generation
            assert (state.value in PENDING) <= (root.settled < row.touched)
            assert (state is status.Provisioning.ACTIVE) <= (row.touched <= self.realised.get(root.id, 0))
            assert (state is status.Provisioning.ERROR) <= (root.fault is not None)
            assert state is not status.Provisioning.DELETED

    def check_family(self, whole: tree.Tree) -> None:
        backs = {each.id: each for each in whole.pools}
        assert {each.pool_id for each in whole.members} | {each.pool_id for each in whole.healthmonitors} <= set(backs)
        for front in whole.live().listeners:
            assert front.default_pool_id is None or not backs[front.default_pool_id].dying
        for back in backs.values():
            watching = [each for each in whole.healthmonitors if each.pool_id == back.id and not each.dying]
            assert len(watching) <= 1
            live = [each for each in whole.members_of(back.id) if not each.dying]
            assert len({(each.address, each.protocol_port) for each in live}) == len(live)
            if back.dying:
                assert not live
                assert not watching

    def check_counts(self, found: tuple[tree.Tree, ...]) -> None:
        for cls in CHILDREN:
            assert self.world.count(cls) == sum(len(whole.children(cls)) for whole in found), f"an orphan {cls}"
        fronts = {front.id for whole in found for front in whole.listeners}
        with self.world.database.read() as held:
            assert {each.id for each in rows.find(held, statistics.Statistics)} <= fronts
            behind = {each.id for whole in found for each in whole.members}
            assert {each.id for each in rows.find(held, statistics.MemberStatistics)} <= behind

    def check_addresses(self, found: tuple[tree.Tree, ...]) -> None:
        with self.world.database.read() as held:
            ports = {each.id: each for each in rows.find(held, port.Port)}
            taken = rows.find(held, port.Allocation)
        used = {whole.loadbalancer.vip_port_id: whole.loadbalancer for whole in found}
        assert set(ports) == self.mine | set(used)
        for each in ports.values():
            root = used.get(each.id)
            assert (each.device_id, each.device_owner) == ((f"lb-{root.id}", "Octavia") if root else ("", ""))
            assert root is None or root.vip_address in each.addresses
        held_by = {(each.ip_address, each.port_id) for each in taken}
        assert held_by == {(address, each.id) for each in ports.values() for address in each.addresses}
        assert len({address for address, _ in held_by}) == len(held_by), "an address on two ports"


# A life takes as long as many a whole test: 30 of them, 600 where there is time (`make fuzz`).
TestLife = Life.TestCase
TestLife.settings = settings(max_examples=settings().max_examples * 3 // 10, stateful_step_count=40)
