"""The kernel's provider as its clients meet it: chosen by name, refusing in words, telling routers what comes back."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool import wiring
from vipool.cloud.network.embedded import routers, sharing
from vipool.model import port, rbacpolicy, router, spec
from vipool.providers.nftables import streams
from vipool.store import rows

TCP = {"protocol": "TCP"}


@pytest.fixture
def cloud(tmp_path):
    made = balancing.Cloud(tmp_path, wiring.providers())
    yield made
    made.database.close()


def test_it_is_listed_with_what_flavors_may_choose(cloud):
    found = {each["name"]: each["description"] for each in cloud.get("/providers")["providers"]}
    assert {"amphora", "octavia", "haproxy", "nftables"} <= found.keys()
    assert found["nftables"].startswith("Connections and datagrams are carried")
    assert not any("," in each for each in found.values()), (
        "clients are configured with lists of these, parted by commas"
    )
    offers = cloud.get("/providers/nftables/flavor_capabilities", who="admin")["flavor_capabilities"]
    assert [each["name"] for each in offers] == [streams.ENDING]


def test_it_carries_listeners_of_three_protocols_on_one_port_number(cloud):
    root = cloud.balancer(provider="nftables")
    assert root["provider"] == "nftables"
    for protocol in ("TCP", "UDP", "SCTP"):
        cloud.settle()
        cloud.listener(root["id"], protocol=protocol, protocol_port=53)
    cloud.settle()
    assert cloud.get(f"/loadbalancers/{root['id']}")["loadbalancer"]["provisioning_status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("noun", "values", "words"),
    [
        ("listener", {"protocol": "HTTP"}, "protocol HTTP is not served by address translation"),
        ("pool", {"protocol": "PROXY"}, "protocol PROXY is not served by address translation"),
        ("pool", {**TCP, "tls_enabled": True}, "tls_enabled has no meaning where TCP, UDP and SCTP are translated"),
    ],
)
def test_what_it_cannot_carry_is_refused_with_501_in_words(cloud, noun, values, words):
    root = cloud.balancer(provider="nftables")["id"]
    cloud.settle()
    least = balancing.LISTENER if noun == "listener" else balancing.POOL
    reply = cloud.call("POST", f"/{noun}s", {noun: {**least, "loadbalancer_id": root, **values}})
    assert (reply.status_code, words in balancing.sentence(reply)) == (501, True), reply.text


def test_the_usual_provider_refuses_to_preserve_the_address_of_connections(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    reply = cloud.call(
        "POST", "/pools", {"pool": {**balancing.POOL, "loadbalancer_id": root, "preserve_client_ip": True}}
    )
    assert reply.status_code == 501
    assert "make the load balancer with the provider nftables" in balancing.sentence(reply)


def told(cloud):
    """What the router of the usual network is to bring back, as a node hears it."""
    with cloud.database.read() as held:
        found = cloud.networks.items(held, since=0)
    return [item.returns for item in found if isinstance(item, spec.Router)]


def revision(cloud):
    with cloud.database.read() as held:
        return rows.find(held, router.Router)[0].revision


@pytest.fixture
def gate(cloud):
    """A router of the usual network."""
    admin = world.person(world.PROJECT, "admin", "member", "reader")
    with cloud.database.write() as held:
        made = routers.create(held, admin, router.Router(id=cloud.new_id(), project_id=world.PROJECT), cloud.new_id)
        routers.add_interface(held, admin, made, {"subnet_id": world.SUBNET}, cloud.new_id)
    return made


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize(("provider", "protocol"), [("nftables", "TCP"), ("amphora", "UDP")])
def test_nobody_has_the_router_of_another_project_bring_anything_to_them(cloud, provider, protocol):
    lent = rbacpolicy.RbacPolicy(
        id=cloud.new_id(),
        project_id=world.PROJECT,
        object_type="network",
        object_id=world.NETWORK,
        action="access_as_shared",
        target_tenant=world.OTHER,
    )
    with cloud.database.write() as held:
        sharing.create(held, world.MEMBER, lent)
    guest = {"who": "stranger"}
    root = cloud.make("loadbalancer", "/loadbalancers", **guest, vip_subnet_id=world.SUBNET, provider=provider)["id"]
    cloud.settle()
    terms = {"protocol": protocol, "protocol_port": 80, "loadbalancer_id": root}
    front = cloud.make("listener", "/listeners", **guest, **terms)["id"]
    cloud.settle()
    values = {"protocol": protocol, "lb_algorithm": "ROUND_ROBIN", "listener_id": front, "preserve_client_ip": True}
    back = cloud.make("pool", "/pools", **guest, **values)["id"]
    for address in ("172.16.100.50", "8.8.8.8"):
        cloud.settle()
        cloud.make("member", f"/pools/{back}/members", **guest, address=address, protocol_port=443)
    cloud.settle()
    assert cloud.count(port.Port, has_returns=True) == 1
    assert told(cloud) == [()]


@pytest.mark.usefixtures("gate")
def test_routers_hear_of_members_that_answer_clients_themselves(cloud):
    root = cloud.balancer(provider="nftables")
    cloud.settle()
    front = cloud.listener(root["id"], **TCP)["id"]
    cloud.settle()
    back = cloud.make("pool", "/pools", **{**balancing.POOL, "listener_id": front, **TCP})
    cloud.settle()
    one = cloud.member(back["id"], address="172.16.100.77", protocol_port=8080)
    cloud.settle()
    assert told(cloud) == [()]
    before = revision(cloud)
    cloud.call("PUT", f"/pools/{back['id']}", {"pool": {"preserve_client_ip": True}})
    cloud.settle()
    expected = spec.Return(address="172.16.100.77", protocol="tcp", port=8080, via=root["vip_address"])
    assert told(cloud) == [(expected,)]
    assert revision(cloud) > before
    before = revision(cloud)
    cloud.call("PUT", f"/pools/{back['id']}", {"pool": {"name": "other"}})
    cloud.settle()
    assert revision(cloud) == before, "routers are told of nothing that does not concern them"
    cloud.call("DELETE", f"/pools/{back['id']}/members/{one['id']}")
    assert told(cloud) == [()]
    cloud.settle()
    cloud.member(back["id"], address="172.16.100.78", protocol_port=8080)
    cloud.settle()
    assert len(told(cloud)[0]) == 1
    cloud.call("DELETE", f"/loadbalancers/{root['id']}?cascade=true")
    assert told(cloud) == [()]
    cloud.settle()
    assert cloud.count(port.Port, has_returns=True) == 0
