"""Subnet pools: blocks that no two subnets share."""

import ipaddress

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.api import network_cloud


@pytest.fixture
def cloud(tmp_path):
    made = network_cloud.Cloud(tmp_path / "state.db")
    yield made
    made.database.close()


def pool(cloud, *prefixes, who="alice", **more):
    return cloud.make("subnetpool", who=who, prefixes=list(prefixes or ("10.0.0.0/16",)), **more)


def place(cloud, of, *, who="alice", **more):
    """Ask for a subnet of a pool on a network of its own; returns its status and its body."""
    on = cloud.make("network", who=who)
    values = {"network_id": on["id"], "ip_version": of["ip_version"], "subnetpool_id": of["id"], **more}
    return cloud.call("POST", "subnets", {"subnet": values}, who=who)


def placed(cloud, of, **more):
    status, answer = place(cloud, of, **more)
    assert status == 201, answer
    return answer["subnet"]


def refused(cloud, of, **more):
    status, answer = place(cloud, of, **more)
    assert status >= 400, answer
    return status, answer["NeutronError"]["type"]


def test_a_pool_says_what_it_was_not_told(cloud):
    four, six = pool(cloud), pool(cloud, "fd00::/48")
    assert [four[name] for name in ("min_prefixlen", "default_prefixlen", "max_prefixlen")] == ["8", "8", "32"]
    assert [six[name] for name in ("min_prefixlen", "default_prefixlen", "max_prefixlen")] == ["64", "64", "128"]
    assert (four["ip_version"], six["ip_version"]) == (4, 6)


def test_neighbouring_prefixes_are_one(cloud):
    made = pool(cloud, "10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25", "192.0.2.0/24")
    assert made["prefixes"] == ["10.0.0.0/23", "192.0.2.0/24"]


def test_subnets_come_from_the_smallest_gap_that_has_room(cloud):
    of = pool(cloud, default_prefixlen=24)
    assert placed(cloud, of)["cidr"] == "10.0.0.0/24"
    assert placed(cloud, of, prefixlen=28)["cidr"] == "10.0.1.0/28"
    assert placed(cloud, of, prefixlen=26)["cidr"] == "10.0.1.64/26"
    assert placed(cloud, of)["cidr"] == "10.0.2.0/24"
    assert placed(cloud, of, prefixlen=28)["cidr"] == "10.0.1.16/28"


def test_what_is_given_back_is_given_again(cloud):
    of = pool(cloud, "10.0.0.0/23", default_prefixlen=24)
    first = placed(cloud, of)
    placed(cloud, of)
    assert refused(cloud, of) == (409, "SubnetAllocationError")
    assert cloud.call("DELETE", f"subnets/{first['id']}", who="alice")[0] == 204
    assert placed(cloud, of)["cidr"] == first["cidr"]


def test_the_gateway_is_the_first_address_whatever_the_version(cloud):
    six = placed(cloud, pool(cloud, "fd00::/48"))
    assert (six["cidr"], six["gateway_ip"]) == ("fd00::/64", "fd00::1")
    assert six["allocation_pools"] == [{"start": "fd00::2", "end": "fd00::ffff:ffff:ffff:ffff"}]
    assert placed(cloud, pool(cloud), gateway_ip=None, prefixlen=24)["gateway_ip"] is None


def test_a_block_may_be_named_if_it_is_free(cloud):
    of = pool(cloud)
    assert placed(cloud, of, cidr="10.0.7.0/24")["cidr"] == "10.0.7.0/24"
    for taken in ("10.0.7.0/24", "10.0.7.128/25", "10.0.0.0/20", "192.0.2.0/24"):
        assert refused(cloud, of, cidr=taken) == (409, "SubnetAllocationError")


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"prefixlen": 7}, "MinPrefixSubnetAllocationError"),
        ({"prefixlen": 29}, "MaxPrefixSubnetAllocationError"),
        ({"prefixlen": "x"}, "HTTPBadRequest"),
        ({"prefixlen": 24, "cidr": "10.0.0.0/24"}, "BadRequest"),
        ({"ip_version": 6}, "BadRequest"),
        ({"allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}]}, "BadRequest"),
        ({"use_default_subnetpool": True, "subnetpool_id": None}, "BadRequest"),
        ({"use_default_subnetpool": "perhaps", "subnetpool_id": None}, "InvalidInput"),
        ({"subnetpool_id": None, "prefixlen": 24}, "BadRequest"),
    ],
)
def test_a_subnet_that_its_pool_cannot_give_is_refused(cloud, more, kind):
    assert refused(cloud, pool(cloud, max_prefixlen=28), **more) == (400, kind)


def test_the_default_pool_serves_who_asks_for_it(cloud):
    made = pool(cloud, who="admin", is_default=True, shared=True, default_prefixlen=26)
    found = placed(cloud, made, subnetpool_id=None, use_default_subnetpool=True)
    assert (found["cidr"], found["subnetpool_id"]) == ("10.0.0.0/26", made["id"])
    second = {"subnetpool": {"prefixes": ["10.9.0.0/16"], "is_default": True}}
    assert cloud.refused("POST", "subnetpools", second, who="admin") == (400, "InvalidInput")


@pytest.mark.parametrize("name", ["is_default", "shared"])
def test_what_concerns_everybody_is_for_administrators(cloud, name):
    body = {"subnetpool": {"prefixes": ["10.0.0.0/16"], name: True}}
    assert cloud.refused("POST", "subnetpools", body) == (403, "PolicyNotAuthorized")


def test_a_pool_of_another_is_not_there_unless_it_is_shared(cloud):
    own, shared = pool(cloud), pool(cloud, "10.1.0.0/16", who="admin", shared=True, default_prefixlen=24)
    assert cloud.refused("GET", f"subnetpools/{own['id']}", who="bob") == (404, "SubnetPoolNotFound")
    assert refused(cloud, own, who="bob") == (404, "SubnetPoolNotFound")
    assert placed(cloud, shared, who="bob")["cidr"] == "10.1.0.0/24"
    change = {"subnetpool": {"name": "mine"}}
    assert cloud.refused("PUT", f"subnetpools/{shared['id']}", change, who="bob") == (403, "PolicyNotAuthorized")
    assert [each["id"] for each in cloud.get("subnetpools", who="bob")["subnetpools"]] == [shared["id"]]


def test_a_project_takes_no_more_than_the_pools_quota(cloud):
    of = pool(cloud, who="admin", shared=True, default_quota=300, default_prefixlen=24)
    placed(cloud, of)
    assert refused(cloud, of) == (409, "SubnetPoolQuotaExceeded")
    placed(cloud, of, prefixlen=27)
    placed(cloud, of, who="bob")


def test_a_pool_grows_and_never_shrinks(cloud):
    made = pool(cloud)
    path = f"subnetpools/{made['id']}"
    more = {"subnetpool": {"prefixes": ["10.0.0.0/16", "10.1.0.0/16"]}}
    assert cloud.call("PUT", path, more, who="alice")[1]["subnetpool"]["prefixes"] == ["10.0.0.0/15"]
    less = {"subnetpool": {"prefixes": ["10.0.0.0/16"]}}
    assert cloud.refused("PUT", path, less) == (400, "IllegalSubnetPoolPrefixUpdate")


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"prefixes": []}, 400),
        ({"prefixes": ["10.0.0.0/16", "fd00::/48"]}, 400),
        ({"prefixes": ["x"]}, 400),
        ({"prefixes": "10.0.0.0/16"}, 400),
        ({"prefixes": None}, 400),
        ({}, 400),
        ({"prefixes": ["10.0.0.0/16"], "min_prefixlen": 30, "default_prefixlen": 24}, 400),
        ({"prefixes": ["10.0.0.0/16"], "max_prefixlen": 33}, 400),
        ({"prefixes": ["10.0.0.0/16"], "default_quota": -1}, 400),
        ({"prefixes": ["10.0.0.0/16"], "address_scope_id": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"prefixes": ["10.0.0.0/16"], "ip_version": 4}, 400),
        ({"prefixes": [f"10.{number}.0.0/24" for number in range(101)]}, 400),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(cloud, values, status):
    assert cloud.call("POST", "subnetpools", {"subnetpool": values}, who="alice")[0] == status


@hypothesis.settings(max_examples=20)
@hypothesis.given(lengths=st.lists(st.integers(20, 30), max_size=12), gone=st.sets(st.integers(0, 11)))
def test_no_two_subnets_of_a_pool_overlap_whatever_comes_and_goes(tmp_path_factory, lengths, gone):
    cloud = network_cloud.Cloud(tmp_path_factory.mktemp("pool") / "state.db")
    of = pool(cloud, "10.0.0.0/19", "10.8.0.0/22")
    kept = []
    for number, length in enumerate(lengths):
        status, answer = place(cloud, of, prefixlen=length)
        assert status in {201, 409}
        if status == 201:
            kept.append(answer["subnet"])
        if number in gone and kept:
            assert cloud.call("DELETE", f"subnets/{kept.pop(0)['id']}", who="alice")[0] == 204
    blocks = [ipaddress.ip_network(each["cidr"]) for each in kept]
    inside = [ipaddress.ip_network(each) for each in of["prefixes"]]
    assert all(any(block.subnet_of(each) for each in inside) for block in blocks)
    assert not any(one.overlaps(other) for place, one in enumerate(blocks) for other in blocks[:place])
    cloud.database.close()
