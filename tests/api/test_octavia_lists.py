"""Lists of the load-balancer API: filters, fields, tags, order, pages and links."""

import dataclasses
from urllib import parse

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import deployment
from vipool.providers.haproxy import capabilities

INVALID = "One or more arguments are either duplicate or invalid"


@pytest.fixture
def five(cloud):
    """Five load balancers, the second and the fourth of them disabled."""
    for number in range(5):
        cloud.pass_time(1)
        cloud.balancer(
            name=f"lb{number}",
            description="odd" if number % 2 else "even",
            admin_state_up=number % 2 == 0,
            tags=[tag for tag in ("a", "b", "c") if number >= ord(tag) - ord("a")],
        )
    return cloud


def names(cloud, query, **more):
    return [each["name"] for each in cloud.get(f"/loadbalancers{query}", **more)["loadbalancers"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "01234"),
        ("?name=lb3", "3"),
        ("?name=", ""),
        ("?name=lb3&description=even", ""),
        ("?description=odd", "13"),
        ("?admin_state_up=false", "13"),
        ("?enabled=FALSE", "13"),
        ("?admin_state_up=banana", "13"),
        ("?admin_state_up=t", "024"),
        ("?provisioning_status=PENDING_CREATE", "01234"),
        ("?provisioning_status=ACTIVE", ""),
        ("?operating_status=OFFLINE&name=lb0", "0"),
        ("?vip_address=172.16.100.12", "2"),
        (f"?vip_subnet_id={world.SUBNET}&name=lb1", "1"),
        (f"?vip_network_id={world.NETWORK}&name=lb1", "1"),
        ("?vip_port_id=x", ""),
        ("?vip_vnic_type=normal&name=lb1", "1"),
        ("?provider=amphora&name=lb1", "1"),
        (f"?project_id={world.PROJECT}&name=lb1", "1"),
        (f"?tenant_id={world.PROJECT}&name=lb1", "1"),
        ("?created_at=2026-11-23T12:00:02.000250", "1"),
        ("?tags=a", "01234"),
        ("?tags=a,b", "1234"),
        ("?tags=a&tags=c", "234"),
        ("?tags-any=b,c", "1234"),
        ("?not-tags=a,b", "0"),
        ("?not-tags-any=c", "01"),
        ("?tags=b&not-tags=c&description=odd", "1"),
        ("?sort=name:desc", "43210"),
        ("?sort=description,name:desc", "42031"),
        ("?sort_key=description,name&sort_dir=desc,asc", "13024"),
        ("?sort_key=description", "02413"),
        ("?sort_key=name&sort_dir=DESC", "43210"),
        ("?sort=vip_address:desc&sort_key=name", "43210"),
        ("?sort=provisioning_status,id:desc", "43210"),
        ("?limit=2", "01"),
        ("?limit=0", "01234"),
        ("?limit=-1", "01234"),
        ("?limit=infinite", "01234"),
        ("?limit=99999", "01234"),
    ],
)
def test_a_list_holds_what_was_asked_for_in_the_order_asked_for(five, query, expected):
    assert names(five, query) == [f"lb{number}" for number in expected]


@pytest.mark.parametrize(
    "query",
    [
        "?bogus=1",
        "?loadbalancer_id=x",
        "?listeners=x",
        "?pools=x",
        "?additional_vips=x",
        "?generation=1",
        "?vip_owned=true",
        "?provisioning_fault=x",
        "?name=a&name=a",
        "?enabled=1&admin_state_up=1",
        "?project_id=x&tenant_id=x",
        "?limit=1&limit=2",
        "?marker=a&marker=b",
    ],
)
def test_an_unknown_or_doubled_argument_is_a_bad_request(cloud, query):
    reply = cloud.call("GET", f"/loadbalancers{query}", who="admin")
    assert (reply.status_code, balancing.sentence(reply)) == (400, INVALID)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/listeners", "?l7policies=x"),
        ("/listeners", "?sni_container_refs=x"),
        ("/listeners", "?allowed_cidrs=x"),
        ("/pools", "?listener_id=x"),
        ("/pools", "?session_persistence=x"),
        ("/pools", "?members=x"),
        ("/healthmonitors", "?pools=x"),
        ("/healthmonitors", "?status=x"),
    ],
)
def test_what_is_a_collection_is_no_filter(cloud, path, query):
    reply = cloud.call("GET", path + query)
    assert (reply.status_code, balancing.sentence(reply)) == (400, INVALID)


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ("?limit=abc", "Supplied pagination limit 'abc' is not valid."),
        ("?limit=", "Supplied pagination limit '' is not valid."),
        ("?sort=name:up", "Supplied sort direction 'up' is not valid."),
        ("?sort_key=name&sort_dir=up", "Supplied sort direction 'up' is not valid."),
        ("?sort=name:asc:x", "Supplied sort 'name:asc:x' is not valid."),
    ],
)
def test_malformed_paging_is_answered_by_the_routing_layer(cloud, query, description):
    reply = cloud.call("GET", f"/loadbalancers{query}")
    said = reply.json()
    assert (said["code"], said["title"], said["description"]) == (400, "Bad Request", description)
    assert said["faultstring"] == description


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?sort=bogus", "Supplied sort key 'bogus' is not valid."),
        ("?sort_key=listeners", "Supplied sort key 'listeners' is not valid."),
        ("?marker=bogus", "Supplied pagination marker 'bogus' is not valid."),
    ],
)
def test_an_unknown_sort_key_or_marker_is_a_fault(cloud, query, sentence):
    reply = cloud.call("GET", f"/loadbalancers{query}")
    assert (reply.status_code, balancing.sentence(reply)) == (400, sentence)


def test_fields_may_be_repeated_and_are_not_split_at_commas(five):
    found = five.get("/loadbalancers?fields=name&fields=vip_address&fields=bogus&limit=1")["loadbalancers"]
    assert found == [{"name": "lb0", "vip_address": "172.16.100.10"}]
    assert five.get("/loadbalancers?fields=id,name&limit=1")["loadbalancers"] == [{}]
    identifier = five.get("/loadbalancers?name=lb0")["loadbalancers"][0]["id"]
    assert five.get(f"/loadbalancers/{identifier}?fields=name") == {"loadbalancer": {"name": "lb0"}}


def walk(cloud, query, rel):
    """The names on every page reached by following one kind of link."""
    pages: list[list[str]] = []
    url = f"/load-balancer/v2/lbaas/loadbalancers{query}"
    while url and len(pages) < 20:
        body = cloud.get(url)
        pages.append([each["name"] for each in body["loadbalancers"]])
        links = {each["rel"]: each["href"] for each in body["loadbalancers_links"]}
        url = links.get(rel, "").removeprefix("http://cloud.example")
    return pages


def test_pages_hold_everything_once_and_their_links_keep_what_was_asked(five):
    assert walk(five, "?limit=2", "next") == [["lb0", "lb1"], ["lb2", "lb3"], ["lb4"]]
    assert walk(five, "?limit=2&sort=name:desc", "next") == [["lb4", "lb3"], ["lb2", "lb1"], ["lb0"]]
    assert walk(five, "?limit=1&description=even", "next") == [["lb0"], ["lb2"], ["lb4"], []]
    assert walk(five, "?limit=2&tags=b&fields=name", "next") == [["lb1", "lb2"], ["lb3", "lb4"], []]
    assert walk(five, "?limit=2&sort_key=description&sort_dir=desc", "next") == [
        ["lb1", "lb3"],
        ["lb0", "lb2"],
        ["lb4"],
    ]


def test_pages_can_be_walked_backwards(five):
    last = five.get("/loadbalancers?name=lb4")["loadbalancers"][0]["id"]
    pages = walk(five, f"?limit=2&marker={last}&page_reverse=True", "previous")
    assert pages == [["lb2", "lb3"], ["lb0", "lb1"], []]


RULE = {"type": "PATH", "compare_type": "EQUAL_TO"}
SHELVES = {
    "flavor": ("flavor_profile_id", "flavorprofile", "flavor_data"),
    "availability_zone": ("availability_zone_profile_id", "availability_zone_profile", "availability_zone_data"),
}
LISTS = {
    "loadbalancers": "/loadbalancers",
    "listeners": "/listeners",
    "pools": "/pools",
    "members": "/pools/{pool}/members",
    "healthmonitors": "/healthmonitors",
    "l7policies": "/l7policies",
    "rules": "/l7policies/{l7policy}/rules",
    "quotas": "/quotas",
    "flavors": "/flavors",
    "flavorprofiles": "/flavorprofiles",
    "availability_zones": "/availabilityzones",
    "availability_zone_profiles": "/availabilityzoneprofiles",
    "amphorae": "/load-balancer/v2/octavia/amphorae",
    "history": "/load-balancer/vipool/v1/loadbalancers/{loadbalancer}/history",
}


@pytest.fixture(scope="module")
def threes(tmp_path_factory):
    """Three of everything where a page holds two, and what the paths of its lists need."""
    can = capabilities.Capabilities()
    allowed = dataclasses.replace(deployment.USUAL, pagination_max_limit=2)
    made = balancing.Cloud(tmp_path_factory.mktemp("threes"), {"amphora": can}, allowed=allowed)
    root, *_ = [made.balancer()["id"] for _ in range(3)]
    front, *_ = [made.listener(root, protocol_port=80 + number)["id"] for number in range(3)]
    pools = [made.pool(root)["id"] for _ in range(3)]
    policies = [made.make("l7policy", "/l7policies", listener_id=front, action="REJECT")["id"] for _ in range(3)]
    for number, each in enumerate(pools):
        made.monitor(each)
        made.member(pools[0], protocol_port=80 + number)
        made.make("rule", f"/l7policies/{policies[0]}/rules", value=f"/{number}", **RULE)
        made.call("PUT", f"/quotas/project-{number}", {"quota": {"pool": 5}}, who="admin")
        for noun, (link, profile, data) in SHELVES.items():
            path = f"/{noun.replace('_', '')}profiles"
            above = made.make(profile, path, who="admin", name="p", provider_name="amphora", **{data: "{}"})
            plural = f"/{noun.replace('_', '')}s"
            made.make(noun, plural, who="admin", name=f"{noun}-{number}", **{link: above["id"]})
    yield made, {"loadbalancer": root, "pool": pools[0], "l7policy": policies[0]}
    made.database.close()


@pytest.mark.parametrize("key", LISTS)
def test_no_page_of_any_list_is_longer_than_the_deployment_says(threes, key):
    cloud, parts = threes
    path = LISTS[key].format_map(parts)
    everything = cloud.get(f"{path}?limit=0", who="admin")[key]
    assert len(everything) >= 3
    links = next(name for name in cloud.get(path, who="admin") if name != key)
    for query in ("", "?limit=3"):
        page = cloud.get(path + query, who="admin")
        assert page[key] == everything[:2]
        (onward,) = page[links]
        rest = cloud.get(onward["href"].removeprefix("http://cloud.example"), who="admin")
        assert rest[key] == everything[2:4]


def test_links_are_absolute_and_name_only_the_marker_anew(five):
    body = five.get("/loadbalancers?limit=2&description=even&tags=a&fields=id")
    link = body["loadbalancers_links"][0]
    url = parse.urlsplit(link["href"])
    assert (url.scheme, url.netloc, url.path) == ("http", "cloud.example", "/load-balancer/v2/lbaas/loadbalancers")
    assert parse.parse_qsl(url.query) == [
        ("limit", "2"),
        ("description", "even"),
        ("tags", "a"),
        ("fields", "id"),
        ("marker", body["loadbalancers"][-1]["id"]),
    ]
    assert link["rel"] == "next"
    assert five.get("/loadbalancers")["loadbalancers_links"] == []
    assert five.get("/loadbalancers?name=nobody&limit=1")["loadbalancers_links"] == []


def test_children_are_filtered_under_every_name_they_have(cloud):
    root, other = cloud.balancer()["id"], cloud.balancer()["id"]
    front = cloud.listener(root, name="f", connection_limit=7)["id"]
    cloud.listener(other)
    back = cloud.pool(root, name="b", lb_algorithm="SOURCE_IP")["id"]
    cloud.pool(other)
    row = cloud.member(back, name="m", weight=3)["id"]
    cloud.member(back, protocol_port=81)
    watch = cloud.monitor(back, name="h", max_retries=4, max_retries_down=5)["id"]
    members = f"/pools/{back}/members"
    for path, noun, queries, expected in (
        ("/listeners", "listeners", ["name=f", f"id={front}", f"loadbalancer_id={root}", f"load_balancer_id={root}",
                                     "connection_limit=7", "protocol=HTTP&name=f"], front),
        ("/pools", "pools", ["name=b", f"id={back}", f"loadbalancer_id={root}", f"load_balancer_id={root}",
                             "lb_algorithm=SOURCE_IP", f"healthmonitor_id={watch}"], back),
        ("/healthmonitors", "healthmonitors", ["name=h", f"id={watch}", f"pool_id={back}", "max_retries=4",
                                               "rise_threshold=4", "fall_threshold=5", "type=HTTP"], watch),
        (members, "members", ["name=m", f"id={row}", "address=172.16.100.20&protocol_port=80",
                              "ip_address=172.16.100.20&weight=3", f"pool_id={back}&weight=3"], row),
    ):  # fmt: skip
        for query in queries:
            assert [each["id"] for each in cloud.get(f"{path}?{query}")[noun]] == [expected], query
        assert cloud.get(f"{path}?name=nobody")[noun] == []
        assert cloud.get(f"{path}?id=nobody")[noun] == []
    assert cloud.get("/pools?sort=healthmonitor_id:desc&fields=id&limit=1")["pools"] == [{"id": back}]


def test_members_are_listed_by_pool_with_links_and_tags(cloud):
    root = cloud.balancer()["id"]
    back, other = cloud.pool(root)["id"], cloud.pool(root)["id"]
    ids = [cloud.member(back, protocol_port=port, tags=[str(port)])["id"] for port in (1, 2, 3)]
    cloud.member(other)
    found = cloud.get(f"/pools/{back}/members?limit=2")
    assert [each["id"] for each in found["members"]] == ids[:2]
    assert f"/pools/{back}/members?" in found["members_links"][0]["href"]
    assert [each["id"] for each in cloud.get(f"/pools/{back}/members?tags=3")["members"]] == ids[2:]


def test_a_number_no_column_holds_is_a_bad_request(cloud):
    for value in ("abc", str(10**30), "99999"):
        reply = cloud.call("GET", f"/listeners?protocol_port={value}")
        assert (reply.status_code, "protocol_port" in balancing.sentence(reply)) == (400, True)
    assert cloud.call("GET", "/loadbalancers?name=%00").status_code == 400
    assert cloud.call("GET", "/loadbalancers?created_at=yesterday").status_code == 400


@pytest.mark.parametrize("collection", ["flavors", "flavorprofiles", "availabilityzones", "availabilityzoneprofiles"])
def test_what_has_no_tags_cannot_be_listed_by_them(cloud, collection):
    for argument in ("tags", "tags-any", "not-tags", "not-tags-any"):
        reply = cloud.call("GET", f"/{collection}?{argument}=a", who="admin")
        assert (reply.status_code, balancing.sentence(reply)) == (400, INVALID)
