"""openstacksdk's lists of networks and what belongs to them: every filter of the SDK finds what has that value."""

import pytest

from tests.compat import passes
from tests.compat import sdk as proxies

# The SDK warns of what it will drop itself; vipool is not what it warns of.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")

NAME = "sdk-filters"
# What says how to list rather than what.
PAGES = {"limit", "marker", "sort_key", "sort_dir", "fields"}
LISTS = (
    *("networks", "subnets", "ports", "routers", "ips", "security_groups", "security_group_rules", "subnet_pools"),
    *("qos_policies", "rbac_policies"),
)


@pytest.fixture(scope="module")
def api(live):
    """The network proxy for the administrator."""
    with proxies.connected(live, passes.Passes("nobody")) as services:
        yield services["network"]


@pytest.fixture(scope="module")
def made(api):
    """One of each kind, with much to find it by; all deleted after the last test."""
    outside = api.create_network(name=f"{NAME}-outside", is_router_external=True)
    api.create_subnet(name=f"{NAME}-outside", network_id=outside.id, ip_version=4, cidr="10.71.0.0/24")
    inside = api.create_network(name=NAME, description="d")
    subnet = api.create_subnet(name=NAME, description="d", network_id=inside.id, ip_version=4, cidr="10.72.0.0/24")
    router = api.create_router(name=NAME, external_gateway_info={"network_id": outside.id})
    api.add_interface_to_router(router, subnet_id=subnet.id)
    port = api.create_port(name=NAME, network_id=inside.id, device_id="d", device_owner="o")
    group = api.create_security_group(name=NAME, description="d")
    ports = {"protocol": "tcp", "port_range_min": 1, "port_range_max": 2, "remote_ip_prefix": "10.0.0.0/8"}
    rule = api.create_security_group_rule(security_group_id=group.id, direction="ingress", description="d", **ports)
    share = {"object_type": "network", "object_id": inside.id, "action": "access_as_shared"}
    found = {
        "rbac_policies": api.create_rbac_policy(**share, target_project_id=inside.project_id),
        "ips": api.create_ip(floating_network_id=outside.id, port_id=port.id, description="d"),
        "ports": port,
        "routers": router,
        "subnets": subnet,
        "networks": inside,
        "security_group_rules": rule,
        "security_groups": group,
        "subnet_pools": api.create_subnet_pool(name=NAME, prefixes=["10.73.0.0/16"], default_prefix_length=24),
        "qos_policies": api.create_qos_policy(name=NAME, description="d"),
    }
    yield found
    api.delete_rbac_policy(found["rbac_policies"], ignore_missing=False)
    api.delete_qos_policy(found["qos_policies"], ignore_missing=False)
    api.delete_ip(found["ips"], ignore_missing=False)
    api.remove_interface_from_router(router, subnet_id=subnet.id)
    for kind in ("port", "router", "network", "security_group", "subnet_pool"):
        getattr(api, f"delete_{kind}")(found[f"{kind}s"], ignore_missing=False)
    api.delete_network(outside, ignore_missing=False)


@pytest.mark.parametrize("kind", LISTS)
def test_every_filter_finds(api, made, kind):
    listed = getattr(api, kind)
    (row,) = (each for each in listed() if each.id == made[kind].id)
    wanted = {name: getattr(row, name, None) for name in sorted(row._query_mapping._mapping.keys() - PAGES)}
    sent = {name: value for name, value in wanted.items() if value is not None and not isinstance(value, list | dict)}
    assert [name for name, value in sent.items() if row.id not in [each.id for each in listed(**{name: value})]] == []
    assert len(sent) >= 5
