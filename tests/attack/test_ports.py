"""A tenant makes, names and moves ports to get at what is somebody else's: nothing comes of it."""

import pytest

NETWORK = "/network/v2.0"
BALANCERS = "/load-balancer/v2/lbaas/loadbalancers"


@pytest.fixture
def victims(whole):
    """What the victim has: a network, a subnet, a router and a load balancer."""
    network, subnet = whole.victim.home()
    made = whole.victim.balancer(subnet)
    return {"network": network, "subnet": subnet, "router": whole.victim.router(subnet), "balancer": made}


@pytest.fixture
def commons(whole):
    """A shared network and an external one, both the administrator's: their ids, by name, with their subnets'."""
    found = {}
    kinds = {"shared": {"shared": True}, "external": {"router:external": True}}
    for number, (name, values) in enumerate(kinds.items()):
        network = whole.admin.net("network", name=name, **values)["id"]
        cidr = f"10.5{number}.0.0/24"
        subnet = whole.admin.net("subnet", network_id=network, cidr=cidr, ip_version=4)
        found[name] = (network, subnet["id"], subnet["gateway_ip"])
    return found


def refused(reply, status):
    assert reply.status_code == status, reply.text


def compiled(whole, router):
    """The ports that a node would plug into a router, whoever made them."""
    return {each["id"] for each in whole.admin.get(f"{NETWORK}/ports?device_id={router}").json()["ports"]}


@pytest.mark.parametrize("spell", [str, str.upper, lambda each: f"{{{each}}}", lambda each: f" {each}"])
@pytest.mark.parametrize("owner", ["network:router_interface", "network:router_gateway"])
def test_a_port_does_not_get_into_a_router_by_naming_it(whole, victims, owner, spell):
    network, _ = whole.mallory.home("10.9.0.0/24")
    before = compiled(whole, victims["router"])
    named = {"device_owner": owner, "device_id": spell(victims["router"])}
    whole.mallory.call("POST", f"{NETWORK}/ports", {"port": {"network_id": network, **named}})
    plain = whole.mallory.net("port", network_id=network)["id"]
    whole.mallory.call("PUT", f"{NETWORK}/ports/{plain}", {"port": named})
    for name, value in named.items():
        whole.mallory.call("PUT", f"{NETWORK}/ports/{plain}", {"port": {name: value}})
    assert compiled(whole, victims["router"]) == before


def test_a_port_does_not_get_into_a_load_balancer_by_naming_it(whole, victims):
    network, _ = whole.mallory.home("10.9.0.0/24")
    named = {"device_owner": "Octavia", "device_id": f"lb-{victims['balancer']['id']}"}
    refused(whole.mallory.call("POST", f"{NETWORK}/ports", {"port": {"network_id": network, **named}}), 409)


def test_a_shared_network_keeps_its_gateway(whole, commons):
    network, subnet, gateway = commons["shared"]
    own = whole.mallory.net("port", network_id=network)["id"]
    fixed = [{"subnet_id": subnet, "ip_address": gateway}]
    refused(whole.mallory.call("POST", f"{NETWORK}/ports", {"port": {"network_id": network, "fixed_ips": fixed}}), 403)
    refused(whole.mallory.call("PUT", f"{NETWORK}/ports/{own}", {"port": {"fixed_ips": fixed}}), 403)


@pytest.mark.parametrize("kind", ["shared", "external"])
def test_a_router_does_not_take_the_gateway_of_a_network_of_others(whole, commons, kind):
    _, subnet, _ = commons[kind]
    router = whole.mallory.net("router", name="mine")["id"]
    body = {"subnet_id": subnet}
    refused(whole.mallory.call("PUT", f"{NETWORK}/routers/{router}/add_router_interface", body), 403)


@pytest.mark.parametrize("kind", ["shared", "external"])
def test_a_load_balancer_does_not_take_the_gateway_of_a_network(whole, commons, kind):
    network, subnet, gateway = commons[kind]
    for place in ({"vip_subnet_id": subnet}, {"vip_network_id": network}):
        body = {"loadbalancer": {**place, "vip_address": gateway}}
        reply = whole.mallory.call("POST", BALANCERS, body)
        refused(reply, 400)
        assert "is the gateway of subnet" in reply.json()["faultstring"]


@pytest.mark.parametrize(
    "values",
    [
        {"allowed_address_pairs": [{"ip_address": "0.0.0.0/0"}]},
        {"port_security_enabled": False, "security_groups": []},
        {"device_owner": "network:dhcp"},
        {"mac_address": "fa:16:3e:00:00:01"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_tenant_passes_for_nobody_else_on_a_shared_network(whole, commons, values):
    network, _, _ = commons["shared"]
    own = whole.mallory.net("port", network_id=network)["id"]
    refused(whole.mallory.call("POST", f"{NETWORK}/ports", {"port": {"network_id": network, **values}}), 403)
    refused(whole.mallory.call("PUT", f"{NETWORK}/ports/{own}", {"port": values}), 403)


def test_what_a_port_on_a_shared_network_has_may_be_said_again(whole, commons):
    network, _, _ = commons["shared"]
    own = whole.mallory.net("port", network_id=network)
    same = {key: own[key] for key in ("fixed_ips", "allowed_address_pairs", "port_security_enabled", "device_owner")}
    reply = whole.mallory.call("PUT", f"{NETWORK}/ports/{own['id']}", {"port": {**same, "name": "mine"}})
    assert reply.status_code == 200, reply.text


def test_the_owner_of_a_network_may_choose_addresses_and_pairs(whole):
    network, subnet = whole.mallory.home()
    pairs = [{"ip_address": "10.1.0.200"}]
    fixed = [{"subnet_id": subnet, "ip_address": "10.1.0.9"}]
    whole.mallory.net("port", network_id=network, fixed_ips=fixed, allowed_address_pairs=pairs)


@pytest.mark.parametrize(
    "values",
    [
        {"device_id": ""},
        {"device_owner": ""},
        {"mac_address": "fa:16:3e:00:00:01"},
        {"fixed_ips": []},
        {"fixed_ips": [{"ip_address": "10.1.0.77"}]},
    ],
    ids=str,
)
def test_the_port_of_a_vip_stays_as_its_load_balancer_has_it(whole, victims, values):
    port = victims["balancer"]["vip_port_id"]
    assert whole.victim.call("PUT", f"{NETWORK}/ports/{port}", {"port": values}).status_code in {403, 409}


def test_what_a_load_balancer_stands_on_cannot_be_deleted(whole, victims):
    for path in (
        f"ports/{victims['balancer']['vip_port_id']}",
        f"subnets/{victims['subnet']}",
        f"networks/{victims['network']}",
        f"routers/{victims['router']}",
    ):
        refused(whole.victim.call("DELETE", f"{NETWORK}/{path}"), 409)
    gone = whole.victim.call("DELETE", f"{NETWORK}/ports/{victims['balancer']['vip_port_id']}")
    assert victims["balancer"]["id"] in gone.json()["NeutronError"]["message"]


def test_a_port_of_others_holds_no_vip(whole, victims):
    body = {"loadbalancer": {"vip_port_id": victims["balancer"]["vip_port_id"]}}
    for person in (whole.mallory, whole.victim):
        refused(person.call("POST", BALANCERS, body), 400)
