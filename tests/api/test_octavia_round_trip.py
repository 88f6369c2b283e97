"""What is sent comes back: in its canonical form, with the defaults of what was left out, and until it is changed."""

import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import drawing, trips
from tests.api import ways as kinds
from tests.service import world
from vipool.model import attr, quota

KINDS = (
    "loadbalancer",
    "listener",
    "pool",
    "member",
    "healthmonitor",
    "l7policy",
    "rule",
    "flavor",
    "flavorprofile",
    "availability_zone",
    "availability_zone_profile",
)
EXAMPLES = settings(suppress_health_check=list(HealthCheck), max_examples=max(settings().max_examples // 3, 10))


@pytest.fixture(scope="module")
def ways() -> Iterator[Mapping[str, trips.Trip]]:
    """The ways of all kinds of object through one service."""
    with tempfile.TemporaryDirectory() as directory:
        ground = trips.Ground(Path(directory))
        yield kinds.every(ground)
        ground.cloud.database.close()


GIVEN = ("vip_address", "vip_subnet_id", "vip_network_id", "vip_port_id", "availability_zone", "flavor_id")


@pytest.mark.parametrize("kind", KINDS)
@EXAMPLES
@given(data=st.data())
def test_what_is_sent_comes_back_and_stays_until_it_is_changed(ways, kind, data):
    trip = ways[kind]
    cloud, noun = trip.ground.cloud, trip.cls.NOUN
    body = trips.drawn(data, trip, None)
    made = cloud.make(noun.wrapper, trip.path, who=trip.who, **trips.sent(body))
    where = f"{trip.path}/{urllib.parse.quote(made.get('id', made.get('name')), safe='')}"
    try:
        trips.agree(made, trips.expected(trip, body, None), *GIVEN)
        check_shown(cloud, trip, where, made)
        cloud.pass_time(1)
        change = trips.drawn(data, trip, made)
        reply = cloud.call("PUT", where, {noun.wrapper: trips.sent(change)}, who=trip.who)
        assert reply.status_code == 200, reply.text
        changed = reply.json()[noun.wrapper]
        trips.agree(changed, trips.expected(trip, change, made))
        assert changed.get("updated_at", "") is not None
        check_shown(cloud, trip, where, changed)
    finally:
        assert cloud.call("DELETE", where, who=trip.who).status_code == 204
        cloud.settle()
    assert cloud.call("GET", where, who=trip.who).status_code == 404


def check_shown(cloud: Any, trip: trips.Trip, where: str, made: Mapping[str, Any]) -> None:
    """An object is shown, and found in the list, as the write answered it."""
    noun = trip.cls.NOUN

    def still(view: Mapping[str, Any]) -> dict[str, Any]:
        # A new load balancer is answered with its tree, and shown with the ids of what is in it: it has none here.
        return {key: value for key, value in view.items() if key not in trips.VOLATILE}

    assert still(cloud.get(where, who=trip.who)[noun.wrapper]) == still(made)
    key = "id" if "id" in made else "name"
    listed = cloud.get(trip.path, who=trip.who, params={key: made[key]})[noun.collection]
    assert [still(each) for each in listed] == [still(made)]


LIMITS = {each.wire: each for each in attr.attributes(quota.Quota) if each.attr.update}


@EXAMPLES
@given(data=st.data())
def test_quotas_come_back_under_both_spellings(ways, data):
    cloud = ways["pool"].ground.cloud
    before = dict.fromkeys(LIMITS, -1)
    try:
        for _ in range(2):
            values = {wire: drawing.said(each.kind) | drawing.NULL for wire, each in LIMITS.items()}
            body = data.draw(st.fixed_dictionaries({}, optional=values))
            spelled = {
                data.draw(st.sampled_from((wire, *LIMITS[wire].attr.aliases))): said for wire, said in body.items()
            }
            reply = cloud.call("PUT", f"/quotas/{world.OTHER}", {"quota": trips.sent(spelled)}, who="admin")
            assert reply.status_code == 202, reply.text
            after = before | {wire: -1 if said.sent is None else said.kept for wire, said in body.items()}
            for shown in (reply.json()["quota"], cloud.get(f"/quotas/{world.OTHER}", who="admin")["quota"]):
                trips.agree(shown, after)
                trips.agree(shown, {"load_balancer": after["loadbalancer"], "health_monitor": after["healthmonitor"]})
            before = after
    finally:
        cloud.call("DELETE", f"/quotas/{world.OTHER}", who="admin")


# What null means, from Octavia's reference: on creation and on update, beside the declarations that say it too.
NULLS = [
    ("loadbalancer", "name", "", ""),
    ("loadbalancer", "description", "", ""),
    ("loadbalancer", "admin_state_up", False, False),
    ("loadbalancer", "tags", [], ["kept"]),
    ("loadbalancer", "vip_sg_ids", [], []),
    ("loadbalancer", "vip_qos_policy_id", None, None),
    ("listener", "connection_limit", -1, -1),
    ("listener", "default_pool_id", None, None),
    ("listener", "insert_headers", {}, {}),
    ("listener", "sni_container_refs", [], []),
    ("listener", "client_authentication", "NONE", "NONE"),
    ("listener", "hsts_max_age", None, None),
    ("listener", "hsts_preload", False, False),
    ("listener", "allowed_cidrs", None, None),
    ("listener", "timeout_client_data", 50000, 50000),
    ("listener", "timeout_member_connect", 5000, 5000),
    ("listener", "timeout_member_data", 50000, 50000),
    ("listener", "timeout_tcp_inspect", 0, 0),
    ("pool", "session_persistence", None, None),
    ("pool", "tls_enabled", False, False),
    ("member", "weight", 1, 1),
    ("member", "backup", False, False),
    ("member", "monitor_address", None, None),
    ("member", "monitor_port", None, None),
    ("healthmonitor", "max_retries_down", 3, 3),
    ("healthmonitor", "http_method", "GET", "GET"),
    ("healthmonitor", "url_path", "/", "/"),
    ("healthmonitor", "expected_codes", "200", "200"),
    ("healthmonitor", "http_version", None, None),
    ("rule", "invert", False, False),
    ("rule", "key", None, None),
]
LEAST: dict[str, dict[str, Any]] = {
    "loadbalancer": {"vip_subnet_id": world.SMALL},
    "listener": {"protocol": "HTTP", "protocol_port": 81},
    "pool": {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"},
    "member": {"address": "10.9.9.9", "protocol_port": 80},
    "healthmonitor": {"type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1},
    "rule": {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"},
}


@pytest.mark.parametrize(("kind", "name", "made", "changed"), NULLS)
def test_null_means_what_octavia_says(ways, kind, name, made, changed):
    trip = ways[kind]
    ground, noun = trip.ground, trip.cls.NOUN
    least = dict(LEAST[kind])
    if kind in {"listener", "pool"}:
        least["loadbalancer_id"] = ground.root
    if kind == "healthmonitor":
        least["pool_id"] = ground.pools[trips.Back.HTTP]
    new = ground.cloud.make(noun.wrapper, trip.path, **{**least, name: None})
    where = f"{trip.path}/{new['id']}"
    try:
        assert new[name] == made
        if name == "tags":
            ground.cloud.change(noun.wrapper, where, tags=["kept"])
        assert ground.cloud.change(noun.wrapper, where, **{name: None})[name] == changed
        assert ground.cloud.get(where)[noun.wrapper][name] == changed
    finally:
        ground.cloud.call("DELETE", where)
        ground.cloud.settle()
