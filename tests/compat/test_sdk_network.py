"""openstacksdk's network proxy: every call that makes sense for what is served, against a live vipool."""

import pytest
from openstack import exceptions

from tests.compat import passes
from tests.compat import sdk as proxies

# The SDK warns of what it will drop itself; vipool is not what it warns of.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")

NAME = "sdk-network"
QOS = {
    "bandwidth_limit": ("max_kbps", 1000, 2000),
    "dscp_marking": ("dscp_mark", 26, 46),
    "minimum_bandwidth": ("min_kbps", 10, 20),
    "minimum_packet_rate": ("min_kpps", 10, 20),
    "packet_rate_limit": ("max_kpps", 10, 20),
}


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("sdk-network")


@pytest.fixture(scope="module")
def services(live, noted):
    """The proxies for the administrator."""
    with proxies.connected(live, noted) as found:
        yield found


@pytest.fixture(scope="module")
def api(services):
    """The network proxy for the administrator."""
    return services["network"]


@pytest.fixture(scope="module")
def project(services):
    """The administrator's own project."""
    return services["identity"].find_project("admin").id


@pytest.fixture(scope="module")
def inside(api):
    """A network with a subnet, deleted after the last test."""
    made = api.create_network(name=NAME, description="d")
    api.create_subnet(name=NAME, network_id=made.id, ip_version=4, cidr="192.168.9.0/24")
    yield made
    api.delete_network(made, ignore_missing=False)


@pytest.fixture(scope="module")
def subnet(api, inside):
    """The subnet."""
    return api.find_subnet(NAME, ignore_missing=False)


@pytest.fixture(scope="module")
def outside(api):
    """An external network with a subnet."""
    made = api.create_network(name=f"{NAME}-outside", is_router_external=True, is_default=True)
    api.create_subnet(network_id=made.id, ip_version=4, cidr="10.20.40.0/24")
    yield made
    api.delete_network(made, ignore_missing=False)


@pytest.fixture
def port(api, inside):
    """A port on the network inside."""
    made = api.create_port(name=NAME, network_id=inside.id)
    yield made
    api.delete_port(made, ignore_missing=False)


def found(find, made, name, *more):
    """Check that something is found by its id and by its name, and that what is not there is not."""
    for word in (made.id, name):
        assert find(word, *more).id == made.id
    assert find("no such name", *more) is None
    with pytest.raises(exceptions.NotFoundException):
        find("no such name", *more, ignore_missing=False)


def ids(listed):
    """The ids of what was listed."""
    return [each.id for each in listed]


def test_networks(api, inside):
    assert api.get_network(inside.id).description == "d"
    found(api.find_network, inside, NAME)
    assert api.update_network(inside, description="changed").description == "changed"
    assert ids(api.networks(name=NAME)) == [inside.id]
    assert ids(api.networks(name=NAME, is_router_external=True)) == []


def test_subnets(api, inside, subnet):
    assert api.get_subnet(subnet.id).cidr == "192.168.9.0/24"
    found(api.find_subnet, subnet, NAME)
    assert api.update_subnet(subnet, dns_nameservers=["192.168.9.3"]).dns_nameservers == ["192.168.9.3"]
    assert ids(api.subnets(network_id=inside.id)) == [subnet.id]
    six = api.create_subnet(network_id=inside.id, ip_version=6, cidr="fd00:9::/64")
    assert ids(api.subnets(network_id=inside.id, ip_version=6)) == [six.id]
    api.delete_subnet(six, ignore_missing=False)


def test_ports(api, inside, subnet, port):
    assert api.get_port(port.id).network_id == inside.id
    found(api.find_port, port, NAME)
    assert api.update_port(port, device_id="somebody").device_id == "somebody"
    address = port.fixed_ips[0]["ip_address"]
    assert ids(api.ports(fixed_ips=[f"ip_address={address}"], network_id=inside.id)) == [port.id]
    assert port.id in ids(api.get_subnet_ports(subnet.id))
    several = api.create_ports([{"network_id": inside.id, "name": f"{NAME}-{n}"} for n in range(2)])
    assert [each.name for each in several] == [f"{NAME}-0", f"{NAME}-1"]
    for each in several:
        api.delete_port(each, ignore_missing=False)


def test_a_port_that_another_changed_meanwhile_is_left_alone(api, port):
    before = api.get_port(port.id)
    api.update_port(port.id, description="first")
    with pytest.raises(exceptions.HttpException) as refusal:
        api.update_port(before, if_revision=before.revision_number, description="second")
    assert refusal.value.status_code == 412


@pytest.fixture
def kinds(api, inside, subnet, outside, port):
    """How to have one object of each kind that can be tagged, and whether it was made for this."""
    return {
        "network": (lambda: inside, False),
        "subnet": (lambda: subnet, False),
        "port": (lambda: port, False),
        "router": (lambda: api.create_router(name=f"{NAME}-tags"), True),
        "security_group": (lambda: api.create_security_group(name=f"{NAME}-tags"), True),
        "subnet_pool": (lambda: api.create_subnet_pool(name=f"{NAME}-tags", prefixes=["10.99.0.0/16"]), True),
        "ip": (lambda: api.create_ip(floating_network_id=outside.id), True),
    }


@pytest.mark.parametrize("kind", ["network", "subnet", "port", "router", "security_group", "subnet_pool", "ip"])
def test_tags(api, kinds, kind):
    make, made_here = kinds[kind]
    made, listed = make(), getattr(api, f"{kind}s")
    assert api.set_tags(made, ["red", "blue"]).tags == ["red", "blue"]
    assert sorted(api.get_tags(made)) == ["blue", "red"]
    api.add_tag(made, "green")
    api.add_tags(made, ["black"])
    assert api.check_tag(made, "green")
    api.remove_tag(made, "red")
    with pytest.raises(exceptions.NotFoundException):
        api.check_tag(made, "red")
    assert ids(listed(tags="black,green")) == [made.id]
    assert ids(listed(any_tags="black,white")) == [made.id]
    assert made.id not in ids(listed(not_tags="black,green"))
    assert made.id not in ids(listed(not_any_tags="black,white"))
    api.remove_all_tags(made)
    assert api.get_tags(made) == []
    if made_here:
        getattr(api, f"delete_{kind}")(made, ignore_missing=False)


def test_security_groups(api, project):
    made = api.create_security_group(name=NAME, description="d")
    assert api.get_security_group(made.id).description == "d"
    found(api.find_security_group, made, NAME)
    assert api.update_security_group(made, description="changed").description == "changed"
    assert ids(api.security_groups(name=NAME)) == [made.id]
    rule = api.create_security_group_rule(
        security_group_id=made.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=81
    )
    assert api.get_security_group_rule(rule.id).protocol == "tcp"
    assert api.find_security_group_rule(rule.id).id == rule.id
    assert ids(api.security_group_rules(security_group_id=made.id, direction="ingress")) == [rule.id]
    several = [
        {
            "security_group_id": made.id,
            "direction": "ingress",
            "protocol": "udp",
            "port_range_min": n,
            "port_range_max": n,
        }
        for n in (1, 2)
    ]
    assert len(api.create_security_group_rules(several)) == 2
    api.delete_security_group_rule(rule, ignore_missing=False)
    api.delete_security_group(made, ignore_missing=False)
    assert "default" in [each.name for each in api.security_groups(project_id=project)]
    first = api.default_security_group_rules()
    assert len(first) == 4
    assert api.get_default_security_group_rule(first[0].id).direction == first[0].direction
    assert api.find_default_security_group_rule(first[0].id).id == first[0].id


def test_routers_and_floating_ips(api, inside, subnet, outside, port):
    made = api.create_router(name=NAME, external_gateway_info={"network_id": outside.id})
    assert api.get_router(made.id).external_gateway_info["network_id"] == outside.id
    found(api.find_router, made, NAME)
    assert api.update_router(made, description="changed").description == "changed"
    assert ids(api.routers(name=NAME)) == [made.id]
    api.add_interface_to_router(made, subnet_id=subnet.id)
    route = {"destination": "10.50.0.0/16", "nexthop": "192.168.9.9"}
    assert api.add_extra_routes_to_router(made, {"router": {"routes": [route]}}).routes == [route]
    assert api.remove_extra_routes_from_router(made, {"router": {"routes": [route]}}).routes == []
    floating = api.create_ip(floating_network_id=outside.id, description="d")
    assert api.get_ip(floating.id).description == "d"
    assert api.find_ip(floating.floating_ip_address).id == floating.id
    assert api.find_ip(floating.id).id == floating.id
    assert api.find_available_ip().id == floating.id
    assert ids(api.ips(floating_ip_address=floating.floating_ip_address)) == [floating.id]
    assert api.update_ip(floating, port_id=port.id).fixed_ip_address == port.fixed_ips[0]["ip_address"]
    assert api.update_ip(floating, port_id=None).port_id is None
    assert api.add_ip_to_port(port, api.get_ip(floating.id)).port_id == port.id
    assert api.remove_ip_from_port(api.get_ip(floating.id)).port_id is None
    api.delete_ip(floating, ignore_missing=False)
    api.remove_interface_from_router(made, subnet_id=subnet.id)
    api.delete_router(made, ignore_missing=False)


def test_subnet_pools(api):
    made = api.create_subnet_pool(name=NAME, prefixes=["10.44.0.0/16"], default_prefix_length=24)
    assert int(api.get_subnet_pool(made.id).default_prefix_length) == 24
    found(api.find_subnet_pool, made, NAME)
    assert api.update_subnet_pool(made, description="changed").description == "changed"
    assert ids(api.subnet_pools(name=NAME)) == [made.id]
    on = api.create_network(name=f"{NAME}-pool")
    placed = api.create_subnet(network_id=on.id, ip_version=4, subnet_pool_id=made.id, prefix_length=26)
    assert placed.cidr == "10.44.0.0/26"
    assert placed.subnet_pool_id == made.id
    api.delete_network(on, ignore_missing=False)
    api.delete_subnet_pool(made, ignore_missing=False)


def test_qos_policies(api, inside):
    made = api.create_qos_policy(name=NAME, is_shared=True, description="d")
    assert api.get_qos_policy(made.id).is_shared
    found(api.find_qos_policy, made, NAME)
    assert api.update_qos_policy(made, description="changed").description == "changed"
    assert ids(api.qos_policies(name=NAME)) == [made.id]
    assert api.update_network(inside, qos_policy_id=made.id).qos_policy_id == made.id
    assert api.update_network(inside, qos_policy_id=None).qos_policy_id is None
    assert {each.type for each in api.qos_rule_types()} == QOS.keys()
    assert api.get_qos_rule_type("dscp_marking").type == "dscp_marking"
    assert api.find_qos_rule_type("dscp_marking").type == "dscp_marking"
    api.delete_qos_policy(made, ignore_missing=False)


@pytest.mark.parametrize("kind", QOS)
def test_qos_rules(api, kind):
    name, first, second = QOS[kind]
    of = api.create_qos_policy(name=f"{NAME}-{kind}")
    made = getattr(api, f"create_qos_{kind}_rule")(of, **{name: first})
    assert getattr(getattr(api, f"get_qos_{kind}_rule")(made.id, of), name) == first
    assert getattr(api, f"find_qos_{kind}_rule")(made.id, of).id == made.id
    assert ids(getattr(api, f"qos_{kind}_rules")(of)) == [made.id]
    assert getattr(getattr(api, f"update_qos_{kind}_rule")(made, of, **{name: second}), name) == second
    assert [each["type"] for each in api.get_qos_policy(of.id).rules] == [kind]
    getattr(api, f"delete_qos_{kind}_rule")(made, of, ignore_missing=False)
    api.delete_qos_policy(of, ignore_missing=False)


def test_networks_are_shared_with_single_projects(api, services, inside):
    other = services["identity"].create_project(name=f"{NAME}-other", domain_id="default")
    third = services["identity"].create_project(name=f"{NAME}-third", domain_id="default")
    made = api.create_rbac_policy(
        object_type="network", object_id=inside.id, action="access_as_shared", target_project_id=other.id
    )
    assert api.get_rbac_policy(made.id).object_id == inside.id
    assert api.find_rbac_policy(made.id).id == made.id
    assert ids(api.rbac_policies(object_id=inside.id)) == [made.id]
    assert api.update_rbac_policy(made, target_project_id=third.id).target_project_id == third.id
    api.delete_rbac_policy(made, ignore_missing=False)
    for each in (other, third):
        services["identity"].delete_project(each, ignore_missing=False)


def test_quotas(api, services):
    other = services["identity"].create_project(name=f"{NAME}-quota", domain_id="default")
    assert api.get_quota(other.id).networks == 100
    assert api.get_quota_default(other.id).ports == 500
    assert api.get_quota(other.id, details=True).networks["used"] == 0
    assert api.update_quota(other.id, networks=7).networks == 7
    assert other.id in [each.project_id for each in api.quotas()]
    api.delete_quota(other.id, ignore_missing=False)
    assert api.get_quota(other.id).networks == 100
    services["identity"].delete_project(other, ignore_missing=False)


def test_waiting(api, inside):
    made = api.create_port(network_id=inside.id)
    assert api.wait_for_status(made, "DOWN", interval=0.05, wait=5).id == made.id
    api.delete_port(made, ignore_missing=False)
    assert api.wait_for_delete(made, interval=0.05, wait=5).id == made.id


def test_availability_of_addresses(api, inside):
    assert api.get_network_ip_availability(inside.id).total_ips == 253
    assert api.find_network_ip_availability(inside.id).network_name == NAME
    assert [each.network_id for each in api.network_ip_availabilities(network_name=NAME)] == [inside.id]


def test_topologies_on_request(api, project, outside):
    pool = api.create_subnet_pool(
        name=f"{NAME}-default", prefixes=["10.45.0.0/16"], default_prefix_length=24, is_default=True, is_shared=True
    )
    assert api.validate_auto_allocated_topology(project).id == "dry-run=pass"
    made = api.get_auto_allocated_topology(project)
    assert api.get_network(made.id).name == "auto_allocated_network"
    api.delete_auto_allocated_topology(project, ignore_missing=False)
    assert api.find_network("auto_allocated_network") is None
    api.delete_subnet_pool(pool, ignore_missing=False)


def test_what_there_is(api):
    aliases = {each.alias for each in api.extensions()}
    assert {"router", "qos", "rbac-policies", "subnet_allocation", "security-group", "standard-attr-tag"} <= aliases
    assert {api.find_extension(alias).alias for alias in aliases} == aliases
    assert api.find_extension("trunk") is None
    assert [each.name for each in api.service_providers()] == ["single_node"]


@pytest.mark.parametrize(
    "what", ["agents", "availability_zones", "address_groups", "address_scopes", "flavors", "trunks"]
)
def test_what_there_is_none_of(api, what):
    assert getattr(api, what)() == []


@pytest.mark.parametrize("what", ["address_group", "address_scope", "flavor", "trunk"])
def test_what_there_is_none_of_is_not_found(api, what):
    assert getattr(api, f"find_{what}")("any") is None
    with pytest.raises(exceptions.NotFoundException):
        getattr(api, f"get_{what}")("any")


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
