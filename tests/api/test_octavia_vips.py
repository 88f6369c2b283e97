"""What a VIP has beside its address: further VIPs, security groups, a QoS policy, and what an operator allows."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import deployment, loadbalancer, port, qospolicy, securitygroup
from vipool.store import rows

NOWHERE = "99999999-0000-4000-8000-000000000000"
SECOND = "00000000-0000-4000-8000-0000000000dd"
ELSEWHERE = "00000000-0000-4000-8000-0000000000ee"
OTHER_NETWORK = "00000000-0000-4000-8000-0000000000ff"


@pytest.fixture
def cloud(tmp_path):
    made = balancing.Cloud(tmp_path)
    made.add_subnet(world.NETWORK, SECOND, "172.16.101.0/24")
    made.add_subnet(OTHER_NETWORK, ELSEWHERE, "172.16.102.0/24")
    yield made
    made.database.close()


def refused(cloud, values, method="POST", path="/loadbalancers", **more):
    reply = cloud.call(method, path, {"loadbalancer": values}, **more)
    return reply.status_code, balancing.sentence(reply)


def kept(cloud, cls, identifier):
    with cloud.database.read() as held:
        return rows.get(held, cls, identifier)


def put(cloud, *resources):
    with cloud.database.write() as held:
        rows.add(held, *resources)


def group(cloud, project=world.PROJECT):
    made = securitygroup.SecurityGroup(id=cloud.new_id(), project_id=project, name="g", created_at=cloud.now)
    put(cloud, made)
    return made.id


def policy(cloud, project=world.PROJECT, *, shared=False):
    made = qospolicy.QosPolicy(id=cloud.new_id(), project_id=project, created_at=cloud.now, shared=shared)
    put(cloud, made)
    return made.id


# Further VIPs


def test_further_vips_stand_on_the_port_of_the_first(cloud):
    made = cloud.balancer(additional_vips=[{"subnet_id": SECOND}])
    assert made["additional_vips"] == [
        {"subnet_id": SECOND, "ip_address": "172.16.101.10", "port_id": made["vip_port_id"]}
    ]
    assert kept(cloud, port.Port, made["vip_port_id"]).addresses == (made["vip_address"], "172.16.101.10")
    shown = cloud.get(f"/loadbalancers/{made['id']}")["loadbalancer"]
    assert shown["additional_vips"] == made["additional_vips"]
    asked = cloud.balancer(additional_vips=[{"subnet_id": SECOND, "ip_address": "172.16.101.77"}])
    assert asked["additional_vips"][0]["ip_address"] == "172.16.101.77"


@pytest.mark.parametrize(
    ("entries", "status", "sentence"),
    [
        ([{"subnet_id": world.SUBNET}], 400,
         "Validation failure: Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet."),
        ([{"subnet_id": SECOND}, {"subnet_id": SECOND}], 400,
         "Validation failure: Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet."),
        ([{"subnet_id": ELSEWHERE}], 400, "Validation failure: All VIP subnets must belong to the same network."),
        ([{"subnet_id": NOWHERE}], 400, f"Subnet {NOWHERE} not found."),
    ],
)  # fmt: skip
def test_further_vips_that_cannot_be_are_refused(cloud, entries, status, sentence):
    values = {"vip_subnet_id": world.SUBNET, "additional_vips": entries}
    assert refused(cloud, values) == (status, sentence)
    assert (cloud.count(loadbalancer.LoadBalancer), cloud.count(port.Port)) == (0, 0)


def test_a_further_vip_must_say_where(cloud):
    for entry in ({}, {"ip_address": "172.16.101.5"}, {"subnet_id": "x"}, {"subnet_id": SECOND, "more": 1}, "x"):
        values = {"vip_subnet_id": world.SUBNET, "additional_vips": [entry]}
        assert refused(cloud, values)[0] == 400, entry


def test_no_further_vips_are_an_empty_list(cloud):
    for value in (None, []):
        assert cloud.balancer(additional_vips=value)["additional_vips"] == []


def test_a_further_vip_that_is_taken_is_a_conflict(cloud):
    cloud.balancer(vip_subnet_id=SECOND, vip_address="172.16.101.77")
    values = {"vip_subnet_id": world.SUBNET, "additional_vips": [{"subnet_id": SECOND, "ip_address": "172.16.101.77"}]}
    status, sentence = refused(cloud, values)
    assert (status, sentence.startswith("The VIP IP address is already in use: ")) == (409, True)
    assert cloud.count(port.Port) == 1


def test_a_user_s_port_must_have_the_further_vips(cloud):
    request = port.Request(
        network_id=world.NETWORK, fixed_ips=((world.SUBNET, None), (SECOND, None)), project_id=world.PROJECT
    )
    with cloud.database.write() as held:
        own = cloud.networks.create_port(held, world.MEMBER, request)
        bare = cloud.networks.create_port(
            held, world.MEMBER, port.Request(network_id=world.NETWORK, fixed_ips=((world.SUBNET, None),))
        )
    values = {"vip_port_id": own.id, "vip_subnet_id": world.SUBNET, "additional_vips": [{"subnet_id": SECOND}]}
    made = cloud.make("loadbalancer", "/loadbalancers", **values)
    assert made["additional_vips"][0]["ip_address"] == own.addresses[1]
    values = {"vip_port_id": bare.id, "additional_vips": [{"subnet_id": SECOND}]}
    status, sentence = refused(cloud, values, who="admin")
    assert (status, f"Port {bare.id} has no address" in sentence) == (400, True)


# Security groups


def test_the_groups_of_a_vip_are_on_its_port(cloud):
    one, other = group(cloud), group(cloud)
    made = cloud.balancer(vip_sg_ids=[one, one])
    assert made["vip_sg_ids"] == [one]
    assert kept(cloud, port.Port, made["vip_port_id"]).security_groups == (one,)
    cloud.settle()
    changed = cloud.change("loadbalancer", f"/loadbalancers/{made['id']}", vip_sg_ids=[other])
    assert changed["vip_sg_ids"] == [other]
    assert kept(cloud, port.Port, made["vip_port_id"]).security_groups == (other,)
    assert cloud.change("loadbalancer", f"/loadbalancers/{made['id']}", vip_sg_ids=None)["vip_sg_ids"] == []
    assert kept(cloud, port.Port, made["vip_port_id"]).security_groups == ()
    assert cloud.change("loadbalancer", f"/loadbalancers/{made['id']}", name="x")["vip_sg_ids"] == []


def test_groups_that_are_not_one_s_own_are_not_found(cloud):
    theirs = group(cloud, world.OTHER)
    for each in (theirs, NOWHERE):
        values = {"vip_subnet_id": world.SUBNET, "vip_sg_ids": [each]}
        assert refused(cloud, values) == (400, f"Security Group {each} not found.")
    root = cloud.balancer()["id"]
    answer = refused(cloud, {"vip_sg_ids": [theirs]}, "PUT", f"/loadbalancers/{root}")
    assert answer == (400, f"Security Group {theirs} not found.")


def test_groups_and_allowed_cidrs_exclude_each_other(cloud):
    said = "Validation failure: Allowed CIDRs are not allowed when using custom VIP Security Groups."
    guarded = cloud.balancer(vip_sg_ids=[group(cloud)])["id"]
    body = {**balancing.LISTENER, "loadbalancer_id": guarded, "allowed_cidrs": ["10.0.0.0/8"]}
    reply = cloud.call("POST", "/listeners", {"listener": body})
    assert (reply.status_code, balancing.sentence(reply)) == (400, said)
    root = cloud.balancer()["id"]
    cloud.listener(root, allowed_cidrs=["10.0.0.0/8"])
    assert refused(cloud, {"vip_sg_ids": [group(cloud)]}, "PUT", f"/loadbalancers/{root}") == (400, said)


# QoS


def test_the_qos_policy_of_a_vip_is_on_its_port(cloud):
    one, shared = policy(cloud), policy(cloud, world.OTHER, shared=True)
    made = cloud.balancer(vip_qos_policy_id=one)
    assert (made["vip_qos_policy_id"], kept(cloud, port.Port, made["vip_port_id"]).qos_policy_id) == (one, one)
    path = f"/loadbalancers/{made['id']}"
    assert cloud.change("loadbalancer", path, vip_qos_policy_id=shared)["vip_qos_policy_id"] == shared
    assert cloud.change("loadbalancer", path, vip_qos_policy_id=None)["vip_qos_policy_id"] is None
    assert kept(cloud, port.Port, made["vip_port_id"]).qos_policy_id is None
    theirs = policy(cloud, world.OTHER)
    assert refused(cloud, {"vip_qos_policy_id": theirs}, "PUT", path) == (400, f"qos_policy {theirs} not found.")


def test_a_user_s_port_brings_its_qos_policy_along(cloud):
    one, other = policy(cloud), policy(cloud)
    request = port.Request(
        network_id=world.NETWORK, fixed_ips=((world.SUBNET, None),), project_id=world.PROJECT, qos_policy_id=one
    )
    with cloud.database.write() as held:
        first, second = (cloud.networks.create_port(held, world.MEMBER, request) for _ in range(2))
    assert cloud.make("loadbalancer", "/loadbalancers", vip_port_id=first.id)["vip_qos_policy_id"] == one
    made = cloud.make("loadbalancer", "/loadbalancers", vip_port_id=second.id, vip_qos_policy_id=other)
    assert (made["vip_qos_policy_id"], kept(cloud, port.Port, second.id).qos_policy_id) == (other, other)


# What an operator allows


@pytest.mark.parametrize(
    ("allowed", "values", "sentence"),
    [
        ({"allow_vip_subnet_id": False}, {"vip_subnet_id": world.SUBNET},
         "Validation failure: use of vip_subnet_id is disallowed by this deployment's configuration."),
        ({"allow_vip_network_id": False}, {"vip_network_id": world.NETWORK},
         "Validation failure: use of vip_network_id is disallowed by this deployment's configuration."),
        ({"allow_vip_port_id": False}, {"vip_port_id": NOWHERE},
         "Validation failure: use of vip_port_id is disallowed by this deployment's configuration."),
        ({"allow_vip_port_id": False}, {},
         "Validation failure: VIP must contain one of: vip_network_id, vip_subnet_id."),
        ({"valid_vip_networks": frozenset({OTHER_NETWORK})}, {"vip_subnet_id": world.SUBNET},
         "Validation failure: Supplied VIP network_id is not allowed by the configuration of this deployment."),
    ],
)  # fmt: skip
def test_an_operator_says_what_vips_may_be_asked_for(tmp_path, allowed, values, sentence):
    cloud = balancing.Cloud(tmp_path, allowed=deployment.Deployment(**allowed))
    assert refused(cloud, values) == (400, sentence)
    cloud.database.close()


@pytest.mark.parametrize(
    ("allowed", "noun", "values", "sentence"),
    [
        ({"allow_tls_terminated_listeners": False}, "listener",
         {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"},
         "The selected protocol is not allowed in this deployment: TERMINATED_HTTPS"),
        ({"allow_tls_terminated_listeners": False}, "listener",
         {"protocol": "PROMETHEUS", "default_tls_container_ref": "x"},
         "The selected protocol is not allowed in this deployment: PROMETHEUS with TLS"),
        ({"allow_prometheus_listeners": False}, "listener", {"protocol": "PROMETHEUS"},
         "The selected protocol is not allowed in this deployment: PROMETHEUS"),
        ({"prohibited_ciphers": frozenset({"BAD"})}, "listener", {"tls_ciphers": "ECDHE+AESGCM:BAD"},
         "Validation failure: The following ciphers have been prohibited by an administrator: BAD"),
        ({"minimum_tls_version": "TLSv1.2"}, "pool", {"tls_enabled": True, "tls_versions": ["TLSv1", "TLSv1.3"]},
         "Validation failure: Requested TLS versions are less than the minimum: TLSv1 < TLSv1.2"),
        ({"allow_ping_health_monitors": False}, "healthmonitor", {"type": "PING"},
         "The selected type is not allowed in this deployment: PING"),
        ({"reserved_ips": frozenset({"10.0.0.1"})}, "member", {"address": "::ffff:10.0.0.1"},
         "::ffff:10.0.0.1 is not a valid option for member address"),
    ],
)  # fmt: skip
def test_an_operator_says_what_may_be_used(tmp_path, allowed, noun, values, sentence):
    cloud = balancing.Cloud(tmp_path, allowed=deployment.Deployment(**allowed))
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    least = {
        "listener": ("/listeners", {**balancing.LISTENER, "loadbalancer_id": root}),
        "pool": ("/pools", {**balancing.POOL, "loadbalancer_id": root}),
        "healthmonitor": ("/healthmonitors", {**balancing.MONITOR, "pool_id": back}),
        "member": (f"/pools/{back}/members", balancing.MEMBER),
    }
    path, body = least[noun]
    reply = cloud.call("POST", path, {noun: {**body, **values}})
    assert (reply.status_code, balancing.sentence(reply)) == (400, sentence)
    cloud.database.close()


def test_an_operator_s_defaults_hold_where_users_say_nothing(tmp_path):
    tls = deployment.Tls(ciphers="ECDHE+AESGCM", versions=("TLSv1.3",), alpn=("h2",))
    allowed = deployment.Deployment(
        listener_tls=tls, pool_tls=tls, timeout_client_data=1, default_provider="haproxy", timeout_tcp_inspect=7
    )
    cloud = balancing.Cloud(tmp_path, allowed=allowed)
    root = cloud.balancer()
    assert root["provider"] == "haproxy"
    front = cloud.listener(root["id"], protocol="TERMINATED_HTTPS", default_tls_container_ref="x")
    given = {"tls_ciphers": "ECDHE+AESGCM", "tls_versions": ["TLSv1.3"], "alpn_protocols": ["h2"]}
    assert {name: front[name] for name in given} == given
    assert (front["timeout_client_data"], front["timeout_tcp_inspect"], front["timeout_member_data"]) == (1, 7, 50_000)
    plain = cloud.listener(root["id"], protocol_port=81, timeout_client_data=5)
    assert (plain["tls_ciphers"], plain["timeout_client_data"]) == (None, 5)
    changed = cloud.change("listener", f"/listeners/{plain['id']}", timeout_client_data=None, tls_ciphers=None)
    assert (changed["timeout_client_data"], changed["tls_ciphers"], changed["tls_versions"]) == (
        1,
        "ECDHE+AESGCM",
        None,
    )
    back = cloud.pool(root["id"], tls_enabled=True)
    assert {name: back[name] for name in given} == given
    changed = cloud.change("pool", f"/pools/{back['id']}", alpn_protocols=None, tls_versions=None)
    assert (changed["alpn_protocols"], changed["tls_versions"]) == (None, ["TLSv1.3"])
    assert cloud.pool(root["id"])["tls_versions"] is None
    cloud.database.close()
