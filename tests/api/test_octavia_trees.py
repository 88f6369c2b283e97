"""Whole trees through the load-balancer API: made by one call, their statuses, statistics, batches and deletion."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import healthmonitor, listener, loadbalancer, member, pool, port, spec, statistics
from vipool.store import rows

PICTURE = {
    "name": "picture",
    "vip_subnet_id": world.SUBNET,
    "listeners": [{**balancing.LISTENER, "name": "web", "default_pool": {"name": "webs"}}],
    "pools": [
        {
            **balancing.POOL,
            "name": "webs",
            "members": [balancing.MEMBER, {**balancing.MEMBER, "address": "172.16.100.21"}],
            "healthmonitor": balancing.MONITOR,
        }
    ],
}  # fmt: skip


def post(cloud, **values):
    return cloud.call("POST", "/loadbalancers", {"loadbalancer": {"vip_subnet_id": world.SUBNET, **values}})


def test_a_tree_is_answered_whole_and_shown_by_identifiers_later(cloud):
    made = cloud.make("loadbalancer", "/loadbalancers", **PICTURE)
    front, back = made["listeners"][0], made["pools"][0]
    assert (front["default_pool_id"], front["l7policies"], "loadbalancers" in front) == (back["id"], [], False)
    assert (back["listeners"], "loadbalancers" in back, "healthmonitor_id" in back) == (
        [{"id": front["id"]}],
        False,
        False,
    )
    assert [each["address"] for each in back["members"]] == ["172.16.100.20", "172.16.100.21"]
    assert {each["operating_status"] for each in back["members"]} == {"OFFLINE"}
    assert (back["healthmonitor"]["type"], "pools" in back["healthmonitor"]) == ("HTTP", False)
    everything = [made, front, back, *back["members"], back["healthmonitor"]]
    assert {each["provisioning_status"] for each in everything} == {"PENDING_CREATE"}
    cloud.settle()
    shown = cloud.get(f"/loadbalancers/{made['id']}")["loadbalancer"]
    assert (shown["listeners"], shown["pools"]) == ([{"id": front["id"]}], [{"id": back["id"]}])
    for path in ("/listeners", "/pools", "/healthmonitors", f"/pools/{back['id']}/members"):
        found = cloud.get(path)[path.rsplit("/", 1)[1]]
        assert {each["provisioning_status"] for each in found} == {"ACTIVE"}


def test_a_pool_may_be_defined_where_it_is_used_and_named_elsewhere(cloud):
    fronts = [
        {**balancing.LISTENER, "default_pool": {**balancing.POOL, "name": "p"}},
        {**balancing.LISTENER, "protocol_port": 81, "default_pool": {"name": "p"}},
    ]
    made = cloud.make("loadbalancer", "/loadbalancers", vip_subnet_id=world.SUBNET, listeners=fronts)
    assert [each["default_pool_id"] for each in made["listeners"]] == [made["pools"][0]["id"]] * 2
    assert len(made["pools"]) == 1


NAMED = "Validation failure: Pools must be named when creating a fully populated loadbalancer."


@pytest.mark.parametrize(
    ("values", "status", "sentence"),
    [
        ({"pools": [balancing.POOL]}, 400, NAMED),
        ({"listeners": [{**balancing.LISTENER, "default_pool": balancing.POOL}]}, 400, NAMED),
        (
            {"listeners": [{**balancing.LISTENER, "default_pool": {"name": "x"}}]},
            400,
            "Validation failure: Pool 'x' was referenced but no full definition was found.",
        ),
        (
            {"pools": [{**balancing.POOL, "name": "x"}, {**balancing.POOL, "name": "x"}]},
            400,
            "Validation failure: Pool names must be unique when creating a fully populated loadbalancer.",
        ),
        (
            {"pools": [{"name": "x", "protocol": "HTTP"}]},
            400,
            "Validation failure: Pool definition for 'x' missing required attribute: lb_algorithm",
        ),
        (
            {"pools": [{"name": "x", "description": "y"}]},
            400,
            "Validation failure: Pool definition for 'x' missing required attribute: protocol",
        ),
        (
            {"listeners": [{**balancing.LISTENER, "loadbalancer_id": world.SUBNET}]},
            400,
            "Unknown attribute for argument load_balancer.loadbalancer.listeners: loadbalancer_id",
        ),
        (
            {"pools": [{**balancing.POOL, "name": "x", "members": [{**balancing.MEMBER, "pool_id": "y"}]}]},
            400,
            "Unknown attribute for argument load_balancer.loadbalancer.pools.members: pool_id",
        ),
        (
            {"listeners": [balancing.LISTENER, balancing.LISTENER]},
            409,
            "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80",
        ),
        (
            {"pools": [{**balancing.POOL, "name": "x", "members": [balancing.MEMBER, balancing.MEMBER]}]},
            409,
            "Another member on this pool is already using ip 172.16.100.20 on protocol_port 80",
        ),
        (
            {"listeners": [{**balancing.LISTENER, "protocol": "TCP", "insert_headers": {"X-Forwarded-For": "true"}}]},
            400,
            "insert-headers is not a valid option for a TCP protocol listener.",
        ),
        (
            {"pools": [{**balancing.POOL, "name": "x", "healthmonitor": {**balancing.MONITOR, "pool_id": "y"}}]},
            400,
            "Unknown attribute for argument load_balancer.loadbalancer.pools.healthmonitor: pool_id",
        ),
    ],
)
def test_a_tree_that_cannot_be_is_refused_and_nothing_of_it_is_made(cloud, values, status, sentence):
    reply = post(cloud, **values)
    assert (reply.status_code, balancing.sentence(reply)) == (status, sentence)
    for cls in (loadbalancer.LoadBalancer, listener.Listener, pool.Pool, member.Member, port.Port, port.Allocation):
        assert cloud.count(cls) == 0


@pytest.mark.parametrize("hostile", [5, "x", {}, [5], [None], [[]], {"a": []}, True])
def test_no_shape_of_a_tree_is_an_internal_error(cloud, hostile):
    for values in (
        {"listeners": hostile},
        {"pools": hostile},
        {"listeners": [{**balancing.LISTENER, "default_pool": hostile}]},
        {"pools": [{**balancing.POOL, "name": [hostile]}]},
        {"pools": [{**balancing.POOL, "name": "p", "members": hostile}]},
        {"pools": [{**balancing.POOL, "name": "p", "healthmonitor": hostile}]},
        {"pools": [{"name": "p", "protocol": hostile, "lb_algorithm": hostile}]},
        {"pools": [{**balancing.POOL, "name": "p", "healthmonitor": {**balancing.MONITOR, "type": hostile}}]},
    ):
        reply = post(cloud, **values)
        assert reply.status_code == 400, (values, reply.text)


def test_statuses_are_the_tree_that_the_listeners_reach(cloud):
    made = cloud.make("loadbalancer", "/loadbalancers", **PICTURE)
    front, back = made["listeners"][0], made["pools"][0]
    loose = cloud.pool(made["id"])
    bare = cloud.listener(made["id"], protocol_port=81)
    cloud.settle()

    def state(row, **more):
        return {
            "id": row["id"],
            "name": row["name"],
            "provisioning_status": "ACTIVE",
            "operating_status": "ONLINE",
            **more,
        }

    expected = {
        "statuses": {
            "loadbalancer": state(
                made,
                listeners=[
                    state(
                        front,
                        pools=[
                            state(
                                back,
                                health_monitor=state(back["healthmonitor"], type="HTTP"),
                                members=[
                                    state(each, address=each["address"], protocol_port=80) for each in back["members"]
                                ],
                            )
                        ],
                    ),
                    state(bare, pools=[]),
                ],
            )
        }
    }
    assert cloud.get(f"/loadbalancers/{made['id']}/status") == expected
    assert cloud.get(f"/loadbalancers/{made['id']}/statuses") == expected
    cloud.call("DELETE", f"/healthmonitors/{back['healthmonitor']['id']}")
    cloud.settle()
    shown = cloud.get(f"/loadbalancers/{made['id']}/status")["statuses"]["loadbalancer"]["listeners"][0]["pools"][0]
    assert "health_monitor" not in shown
    assert loose["id"] not in str(expected)


def test_statistics_are_zero_until_something_is_known_and_then_a_sum(cloud):
    root = cloud.balancer()["id"]
    fronts = [cloud.listener(root, protocol_port=number)["id"] for number in (80, 81)]
    zeros = dict.fromkeys(("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections"), 0)
    assert cloud.get(f"/loadbalancers/{root}/stats") == {"stats": zeros}
    cloud.settle()
    one = {**zeros, "total_connections": 3, "bytes_in": 5}
    assert cloud.get(f"/listeners/{fronts[0]}/stats") == {"stats": one}
    assert cloud.get(f"/loadbalancers/{root}/stats")["stats"]["total_connections"] == 6
    cloud.call("DELETE", f"/listeners/{fronts[0]}")
    cloud.settle()
    assert cloud.get(f"/loadbalancers/{root}/stats")["stats"]["total_connections"] == 3
    assert cloud.count(statistics.Statistics) == 1


def test_members_have_statistics_of_their_own_as_long_as_they_are_there(cloud):
    root = cloud.balancer()["id"]
    back, other = cloud.pool(root)["id"], cloud.pool(root, name="other")["id"]
    one, two = (cloud.make("member", f"/pools/{back}/members", **entry(last))["id"] for last in (1, 2))
    base = "/load-balancer/vipool/v1/pools"
    zeros = dict.fromkeys(("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections"), 0)
    assert cloud.get(f"{base}/{back}/members/{one}/stats") == {"stats": zeros}
    cloud.settle()
    counted = {**zeros, "total_connections": 2, "bytes_out": 7}
    assert cloud.get(f"{base}/{back}/members/{one}/stats") == {"stats": counted}
    assert cloud.get(f"/loadbalancers/{root}/stats") == {"stats": zeros}, "members are not added to their listeners"
    assert cloud.call("GET", f"{base}/{other}/members/{one}/stats").status_code == 404
    assert cloud.call("GET", f"{base}/{back}/members/{one}/stats", who="stranger").status_code == 403
    cloud.call("DELETE", f"/pools/{back}/members/{one}")
    cloud.settle()
    assert cloud.call("GET", f"{base}/{back}/members/{one}/stats").status_code == 404
    with cloud.database.read() as held:
        assert [each.id for each in rows.find(held, statistics.MemberStatistics)] == [two]


def test_a_cascade_takes_everything_and_frees_the_address(cloud):
    made = cloud.make("loadbalancer", "/loadbalancers", **PICTURE)
    cloud.settle()
    assert cloud.call("DELETE", f"/loadbalancers/{made['id']}?cascade=True").status_code == 204
    shown = cloud.get(f"/loadbalancers/{made['id']}")["loadbalancer"]
    assert shown["provisioning_status"] == "PENDING_DELETE"
    assert {each["provisioning_status"] for each in cloud.get("/listeners")["listeners"]} == {"ACTIVE"}
    cloud.settle()
    assert cloud.call("GET", f"/loadbalancers/{made['id']}").status_code == 404
    for cls in (loadbalancer.LoadBalancer, listener.Listener, pool.Pool, member.Member, healthmonitor.HealthMonitor,
                statistics.Statistics, statistics.MemberStatistics, port.Port, port.Allocation):  # fmt: skip
        assert cloud.count(cls) == 0
    assert cloud.balancer()["vip_address"] == made["vip_address"]


def batch(cloud, back, bodies, query=""):
    reply = cloud.call("PUT", f"/pools/{back}/members{query}", {"members": bodies})
    assert (reply.status_code, reply.content) == (202, b""), reply.text


def members(cloud, back):
    return {each["address"]: each for each in cloud.get(f"/pools/{back}/members")["members"]}


def entry(last, **more):
    return {"address": f"10.0.0.{last}", "protocol_port": 80, **more}


def test_a_batch_makes_changes_and_removes_members_at_once(cloud):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    batch(cloud, back, [entry(1, name="one", weight=5, tags=["t"], backup=True, monitor_port=81), entry(2)])
    cloud.settle()
    before = members(cloud, back)
    batch(cloud, back, [entry(1), entry(3)])
    found = members(cloud, back)
    assert {address: each["provisioning_status"] for address, each in found.items()} == {
        "10.0.0.1": "PENDING_UPDATE",
        "10.0.0.2": "PENDING_DELETE",
        "10.0.0.3": "PENDING_CREATE",
    }
    one = found["10.0.0.1"]
    assert one["id"] == before["10.0.0.1"]["id"]
    assert {name: one[name] for name in ("name", "weight", "tags", "backup", "monitor_port")} == {
        "name": "one",
        "weight": 1,
        "tags": ["t"],
        "backup": False,
        "monitor_port": None,
    }
    assert cloud.get(f"/pools/{back}")["pool"]["provisioning_status"] == "PENDING_UPDATE"
    cloud.settle()
    assert set(members(cloud, back)) == {"10.0.0.1", "10.0.0.3"}
    batch(cloud, back, [])
    cloud.settle()
    assert members(cloud, back) == {}


@pytest.mark.parametrize("word", ["true", "True", "1", "yes"])
def test_an_additive_batch_removes_nothing(cloud, word):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    batch(cloud, back, [entry(1)])
    cloud.settle()
    batch(cloud, back, [entry(2)], query=f"?additive_only={word}")
    cloud.settle()
    assert set(members(cloud, back)) == {"10.0.0.1", "10.0.0.2"}


def test_a_batch_that_changes_nothing_touches_nothing(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    cloud.settle()
    batch(cloud, back, [])
    batch(cloud, back, [entry(1)])
    cloud.settle()
    batch(cloud, back, [], query="?additive_only=true")
    assert cloud.get(f"/pools/{back}")["pool"]["provisioning_status"] == "ACTIVE"


def test_a_batch_names_no_member_twice(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    batch(cloud, back, [entry(1)])
    twice = cloud.call("PUT", f"/pools/{back}/members", {"members": [entry(1), entry(1)]})
    assert (twice.status_code, balancing.sentence(twice)) == (
        400,
        "Validation failure: Member must be updated only once in the same request.",
    )
    new = cloud.call("PUT", f"/pools/{back}/members", {"members": [entry(2), entry(2)]})
    assert (new.status_code, balancing.sentence(new)) == (
        409,
        "Another member on this pool is already using ip 10.0.0.2 on protocol_port 80",
    )
    known = cloud.call("PUT", f"/pools/{back}/members", {"members": [entry(2, id="x")]})
    assert (known.status_code, balancing.sentence(known)) == (
        400,
        "Unknown attribute for argument member_.member: id",
    )


def test_a_pool_that_goes_takes_its_own_and_leaves_its_listener(cloud):
    made = cloud.make("loadbalancer", "/loadbalancers", **PICTURE)
    cloud.settle()
    assert cloud.call("DELETE", f"/pools/{made['pools'][0]['id']}").status_code == 204
    front = cloud.get(f"/listeners/{made['listeners'][0]['id']}")["listener"]
    assert (front["default_pool_id"], front["provisioning_status"]) == (None, "PENDING_UPDATE")
    cloud.settle()
    assert [cloud.count(cls) for cls in (pool.Pool, member.Member, healthmonitor.HealthMonitor)] == [0, 0, 0]
    assert cloud.get(f"/listeners/{front['id']}")["listener"]["provisioning_status"] == "ACTIVE"


def test_a_monitor_can_be_replaced_while_the_old_one_is_going(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    old = cloud.monitor(back)["id"]
    cloud.settle()
    cloud.call("DELETE", f"/healthmonitors/{old}")
    new = cloud.monitor(back)["id"]
    assert cloud.get(f"/pools/{back}")["pool"]["healthmonitor_id"] == new
    third = cloud.call("POST", "/healthmonitors", {"healthmonitor": {**balancing.MONITOR, "pool_id": back}})
    assert third.status_code == 409
    cloud.settle()
    assert [each["id"] for each in cloud.get("/healthmonitors")["healthmonitors"]] == [new]


def test_a_disabled_load_balancer_and_listener_are_offline(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    cloud.settle()
    assert cloud.get(f"/listeners/{front}")["listener"]["operating_status"] == "ONLINE"
    cloud.change("listener", f"/listeners/{front}", admin_state_up=False)
    quiet = spec.Observation(frontends={}, backends={}, servers={}, counters={})
    item = cloud.balancers()[0]
    cloud.report(spec.Report(kind="loadbalancer", id=root, generation=item.generation, observation=quiet))
    shown = cloud.get(f"/listeners/{front}")["listener"]
    assert (shown["operating_status"], shown["provisioning_status"], shown["admin_state_up"]) == (
        "OFFLINE",
        "ACTIVE",
        False,
    )
    cloud.change("loadbalancer", f"/loadbalancers/{root}", admin_state_up=False)
    item = cloud.balancers()[0]
    cloud.report(spec.Report(kind="loadbalancer", id=root, generation=item.generation, observation=quiet))
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["operating_status"] == "OFFLINE"


def test_writes_are_accepted_while_one_is_under_way(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    cloud.change("listener", f"/listeners/{front}", name="a")
    cloud.change("listener", f"/listeners/{front}", name="b")
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["provisioning_status"] == "PENDING_CREATE"
    cloud.settle()
    assert cloud.get(f"/listeners/{front}")["listener"]["name"] == "b"


def test_a_failure_says_why_until_the_next_success(cloud):
    root = cloud.balancer()["id"]
    cloud.settle(fault="There is no haproxy on this node: install it.")
    shown = cloud.get(f"/loadbalancers/{root}")["loadbalancer"]
    assert (shown["provisioning_status"], shown["provisioning_fault"]) == (
        "ERROR",
        "There is no haproxy on this node: install it.",
    )
    assert cloud.change("loadbalancer", f"/loadbalancers/{root}", name="x")["provisioning_status"] == "PENDING_CREATE"
    cloud.settle()
    shown = cloud.get(f"/loadbalancers/{root}")["loadbalancer"]
    assert (shown["provisioning_status"], shown["provisioning_fault"]) == ("ACTIVE", None)
