"""A load balancer made with its whole tree comes back as it was sent: every object of it, as if made alone."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import trips
from tests.api import ways as kinds
from tests.service import world
from vipool.core import graph, terms
from vipool.model import attr, faults, loadbalancer, tree

Body = dict[str, Any]
Ways = Mapping[str, trips.Trip]
# What names a place in the tree, or is decided by it.
PLACES = frozenset({"loadbalancer_id", "pool_id", "listener_id", "default_pool_id", "redirect_pool_id", "position"})
EXAMPLES = settings(suppress_health_check=list(HealthCheck), max_examples=max(settings().max_examples // 4, 10))


@pytest.fixture(scope="module")
def ways() -> Iterator[Ways]:
    with tempfile.TemporaryDirectory() as directory:
        ground = trips.Ground(Path(directory))
        yield kinds.every(ground)
        ground.cloud.database.close()


def part(data: st.DataObject, trip: trips.Trip) -> tuple[Body, Body]:
    """One object as it is sent in a tree, and as it should be shown."""
    body = trips.drawn(data, trip, None)
    return placeless(trips.sent(body)), placeless(trips.expected(trip, body, None))


def placeless(found: Body) -> Body:
    """An object without its place in a tree."""
    return {wire: value for wire, value in found.items() if wire not in PLACES}


def grown(ways: Ways, body: Body) -> bool:
    """Whether the rules allow a tree."""
    when = terms.Terms(generation=1, now=world.START)
    own = {key: value for key, value in body.items() if key not in {"listeners", "pools"}}
    values = attr.parse_create(loadbalancer.LoadBalancer, own)
    identity = {"id": "new", "project_id": world.PROJECT, "vip_address": "10.0.0.9"}
    root = loadbalancer.LoadBalancer.build({**values, **identity})
    new_id = world.identifiers()
    try:
        graph.build(tree.Tree(loadbalancer=root), body, graph.Step(when=when, new_id=new_id))
    except faults.Refusal:
        return False
    return True


class Drawing:
    """A tree that grows as long as the rules allow it; ``wanted`` has what each object should be shown as."""

    def __init__(self, data: st.DataObject, ways: Ways) -> None:
        self.data, self.ways = data, ways
        first = trips.drawn(data, ways["loadbalancer"], None)
        self.body: Body = trips.sent(first)
        self.root = trips.expected(ways["loadbalancer"], first, None)
        self.listeners: list[Body] = []
        self.pools: dict[str, Body] = {}
        self.body |= {"listeners": [], "pools": []}
        for number in range(data.draw(st.integers(0, 3))):
            self.pool(f"pool {number}")
        for _ in range(data.draw(st.integers(0, 3))):
            self.listener()

    def attempt(self, holder: list[Body], entry: Body) -> bool:
        """Add an entry, if the tree may have it."""
        holder.append(entry)
        if grown(self.ways, self.body):
            return True
        holder.pop()
        return False

    def put(self, holder: Body, key: str, entry: Any) -> bool:
        """Give an entry one more key, if the tree may have it."""
        holder[key] = entry
        if grown(self.ways, self.body):
            return True
        del holder[key]
        return False

    def pool(self, name: str) -> None:
        sent, wanted = part(self.data, self.ways["pool"])
        entry = {**sent, "name": name, "members": []}
        if not self.attempt(self.body["pools"], entry):
            return
        below: list[Body] = []
        for _ in range(self.data.draw(st.integers(0, 3))):
            member, shown = part(self.data, self.ways["member"])
            if self.attempt(entry["members"], member):
                below.append(shown)
        monitor, watched = part(self.data, self.ways["healthmonitor"])
        has_monitor = self.data.draw(st.booleans()) and self.put(entry, "healthmonitor", monitor)
        found = {**wanted, "name": name, "members": below}
        self.pools[name] = {**found, "healthmonitor": watched} if has_monitor else found

    def listener(self) -> None:
        sent, wanted = part(self.data, self.ways["listener"])
        entry = {**sent, "l7policies": []}
        if not self.attempt(self.body["listeners"], entry):
            return
        used = self.named(entry, "default_pool")
        policies = []
        for _ in range(self.data.draw(st.integers(0, 2))):
            shown = self.policy(entry)
            if shown is not None:
                policies.append({**shown, "position": len(policies) + 1})
        self.listeners.append({**wanted, "default_pool": used, "l7policies": policies})

    def policy(self, front: Body) -> Body | None:
        sent, wanted = part(self.data, self.ways["l7policy"])
        entry = {**sent, "rules": []}
        used = None
        if sent["action"] == "REDIRECT_TO_POOL":
            used = self.data.draw(st.sampled_from(sorted(self.pools))) if self.pools else "nothing"
            entry["redirect_pool"] = {"name": used}
        if not self.attempt(front["l7policies"], entry):
            return None
        rules = []
        for _ in range(self.data.draw(st.integers(0, 2))):
            rule, shown = part(self.data, self.ways["rule"])
            if self.attempt(entry["rules"], rule):
                rules.append(shown)
        return {**wanted, "redirect_pool": used, "rules": rules}

    def named(self, holder: Body, key: str) -> str | None:
        """A pool of the tree, mentioned or moved to where it is used."""
        if not self.pools or not self.data.draw(st.booleans()):
            return None
        name = self.data.draw(st.sampled_from(sorted(self.pools)))
        if not self.put(holder, key, {"name": name}):
            return None
        definition = next((each for each in self.body["pools"] if each["name"] == name), None)
        if definition is not None and self.data.draw(st.booleans()):
            self.body["pools"].remove(definition)
            holder[key] = definition
        return name


@EXAMPLES
@given(data=st.data())
def test_a_whole_tree_comes_back(ways, data):
    cloud = ways["pool"].ground.cloud
    drawn = Drawing(data, ways)
    made = cloud.make("loadbalancer", "/loadbalancers", **drawn.body)
    try:
        trips.agree(made, drawn.root, "vip_address", "vip_subnet_id", "vip_network_id", "vip_port_id")
        pools = {each["name"]: each for each in made["pools"]}
        assert sorted(pools) == sorted(drawn.pools)
        ids = {name: each["id"] for name, each in pools.items()} | {None: None}
        for name, wanted in drawn.pools.items():
            check_pool(cloud, pools[name], wanted)
        assert len(made["listeners"]) == len(drawn.listeners)
        for shown, wanted in zip(made["listeners"], drawn.listeners, strict=True):
            check_listener(cloud, shown, wanted, ids)
        whole = cloud.get(f"/loadbalancers/{made['id']}")["loadbalancer"]
        for key in ("listeners", "pools"):
            assert {each["id"] for each in whole[key]} == {each["id"] for each in made[key]}
    finally:
        assert cloud.call("DELETE", f"/loadbalancers/{made['id']}?cascade=true").status_code == 204
        cloud.settle()
    for each in (*made["listeners"], *made["pools"]):
        kind = "listeners" if "protocol_port" in each else "pools"
        assert cloud.call("GET", f"/{kind}/{each['id']}").status_code == 404


def check(cloud: Any, path: str, shown: Body, wanted: Body, *nested: str) -> None:
    """An object of the answer is what was sent, and is shown alone as in the answer."""
    own = {key: value for key, value in wanted.items() if key not in nested}
    trips.agree(shown, own)
    (alone,) = cloud.get(f"{path}/{shown['id']}").values()
    trips.agree(alone, own)


def check_pool(cloud: Any, shown: Body, wanted: Body) -> None:
    check(cloud, "/pools", shown, wanted, "members", "healthmonitor")
    assert ("healthmonitor" in shown) == ("healthmonitor" in wanted)
    if "healthmonitor" in wanted:
        check(cloud, "/healthmonitors", shown["healthmonitor"], wanted["healthmonitor"])
    assert len(shown["members"]) == len(wanted["members"])
    for each, of in zip(shown["members"], wanted["members"], strict=True):
        check(cloud, f"/pools/{shown['id']}/members", each, of)


def check_listener(cloud: Any, shown: Body, wanted: Body, ids: Mapping[str | None, str | None]) -> None:
    check(cloud, "/listeners", shown, wanted, "default_pool", "l7policies")
    assert shown["default_pool_id"] == ids[wanted["default_pool"]]
    assert len(shown["l7policies"]) == len(wanted["l7policies"])
    for each, of in zip(shown["l7policies"], wanted["l7policies"], strict=True):
        check(cloud, "/l7policies", each, of, "redirect_pool", "rules")
        assert each["redirect_pool_id"] == ids[of["redirect_pool"]]
        for rule, said in zip(each["rules"], of["rules"], strict=True):
            check(cloud, f"/l7policies/{each['id']}/rules", rule, said)
