"""The catalog: vipool's own services, and those an operator adds."""

import pytest

from tests.api import identity_cloud
from vipool.cloud.identity.embedded import catalog


@pytest.fixture
def cloud(tmp_path):
    made = identity_cloud.Cloud(tmp_path)
    yield made
    made.close()


@pytest.fixture
def dns(cloud):
    """A service that an operator added."""
    return cloud.admin.make("service", {"type": "dns", "name": "designate", "description": "names"})["id"]


def endpoint(cloud, service, **more):
    body = {"service_id": service, "interface": "public", "url": "http://dns.example", "region_id": "RegionOne"}
    return cloud.admin.post("/v3/endpoints", {"endpoint": {**body, **more}})


def urls(cloud, person=None):
    """What a token's catalog has for the service `dns`, or None where it has no such service."""
    found = (person or cloud.admin).see()["catalog"]
    return next(([each["url"] for each in one["endpoints"]] for one in found if one["type"] == "dns"), None)


def test_what_an_operator_adds_stands_in_the_catalog_of_every_token_at_once(cloud, dns):
    second = cloud.another_server()
    first = cloud.server
    cloud.server = second
    assert urls(cloud) == []
    cloud.server = first
    made = endpoint(cloud, dns).json()["endpoint"]
    cloud.server = second
    assert urls(cloud) == ["http://dns.example"]
    assert cloud.admin.delete(f"/v3/endpoints/{made['id']}").status_code == 204
    cloud.server = first
    assert urls(cloud) == []


def test_what_is_disabled_is_kept_and_not_in_the_catalog(cloud, dns):
    made = endpoint(cloud, dns).json()["endpoint"]["id"]
    cloud.admin.patch(f"/v3/endpoints/{made}", {"endpoint": {"enabled": False}})
    assert urls(cloud) == []
    assert cloud.admin.get(f"/v3/endpoints/{made}").json()["endpoint"]["enabled"] is False
    cloud.admin.patch(f"/v3/services/{dns}", {"service": {"enabled": False}})
    assert urls(cloud) is None
    assert [each["id"] for each in cloud.admin.get("/v3/services?type=dns").json()["services"]] == [dns]


def test_an_address_may_leave_open_whose_it_is(cloud, dns):
    assert endpoint(cloud, dns, url="http://dns.example/$(project_id)s/%(user_id)s").status_code == 201
    alice = cloud.member("alice", project := cloud.project("demo"))
    assert urls(cloud, alice) == [f"http://dns.example/{project}/{alice.id}"]
    reply = cloud.password("admin", identity_cloud.ADMIN_PASSWORD, scope={"system": {"all": True}})
    system = identity_cloud.Person(cloud, reply.headers["X-Subject-Token"])
    assert urls(cloud, system) == []  # it has no project


@pytest.mark.parametrize(
    "more",
    [
        {"url": "http://dns.example/$(password)s"},
        {"url": ""},
        {"url": None},
        {"interface": "private"},
        {"region_id": "nowhere"},
        {"region_id": None, "region": "a/b"},
        {"service_id": "0" * 32},
        {"enabled": "True"},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(cloud, dns, more):
    assert endpoint(cloud, dns, **more).status_code == 400
    made = endpoint(cloud, dns).json()["endpoint"]["id"]
    assert cloud.admin.patch(f"/v3/endpoints/{made}", {"endpoint": more}).status_code == 400


def test_vipools_own_entries_stay_as_they_are(cloud):
    own = catalog.own("http://cloud.example")
    for entries, noun in ((own.services, "service"), (own.endpoints, "endpoint"), (own.regions, "region")):
        path = f"/v3/{noun}s/{entries[0].id}"
        shown = cloud.admin.get(path).json()
        for reply in (cloud.admin.patch(path, {noun: {"enabled": False}}), cloud.admin.delete(path)):
            assert reply.status_code == 403
            assert "vipool's own" in reply.json()["error"]["message"]
        assert cloud.admin.get(path).json() == shown


def test_an_operator_adds_an_endpoint_to_a_service_of_vipools(cloud):
    own = next(each for each in catalog.SERVICES if each.type == "load-balancer")
    assert endpoint(cloud, own.id, url="https://lb.example", region_id=None, region="Abroad").status_code == 201
    assert cloud.admin.get("/v3/regions/Abroad").status_code == 200
    found = next(each for each in cloud.admin.see()["catalog"] if each["type"] == "load-balancer")
    assert {each["region"] for each in found["endpoints"]} == {"RegionOne", "Abroad"}


def test_a_service_takes_its_endpoints_along(cloud, dns):
    made = endpoint(cloud, dns).json()["endpoint"]["id"]
    assert cloud.admin.delete(f"/v3/services/{dns}").status_code == 204
    assert cloud.admin.get(f"/v3/endpoints/{made}").status_code == 404


def region(cloud, name, **more):
    return cloud.admin.put(f"/v3/regions/{name}", json={"region": more})


def test_regions_are_in_each_other_and_never_in_themselves(cloud):
    assert region(cloud, "earth").status_code == 201
    assert region(cloud, "europe", parent_region_id="earth").status_code == 201
    assert region(cloud, "moon", parent_region_id="mars").status_code == 404
    inside = cloud.admin.get("/v3/regions?parent_region_id=earth").json()["regions"]
    assert [each["id"] for each in inside] == ["europe"]
    for above in ("earth", "europe"):
        change = {"region": {"parent_region_id": above}}
        assert cloud.admin.patch("/v3/regions/earth", change).status_code == 400


def test_a_region_with_an_endpoint_in_it_or_below_stays(cloud, dns):
    region(cloud, "earth")
    region(cloud, "europe", parent_region_id="earth")
    made = endpoint(cloud, dns, region_id="europe").json()["endpoint"]["id"]
    assert cloud.admin.delete("/v3/regions/earth").status_code == 403
    cloud.admin.delete(f"/v3/endpoints/{made}")
    assert cloud.admin.delete("/v3/regions/earth").status_code == 204
    assert cloud.admin.get("/v3/regions/europe").status_code == 404


@pytest.mark.parametrize("name", ["RegionOne", "earth"])
def test_a_regions_id_is_nobody_elses(cloud, name):
    region(cloud, "earth")
    assert cloud.admin.post("/v3/regions", {"region": {"id": name}}).status_code == 409


def test_a_region_without_an_id_is_given_one(cloud):
    made = cloud.admin.make("region", {"description": "somewhere"})
    assert cloud.admin.get(f"/v3/regions/{made['id']}").json()["region"]["description"] == "somewhere"


def test_what_clients_send_along_is_kept(cloud, dns):
    assert cloud.admin.get(f"/v3/services/{dns}").json()["service"]["description"] == "names"
    changed = cloud.admin.patch(f"/v3/services/{dns}", {"service": {"description": "other"}}).json()["service"]
    assert (changed["name"], changed["description"]) == ("designate", "other")
