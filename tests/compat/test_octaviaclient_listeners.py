"""`openstack loadbalancer listener`: every command, every option but those of TLS."""

import pytest

from tests import live as lives
from tests.compat import offered

LATE = {
    "timeout_client_data": 10_000,
    "timeout_member_connect": 2_000,
    "timeout_member_data": 30_000,
    "timeout_tcp_inspect": 500,
}
LATER = {name: value + 1_000 for name, value in LATE.items()}
USUAL = dict(zip(LATE, (50_000, 5_000, 50_000, 0), strict=True))


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-listeners")


@pytest.fixture(scope="module")
def balancer(member, subnet):
    """The load balancer of all listeners, with two pools."""
    made = member.get("loadbalancer create", "--name", "lb", "--vip-subnet-id", subnet)
    for name, protocol in (("webs", "HTTP"), ("others", "HTTP"), ("bytes", "TCP")):
        words = ("--name", name, "--protocol", protocol, "--lb-algorithm", "ROUND_ROBIN", "--loadbalancer", "lb")
        member.do("loadbalancer pool create", *words)
    return made


@pytest.fixture(scope="module")
def web(balancer, member):
    """A listener with every option that HTTP has."""
    return member.get(
        "loadbalancer listener create",
        *("--name", "web", "--description", "pages", "--protocol", "HTTP", "--protocol-port", "80"),
        *("--connection-limit", "100", "--default-pool", "webs", "--enable", "--tag", "red", "--tag", "blue"),
        *("--insert-headers", "X-Forwarded-For=true,X-Forwarded-Port=true"),
        *("--allowed-cidr", "10.0.0.0/8", "--allowed-cidr", "192.0.2.0/24"),
        *timeouts(LATE),
        "lb",
    )


@pytest.fixture(scope="module")
def plain(web, member):
    """Listeners that carry bytes, by name."""
    return {
        "tcp": member.get(
            "loadbalancer listener create",
            *("--name", "tcp", "--protocol", "tcp", "--protocol-port", "5000", "--disable", "--tag", "blue", "lb"),
        ),
        "pass": member.get(
            "loadbalancer listener create",
            *("--name", "pass", "--protocol", "HTTPS", "--protocol-port", "443", "--no-tag", "lb"),
        ),
        "metrics": member.get(
            "loadbalancer listener create",
            *("--name", "metrics", "--protocol", "PROMETHEUS", "--protocol-port", "9100", "--no-tag", "lb"),
        ),
    }


def timeouts(values):
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def shown(member, name):
    return member.get("loadbalancer listener show", name)


def pool_id(member, name):
    return member.get("loadbalancer pool show", name)["id"]


def listed(console, *words):
    return sorted(each["name"] for each in console.get("loadbalancer listener list", *words))


def test_a_listener_is_made_with_all_it_can_have(web, balancer, member):
    found = shown(member, "web")
    assert found == {
        **found,
        "name": "web",
        "description": "pages",
        "protocol": "HTTP",
        "protocol_port": 80,
        "connection_limit": 100,
        "default_pool_id": pool_id(member, "webs"),
        "insert_headers": {"X-Forwarded-For": "true", "X-Forwarded-Port": "true"},
        "admin_state_up": True,
        "loadbalancers": [{"id": balancer["id"]}],
        "l7policies": [],
        "client_authentication": "NONE",
        **LATE,
    }
    assert sorted(found["tags"]) == ["blue", "red"]
    assert sorted(found["allowed_cidrs"]) == ["10.0.0.0/8", "192.0.2.0/24"]


def test_listeners_that_carry_bytes_have_the_usual_values(plain, member):
    tcp = shown(member, plain["tcp"]["id"])
    assert tcp == {**tcp, "protocol": "TCP", "admin_state_up": False, "connection_limit": -1, "tags": ["blue"], **USUAL}
    assert (tcp["allowed_cidrs"], tcp["insert_headers"], tcp["default_pool_id"]) == (None, {}, None)
    through = shown(member, "pass")
    assert (through["protocol"], through["tags"], through["default_tls_container_ref"]) == ("HTTPS", [], None)
    assert shown(member, "metrics")["protocol"] == "PROMETHEUS"


def test_lists_hold_what_is_asked_for(plain, web, member, operator):
    everything = ["metrics", "pass", "tcp", "web"]
    for words, names in (
        ((), everything),
        (("--name", "web"), ["web"]),
        (("--loadbalancer", "lb"), everything),
        (("--enable",), ["metrics", "pass", "web"]),
        (("--disable",), ["tcp"]),
        (("--tags", "red,blue"), ["web"]),
        (("--any-tags", "red,blue"), ["tcp", "web"]),
        (("--not-tags", "red,blue"), ["metrics", "pass", "tcp"]),
        (("--not-any-tags", "red,blue"), ["metrics", "pass"]),
    ):
        assert listed(member, *words) == names, words
    assert listed(operator, "--project", web["project_id"]) == everything
    (row,) = member.get("loadbalancer listener list", "--name", "web")
    assert row == {
        "id": web["id"],
        "default_pool_id": pool_id(member, "webs"),
        "name": "web",
        "project_id": web["project_id"],
        "protocol": "HTTP",
        "protocol_port": 80,
        "admin_state_up": True,
    }


def test_a_listener_is_changed(plain, web, member):
    member.do(
        "loadbalancer listener set",
        *("--name", "www", "--description", "other", "--connection-limit", "7", "--default-pool", "others"),
        *("--insert-headers", "X-Forwarded-Proto=true", "--disable", "--tag", "green", *timeouts(LATER)),
        *("--allowed-cidr", "10.7.0.0/24"),
        "web",
    )
    found = shown(member, web["id"])
    assert found == {
        **found,
        "name": "www",
        "description": "other",
        "connection_limit": 7,
        "default_pool_id": pool_id(member, "others"),
        "insert_headers": {"X-Forwarded-Proto": "true"},
        "admin_state_up": False,
        "allowed_cidrs": ["10.7.0.0/24"],
        **LATER,
    }
    assert sorted(found["tags"]) == ["blue", "green", "red"]
    member.do("loadbalancer listener set", "--enable", "--no-tag", "--tag", "one", "www")
    assert (shown(member, "www")["admin_state_up"], shown(member, "www")["tags"]) == (True, ["one"])


def test_settings_are_cleared(web, member):
    name = web["id"]
    member.do("loadbalancer listener set", "--name", "clear", "--no-tag", "--tag", "a", "--tag", "b", name)
    member.do(
        "loadbalancer listener unset",
        *("--description", "--connection-limit", "--default-pool", "--insert-headers", "--allowed-cidrs"),
        *(f"--{each.replace('_', '-')}" for each in LATE),
        *("--tag", "a", "clear"),
    )
    found = shown(member, "clear")
    assert found == {
        **found,
        "description": "",
        "connection_limit": -1,
        "default_pool_id": None,
        "insert_headers": {},
        "allowed_cidrs": None,
        "tags": ["b"],
        **USUAL,
    }
    member.do("loadbalancer listener unset", "--name", "--all-tag", "clear")
    assert (shown(member, name)["name"], shown(member, name)["tags"]) == ("", [])
    member.do("loadbalancer listener set", "--name", "web", name)


def test_counters_are_told(web, member):
    found = member.get("loadbalancer listener stats show", "web")
    names = {"active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections"}
    assert found == dict.fromkeys(names, 0)


def test_a_port_is_taken_once(plain, web, member):
    words = ("--protocol", "TCP", "--protocol-port", "443", "lb")
    assert "already using protocol HTTPS" in member.refused("loadbalancer listener create", *words)
    assert "must be between 1 and 65535" in member.refused("loadbalancer listener create", *words[:3], "0", "lb")


def test_a_listener_is_deleted(plain, web, member):
    for name in ("tcp", "pass"):
        member.do("loadbalancer listener delete", name)
    member.do("loadbalancer listener delete", plain["metrics"]["id"])
    lives.within(10, lambda: listed(member) == ["web"], "the others are gone")


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
