"""The network API beyond what was recorded: tenants and their borders, hostile requests, what must hold together."""

import pytest

from tests.api import network_cloud
from vipool.model import loadbalancer, port
from vipool.store import rows


@pytest.fixture
def cloud(tmp_path):
    made = network_cloud.Cloud(tmp_path / "state.db")
    yield made
    made.database.close()


@pytest.fixture
def routed(cloud):
    """A tenant's subnet behind a router with a gateway: (router, subnet)."""
    outside = cloud.outside()
    inside = cloud.subnet()
    made = cloud.make("router", external_gateway_info={"network_id": outside["network_id"]})
    status, _ = cloud.call(
        "PUT", f"routers/{made['id']}/add_router_interface", {"subnet_id": inside["id"]}, who="alice"
    )
    assert status == 200
    return made, inside


# --- tenants -----------------------------------------------------------------------------------------------------


def test_a_tenant_sees_only_its_own_in_lists_whatever_it_asks_for(cloud):
    cloud.subnet()
    for query in ("", "?project_id=" + network_cloud.PROJECTS["demo"], "?limit=10", "?sort_key=id&sort_dir=desc"):
        for kind in ("networks", "subnets", "ports", "routers", "floatingips"):
            assert cloud.get(kind + query, who="bob")[kind] == []


def test_pages_are_full_although_others_have_objects_in_between(cloud):
    for _ in range(5):
        cloud.make("network", who="alice")
        cloud.make("network", who="bob")
    seen = []
    url = "networks?limit=2"
    while url:
        answer = cloud.get(url, who="bob")
        seen += [each["id"] for each in answer["networks"]]
        following = [link["href"] for link in answer.get("networks_links", ()) if link["rel"] == "next"]
        url = following[0].partition("/v2.0/")[2] if following else ""
    assert len(seen) == len(set(seen)) == 5


def test_a_marker_that_belongs_to_somebody_else_is_unknown(cloud):
    other = cloud.make("network", who="alice")
    assert cloud.refused("GET", f"networks?limit=2&marker={other['id']}", who="bob") == (404, "NetworkNotFound")


def test_everybody_sees_external_and_shared_networks_with_their_subnets(cloud):
    outside = cloud.outside()
    shared = cloud.make("network", who="admin", shared=True)
    listed = {each["id"] for each in cloud.get("networks", who="bob")["networks"]}
    assert listed == {outside["network_id"], shared["id"]}
    assert [each["id"] for each in cloud.get("subnets", who="bob")["subnets"]] == [outside["id"]]
    assert cloud.get(f"subnets/{outside['id']}", who="bob")["subnet"]["router:external"] is True


def test_a_shared_network_lets_others_have_ports_and_change_nothing(cloud):
    shared = cloud.make("network", who="admin", shared=True)
    cloud.make("subnet", who="admin", network_id=shared["id"], ip_version=4, cidr="10.9.0.0/24")
    made = cloud.make("port", who="bob", network_id=shared["id"])
    assert made["fixed_ips"][0]["ip_address"] == "10.9.0.2"
    assert cloud.refused("DELETE", f"networks/{shared['id']}", who="bob") == (403, "PolicyNotAuthorized")
    body = {"port": {"network_id": shared["id"], "mac_address": "fa:16:3e:00:00:07"}}
    assert cloud.refused("POST", "ports", body, who="bob") == (403, "PolicyNotAuthorized")


def test_nobody_makes_a_port_of_somebody_elses_router(cloud, routed):
    gate, _ = routed
    theirs = cloud.subnet("10.7.0.0/24", who="bob")
    claim = {"device_owner": "network:router_interface", "device_id": gate["id"]}
    body = {"port": {"network_id": theirs["network_id"], **claim}}
    assert cloud.refused("POST", "ports", body, who="bob") == (409, "DeviceIDNotOwnedByTenant")
    plain = cloud.make("port", who="bob", network_id=theirs["network_id"])
    assert cloud.refused("PUT", f"ports/{plain['id']}", {"port": claim}, who="bob")[0] == 409


def test_a_routers_port_is_not_taken_from_it_by_renaming_its_user(cloud, routed):
    gate, _ = routed
    (inside,) = cloud.get(f"ports?device_id={gate['id']}&device_owner=network:router_interface")["ports"]
    body = {"port": {"device_owner": "", "device_id": ""}}
    assert cloud.refused("PUT", f"ports/{inside['id']}", body) == (409, "PortInUse")


def test_the_port_of_a_vip_is_neither_deleted_nor_moved_by_hand(cloud):
    inside = cloud.subnet()
    made = cloud.make("port", network_id=inside["network_id"], device_owner="Octavia", device_id="lb-1")
    with cloud.database.write() as held:
        balancer = loadbalancer.LoadBalancer(id="1", project_id=network_cloud.PROJECTS["demo"], vip_port_id=made["id"])
        rows.add(held, balancer)
    assert cloud.refused("DELETE", f"ports/{made['id']}") == (409, "ServicePortInUse")
    moved = {"port": {"fixed_ips": [{"ip_address": "10.0.0.77"}]}}
    assert cloud.refused("PUT", f"ports/{made['id']}", moved) == (409, "PortInUse")


def test_a_member_cannot_make_a_flat_network_of_the_hosts_bridges(cloud):
    body = {"network": {"provider:network_type": "flat", "provider:physical_network": "br-ex"}}
    assert cloud.refused("POST", "networks", body) == (403, "PolicyNotAuthorized")


def test_a_bridge_of_the_host_is_one_network(cloud):
    flat = {"provider:network_type": "flat", "provider:physical_network": "br-ex"}
    made = cloud.make("network", who="admin", **flat)
    assert made["provider:physical_network"] == "br-ex"
    assert cloud.refused("POST", "networks", {"network": flat}, who="admin") == (409, "FlatNetworkInUse")


@pytest.mark.parametrize("name", ["br ex", "../br", "a" * 16, "br;x", ""])
def test_a_physical_network_is_a_name_that_an_interface_can_have(cloud, name):
    body = {"network": {"provider:network_type": "flat", "provider:physical_network": name}}
    assert cloud.refused("POST", "networks", body, who="admin") == (400, "HTTPBadRequest")


def test_an_external_network_in_use_stays_external(cloud, routed):
    (outside,) = cloud.get("networks?router:external=true")["networks"]
    body = {"network": {"router:external": False}}
    assert cloud.refused("PUT", f"networks/{outside['id']}", body, who="admin") == (409, "ExternalNetworkInUse")


def test_a_shared_network_that_others_use_stays_shared(cloud):
    shared = cloud.make("network", who="admin", shared=True)
    cloud.make("port", who="bob", network_id=shared["id"])
    body = {"network": {"shared": False}}
    assert cloud.refused("PUT", f"networks/{shared['id']}", body, who="admin") == (409, "InvalidSharedSetting")


# --- nothing by halves -------------------------------------------------------------------------------------------


def test_of_several_ports_all_are_made_or_none(cloud):
    inside = cloud.subnet("10.0.0.0/29")
    wanted = [{"network_id": inside["network_id"]}] * 6
    assert cloud.refused("POST", "ports", {"ports": wanted}) == (409, "IpAddressGenerationFailure")
    assert cloud.get("ports")["ports"] == []
    status, answer = cloud.call("POST", "ports", {"ports": wanted[:5]}, who="alice")
    assert (status, len(answer["ports"])) == (201, 5)


def test_a_floating_ip_that_cannot_be_associated_takes_no_address(cloud):
    outside = cloud.outside()
    lonely = cloud.make("port", network_id=cloud.subnet()["network_id"])
    body = {"floatingip": {"floating_network_id": outside["network_id"], "port_id": lonely["id"]}}
    assert cloud.refused("POST", "floatingips", body) == (404, "ExternalGatewayForFloatingIPNotFound")
    with cloud.database.read() as held:
        assert rows.find(held, port.Allocation, subnet_id=outside["id"]) == ()


def test_a_router_whose_gateway_is_refused_is_not_made(cloud):
    inside = cloud.subnet()
    body = {"router": {"external_gateway_info": {"network_id": inside["network_id"]}}}
    assert cloud.refused("POST", "routers", body) == (400, "BadRequest")
    assert cloud.get("routers")["routers"] == []


def test_a_port_that_cannot_move_stays_where_it_is(cloud):
    inside = cloud.subnet()
    first = cloud.make("port", network_id=inside["network_id"])
    second = cloud.make("port", network_id=inside["network_id"])
    taken = {"port": {"fixed_ips": [{"ip_address": first["fixed_ips"][0]["ip_address"]}], "name": "x"}}
    assert cloud.refused("PUT", f"ports/{second['id']}", taken) == (409, "IpAddressAlreadyAllocated")
    assert cloud.get(f"ports/{second['id']}")["port"] == second


def test_a_quota_counts_all_that_one_request_would_make(cloud):
    demo = network_cloud.PROJECTS["demo"]
    cloud.call("PUT", f"quotas/{demo}", {"quota": {"network": 3}})
    cloud.make("network")
    assert cloud.refused("POST", "networks", {"networks": [{}, {}, {}]}) == (409, "OverQuota")
    status, _ = cloud.call("POST", "networks", {"networks": [{}, {}]}, who="alice")
    assert status == 201


# --- addresses and routers ---------------------------------------------------------------------------------------


def test_an_update_that_names_only_the_subnet_keeps_the_address(cloud):
    inside = cloud.subnet()
    made = cloud.make("port", network_id=inside["network_id"], fixed_ips=[{"ip_address": "10.0.0.50"}])
    body = {"port": {"fixed_ips": [{"subnet_id": inside["id"]}, {"subnet_id": inside["id"]}]}}
    _, answer = cloud.call("PUT", f"ports/{made['id']}", body, who="alice")
    addresses = sorted(each["ip_address"] for each in answer["port"]["fixed_ips"])
    assert addresses == ["10.0.0.2", "10.0.0.50"]


def test_every_spelling_of_an_address_is_the_same_address(cloud):
    inside = cloud.subnet("fd00::/64")
    on = inside["network_id"]
    made = cloud.make("port", network_id=on, fixed_ips=[{"ip_address": "FD00:0:0::00AB"}])
    assert made["fixed_ips"][0]["ip_address"] == "fd00::ab"
    body = {"port": {"network_id": on, "fixed_ips": [{"ip_address": "fd00::0:ab"}]}}
    assert cloud.refused("POST", "ports", body) == (409, "IpAddressAlreadyAllocated")


def test_a_gateway_under_a_router_does_not_move(cloud, routed):
    _, inside = routed
    body = {"subnet": {"gateway_ip": "10.0.0.254", "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.100"}]}}
    assert cloud.refused("PUT", f"subnets/{inside['id']}", body) == (409, "GatewayIpInUse")


def test_an_interface_that_a_route_needs_stays(cloud, routed):
    gate, inside = routed
    route = {"destination": "10.99.0.0/16", "nexthop": "10.0.0.9"}
    status, _ = cloud.call("PUT", f"routers/{gate['id']}", {"router": {"routes": [route]}}, who="alice")
    assert status == 200
    path = f"routers/{gate['id']}/remove_router_interface"
    assert cloud.refused("PUT", path, {"subnet_id": inside["id"]}) == (409, "RouterInterfaceInUseByRoute")


def test_a_gateway_that_a_route_needs_stays(cloud, routed):
    gate, _ = routed
    route = {"destination": "10.99.0.0/16", "nexthop": "203.0.113.1"}
    cloud.call("PUT", f"routers/{gate['id']}", {"router": {"routes": [route]}}, who="alice")
    cleared = {"router": {"external_gateway_info": None}}
    assert cloud.refused("PUT", f"routers/{gate['id']}", cleared) == (400, "InvalidRoutes")
    assert cloud.get(f"routers/{gate['id']}")["router"]["external_gateway_info"] is not None


def test_a_floating_ip_follows_only_a_port_behind_its_own_subnets_interface(cloud, routed):
    gate, inside = routed
    second = cloud.make("subnet", network_id=inside["network_id"], ip_version=4, cidr="10.0.1.0/24")
    cloud.call("PUT", f"routers/{gate['id']}/add_router_interface", {"subnet_id": second["id"]}, who="alice")
    web = cloud.make("port", network_id=inside["network_id"], fixed_ips=[{"subnet_id": second["id"]}])
    (outside,) = cloud.get("networks?router:external=true")["networks"]
    cloud.make("floatingip", floating_network_id=outside["id"], port_id=web["id"])
    path = f"routers/{gate['id']}/remove_router_interface"
    assert cloud.refused("PUT", path, {"subnet_id": second["id"]}) == (409, "RouterInterfaceInUseByFloatingIP")
    assert cloud.call("PUT", path, {"subnet_id": inside["id"]}, who="alice")[0] == 200


def test_an_administrator_chooses_a_floating_address_and_nobody_gets_it_twice(cloud):
    outside = cloud.outside()
    wanted = {"floating_network_id": outside["network_id"], "floating_ip_address": "203.0.113.111"}
    made = cloud.make("floatingip", who="admin", **wanted)
    assert (made["floating_ip_address"], made["status"]) == ("203.0.113.111", "DOWN")
    refused = cloud.refused("POST", "floatingips", {"floatingip": wanted}, who="admin")
    assert refused == (409, "IpAddressAlreadyAllocated")
    assert cloud.call("DELETE", f"floatingips/{made['id']}")[0] == 204
    assert cloud.make("floatingip", who="admin", **wanted)["floating_ip_address"] == "203.0.113.111"


@pytest.mark.parametrize("wanted", [{"distributed": True}, {"ha": True}])
def test_a_router_that_would_be_on_several_nodes_is_refused(cloud, wanted):
    assert cloud.refused("POST", "routers", {"router": wanted}, who="admin") == (400, "BadRequest")


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "127.0.0.0/24", "0.0.0.0/8", "10.0.0.0/32", "10.0.0.0/31", "::1/128"])
def test_a_block_that_hosts_cannot_have_is_refused(cloud, cidr):
    on = cloud.make("network")
    body = {"subnet": {"network_id": on["id"], "ip_version": 6 if ":" in cidr else 4, "cidr": cidr}}
    assert cloud.refused("POST", "subnets", body) == (400, "InvalidInput")


def test_the_largest_blocks_are_as_quick_as_small_ones(cloud):
    for cidr, first in (("10.0.0.0/8", "10.0.0.2"), ("2001:db8::/32", "2001:db8::1")):
        inside = cloud.subnet(cidr)
        made = cloud.make("port", network_id=inside["network_id"])
        assert made["fixed_ips"][0]["ip_address"] == first


# --- hostile requests --------------------------------------------------------------------------------------------

HOSTILE = ["\x00", "\ud800", "a" * 256, 5, 1e400, True, [], {}, ["x"], {"a": {"b": []}}, None]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize(
    ("path", "wrapper", "name"),
    [
        ("networks", "network", "name"),
        ("networks", "network", "description"),
        ("networks", "network", "mtu"),
        ("subnets", "subnet", "cidr"),
        ("subnets", "subnet", "gateway_ip"),
        ("subnets", "subnet", "allocation_pools"),
        ("subnets", "subnet", "host_routes"),
        ("subnets", "subnet", "dns_nameservers"),
        ("ports", "port", "fixed_ips"),
        ("ports", "port", "mac_address"),
        ("ports", "port", "allowed_address_pairs"),
        ("ports", "port", "device_id"),
        ("ports", "port", "security_groups"),
        ("ports", "port", "binding:profile"),
        ("routers", "router", "external_gateway_info"),
        ("floatingips", "floatingip", "port_id"),
        ("security-groups", "security_group", "name"),
        ("security-group-rules", "security_group_rule", "protocol"),
        ("qos/policies", "policy", "name"),
    ],
)
def test_a_value_of_any_kind_is_taken_or_refused_and_never_crashes(cloud, path, wrapper, name, value):
    inside = cloud.subnet("10.0.0.0/24", who="admin")
    needed = {
        "subnet": {"network_id": inside["network_id"], "ip_version": 4, "cidr": "10.1.0.0/24"},
        "port": {"network_id": inside["network_id"]},
        "floatingip": {"floating_network_id": inside["network_id"]},
        "security_group_rule": {"direction": "ingress", "security_group_id": inside["id"]},
    }.get(wrapper, {})
    status, answer = cloud.call("POST", path, {wrapper: {**needed, name: value}})
    assert status == 201 or (400 <= status < 500 and answer["NeutronError"]["message"])


@pytest.mark.parametrize(
    "query",
    [
        "limit=99999999999999999999",
        "limit=1e3",
        "limit=%C2%B2",
        "marker=x&limit=1",
        "sort_key=id&sort_dir=sideways",
        "sort_key=revision&sort_dir=asc",
        "fault=x",
        "mtu=99999999999999999999999999",
        "shared=perhaps",
        "__class__=x",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(cloud, query):
    status, _ = cloud.refused("GET", f"networks?{query}")
    assert status in {400, 404}


@pytest.mark.parametrize(
    "query", ["name=%25&fields=id", "name=%27%20OR%201=1--", "tags=%27,%22,%00", "name=" + "x" * 4000]
)
def test_a_filter_is_text_and_nothing_else(cloud, query):
    cloud.make("network", name="plain")
    assert cloud.get(f"networks?{query}")["networks"] == []


@pytest.mark.parametrize("asked", ["ip_address", "zz=1", "=", "subnet_id"])
def test_an_address_filter_without_a_known_key_is_refused(cloud, asked):
    assert cloud.refused("GET", f"ports?fixed_ips={asked}") == (400, "InvalidInput")


def test_a_list_of_addresses_has_an_end(cloud):
    inside = cloud.subnet("10.0.0.0/16")
    many = [{"subnet_id": inside["id"]}] * 1000
    body = {"port": {"network_id": inside["network_id"], "fixed_ips": many}}
    assert cloud.refused("POST", "ports", body) == (400, "InvalidInput")
    pools = [{"start": f"10.1.{each}.1", "end": f"10.1.{each}.9"} for each in range(200)]
    subnet = {"network_id": cloud.make("network")["id"], "ip_version": 4, "cidr": "10.1.0.0/16"}
    assert cloud.refused("POST", "subnets", {"subnet": {**subnet, "allocation_pools": pools}})[0] == 400


def test_a_body_that_is_nested_without_end_is_refused(cloud):
    body = '{"network": {"name": ' + "[" * 100_000 + "]" * 100_000 + "}}"
    assert cloud.refused("POST", "networks", body) == (400, "HTTPBadRequest")


def test_an_identifier_may_be_any_text(cloud):
    for identifier in ("%00", "..", "%F0%9F%98%80", "x" * 5000, "'"):
        status, _ = cloud.call("GET", f"networks/{identifier}", who="alice")
        assert status == 404


# --- what is not an object ---------------------------------------------------------------------------------------


def test_an_update_of_an_older_revision_is_refused(cloud):
    made = cloud.make("network")
    call = {"as": "alice", "method": "PUT", "path": f"/v2.0/networks/{made['id']}", "body": {"network": {"name": "x"}}}
    for number, status in ((made["revision_number"], 200), (made["revision_number"], 412)):
        answered, _ = cloud.send({**call, "headers": {"If-Match": f"revision_number={number}"}})
        assert answered == status


def test_the_availability_of_addresses_counts_pools_beyond_64_bits(cloud):
    inside = cloud.subnet("fd00::/48")
    cloud.make("port", network_id=inside["network_id"])
    entry = cloud.get(f"network-ip-availabilities/{inside['network_id']}", who="admin")["network_ip_availability"]
    assert (entry["total_ips"], entry["used_ips"]) == (2**80 - 1, 1)


def test_every_advertised_extension_is_shown(cloud):
    for each in cloud.get("extensions")["extensions"]:
        assert cloud.get(f"extensions/{each['alias']}")["extension"] == each


def test_an_external_network_takes_along_the_addresses_that_stand_for_nothing(cloud, routed):
    router, inside = routed
    network_id = router["external_gateway_info"]["network_id"]
    free = cloud.make("floatingip", floating_network_id=network_id)
    used = cloud.make("port", network_id=inside["network_id"])
    cloud.make("floatingip", floating_network_id=network_id, port_id=used["id"])
    assert cloud.refused("DELETE", f"networks/{network_id}", who="admin") == (409, "NetworkInUse")
    assert cloud.get(f"floatingips/{free['id']}")["floatingip"]["id"] == free["id"]  # nothing was half done
    other = cloud.outside("198.51.100.0/24")
    lonely = cloud.make("floatingip", floating_network_id=other["network_id"])
    assert cloud.call("DELETE", f"networks/{other['network_id']}")[0] == 204
    assert cloud.refused("GET", f"floatingips/{lonely['id']}")[0] == 404


def test_a_subnet_in_which_hosts_make_their_addresses_goes_from_under_them_but_not_from_a_router(cloud):
    modes = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    first = cloud.subnet("fd00:1::/64", **modes)
    second = cloud.make("subnet", network_id=first["network_id"], ip_version=4, cidr="10.0.0.0/24")
    made = cloud.make("port", network_id=first["network_id"])
    assert len(made["fixed_ips"]) == 2
    assert cloud.call("DELETE", f"subnets/{first['id']}", who="alice")[0] == 204
    left = cloud.get(f"ports/{made['id']}")["port"]["fixed_ips"]
    assert [each["subnet_id"] for each in left] == [second["id"]]
    routed = cloud.subnet("fd00:2::/64", **modes)
    gate = cloud.make("router")
    path = f"routers/{gate['id']}/add_router_interface"
    assert cloud.call("PUT", path, {"subnet_id": routed["id"]}, who="alice")[0] == 200
    assert cloud.refused("DELETE", f"subnets/{routed['id']}") == (409, "SubnetInUse")


def test_a_port_that_was_given_a_host_is_shown_as_not_bound_to_it(cloud):
    on = cloud.make("network", who="admin")
    bare = cloud.make("port", who="admin", network_id=on["id"])
    bound = cloud.make("port", who="admin", network_id=on["id"], **{"binding:host_id": "host"})
    assert [each["binding:vif_type"] for each in (bare, bound)] == ["unbound", "binding_failed"]


def test_without_its_slash_the_service_says_where_it_is(cloud):
    status, _ = cloud.send({"as": "anonymous", "method": "GET", "path": "", "body": None})
    assert status == 302


@pytest.mark.parametrize(("path", "kind"), [("agents/1", "AgentNotFound"), ("trunks/1", "TrunkNotFound")])
def test_what_there_is_none_of_is_not_there(cloud, path, kind):
    assert cloud.refused("GET", path) == (404, kind)
    assert cloud.get(path.partition("/")[0])[path.partition("/")[0]] == []


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1", "x"])
def test_a_revision_that_is_no_number_is_no_condition(cloud, number):
    made = cloud.make("network")
    call = {"as": "alice", "method": "PUT", "path": f"/v2.0/networks/{made['id']}", "body": {"network": {"name": "x"}}}
    headers = {"If-Match": f"revision_number={number}".encode()}
    assert cloud.send({**call, "headers": headers})[0] in {200, 412}


def test_routes_are_added_and_removed_one_by_one(cloud, routed):
    path = f"routers/{routed[0]['id']}"
    first, second = ({"destination": f"10.{n}.0.0/16", "nexthop": "10.0.0.9"} for n in (50, 60))

    def call(verb, *routes, who="alice"):
        status, answer = cloud.call("PUT", f"{path}/{verb}_extraroutes", {"router": {"routes": list(routes)}}, who=who)
        return answer["router"]["routes"] if status == 200 else status

    assert call("add", first, first) == [first]
    assert call("add", second, first) == [first, second]
    assert call("remove", first, first) == [second]
    assert call("remove", first) == [second]
    assert call("add", {"destination": "10.70.0.0/16", "nexthop": "192.0.2.1"}) == 400
    assert call("add", first, who="bob") == 404
    assert call("add", first, who="rita(reader)") == 403
    assert cloud.refused("PUT", f"{path}/add_extraroutes", {"router": {"name": "x"}})[0] == 400
    assert cloud.refused("PUT", f"{path}/add_extraroutes", {"routes": []})[0] == 400
    assert cloud.get(path)["router"]["routes"] == [second]
