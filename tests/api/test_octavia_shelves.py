"""Flavors, availability zones and their profiles: what administrators lay out, and what users take."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool.providers.haproxy import capabilities

NOWHERE = "99999999-0000-4000-8000-000000000000"
NIL = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def cloud(tmp_path):
    """A cloud whose providers have what HAProxy's has."""
    can = capabilities.Capabilities()
    made = balancing.Cloud(tmp_path, {"amphora": can, "octavia": can})
    yield made
    made.database.close()


SHELVES = {
    "flavor": {
        "things": "/flavors",
        "profiles": "/flavorprofiles",
        "profile": "flavorprofile",
        "key": "flavors",
        "profile_key": "flavorprofiles",
        "profile_links": "flavorprofile_links",
        "link": "flavor_profile_id",
        "data": "flavor_data",
        "used_as": "flavor_id",
        "good": '{"loadbalancer_topology": "SINGLE"}',
        "said": "Flavor",
    },
    "availability_zone": {
        "things": "/availabilityzones",
        "profiles": "/availabilityzoneprofiles",
        "profile": "availability_zone_profile",
        "key": "availability_zones",
        "profile_key": "availability_zone_profiles",
        "profile_links": "availability_zone_profile_links",
        "link": "availability_zone_profile_id",
        "data": "availability_zone_data",
        "used_as": "availability_zone",
        "good": '{"compute_zone": "nova"}',
        "said": "Availability Zone",
    },
}


@pytest.fixture(params=list(SHELVES))
def shelf(request):
    return {"thing": request.param, **SHELVES[request.param]}


def profile(cloud, shelf, **values):
    usual = {"name": "p", "provider_name": "amphora", shelf["data"]: shelf["good"]}
    return cloud.make(shelf["profile"], shelf["profiles"], who="admin", **{**usual, **values})


def thing(cloud, shelf, **values):
    usual = {"name": "gold", shelf["link"]: values.get(shelf["link"]) or profile(cloud, shelf)["id"]}
    return cloud.make(shelf["thing"], shelf["things"], who="admin", **{**usual, **values})


def at(shelf, made):
    return f"{shelf['things']}/{made.get('id', made['name'])}"


def test_a_profile_comes_back_as_it_was_sent(cloud, shelf):
    made = profile(cloud, shelf)
    assert made == {"id": made["id"], "name": "p", "provider_name": "amphora", shelf["data"]: shelf["good"]}
    path = f"{shelf['profiles']}/{made['id']}"
    assert cloud.get(path, who="admin") == {shelf["profile"]: made}
    listed = cloud.get(shelf["profiles"], who="admin")
    assert listed == {shelf["profile_key"]: [made], shelf["profile_links"]: []}
    reply = cloud.call("PUT", path, {shelf["profile"]: {"name": "q", shelf["data"]: "{}"}}, who="admin")
    assert reply.json()[shelf["profile"]] == {**made, "name": "q", shelf["data"]: "{}"}
    assert cloud.call("DELETE", path, who="admin").status_code == 204
    assert cloud.call("GET", path, who="admin").status_code == 404


def test_a_thing_comes_back_as_it_was_sent(cloud, shelf):
    under = profile(cloud, shelf)
    made = thing(cloud, shelf, description="best", **{shelf["link"]: under["id"]})
    own = {} if shelf["thing"] == "availability_zone" else {"id": made["id"]}
    assert made == {**own, "name": "gold", "description": "best", "enabled": True, shelf["link"]: under["id"]}
    assert cloud.get(at(shelf, made)) == {shelf["thing"]: made}
    assert cloud.get(shelf["things"])[shelf["key"]] == [made]
    assert cloud.get(f"{shelf['things']}?name=gold&enabled=true")[shelf["key"]] == [made]
    assert cloud.get(f"{shelf['things']}?name=other")[shelf["key"]] == []
    changed = cloud.call("PUT", at(shelf, made), {shelf["thing"]: {"enabled": False}}, who="admin")
    assert changed.json()[shelf["thing"]] == {**made, "enabled": False}
    assert cloud.call("DELETE", at(shelf, made), who="admin").status_code == 204
    reply = cloud.call("GET", at(shelf, made))
    assert reply.status_code == 404
    assert balancing.sentence(reply).startswith(f"{shelf['said']} ")


def test_things_are_paged_by_what_they_are_known_by(cloud, shelf):
    under = profile(cloud, shelf)["id"]
    made = [thing(cloud, shelf, name=name, **{shelf["link"]: under}) for name in "abc"]
    first = cloud.get(f"{shelf['things']}?limit=2&sort=name")
    (link,) = first[f"{shelf['key']}_links"]
    rest = cloud.get(link["href"].removeprefix("http://cloud.example"))
    assert [*first[shelf["key"]], *rest[shelf["key"]]] == made


def test_only_administrators_lay_out_and_readers_see_things(cloud, shelf):
    made = thing(cloud, shelf)
    assert cloud.call("GET", at(shelf, made), who="reader").status_code == 200
    for who in ("reader", "member"):
        assert cloud.call("GET", shelf["profiles"], who=who).status_code == 403
        assert cloud.call("POST", shelf["things"], {shelf["thing"]: {}}, who=who).status_code == 403
        assert cloud.call("PUT", at(shelf, made), {shelf["thing"]: {}}, who=who).status_code == 403
        assert cloud.call("DELETE", at(shelf, made), who=who).status_code == 403


def test_what_is_in_use_stays_as_it_is(cloud, shelf):
    under = profile(cloud, shelf)
    made = thing(cloud, shelf, **{shelf["link"]: under["id"]})
    path = f"{shelf['profiles']}/{under['id']}"
    for values in ({"provider_name": "octavia"}, {shelf["data"]: "{}"}):
        assert cloud.call("PUT", path, {shelf["profile"]: values}, who="admin").status_code == 409
    reply = cloud.call("DELETE", path, who="admin")
    said = f"{shelf['said']} profile {under['id']} is in use and cannot be modified."
    assert (reply.status_code, balancing.sentence(reply)) == (409, said)
    assert cloud.call("PUT", path, {shelf["profile"]: {"name": "other"}}, who="admin").status_code == 200
    cloud.balancer(**{shelf["used_as"]: made.get("id", made["name"])})
    reply = cloud.call("DELETE", at(shelf, made), who="admin")
    known = made.get("id", made["name"])
    assert (reply.status_code, balancing.sentence(reply)) == (
        409,
        f"{shelf['said']} {known} is in use and cannot be modified.",
    )
    (root,) = cloud.get("/loadbalancers")["loadbalancers"]
    cloud.call("DELETE", f"/loadbalancers/{root['id']}")
    cloud.settle()
    assert cloud.call("DELETE", at(shelf, made), who="admin").status_code == 204


def test_a_profile_that_cannot_be_is_refused(cloud, shelf):
    def refused(**values):
        usual = {"name": "p", "provider_name": "amphora", shelf["data"]: shelf["good"]}
        reply = cloud.call("POST", shelf["profiles"], {shelf["profile"]: {**usual, **values}}, who="admin")
        return reply.status_code, balancing.sentence(reply)

    assert refused(**{shelf["data"]: "no json"}) == (400, f"no json is not a valid option for {shelf['data']}")
    assert refused(**{shelf["data"]: "[]"}) == (400, f"[] is not a valid option for {shelf['data']}")
    assert refused(provider_name="ovn") == (400, "Provider 'ovn' is not enabled.")
    assert refused(**{shelf["data"]: '{"bad": 1}'}) == (
        501,
        "Provider 'amphora' does not support a requested option: Additional properties are not allowed ('bad' was "
        "unexpected)",
    )
    assert refused(name=None)[0] == 400
    assert refused(**{shelf["data"]: "x" * 4097})[0] == 400


def test_a_thing_that_cannot_be_is_refused(cloud, shelf):
    made = thing(cloud, shelf)
    body = {shelf["thing"]: {"name": "gold", shelf["link"]: made[shelf["link"]]}}
    reply = cloud.call("POST", shelf["things"], body, who="admin")
    assert (reply.status_code, balancing.sentence(reply)) == (
        409,
        f"A {shelf['said'].lower()} of gold already exists.",
    )
    body = {shelf["thing"]: {"name": "new", shelf["link"]: NOWHERE}}
    reply = cloud.call("POST", shelf["things"], body, who="admin")
    assert reply.status_code == 400
    body = {shelf["thing"]: {shelf["link"]: made[shelf["link"]]}}
    assert cloud.call("PUT", at(shelf, made), body, who="admin").status_code == 400
    for method, sent in (("GET", None), ("PUT", {shelf["thing"]: {}}), ("DELETE", None)):
        assert cloud.call(method, f"{shelf['things']}/{NIL}", sent, who="admin").status_code == 404


def test_names_of_flavors_stay_unique(cloud):
    shelf = {"thing": "flavor", **SHELVES["flavor"]}
    under = profile(cloud, shelf)["id"]
    thing(cloud, shelf, name="a", flavor_profile_id=under)
    made = thing(cloud, shelf, name="b", flavor_profile_id=under)
    reply = cloud.call("PUT", f"/flavors/{made['id']}", {"flavor": {"name": "a"}}, who="admin")
    assert reply.status_code == 409
    assert cloud.call("PUT", f"/flavors/{made['id']}", {"flavor": {"name": "b"}}, who="admin").status_code == 200


def test_what_is_disabled_is_not_to_be_had(cloud, shelf):
    made = thing(cloud, shelf, enabled=False)
    known = made.get("id", made["name"])
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET, shelf["used_as"]: known}}
    reply = cloud.call("POST", "/loadbalancers", body)
    assert (reply.status_code, balancing.sentence(reply)) == (
        400,
        f"The selected {shelf['thing']} is not allowed in this deployment: {known}",
    )


def test_a_flavor_names_the_provider(cloud):
    shelf = {"thing": "flavor", **SHELVES["flavor"]}
    made = thing(cloud, shelf, flavor_profile_id=profile(cloud, shelf, provider_name="octavia")["id"])
    assert cloud.balancer(flavor_id=made["id"])["provider"] == "octavia"
    assert cloud.balancer(flavor_id=made["id"], provider="amphora")["provider"] == "amphora"
    assert cloud.balancer(flavor_id=made["id"])["flavor_id"] == made["id"]


def test_a_flavor_of_another_provider_does_not_fit(tmp_path):
    one, other = capabilities.Capabilities(), capabilities.Capabilities()
    cloud = balancing.Cloud(tmp_path, {"amphora": one, "other": other})
    shelf = {"thing": "flavor", **SHELVES["flavor"]}
    made = thing(cloud, shelf)
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET, "flavor_id": made["id"], "provider": "other"}}
    reply = cloud.call("POST", "/loadbalancers", body)
    assert (reply.status_code, balancing.sentence(reply)) == (
        400,
        f"Flavor '{made['id']}' is not compatible with provider 'other'",
    )
    cloud.database.close()


def test_a_flavor_may_ask_for_sr_iov_ports(cloud):
    shelf = {"thing": "flavor", **SHELVES["flavor"]}
    data = '{"sriov_vip": true, "allow_member_sriov": true}'
    made = thing(cloud, shelf, flavor_profile_id=profile(cloud, shelf, flavor_data=data)["id"])
    root = cloud.balancer(flavor_id=made["id"])
    assert root["vip_vnic_type"] == "direct"
    back = cloud.pool(root["id"])
    assert cloud.member(back["id"], request_sriov=True)["vnic_type"] == "direct"
    assert cloud.member(back["id"], protocol_port=81)["vnic_type"] == "normal"


def test_a_zone_says_which_networks_may_have_vips(cloud):
    shelf = {"thing": "availability_zone", **SHELVES["availability_zone"]}
    data = f'{{"valid_vip_networks": ["{NOWHERE}"]}}'
    thing(cloud, shelf, availability_zone_profile_id=profile(cloud, shelf, availability_zone_data=data)["id"])
    body = {"loadbalancer": {"vip_subnet_id": world.SUBNET, "availability_zone": "gold"}}
    reply = cloud.call("POST", "/loadbalancers", body)
    assert (reply.status_code, balancing.sentence(reply)) == (
        400,
        "Validation failure: Supplied VIP network_id is not allowed by the configuration of this deployment.",
    )


def test_providers_say_what_they_offer(cloud):
    found = cloud.get("/providers/amphora/flavor_capabilities", who="admin")["flavor_capabilities"]
    assert [each["name"] for each in found] == list(capabilities.FLAVORS)
    path = "/providers/amphora/availability_zone_capabilities"
    found = cloud.get(f"{path}?name=compute_zone", who="admin")["availability_zone_capabilities"]
    assert found == [{"name": "compute_zone", "description": "The compute availability zone."}]
    assert cloud.get(f"{path}?fields=name&name=compute_zone", who="admin") == {
        "availability_zone_capabilities": [{"name": "compute_zone"}]
    }
    assert cloud.call("GET", path).status_code == 403
    assert cloud.call("GET", "/providers/ovn/flavor_capabilities", who="admin").status_code == 400
    assert cloud.call("GET", "/providers/amphora", who="admin").status_code == 404
