"""The conditions of load balancers over HTTP: of one, of all, as metrics; who may read them."""

import dataclasses
import re

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import condition, spec

BASE = "/load-balancer/vipool/v1"
NOWHERE = "99999999-0000-4000-8000-000000000000"


def told(cloud, item: spec.LoadBalancer, *names: condition.Name) -> None:
    """What a node says is wrong with a load balancer as a whole."""
    found = tuple(
        spec.Condition(name=name, object_type="loadbalancer", object_id=item.id, measured="9 of 9 places are taken.")
        for name in names
    )
    observation = dataclasses.replace(world.serving(item), conditions=found)
    cloud.report(dataclasses.replace(world.realised(item), observation=observation))


@pytest.fixture
def troubled(cloud) -> str:
    """The id of a load balancer in whose namespace the table of flows is full."""
    root = cloud.balancer()["id"]
    cloud.settle()
    (item,) = cloud.balancers()
    cloud.pass_time(60)
    told(cloud, item, condition.Name.CONNTRACK_TABLE_FULL)
    return root


def test_a_condition_is_shown_with_since_when_about_what_and_what_to_do(cloud, troubled):
    page = cloud.get(f"{BASE}/loadbalancers/{troubled}/conditions")
    (shown,) = page["conditions"]
    assert page["conditions_links"] == []
    assert {key: value for key, value in shown.items() if key not in {"id", "message"}} == {
        "loadbalancer_id": troubled,
        "project_id": world.PROJECT,
        "name": "ConntrackTableFull",
        "since": "2026-11-23T12:01:00.000250",
        "object_type": "loadbalancer",
        "object_id": troubled,
        "address": "",
    }
    sense = condition.SENSES[condition.Name.CONNTRACK_TABLE_FULL]
    assert shown["message"] == f"{sense.meaning} 9 of 9 places are taken. {sense.way_out}"


def test_one_that_is_well_has_none_and_octavias_bodies_say_nothing_of_them(cloud, troubled):
    before = cloud.get(f"/loadbalancers/{troubled}")
    (item,) = cloud.balancers()
    told(cloud, item)
    assert cloud.get(f"{BASE}/loadbalancers/{troubled}/conditions")["conditions"] == []
    assert cloud.get(f"/loadbalancers/{troubled}") == before


def test_the_beginning_and_the_end_are_in_the_history(cloud, troubled):
    (item,) = cloud.balancers()
    cloud.pass_time(60)
    told(cloud, item)
    end, begin, _ = cloud.get(f"{BASE}/loadbalancers/{troubled}/history")["history"]
    assert (begin["action"], end["action"]) == ("condition:begin", "condition:end")
    assert (begin["user_id"], begin["changes"][0]["after"]["name"]) == ("", "ConntrackTableFull")


def test_they_are_a_list_like_any_other(cloud, troubled):
    (item,) = cloud.balancers()
    cloud.pass_time(60)
    told(cloud, item, condition.Name.CONNTRACK_TABLE_FULL, condition.Name.GATEWAY_UNREACHABLE)
    path = f"{BASE}/loadbalancers/{troubled}/conditions"
    assert [each["name"] for each in cloud.get(path)["conditions"]] == ["ConntrackTableFull", "GatewayUnreachable"]
    assert cloud.get(f"{path}?name=GatewayUnreachable&fields=name")["conditions"] == [{"name": "GatewayUnreachable"}]
    first = cloud.get(f"{path}?limit=1")
    rest = first["conditions_links"][0]["href"].removeprefix("http://cloud.example")
    assert [each["name"] for each in cloud.get(rest)["conditions"]] == ["GatewayUnreachable"]
    assert cloud.call("GET", f"{path}?nonsense=1").status_code == 400


def test_all_of_them_are_those_that_the_caller_may_see(cloud, troubled):
    def seen(who: str) -> list[str]:
        return [each["loadbalancer_id"] for each in cloud.get(f"{BASE}/conditions", who=who)["conditions"]]

    assert seen("member") == seen("reader") == seen("admin") == [troubled]
    assert seen("stranger") == []
    assert cloud.call("GET", f"{BASE}/conditions", who="nobody").status_code == 403


def test_who_may_read_those_of_one(cloud, troubled):
    path = f"{BASE}/loadbalancers/{troubled}/conditions"
    assert [cloud.call("GET", path, who=who).status_code for who in ("reader", "admin", "stranger", "nobody")] == [
        200, 200, 403, 403,
    ]  # fmt: skip
    reply = cloud.call("GET", path.replace(troubled, NOWHERE))
    assert (reply.status_code, balancing.sentence(reply)) == (404, f"Load Balancer {NOWHERE} not found.")
    assert cloud.client.get(path).status_code == 401


def test_metrics_are_text_that_prometheus_reads_for_operators_alone(cloud, troubled):
    reply = cloud.call("GET", f"{BASE}/metrics", who="admin")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = reply.text.splitlines()
    assert reply.text.endswith("\n")
    counts = dict(re.findall(r'^vipool_conditions\{condition="(\w+)"\} (\d+)$', reply.text, re.M))
    assert counts == {name: str(int(name is condition.Name.CONNTRACK_TABLE_FULL)) for name in condition.Name}
    (one,) = [line for line in lines if line.startswith("vipool_loadbalancer_condition{")]
    assert one == (
        f'vipool_loadbalancer_condition{{condition="ConntrackTableFull",loadbalancer="{troubled}",'
        f'project="{world.PROJECT}",object_type="loadbalancer",object="{troubled}",address=""}} 1'
    )
    assert [line for line in lines if line.startswith("# TYPE")] == [
        "# TYPE vipool_conditions gauge",
        "# TYPE vipool_loadbalancer_condition gauge",
    ]
    assert [cloud.call("GET", f"{BASE}/metrics", who=who).status_code for who in ("member", "reader", "nobody")] == [
        403, 403, 403,
    ]  # fmt: skip
    assert cloud.client.get(f"{BASE}/metrics").status_code == 401
    assert cloud.call("GET", f"{BASE}/metrics?x=1", who="admin").status_code == 400
