"""openstacksdk creates, waits for, changes and deletes what a tenant has: networks, accounts, secrets, balancers."""

import pytest
from openstack import exceptions

from tests.compat import passes
from tests.compat import sdk as proxies

# The SDK warns of what it will drop itself; vipool is not what it warns of.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("sdk")


@pytest.fixture(scope="module")
def sdk(live, noted):
    """The services for the administrator."""
    with proxies.connected(live, noted) as services:
        yield services


@pytest.fixture(scope="module")
def subnet(sdk):
    """A network with a subnet, deleted after the last test."""
    network = sdk["network"].create_network(name="sdk")
    subnet = sdk["network"].create_subnet(name="sdk", network_id=network.id, ip_version=4, cidr="192.168.7.0/24")
    yield subnet
    sdk["network"].delete_subnet(subnet.id, ignore_missing=False)
    sdk["network"].delete_network(network.id, ignore_missing=False)
    assert sdk["network"].find_network("sdk") is None


@pytest.fixture
def balancer(sdk, subnet):
    """A load balancer that is ACTIVE, gone with all it has after the test."""
    api = sdk["load_balancer"]
    made = api.create_load_balancer(name="sdk", vip_subnet_id=subnet.id)
    yield api.wait_for_load_balancer(made.id, status="ACTIVE", interval=0.05, wait=20)
    api.delete_load_balancer(made.id, cascade=True, ignore_missing=False)
    while any(each.id == made.id for each in api.load_balancers()):
        pass


def active(api, balancer):
    """Wait until everything written so far is in force."""
    api.wait_for_load_balancer(balancer.id, status="ACTIVE", interval=0.05, wait=20)


def test_accounts_are_made_changed_and_deleted(sdk):
    api = sdk["identity"]
    project = api.create_project(name="sdk", domain_id="default")
    user = api.create_user(name="sdk", password="secret", domain_id="default", default_project_id=project.id)
    member = next(each for each in api.roles() if each.name == "member")
    api.assign_project_role_to_user(project, user, member)
    assert api.validate_user_has_project_role(project, user, member)
    assert api.update_user(user, description="changed").description == "changed"
    assert api.update_project(project, description="too").description == "too"
    assert [each.id for each in api.users(name="sdk")] == [user.id]
    api.unassign_project_role_from_user(project, user, member)
    api.delete_user(user, ignore_missing=False)
    api.delete_project(project, ignore_missing=False)
    with pytest.raises(exceptions.NotFoundException):
        api.get_project(project.id)


def test_networks_are_made_changed_and_deleted(sdk, subnet):
    api = sdk["network"]
    port = api.create_port(network_id=subnet.network_id, name="port", fixed_ips=[{"subnet_id": subnet.id}])
    assert port.fixed_ips[0]["ip_address"].startswith("192.168.7.")
    assert api.update_port(port, name="renamed").name == "renamed"
    assert [each.id for each in api.ports(name="renamed")] == [port.id]
    outside = api.create_network(name="sdk-outside", is_router_external=True)
    outer = api.create_subnet(network_id=outside.id, ip_version=4, cidr="10.20.30.0/24", name="sdk-outside")
    router = api.create_router(name="sdk", external_gateway_info={"network_id": outside.id})
    api.add_interface_to_router(router, subnet_id=subnet.id)
    floating = api.create_ip(floating_network_id=outside.id, port_id=port.id)
    assert floating.fixed_ip_address == port.fixed_ips[0]["ip_address"]
    assert api.update_ip(floating, port_id=None).port_id is None
    api.delete_ip(floating, ignore_missing=False)
    api.remove_interface_from_router(router, subnet_id=subnet.id)
    api.delete_router(router, ignore_missing=False)
    api.delete_port(port, ignore_missing=False)
    api.delete_subnet(outer, ignore_missing=False)
    api.delete_network(outside, ignore_missing=False)


def test_load_balancers_are_made_piece_by_piece(sdk, balancer):
    api = sdk["load_balancer"]
    listener = api.create_listener(name="l", protocol="HTTP", protocol_port=80, load_balancer_id=balancer.id)
    pool = api.create_pool(name="p", protocol="HTTP", lb_algorithm="ROUND_ROBIN", listener_id=listener.id)
    member = api.create_member(pool, name="m", address="192.168.7.9", protocol_port=80)
    monitor = api.create_health_monitor(name="h", pool_id=pool.id, type="TCP", delay=1, timeout=1, max_retries=1)
    active(api, balancer)
    assert api.update_listener(listener, connection_limit=100).connection_limit == 100
    assert api.update_pool(pool, lb_algorithm="LEAST_CONNECTIONS").lb_algorithm == "LEAST_CONNECTIONS"
    assert api.update_member(member, pool, weight=7).weight == 7
    assert api.update_health_monitor(monitor, delay=2).delay == 2
    assert api.update_load_balancer(balancer, description="d").description == "d"
    active(api, balancer)
    for found in (
        api.get_listener(listener.id),
        api.get_pool(pool.id),
        api.get_member(member.id, pool.id),
        api.get_health_monitor(monitor.id),
    ):
        assert found.provisioning_status == "ACTIVE"
    assert api.get_load_balancer_statistics(balancer.id).total_connections == 0
    api.delete_health_monitor(monitor, ignore_missing=False)
    api.delete_member(member, pool, ignore_missing=False)
    api.delete_pool(pool, ignore_missing=False)
    api.delete_listener(listener, ignore_missing=False)
    active(api, balancer)
    assert api.listeners(load_balancer_id=balancer.id) == []


def test_load_balancers_are_made_in_one_call(sdk, subnet):
    api = sdk["load_balancer"]
    pool: dict[str, object] = {"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
    pool["members"] = [
        {"address": "192.168.7.9", "protocol_port": 80},
        {"address": "192.168.7.10", "protocol_port": 80},
    ]
    listener: dict[str, object] = {"name": "l", "protocol": "HTTP", "protocol_port": 80, "default_pool": pool}
    made = api.create_load_balancer(name="tree", vip_subnet_id=subnet.id, listeners=[listener])
    active(api, made)
    assert len(api.members(next(each.id for each in api.pools(name="p")))) == 2
    api.delete_load_balancer(made, cascade=True, ignore_missing=False)
    while api.find_load_balancer("tree"):
        pass


def test_providers_are_listed(sdk):
    assert {"amphora", "octavia"} <= {each.name for each in sdk["load_balancer"].providers()}


def test_secrets_are_stored_shared_and_deleted(sdk):
    api = sdk["key_manager"]
    text = {"payload": "hello", "payload_content_type": "text/plain"}
    secret = api.create_secret(name="sdk", secret_type="passphrase", **text)
    assert secret.status is None  # a new secret is known by its reference alone
    shown = api.get_secret(secret.secret_id)
    assert (shown.name, shown.status, shown.payload) == ("sdk", "ACTIVE", "hello")
    assert [each.secret_id for each in api.secrets(name="sdk")] == [secret.secret_id]
    assert api.find_secret(secret.secret_id).name == "sdk"
    later = api.create_secret(name="later")
    api.set_secret_acl(secret.secret_id, read={"users": ["somebody"], "project-access": True})
    assert api.get_secret_acl(secret.secret_id).read["users"] == ["somebody"]
    api.update_secret_acl(secret.secret_id, read={"project-access": False})
    assert api.get_secret_acl(secret.secret_id).read["project-access"] is False
    api.delete_secret_acl(secret.secret_id)
    consumer = {"service": "lb", "resource_type": "listener", "resource_id": "7"}
    api.create_secret_consumer(secret.secret_id, **consumer)
    assert [each.resource_id for each in api.secret_consumers(secret.secret_id)] == ["7"]
    api.delete_secret_consumer(secret.secret_id, **consumer)
    assert api.wait_for_status(shown, "ACTIVE", interval=0.05, wait=5).name == "sdk"
    for each in (secret, later):
        api.delete_secret(each.secret_id, ignore_missing=False)
    assert api.secrets(name="sdk") == []


def test_containers_are_made_and_deleted_and_orders_are_none(sdk):
    api = sdk["key_manager"]
    secret = api.create_secret(name="part", payload="hello", payload_content_type="text/plain")
    refs = [{"name": "certificate", "secret_ref": secret.secret_ref}]
    made = api.create_container(name="sdk", type="certificate", secret_refs=refs)
    shown = api.get_container(made.container_id)
    assert (shown.name, shown.type, shown.secret_refs) == ("sdk", "certificate", refs)
    assert [each.container_id for each in api.containers(name="sdk")] == [made.container_id]
    api.create_container_acl(made.container_id, read={"users": ["somebody"]})
    assert api.get_container_acl(made.container_id).read["users"] == ["somebody"]
    api.update_container_acl(made.container_id, read={"users": ["somebody", "else"]})
    assert len(api.get_container_acl(made.container_id).read["users"]) == 2
    api.delete_container_acl(made.container_id)
    assert api.find_container(made.container_id).name == "sdk"
    api.delete_container(made.container_id, ignore_missing=False)
    api.wait_for_delete(shown, interval=0.05, wait=5)
    api.delete_secret(secret.secret_id, ignore_missing=False)
    assert api.orders() == []
    assert api.get_quota().secrets == -1


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
