"""The objects of the load-balancer API: what a call makes of them, and how they are shown."""

from typing import Any

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import port

STAMPS = {"project_id": world.PROJECT, "tenant_id": world.PROJECT, "created_at": "2026-11-23T12:00:00.000250"}
NEW: dict[str, Any] = {
    **STAMPS,
    "admin_state_up": True,
    "name": "",
    "tags": [],
    "updated_at": None,
    "operating_status": "OFFLINE",
}
PENDING = {**NEW, "provisioning_status": "PENDING_CREATE"}


def test_a_new_load_balancer_shows_every_attribute_with_its_default(cloud):
    made = cloud.balancer()
    identifier, port_id = made.pop("id"), made.pop("vip_port_id")
    assert made == {
        **PENDING,
        "description": "",
        "vip_address": "172.16.100.10",
        "vip_subnet_id": world.SUBNET,
        "vip_network_id": world.NETWORK,
        "vip_qos_policy_id": None,
        "vip_sg_ids": [],
        "vip_vnic_type": "normal",
        "additional_vips": [],
        "provider": "amphora",
        "flavor_id": None,
        "availability_zone": None,
        "listeners": [],
        "pools": [],
        "provisioning_fault": None,
    }
    with cloud.database.read() as held:
        held_by = cloud.networks.port(held, world.MEMBER, port_id)
    assert (held_by.name, held_by.device_id, held_by.device_owner, held_by.project_id) == (
        f"octavia-lb-{identifier}",
        f"lb-{identifier}",
        "Octavia",
        world.PROJECT,
    )


def test_a_new_listener_shows_every_attribute_with_its_default(cloud):
    root = cloud.balancer()["id"]
    made = cloud.listener(root)
    del made["id"]
    assert made == {
        **PENDING,
        "description": "",
        "protocol": "HTTP",
        "protocol_port": 80,
        "connection_limit": -1,
        "default_pool_id": None,
        "insert_headers": {},
        "default_tls_container_ref": None,
        "sni_container_refs": [],
        "client_ca_tls_container_ref": None,
        "client_authentication": "NONE",
        "client_crl_container_ref": None,
        "tls_ciphers": None,
        "tls_versions": None,
        "alpn_protocols": None,
        "hsts_max_age": None,
        "hsts_include_subdomains": False,
        "hsts_preload": False,
        "allowed_cidrs": None,
        "timeout_client_data": 50000,
        "timeout_member_connect": 5000,
        "timeout_member_data": 50000,
        "timeout_tcp_inspect": 0,
        "loadbalancers": [{"id": root}],
        "l7policies": [],
    }


def test_a_new_pool_shows_every_attribute_with_its_default(cloud):
    root = cloud.balancer()["id"]
    made = cloud.pool(root)
    del made["id"]
    assert made == {
        **PENDING,
        "description": "",
        "protocol": "HTTP",
        "lb_algorithm": "ROUND_ROBIN",
        "session_persistence": None,
        "preserve_client_ip": False,
        "tls_enabled": False,
        "tls_container_ref": None,
        "ca_tls_container_ref": None,
        "crl_container_ref": None,
        "tls_ciphers": None,
        "tls_versions": None,
        "alpn_protocols": None,
        "loadbalancers": [{"id": root}],
        "listeners": [],
        "members": [],
    }


def test_a_new_member_shows_every_attribute_with_its_default(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    made = cloud.member(back)
    del made["id"]
    assert made == {
        **PENDING,
        "operating_status": "NO_MONITOR",
        "address": "172.16.100.20",
        "protocol_port": 80,
        "weight": 1,
        "backup": False,
        "subnet_id": None,
        "monitor_address": None,
        "monitor_port": None,
        "vnic_type": "normal",
    }


@pytest.mark.parametrize(("kind", "method", "path", "codes"), [("HTTP", "GET", "/", "200"), ("TCP", None, None, None)])
def test_a_new_monitor_has_the_defaults_of_its_type(cloud, kind, method, path, codes):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    made = cloud.monitor(back, type=kind)
    del made["id"]
    assert made == {
        **PENDING,
        "type": kind,
        "delay": 5,
        "timeout": 2,
        "max_retries": 2,
        "max_retries_down": 3,
        "http_method": method,
        "url_path": path,
        "expected_codes": codes,
        "http_version": None,
        "domain_name": None,
        "pools": [{"id": back}],
    }


def test_what_is_made_is_shown_and_listed_as_it_was_answered(cloud):
    root = cloud.balancer(name="one", tags=["a"])
    front = cloud.listener(root["id"])
    back = cloud.pool(root["id"], listener_id=None)
    row = cloud.member(back["id"], name="web")
    watch = cloud.monitor(back["id"])
    cloud.settle()
    for noun, path, made in (
        ("listener", "/listeners", front),
        ("healthmonitor", "/healthmonitors", watch),
        ("member", f"/pools/{back['id']}/members", row),
    ):
        shown = cloud.get(f"{path}/{made['id']}")[noun]
        volatile = {name: shown[name] for name in ("operating_status", "updated_at")}
        assert shown == {**made, **volatile, "provisioning_status": "ACTIVE"}
        assert cloud.get(path)[f"{noun}s"] == [shown]
    shown = cloud.get(f"/pools/{back['id']}")["pool"]
    assert (shown["members"], shown["healthmonitor_id"]) == ([{"id": row["id"]}], watch["id"])
    shown = cloud.get(f"/loadbalancers/{root['id']}")["loadbalancer"]
    assert (shown["listeners"], shown["pools"]) == ([{"id": front["id"]}], [{"id": back["id"]}])
    assert (shown["provisioning_status"], shown["operating_status"]) == ("ACTIVE", "ONLINE")


def test_updated_at_tells_when_an_object_became_real_or_a_user_changed_it_since(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    member = cloud.member(cloud.pool(root, listener_id=front)["id"])

    def told(path, noun):
        return cloud.get(path)[noun]["updated_at"]

    assert told(f"/loadbalancers/{root}", "loadbalancer") is None
    cloud.pass_time(60)
    cloud.settle()
    assert told(f"/loadbalancers/{root}", "loadbalancer") == "2026-11-23T12:01:00.000250"
    assert told(f"/listeners/{front}", "listener") == "2026-11-23T12:01:00.000250"
    cloud.pass_time(60)
    changed = cloud.change("listener", f"/listeners/{front}", name="web")
    assert (changed["updated_at"], changed["created_at"]) == (
        "2026-11-23T12:02:00.000250",
        "2026-11-23T12:00:00.000250",
    )
    cloud.pass_time(60)
    cloud.settle()
    assert told(f"/listeners/{front}", "listener") == "2026-11-23T12:02:00.000250"
    assert told(f"/loadbalancers/{root}", "loadbalancer") == "2026-11-23T12:01:00.000250"
    assert member["updated_at"] is None


@pytest.mark.parametrize(
    ("noun", "given", "expected"),
    [
        ("loadbalancer", {"name": None, "description": None}, {"name": "", "description": ""}),
        ("loadbalancer", {"admin_state_up": None}, {"admin_state_up": False}),
        ("loadbalancer", {"additional_vips": None, "vip_sg_ids": None}, {"additional_vips": [], "vip_sg_ids": []}),
        ("loadbalancer", {"provider": None, "tags": None}, {"provider": "amphora", "tags": []}),
        ("loadbalancer", {"listeners": None, "pools": None}, {"listeners": [], "pools": []}),
        ("loadbalancer", {"tags": ["a", "b", "a"]}, {"tags": ["a", "b"]}),
        ("listener", {"connection_limit": None, "timeout_client_data": None}, {"connection_limit": -1}),
        ("listener", {"insert_headers": None, "default_pool_id": None}, {"insert_headers": {}}),
        ("listener", {"allowed_cidrs": []}, {"allowed_cidrs": None}),
        ("listener", {"allowed_cidrs": ["10.0.0.5/8", "1.2.3.4"]}, {"allowed_cidrs": ["10.0.0.0/8", "1.2.3.4/32"]}),
        ("listener", {"l7policies": [], "default_pool": None}, {"l7policies": []}),
        ("listener", {"protocol_port": "8080"}, {"protocol_port": 8080}),
        ("listener", {"protocol_port": 80.9}, {"protocol_port": 80}),
        ("listener", {"admin_state_up": "off"}, {"admin_state_up": False}),
        ("listener", {"project_id": "whatever"}, {"project_id": world.PROJECT}),
        ("pool", {"members": [], "healthmonitor": None}, {"members": []}),
        ("pool", {"tls_enabled": None}, {"tls_enabled": False}),
        (
            "pool",
            {"session_persistence": {"type": "SOURCE_IP"}},
            {
                "session_persistence": {
                    "type": "SOURCE_IP",
                    "cookie_name": None,
                    "persistence_timeout": None,
                    "persistence_granularity": None,
                }
            },
        ),
        ("member", {"weight": None, "backup": None}, {"weight": 1, "backup": False}),
        ("member", {"monitor_address": None, "monitor_port": None}, {"monitor_address": None, "monitor_port": None}),
        ("member", {"subnet_id": world.SUBNET.upper()}, {"subnet_id": world.SUBNET}),
        ("member", {"request_sriov": False}, {"vnic_type": "normal"}),
        ("healthmonitor", {"max_retries_down": None}, {"max_retries_down": 3}),
        ("healthmonitor", {"http_version": "1.1", "domain_name": "a_b.example"}, {"http_version": 1.1}),
        ("healthmonitor", {"type": "TCP", "http_method": None}, {"http_method": None}),
    ],
)
def test_a_new_object_takes_nulls_and_spellings_as_octavia_does(cloud, noun, given, expected):
    made = _made(cloud, noun, given)
    assert {name: made[name] for name in expected} == expected


def _made(cloud, noun, values):
    if noun == "loadbalancer":
        return cloud.balancer(**values)
    root = cloud.balancer()["id"]
    if noun in {"listener", "pool"}:
        return getattr(cloud, noun)(root, **values)
    made = cloud.member if noun == "member" else cloud.monitor
    return made(cloud.pool(root)["id"], **values)


@pytest.mark.parametrize(
    ("noun", "first", "given", "expected"),
    [
        ("loadbalancer", {"name": "x", "description": "y"}, {"name": None}, {"name": "", "description": "y"}),
        ("loadbalancer", {"tags": ["a"]}, {"tags": None}, {"tags": ["a"]}),
        ("loadbalancer", {"tags": ["a"]}, {"tags": []}, {"tags": []}),
        ("loadbalancer", {}, {"admin_state_up": None}, {"admin_state_up": False}),
        ("listener", {"connection_limit": 5}, {"connection_limit": None}, {"connection_limit": -1}),
        ("listener", {"timeout_member_data": 5}, {"timeout_member_data": None}, {"timeout_member_data": 50000}),
        ("listener", {"insert_headers": {"X-Forwarded-For": "true"}}, {"insert_headers": None}, {"insert_headers": {}}),
        ("listener", {"allowed_cidrs": ["10.0.0.0/8"]}, {"allowed_cidrs": None}, {"allowed_cidrs": None}),
        ("listener", {}, {"client_authentication": None}, {"client_authentication": "NONE"}),
        ("pool", {"session_persistence": {"type": "SOURCE_IP"}}, {"session_persistence": None}, {}),
        ("pool", {}, {"tls_enabled": None}, {"tls_enabled": False}),
        ("member", {"weight": 9, "backup": True}, {"weight": None, "backup": None}, {"weight": 1, "backup": False}),
        ("member", {"monitor_address": "10.0.0.1"}, {"monitor_address": None}, {"monitor_address": None}),
        ("member", {"monitor_port": 81}, {"monitor_port": None}, {"monitor_port": None}),
        ("healthmonitor", {"max_retries_down": 9}, {"max_retries_down": None}, {"max_retries_down": 3}),
        ("healthmonitor", {"http_method": "HEAD"}, {"http_method": None}, {"http_method": "GET"}),
        ("healthmonitor", {"url_path": "/x"}, {"url_path": None}, {"url_path": "/"}),
        ("healthmonitor", {"expected_codes": "201"}, {"expected_codes": None}, {"expected_codes": "200"}),
        ("healthmonitor", {"http_version": 1.0}, {"http_version": None}, {"http_version": None}),
        ("healthmonitor", {"url_path": "/x", "name": "n"}, {"delay": 9}, {"url_path": "/x", "delay": 9, "name": "n"}),
        ("listener", {"name": "n"}, {}, {"name": "n", "provisioning_status": "PENDING_UPDATE"}),
    ],
)
def test_an_update_clears_with_null_and_keeps_what_it_does_not_name(cloud, noun, first, given, expected):
    made = _made(cloud, noun, first)
    cloud.settle()
    path = f"/{noun}s/{made['id']}"
    if noun == "member":
        path = f"/pools/{cloud.get('/pools')['pools'][0]['id']}{path}"
    changed = cloud.change(noun, path, **given)
    assert {name: changed[name] for name in expected} == expected
    cloud.settle()
    shown = cloud.get(path)[noun]
    volatile = {"provisioning_status": "ACTIVE", "operating_status": shown["operating_status"]}
    assert shown == {**changed, **volatile}


def test_a_session_persistence_without_a_type_keeps_the_type_and_resets_the_rest(cloud):
    sent = {"type": "APP_COOKIE", "cookie_name": "a"}
    back = cloud.pool(cloud.balancer()["id"], session_persistence=sent)["id"]
    reply = cloud.call("PUT", f"/pools/{back}", {"pool": {"session_persistence": {}}})
    assert reply.status_code == 400
    changed = cloud.change("pool", f"/pools/{back}", session_persistence={"type": "SOURCE_IP"})
    assert changed["session_persistence"]["cookie_name"] is None
    changed = cloud.change("pool", f"/pools/{back}", session_persistence={})
    assert changed["session_persistence"]["type"] == "SOURCE_IP"
    assert cloud.change("pool", f"/pools/{back}", session_persistence=None)["session_persistence"] is None


def test_a_pool_made_for_a_listener_is_its_default_pool_until_it_is_detached(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    back = cloud.make("pool", "/pools", **balancing.POOL, listener_id=front)
    assert back["listeners"] == [{"id": front}]
    assert cloud.get(f"/listeners/{front}")["listener"]["default_pool_id"] == back["id"]
    assert cloud.change("listener", f"/listeners/{front}", default_pool_id=None)["default_pool_id"] is None
    assert cloud.get(f"/pools/{back['id']}")["pool"]["listeners"] == []


def test_an_empty_update_of_a_load_balancer_is_accepted(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    assert cloud.change("loadbalancer", f"/loadbalancers/{root}")["provisioning_status"] == "PENDING_UPDATE"


def test_a_user_s_port_holds_the_vip_and_outlives_the_load_balancer(cloud):
    with cloud.database.write() as held:
        mine = cloud.networks.create_port(
            held,
            world.MEMBER,
            port.Request(network_id=world.NETWORK, fixed_ips=((world.SUBNET, None),), project_id=world.PROJECT),
        )
    made = cloud.make("loadbalancer", "/loadbalancers", vip_port_id=mine.id)
    assert (made["vip_address"], made["vip_port_id"]) == (mine.addresses[0], mine.id)
    again = cloud.call("POST", "/loadbalancers", {"loadbalancer": {"vip_port_id": mine.id}})
    assert balancing.sentence(again) == (
        f"Validation failure: Port {mine.id} is already used by device lb-{made['id']} "
    )
    cloud.call("DELETE", f"/loadbalancers/{made['id']}")
    cloud.settle()
    with cloud.database.read() as held:
        left = cloud.networks.port(held, world.MEMBER, mine.id)
    assert (left.device_id, left.device_owner) == ("", "")
    assert cloud.call("GET", f"/loadbalancers/{made['id']}").status_code == 404
