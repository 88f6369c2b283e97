"""Amphorae, the instances of load balancers: what administrators see of them, and what a failover does."""

import uuid

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import amphora

NOWHERE = "99999999-0000-4000-8000-000000000000"
PATHS = ("/load-balancer/v2/octavia/amphorae", "/load-balancer/v2.0/octavia/amphorae")


def amphorae(cloud, query=""):
    return cloud.get(PATHS[0] + query, who="admin")["amphorae"]


def test_an_instance_is_there_from_the_start(cloud):
    root = cloud.balancer()
    (found,) = amphorae(cloud)
    assert found == {
        "id": found["id"],
        "loadbalancer_id": root["id"],
        "compute_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, "localhost")),
        "lb_network_ip": "127.0.0.1",
        "vrrp_ip": root["vip_address"],
        "ha_ip": root["vip_address"],
        "vrrp_port_id": root["vip_port_id"],
        "ha_port_id": root["vip_port_id"],
        "cert_expiration": None,
        "cert_busy": False,
        "role": "STANDALONE",
        "status": "PENDING_CREATE",
        "vrrp_interface": "vip",
        "vrrp_id": None,
        "vrrp_priority": None,
        "cached_zone": None,
        "created_at": root["created_at"],
        "updated_at": root["created_at"],
        "image_id": None,
        "compute_flavor": None,
    }
    cloud.settle()
    for path in PATHS:
        shown = cloud.get(f"{path}/{found['id']}", who="admin")["amphora"]
        assert shown == {**found, "status": "ALLOCATED"}


def test_instances_are_listed_by_what_they_are_of(cloud):
    one, other = cloud.balancer(), cloud.balancer()
    cloud.settle()
    cloud.balancer()

    def of(query):
        return {each["loadbalancer_id"] for each in amphorae(cloud, query)}

    assert of(f"?loadbalancer_id={one['id']}") == {one["id"]}
    assert of(f"?load_balancer_id={other['id']}") == {other["id"]}
    assert of("?status=ALLOCATED") == {one["id"], other["id"]}
    assert of(f"?project_id={world.OTHER}") == set()
    assert len(amphorae(cloud, "?limit=2")) == 2
    assert amphorae(cloud, "?fields=role&limit=1") == [{"role": "STANDALONE"}]


def test_a_failover_puts_another_in_its_place(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    (old,) = amphorae(cloud)
    reply = cloud.call("PUT", f"/loadbalancers/{root}/failover", who="admin")
    assert (reply.status_code, reply.content) == (202, b"")
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["provisioning_status"] == "PENDING_UPDATE"
    (item,) = cloud.balancers()
    assert item.tree.loadbalancer.incarnation == 1
    cloud.settle()
    (new,) = amphorae(cloud)
    assert (new["id"] != old["id"], new["status"], new["loadbalancer_id"]) == (True, "ALLOCATED", root)
    assert cloud.call("GET", f"{PATHS[0]}/{old['id']}", who="admin").status_code == 404


def test_a_failover_tries_again_what_failed(cloud):
    root = cloud.balancer()["id"]
    cloud.settle(fault="It could not.")
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["provisioning_status"] == "ERROR"
    assert cloud.call("PUT", f"/loadbalancers/{root}/failover", who="admin").status_code == 202
    cloud.settle()
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["provisioning_status"] == "ACTIVE"


def test_one_instance_can_be_failed_over_or_told_to_look_again(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    (old,) = amphorae(cloud)
    known = cloud.balancers()[0].revision
    assert cloud.call("PUT", f"{PATHS[0]}/{old['id']}/config", who="admin").status_code == 202
    assert cloud.balancers(known=known)[0].id == root
    assert amphorae(cloud) == [old]
    assert cloud.call("PUT", f"{PATHS[0]}/{old['id']}/failover", who="admin").status_code == 202
    assert amphorae(cloud)[0]["id"] != old["id"]


def test_only_an_instance_in_error_can_be_deleted(cloud):
    cloud.balancer()
    cloud.settle()
    (found,) = amphorae(cloud)
    reply = cloud.call("DELETE", f"{PATHS[0]}/{found['id']}", who="admin")
    said = f"amphora {found['id']} is immutable and cannot be updated."
    assert (reply.status_code, balancing.sentence(reply)) == (409, said)
    cloud.call("PUT", f"{PATHS[0]}/{found['id']}/failover", who="admin")
    cloud.settle(fault="It could not.")
    (found,) = amphorae(cloud, "?status=ERROR")
    assert cloud.call("DELETE", f"{PATHS[0]}/{found['id']}", who="admin").status_code == 204
    assert amphorae(cloud)[0]["id"] != found["id"]


def test_an_instance_counts_for_each_listener(cloud):
    root = cloud.balancer()["id"]
    (found,) = amphorae(cloud)
    reply = cloud.call("GET", f"{PATHS[0]}/{found['id']}/stats", who="admin")
    assert (reply.status_code, balancing.sentence(reply)) == (404, f"Amphora stats for {found['id']} not found.")
    front = cloud.listener(root)["id"]
    cloud.settle()
    assert cloud.get(f"{PATHS[0]}/{found['id']}/stats", who="admin")["amphora_stats"] == [
        {
            "id": found["id"],
            "loadbalancer_id": root,
            "listener_id": front,
            "active_connections": 0,
            "bytes_in": 5,
            "bytes_out": 0,
            "request_errors": 0,
            "total_connections": 3,
        }
    ]


def test_instances_go_with_their_load_balancer(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    cloud.call("DELETE", f"/loadbalancers/{root}")
    assert amphorae(cloud)[0]["status"] == "PENDING_DELETE"
    cloud.settle()
    assert cloud.count(amphora.Amphora) == 0


@pytest.mark.parametrize(
    ("method", "rest"),
    [("GET", ""), ("GET", "/stats"), ("PUT", "/failover"), ("PUT", "/config"), ("DELETE", "")],
)
def test_they_are_for_administrators(cloud, method, rest):
    cloud.balancer()
    (found,) = amphorae(cloud)
    assert cloud.call(method, f"{PATHS[0]}/{found['id']}{rest}").status_code == 403
    assert cloud.call("GET", PATHS[0]).status_code == 403
    reply = cloud.call(method, f"{PATHS[0]}/{NOWHERE}{rest}", who="admin")
    assert (reply.status_code, balancing.sentence(reply)) == (404, f"Amphora {NOWHERE} not found.")


def test_they_stand_under_their_own_prefix_alone(cloud):
    for path in ("/load-balancer/v2/amphorae", "/load-balancer/v2/lbaas/amphorae"):
        assert cloud.call("GET", path, who="admin").status_code == 404


def test_a_load_balancer_is_failed_over_by_administrators(cloud):
    root = cloud.balancer()["id"]
    assert cloud.call("PUT", f"/loadbalancers/{root}/failover").status_code == 403
    assert cloud.call("PUT", f"/loadbalancers/{NOWHERE}/failover", who="admin").status_code == 404
    assert cloud.call("GET", f"/loadbalancers/{root}/failover", who="admin").status_code == 405
    cloud.call("DELETE", f"/loadbalancers/{root}")
    assert cloud.call("PUT", f"/loadbalancers/{root}/failover", who="admin").status_code == 409
