"""A tenant names the objects of another project wherever an identifier goes: it neither uses, changes nor sees them."""

import pytest

from tests.attack import town

NETWORK = "/network/v2.0"
OCTAVIA = "/load-balancer/v2/lbaas"
POOL = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
LISTENER = {"protocol": "HTTP", "protocol_port": 81}
MONITOR = {"type": "HTTP", "delay": 5, "timeout": 2, "max_retries": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One town for all of these tests: none of them may change anything."""
    made = town.Town(tmp_path_factory.mktemp("town"))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def names(whole):
    """The identifiers of what the victim (v_) and the tenant (m_) have."""
    found = {"v_project": whole.victim.project, "m_project": whole.mallory.project}
    for prefix, person, cidr in (("v", whole.victim, "10.1.0.0/24"), ("m", whole.mallory, "10.9.0.0/24")):
        network, subnet = person.home(cidr)
        root = person.balancer(subnet)
        member = person.make(f"{OCTAVIA}/pools/{root['pool']}/members", "member", address="10.1.0.9", protocol_port=80)
        made = {"network": network, "subnet": subnet, "balancer": root["id"], "vip": root["vip_port_id"]}
        made |= {"listener": root["listener"], "pool": root["pool"], "member": member["id"]}
        made |= {"port": person.net("port", network_id=network)["id"], "router": person.router(subnet)}
        made |= {"group": person.net("security_group", name="g")["id"]}
        found |= {f"{prefix}_{key}": value for key, value in made.items()}
    outside = whole.admin.net("network", name="outside", **{"router:external": True})["id"]
    whole.admin.net("subnet", network_id=outside, cidr="203.0.113.0/24", ip_version=4)
    return {**found, "outside": outside}


def filled(value, names):
    """A body with identifiers where it has their names."""
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


USES = [
    ("POST", "loadbalancers", {"loadbalancer": {"vip_network_id": "v_network"}}),
    ("POST", "loadbalancers", {"loadbalancer": {"vip_subnet_id": "v_subnet"}}),
    ("POST", "loadbalancers", {"loadbalancer": {"vip_port_id": "v_port"}}),
    ("POST", "loadbalancers", {"loadbalancer": {"vip_network_id": "m_network", "vip_subnet_id": "v_subnet"}}),
    ("POST", "loadbalancers", {"loadbalancer": {"vip_subnet_id": "m_subnet", "project_id": "v_project"}}),
    ("POST", "listeners", {"listener": {**LISTENER, "loadbalancer_id": "v_balancer"}}),
    ("POST", "listeners", {"listener": {**LISTENER, "loadbalancer_id": "m_balancer", "default_pool_id": "v_pool"}}),
    ("PUT", "listeners/{m_listener}", {"listener": {"default_pool_id": "v_pool"}}),
    ("PUT", "listeners/{v_listener}", {"listener": {"name": "mine"}}),
    ("POST", "pools", {"pool": {**POOL, "loadbalancer_id": "v_balancer"}}),
    ("POST", "pools", {"pool": {**POOL, "listener_id": "v_listener"}}),
    ("POST", "pools", {"pool": {**POOL, "loadbalancer_id": "m_balancer", "listener_id": "v_listener"}}),
    ("POST", "healthmonitors", {"healthmonitor": {**MONITOR, "pool_id": "v_pool"}}),
    ("POST", "pools/{v_pool}/members", {"member": {"address": "10.9.0.3", "protocol_port": 80}}),
    (
        "POST",
        "pools/{m_pool}/members",
        {"member": {"address": "10.9.0.3", "protocol_port": 80, "subnet_id": "v_subnet"}},
    ),
    ("PUT", "pools/{v_pool}/members", {"members": []}),
    ("PUT", "pools/{v_pool}/members?additive_only=true", {"members": []}),
    ("GET", "pools/{m_pool}/members/{v_member}", None),
    ("PUT", "pools/{m_pool}/members/{v_member}", {"member": {"weight": 0}}),
    ("DELETE", "pools/{m_pool}/members/{v_member}", None),
    ("GET", "loadbalancers/{v_balancer}/status", None),
    ("GET", "loadbalancers/{v_balancer}/stats", None),
    ("GET", "listeners/{v_listener}/stats", None),
    ("GET", "loadbalancers?project_id={v_project}", None),
    ("GET", "pools?tenant_id={v_project}", None),
    ("GET", "loadbalancers?project_id={m_project}&tenant_id={v_project}", None),
    ("DELETE", "loadbalancers/{v_balancer}?cascade=true", None),
]
NETWORK_USES = [
    ("POST", "ports", {"port": {"network_id": "v_network"}}),
    ("POST", "ports", {"port": {"network_id": "m_network", "fixed_ips": [{"subnet_id": "v_subnet"}]}}),
    ("POST", "ports", {"port": {"network_id": "m_network", "security_groups": ["v_group"]}}),
    ("POST", "ports", {"ports": [{"network_id": "m_network"}, {"network_id": "v_network"}]}),
    ("PUT", "ports/{v_port}", {"port": {"name": "mine"}}),
    ("POST", "subnets", {"subnet": {"network_id": "v_network", "cidr": "10.77.0.0/24", "ip_version": 4}}),
    ("POST", "networks", {"networks": [{"name": "a"}, {"name": "b", "project_id": "v_project"}]}),
    ("POST", "routers", {"router": {"external_gateway_info": {"network_id": "v_network"}}}),
    ("PUT", "routers/{m_router}", {"router": {"external_gateway_info": {"network_id": "m_network"}}}),
    ("PUT", "routers/{v_router}/add_router_interface", {"subnet_id": "m_subnet"}),
    ("PUT", "routers/{m_router}/add_router_interface", {"subnet_id": "v_subnet"}),
    ("PUT", "routers/{m_router}/add_router_interface", {"port_id": "v_port"}),
    ("PUT", "routers/{m_router}/add_router_interface", {"port_id": "m_vip"}),
    ("PUT", "routers/{v_router}/remove_router_interface", {"subnet_id": "v_subnet"}),
    ("POST", "floatingips", {"floatingip": {"floating_network_id": "v_network"}}),
    ("POST", "floatingips", {"floatingip": {"floating_network_id": "outside", "port_id": "v_port"}}),
    (
        "POST",
        "security-group-rules",
        {"security_group_rule": {"security_group_id": "v_group", "direction": "ingress"}},
    ),
    (
        "POST",
        "security-group-rules",
        {"security_group_rule": {"security_group_id": "m_group", "direction": "ingress", "remote_group_id": "v_group"}},
    ),
    ("PUT", "networks/{v_network}/tags", {"tags": ["x"]}),
    ("PUT", "networks/{outside}/tags/x", None),
    ("PUT", "networks/{outside}", {"network": {"shared": True}}),
    ("PUT", "networks/{m_network}", {"network": {"router:external": True}}),
    ("GET", "quotas/{v_project}", None),
    ("PUT", "quotas/{m_project}", {"quota": {"port": -1}}),
    ("GET", "networks?limit=1&marker={v_network}", None),
]


ALL = [(OCTAVIA, *each) for each in USES] + [(NETWORK, *each) for each in NETWORK_USES]


@pytest.mark.parametrize("use", ALL, ids=lambda use: f"{use[1]} {use[2]}".replace("/", "."))
def test_no_call_uses_or_shows_what_another_project_has(whole, names, use):
    prefix, method, path, body = use
    reply = whole.mallory.call(method, f"{prefix}/{path.format(**names)}", filled(body, names))
    assert reply.status_code in {400, 403, 404, 409}, reply.text


LISTS = [
    *(f"{OCTAVIA}/{noun}" for noun in ("loadbalancers", "listeners", "pools", "healthmonitors")),
    *(f"{NETWORK}/{noun}" for noun in ("ports", "routers", "networks", "subnets", "floatingips", "security-groups")),
]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["", "?name=shop", "?name=", "?sort_key=name&sort_dir=asc", "?tags=&not-tags=x"])
def test_no_list_shows_what_another_project_has(whole, names, path, query):
    reply = whole.mallory.get(path + query)
    assert whole.victim.project not in reply.text
    assert not [each for name, each in names.items() if name.startswith("v_") and each in reply.text]


def test_a_marker_of_another_project_is_as_unknown_as_any(whole, names):
    nobody = "00000000-0000-4000-8000-000000000000"
    said = []
    for marker in (nobody, names["v_balancer"]):
        reply = whole.mallory.get(f"{OCTAVIA}/loadbalancers?limit=1&sort=vip_address&marker={marker}")
        said.append((reply.status_code, reply.text.replace(marker, "")))
    assert said[0] == said[1]
    assert said[0][0] == 400


def test_a_marker_of_ones_own_still_works(whole, names):
    reply = whole.mallory.get(f"{OCTAVIA}/loadbalancers?limit=1&marker={names['m_balancer']}")
    assert (reply.status_code, reply.json()["loadbalancers"]) == (200, [])


def spellings(identifier):
    """Other ways to write an identifier in a path."""
    yield from (identifier.upper(), f"{{{identifier}}}", f"urn:uuid:{identifier}", identifier.replace("-", ""))
    yield from (f"{identifier}{tail}" for tail in ("%0a", "%00", "%20", ";x=1", "%0d%0aX-Role: admin"))
    yield from (f"{head}{identifier}" for head in ("%2e%2e/", "..%2f", "%20"))
    yield from ("%ff", "%F0%9F%98%80", "*", "'", "%25", "None", "a" * 5000)


def test_an_identifier_has_one_spelling_in_a_path(whole, names):
    for base, name in ((f"{OCTAVIA}/loadbalancers", "v_balancer"), (f"{NETWORK}/networks", "v_network")):
        for spelled in spellings(names[name]):
            for method in ("GET", "DELETE"):
                reply = whole.mallory.call(method, f"{base}/{spelled}")
                assert reply.status_code == 404, (method, spelled, reply.text)
