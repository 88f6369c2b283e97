"""Writes to a tree: what they change, what they stamp, and what they refuse."""

import datetime
from typing import Any

import pytest

from vipool.core import admit, batch, graph, terms
from vipool.model import (
    attr,
    deployment,
    faults,
    healthmonitor,
    listener,
    loadbalancer,
    member,
    pool,
    status,
    tree,
)

NOW = datetime.datetime(2026, 1, 1)
PROJECT = "a-project"
PARENTS = frozenset({"loadbalancer_id", "pool_id", "listener_id"})
ARGUMENTS: dict[Any, dict[str, Any]] = {
    listener.Listener: {"protocol": "HTTP", "protocol_port": 80},
    pool.Pool: {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"},
    member.Member: {"address": "10.0.0.1", "protocol_port": 80},
    healthmonitor.HealthMonitor: {"type": "TCP", "delay": 5, "timeout": 2, "max_retries": 1},
}


def row(cls: Any, identifier: str, parents: dict[str, str] | None = None, **body: Any) -> Any:
    values = attr.parse_create(cls, {**ARGUMENTS[cls], **body}, without=PARENTS)
    return cls.build({"id": identifier, "project_id": "", "loadbalancer_id": "", **values, **(parents or {})})


def root(**values: Any) -> tree.Tree:
    made = loadbalancer.LoadBalancer(id="lb", project_id=PROJECT, vip_address="10.0.0.9", **values)
    return tree.Tree(loadbalancer=made)


def when(whole: tree.Tree) -> terms.Terms:
    return terms.below(whole, NOW, deployment.USUAL)


def grown() -> tree.Tree:
    """A listener with a pool, two members and a monitor, all realised."""
    whole = root()
    whole = admit.create(whole, row(pool.Pool, "p"), when(whole))
    whole = admit.create(whole, row(listener.Listener, "l", default_pool_id=None), when(whole))
    whole = admit.update(whole, listener.Listener, "l", {"default_pool_id": "p"}, when(whole))
    for place in (1, 2):
        made = row(member.Member, f"m{place}", {"pool_id": "p"}, address=f"10.0.0.{place}")
        whole = admit.create(whole, made, when(whole))
    whole = admit.create(whole, row(healthmonitor.HealthMonitor, "h", {"pool_id": "p"}), when(whole))
    balancer = whole.loadbalancer
    return whole.replacing(balancer.having({"settled": balancer.generation}))


def pending(whole: tree.Tree) -> set[str]:
    progress = whole.loadbalancer.progress
    return {
        each.id
        for each in whole.rows()
        if status.provisioning(born=each.born, touched=each.touched, dying=each.dying, progress=progress).startswith(
            "PENDING"
        )
    }


def test_every_write_raises_the_generation_by_one():
    before = grown()
    after = admit.update_root(before, {"name": "new"}, when(before))
    assert after.loadbalancer.generation == before.loadbalancer.generation + 1
    assert (after.loadbalancer.name, after.loadbalancer.updated_at) == ("new", NOW)
    assert pending(after) == {"lb"}


def test_a_new_row_belongs_to_the_project_of_its_load_balancer():
    whole = admit.create(root(), row(listener.Listener, "l"), when(root()))
    assert [(each.project_id, each.loadbalancer_id, each.created_at) for each in whole.listeners] == [
        (PROJECT, "lb", NOW)
    ]


@pytest.mark.parametrize(
    ("cls", "identifier", "shown"),
    [
        (listener.Listener, "l", {"lb", "l"}),
        (pool.Pool, "p", {"lb", "l", "p"}),
        (member.Member, "m1", {"lb", "l", "p", "m1"}),
        (healthmonitor.HealthMonitor, "h", {"lb", "l", "p", "h"}),
    ],
)
def test_a_change_shows_on_everything_above_it(cls, identifier, shown):
    before = grown()
    after = admit.update(before, cls, identifier, {"name": "x"}, when(before))
    assert pending(after) == shown


def test_a_pool_takes_its_members_and_monitor_with_it_and_frees_its_listener():
    before = grown()
    after = admit.delete(before, pool.Pool, "p", when(before))
    assert {each.id for each in after.rows() if each.dying} == {"p", "m1", "m2", "h"}
    assert after.listeners[0].default_pool_id is None
    assert pending(after) >= {"lb", "l", "p"}
    assert [each.id for each in after.live().rows()] == ["lb", "l"]


def test_members_without_a_monitor_say_so():
    before = grown()
    assert [each.operating_status for each in before.members] == ["NO_MONITOR", "NO_MONITOR"]
    more = admit.create(before, row(member.Member, "m3", {"pool_id": "p"}, address="10.0.0.3"), when(before))
    assert more.members[-1].operating_status == "OFFLINE"
    after = admit.delete(more, healthmonitor.HealthMonitor, "h", when(more))
    assert {each.operating_status for each in after.members} == {"NO_MONITOR"}


def test_a_load_balancer_with_children_goes_only_by_cascade():
    before = grown()
    with pytest.raises(faults.Invalid, match="Cannot delete Load Balancer lb - it has children"):
        admit.delete_root(before, cascade=False, when=when(before))
    after = admit.delete_root(before, cascade=True, when=when(before))
    assert pending(after) == {"lb"}
    with pytest.raises(faults.Conflict, match="immutable"):
        when(after)


def test_what_is_going_cannot_be_written_to():
    before = grown()
    after = admit.delete(before, member.Member, "m1", when(before))
    with pytest.raises(faults.Conflict, match="Member m1 is immutable"):
        admit.update(after, member.Member, "m1", {"weight": 2}, when(after))
    with pytest.raises(faults.NotFound, match="Member nobody not found"):
        admit.delete(after, member.Member, "nobody", when(after))


def test_a_pool_made_for_no_listener_stands_by_itself():
    after = admit.create_pool(root(), row(pool.Pool, "p"), None, when(root()))
    assert [each.id for each in after.pools] == ["p"]


def test_a_write_to_what_is_not_there_says_so():
    with pytest.raises(faults.NotFound, match="Pool gone not found"):
        admit.update(root(), pool.Pool, "gone", {"name": "x"}, when(root()))


def test_a_pool_made_for_a_listener_becomes_its_default_pool():
    whole = admit.create(root(), row(listener.Listener, "l"), when(root()))
    after = admit.create_pool(whole, row(pool.Pool, "p"), "l", when(whole))
    assert after.listeners[0].default_pool_id == "p"
    assert pending(after) == {"lb", "l", "p"}
    with pytest.raises(faults.Conflict, match="already has a default pool"):
        admit.create_pool(after, row(pool.Pool, "q"), "l", when(after))


@pytest.mark.parametrize(
    ("cls", "parents", "body", "sentence"),
    [
        (listener.Listener, {}, {"protocol_port": 80}, "already using protocol HTTP and protocol_port 80"),
        (listener.Listener, {}, {"protocol_port": 81, "default_pool_id": "0" * 32}, "Pool .* not found"),
        (listener.Listener, {}, {"protocol": "TCP", "protocol_port": 80}, "already using protocol HTTP"),
        (
            listener.Listener,
            {},
            {"protocol": "TCP", "protocol_port": 81, "insert_headers": {"X-Forwarded-For": "true"}},
            "insert-headers is not a valid option for a TCP",
        ),
        (listener.Listener, {}, {"protocol_port": 81, "insert_headers": {"Evil": "true"}}, "not a valid option"),
        (
            listener.Listener,
            {},
            {"protocol_port": 81, "insert_headers": {"X-SSL-Client-CN": "true"}},
            "not a valid option for HTTP protocol listener",
        ),
        (listener.Listener, {}, {"protocol_port": 81, "allowed_cidrs": ["2001:db8::/32"]}, "IP version incompatible"),
        (pool.Pool, {}, {"session_persistence": {"type": None}}, "Invalid session_persistence"),
        (pool.Pool, {}, {"session_persistence": {"type": "APP_COOKIE"}}, "must be specified"),
        (
            pool.Pool,
            {},
            {"session_persistence": {"type": "SOURCE_IP", "cookie_name": "a"}},
            "can only be specified with",
        ),
        (
            pool.Pool,
            {},
            {"session_persistence": {"type": "APP_COOKIE", "cookie_name": "a=b"}},
            '"cookie_name" is invalid',
        ),
        (
            pool.Pool,
            {},
            {"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 5}},
            "only for UDP and SCTP",
        ),
        (
            pool.Pool,
            {},
            {"protocol": "UDP", "session_persistence": {"type": "HTTP_COOKIE"}},
            "not supported for UDP/SCTP",
        ),
        (
            pool.Pool,
            {},
            {"protocol": "UDP", "session_persistence": {"type": "SOURCE_IP", "cookie_name": "a"}},
            "only accepts",
        ),
        (member.Member, {"pool_id": "p"}, {"address": "10.0.0.1"}, "already using ip 10.0.0.1 on protocol_port 80"),
        (member.Member, {"pool_id": "p"}, {"address": "169.254.169.254"}, "not a valid option for member address"),
        (member.Member, {"pool_id": "nowhere"}, {}, "Pool nowhere not found"),
        (healthmonitor.HealthMonitor, {"pool_id": "p"}, {}, "already has a health monitor"),
        (healthmonitor.HealthMonitor, {"pool_id": "p2"}, {"type": "UDP-CONNECT"}, "only supported for pools of type"),
        (healthmonitor.HealthMonitor, {"pool_id": "u"}, {"type": "PING"}, "so only a UDP-CONNECT/SCTP/TCP/HTTP"),
        (healthmonitor.HealthMonitor, {"pool_id": "p2"}, {"domain_name": "a.b"}, "'http_version' must be specified"),
        (
            healthmonitor.HealthMonitor,
            {"pool_id": "p2"},
            {"domain_name": "a.b", "http_version": 1.0},
            "http_version 1.0 is not a valid option",
        ),
    ],
)
def test_what_contradicts_the_rest_of_the_tree_is_refused(cls, parents, body, sentence):
    before = grown()
    for identifier, protocol in (("p2", "HTTP"), ("u", "UDP")):
        before = admit.create(before, row(pool.Pool, identifier, protocol=protocol), when(before))
    with pytest.raises(faults.Refusal, match=sentence):
        admit.create(before, row(cls, "new", parents, **body), when(before))


def test_a_pool_cannot_stand_behind_a_listener_of_another_kind():
    before = admit.create(grown(), row(pool.Pool, "t", protocol="TCP"), when(grown()))
    with pytest.raises(faults.Invalid, match="'TCP' is invalid while the listener protocol is 'HTTP'"):
        admit.update(before, listener.Listener, "l", {"default_pool_id": "t"}, when(before))
    metrics = admit.create(before, row(listener.Listener, "x", protocol="PROMETHEUS", protocol_port=9), when(before))
    with pytest.raises(faults.Invalid, match="cannot have child objects"):
        admit.update(metrics, listener.Listener, "x", {"default_pool_id": "p"}, when(metrics))


def test_ports_are_shared_only_across_transports():
    before = grown()
    after = admit.create(before, row(listener.Listener, "u", protocol="UDP", protocol_port=80), when(before))
    assert len(after.listeners) == 2


def test_a_batch_adds_changes_and_removes_in_one_write():
    before = grown()
    entries = [
        row(member.Member, "new", {"pool_id": "p"}, address="10.0.0.7"),
        row(member.Member, "any", {"pool_id": "p"}, address="10.0.0.1", weight=5, name="one"),
    ]
    after = batch.replace(before, "p", entries, additive=False, when=when(before))
    assert after.loadbalancer.generation == before.loadbalancer.generation + 1
    assert {(each.id, each.dying) for each in after.members} == {("m1", False), ("m2", True), ("new", False)}
    assert (after.members[0].weight, after.members[0].name) == (5, "one")


def test_an_additive_batch_removes_nothing_and_an_empty_one_changes_nothing():
    before = grown()
    assert batch.replace(before, "p", [], additive=True, when=when(before)) is before
    after = batch.replace(before, "p", [], additive=False, when=when(before))
    assert all(each.dying for each in after.members)


def test_a_batch_names_nobody_twice():
    before = grown()
    known = [row(member.Member, name, {"pool_id": "p"}, address="10.0.0.1") for name in "ab"]
    with pytest.raises(faults.Invalid, match="updated only once"):
        batch.replace(before, "p", known, additive=False, when=when(before))
    new = [row(member.Member, name, {"pool_id": "p"}, address="10.0.0.8") for name in "ab"]
    with pytest.raises(faults.Conflict, match=r"already using ip 10\.0\.0\.8"):
        batch.replace(before, "p", new, additive=False, when=when(before))


def test_two_spellings_of_an_address_are_one_member():
    before = grown()
    entries = [row(member.Member, name, {"pool_id": "p"}, address=name) for name in ("2001:db8::1", "2001:DB8:0::1")]
    with pytest.raises(faults.Conflict):
        batch.replace(before, "p", entries, additive=True, when=when(before))


def test_ten_thousand_members_are_one_write():
    before = grown()
    entries = [
        row(member.Member, f"m{place}", {"pool_id": "p"}, address=f"10.1.{place // 250}.{place % 250}")
        for place in range(10_000)
    ]
    after = batch.replace(before, "p", entries, additive=False, when=when(before))
    assert len(after.live().members) == 10_000


def names(count: int = 10_000):
    return iter(f"00000000-0000-4000-8000-{place:012d}" for place in range(count))


def built(body: dict[str, Any]) -> tree.Tree:
    ids = names()
    step = graph.Step(when=terms.Terms(generation=1, now=NOW), new_id=lambda: next(ids))
    return graph.build(root(), body, step)


POOL = {"name": "webs", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}


def test_a_single_call_builds_the_whole_tree_in_one_generation():
    monitor = {"type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1}
    members = [{"address": "10.0.0.1", "protocol_port": 80}, {"address": "10.0.0.2", "protocol_port": 80}]
    definition = {**POOL, "members": members, "healthmonitor": monitor}
    fronts = [
        {"protocol": "HTTP", "protocol_port": 80, "default_pool": definition, "l7policies": []},
        {"protocol": "HTTP", "protocol_port": 81, "default_pool": {"name": "webs"}},
    ]
    whole = built({"listeners": fronts})
    assert {each.default_pool_id for each in whole.listeners} == {whole.pools[0].id}
    assert len(whole.members) == 2
    assert (whole.healthmonitors[0].url_path, whole.healthmonitors[0].expected_codes) == ("/", "200")
    assert {each.touched for each in whole.rows()} == {1}
    assert {each.operating_status for each in whole.members} == {"OFFLINE"}


def test_a_single_call_builds_policies_that_lead_to_named_pools():
    rule = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
    policies = [
        {"action": "REJECT", "rules": [rule, {**rule, "value": "/x"}]},
        {"action": "REDIRECT_TO_POOL", "redirect_pool": {**POOL, "name": "other"}, "position": 1},
    ]
    front = {"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "webs"}, "l7policies": policies}
    whole = built({"pools": [POOL], "listeners": [front]})
    other = next(each for each in whole.pools if each.name == "other")
    first, second = whole.policies_of(whole.listeners[0].id)
    assert (first.redirect_pool_id, second.action) == (other.id, "REJECT")
    assert [each.value for each in whole.rules_of(second.id)] == ["/", "/x"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"pools": [{"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}]}, "Pools must be named"),
        ({"pools": [{"name": "a"}]}, "Pool 'a' was referenced but no full definition was found"),
        ({"pools": [POOL, POOL]}, "Pool names must be unique"),
        ({"pools": [{"name": "a", "protocol": "HTTP"}]}, "missing required attribute: lb_algorithm"),
        ({"pools": "webs"}, "not a valid list of objects"),
        ({"listeners": [{"protocol": "HTTP", "protocol_port": 80, "default_pool": "webs"}]}, "should be an object"),
        ({"pools": [{**POOL, "healthmonitor": "TCP"}]}, "should be an object"),
        ({"pools": [{**POOL, "members": [{"address": "x", "protocol_port": 1}]}]}, "IPv4 or IPv6"),
        (
            {"listeners": [{"protocol": "HTTP", "protocol_port": 80, "loadbalancer_id": "x"}]},
            "load_balancer.loadbalancer.listeners: loadbalancer_id",
        ),
        (
            {
                "pools": [
                    {
                        **POOL,
                        "healthmonitor": {"type": "TCP", "delay": 1, "timeout": 1, "max_retries": 1, "url_path": "/"},
                    }
                ]
            },
            "url_path is not a valid option",
        ),
    ],
)
def test_a_tree_is_refused_as_its_objects_would_be(body, sentence):
    with pytest.raises(faults.Refusal, match=sentence):
        built(body)
