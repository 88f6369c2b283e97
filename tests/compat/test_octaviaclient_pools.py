"""`openstack loadbalancer pool`, `member` and `healthmonitor`: every command, every option but those of TLS."""

import pytest

from tests import live as lives
from tests.compat import offered

ALGORITHMS = ("ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "CONNECT")


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-pools")


@pytest.fixture(scope="module")
def balancer(member, subnet):
    """The load balancer of all pools, with one listener."""
    made = member.get("loadbalancer create", "--name", "lb", "--vip-subnet-id", subnet)
    member.do("loadbalancer listener create --name web --protocol HTTP --protocol-port 80 lb")
    return made


@pytest.fixture(scope="module")
def pools(balancer, member):
    """Pools of every protocol of streams, by name."""
    common = ("--lb-algorithm", "ROUND_ROBIN", "--loadbalancer", "lb")
    made = {
        "webs": member.get(
            "loadbalancer pool create",
            *("--name", "webs", "--description", "pages", "--protocol", "HTTP", "--listener", "web", "--enable"),
            *("--lb-algorithm", "LEAST_CONNECTIONS", "--session-persistence", "type=APP_COOKIE,cookie_name=kept"),
            *("--tag", "red", "--tag", "blue"),
        ),
        "tcp": member.get(
            "loadbalancer pool create", *common, "--name", "tcp", "--protocol", "TCP", "--disable", "--tag", "blue"
        ),
    }
    for protocol in ("HTTPS", "PROXY", "PROXYV2"):
        words = (*common, "--name", protocol.lower(), "--protocol", protocol, "--no-tag")
        made[protocol.lower()] = member.get("loadbalancer pool create", *words)
    return made


@pytest.fixture(scope="module")
def members(pools, member, subnet):
    """Members of the pool `webs`, by name."""
    return {
        "one": member.get(
            "loadbalancer member create",
            *("--name", "one", "--address", "10.7.0.101", "--protocol-port", "8080", "--weight", "5", "--enable"),
            *("--subnet-id", subnet, "--monitor-address", "10.7.0.201", "--monitor-port", "8081", "--enable-backup"),
            *("--tag", "red", "--tag", "blue", "webs"),
        ),
        "two": member.get(
            "loadbalancer member create",
            *("--name", "two", "--address", "10.7.0.102", "--protocol-port", "80", "--disable", "--disable-backup"),
            *("--tag", "blue", "webs"),
        ),
        "three": member.get(
            "loadbalancer member create",
            *("--name", "three", "--address", "10.7.0.103", "--protocol-port", "80", "--no-tag", "webs"),
        ),
    }


@pytest.fixture(scope="module")
def monitors(pools, member):
    """A monitor of every type of streams, by name; `web` has all that one can have."""
    made = {
        "web": member.get(
            "loadbalancer healthmonitor create",
            *("--name", "web", "--type", "HTTP", "--delay", "5", "--timeout", "3", "--max-retries", "2"),
            *(
                "--max-retries-down",
                "4",
                "--http-method",
                "HEAD",
                "--http-version",
                "1.1",
                "--domain-name",
                "a.example",
            ),
            *("--url-path", "/up?x=1", "--expected-codes", "200-204", "--enable", "--tag", "red", "--tag", "blue"),
            "webs",
        )
    }
    for kind, pool in (("TCP", "tcp"), ("HTTPS", "https"), ("TLS-HELLO", "proxy"), ("PING", "proxyv2")):
        common = ("--name", kind.lower(), "--delay", "5", "--timeout", "3", "--max-retries", "2")
        tagged = ("--disable", "--tag", "blue") if kind == "TCP" else ("--no-tag",)
        made[kind.lower()] = member.get("loadbalancer healthmonitor create", *common, "--type", kind, *tagged, pool)
    return made


def show(member, noun, *words):
    return member.get(f"loadbalancer {noun} show", *words)


def listed(console, noun, *words):
    return sorted(each["name"] for each in console.get(f"loadbalancer {noun} list", *words))


def by_tags(console, noun, *parent):
    """What the four filters of tags find."""
    filters = ("--tags", "--any-tags", "--not-tags", "--not-any-tags")
    return [listed(console, noun, each, "red,blue", *parent) for each in filters]


def test_a_pool_is_made_with_all_it_can_have(pools, balancer, member):
    found = show(member, "pool", "webs")
    persistence = {"type": "APP_COOKIE", "cookie_name": "kept"}
    empty = {"persistence_timeout": None, "persistence_granularity": None}
    assert found == {
        **found,
        "name": "webs",
        "description": "pages",
        "protocol": "HTTP",
        "lb_algorithm": "LEAST_CONNECTIONS",
        "session_persistence": {**persistence, **empty},
        "admin_state_up": True,
        "loadbalancers": [{"id": balancer["id"]}],
        "listeners": [{"id": member.get("loadbalancer listener show", "web")["id"]}],
        "tls_enabled": False,
    }
    assert sorted(found["tags"]) == ["blue", "red"]
    tcp = show(member, "pool", pools["tcp"]["id"])
    assert (tcp["admin_state_up"], tcp["session_persistence"], tcp["tags"]) == (False, None, ["blue"])
    assert [show(member, "pool", each)["protocol"] for each in ("https", "proxy", "proxyv2")] == [
        "HTTPS",
        "PROXY",
        "PROXYV2",
    ]


def test_lists_of_pools_hold_what_is_asked_for(pools, member):
    everything = ["https", "proxy", "proxyv2", "tcp", "webs"]
    assert listed(member, "pool") == everything
    assert listed(member, "pool", "--loadbalancer", "lb") == everything
    rest = ["https", "proxy", "proxyv2"]
    assert by_tags(member, "pool") == [["webs"], ["tcp", "webs"], [*rest, "tcp"], rest]
    row = next(each for each in member.get("loadbalancer pool list") if each["name"] == "webs")
    assert (row["id"], row["protocol"], row["lb_algorithm"]) == (pools["webs"]["id"], "HTTP", "LEAST_CONNECTIONS")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_pool_chooses_by_any_algorithm(pools, member, algorithm):
    member.do("loadbalancer pool set", "--lb-algorithm", algorithm, "webs")
    assert show(member, "pool", "webs")["lb_algorithm"] == algorithm
    words = ("--name", "short", "--protocol", "TCP", "--loadbalancer", "lb", "--lb-algorithm", algorithm)
    assert member.get("loadbalancer pool create", *words)["lb_algorithm"] == algorithm
    member.do("loadbalancer pool delete", "short")
    lives.within(10, lambda: "short" not in listed(member, "pool"), "it is gone")


def test_a_pool_is_changed_and_cleared(pools, member):
    name = pools["webs"]["id"]
    words = ("--name", "new", "--description", "other", "--session-persistence", "type=SOURCE_IP", "--disable")
    member.do("loadbalancer pool set", *words, "--tag", "green", "webs")
    found = show(member, "pool", "new")
    assert (found["description"], found["admin_state_up"]) == ("other", False)
    assert (found["session_persistence"]["type"], sorted(found["tags"])) == ("SOURCE_IP", ["blue", "green", "red"])
    member.do("loadbalancer pool set", "--enable", "--no-tag", "--tag", "a", "--tag", "b", "new")
    member.do("loadbalancer pool unset", "--description", "--session-persistence", "--tag", "a", "new")
    found = show(member, "pool", name)
    assert (found["description"], found["session_persistence"], found["tags"]) == ("", None, ["b"])
    member.do("loadbalancer pool unset", "--name", "--all-tag", "new")
    found = show(member, "pool", name)
    assert (found["name"], found["tags"], found["admin_state_up"]) == ("", [], True)
    member.do("loadbalancer pool set", "--name", "webs", name)


def test_a_member_is_made_with_all_it_can_have(members, member, subnet):
    found = show(member, "member", "webs", "one")
    assert found == {
        **found,
        "name": "one",
        "address": "10.7.0.101",
        "protocol_port": 8080,
        "weight": 5,
        "backup": True,
        "subnet_id": member.get("subnet show", subnet)["id"],
        "monitor_address": "10.7.0.201",
        "monitor_port": 8081,
        "admin_state_up": True,
        "vnic_type": "normal",
    }
    assert sorted(found["tags"]) == ["blue", "red"]
    two = show(member, "member", "webs", members["two"]["id"])
    assert two == {**two, "admin_state_up": False, "weight": 1, "backup": False, "subnet_id": None}
    assert show(member, "member", "webs", "three")["tags"] == []


def test_lists_of_members_hold_what_is_asked_for(members, member):
    assert listed(member, "member", "webs") == ["one", "three", "two"]
    assert by_tags(member, "member", "webs") == [["one"], ["one", "two"], ["three", "two"], ["three"]]
    row = next(each for each in member.get("loadbalancer member list", "webs") if each["name"] == "one")
    assert (row["address"], row["protocol_port"], row["weight"]) == ("10.7.0.101", 8080, 5)
    assert listed(member, "member", "tcp") == []


def test_a_member_is_changed_and_cleared(members, member):
    name = members["two"]["id"]
    words = ("--name", "new", "--weight", "9", "--monitor-address", "10.7.0.7", "--monitor-port", "9", "--enable")
    member.do("loadbalancer member set", *words, "--enable-backup", "--tag", "green", "webs", "two")
    found = show(member, "member", "webs", "new")
    assert found == {**found, "weight": 9, "monitor_address": "10.7.0.7", "monitor_port": 9, "admin_state_up": True}
    assert (found["backup"], sorted(found["tags"])) == (True, ["blue", "green"])
    member.do("loadbalancer member set", "--disable", "--disable-backup", "--no-tag", "--tag", "a", "webs", "new")
    found = show(member, "member", "webs", name)
    assert (found["admin_state_up"], found["backup"], found["tags"]) == (False, False, ["a"])
    member.do("loadbalancer member set", "--enable-backup", "--tag", "b", "webs", "new")
    cleared = ("--monitor-address", "--monitor-port", "--weight", "--backup", "--tag", "a")
    member.do("loadbalancer member unset", *cleared, "webs", "new")
    found = show(member, "member", "webs", name)
    assert found == {**found, "monitor_address": None, "monitor_port": None, "weight": 1, "backup": False}
    assert found["tags"] == ["b"]
    member.do("loadbalancer member unset", "--name", "--all-tag", "webs", "new")
    found = show(member, "member", "webs", name)
    assert (found["name"], found["tags"]) == ("", [])
    member.do("loadbalancer member set", "--name", "two", "webs", name)


def test_a_member_by_sr_iov_needs_a_flavor_that_allows_it(members, member, operator):
    words = ("--address", "10.7.0.110", "--protocol-port", "80", "--request-sriov")
    assert "does not allow SR-IOV member ports" in member.refused("loadbalancer member create", *words, "webs")
    data = '{"allow_member_sriov": true}'
    operator.do("loadbalancer flavorprofile create", "--name", "quick", "--provider", "haproxy", "--flavor-data", data)
    operator.do("loadbalancer flavor create", "--name", "quick", "--flavorprofile", "quick")
    member.do("loadbalancer create", "--name", "quick", "--vip-subnet-id", "inside", "--flavor", "quick")
    pool = "--name quick --protocol TCP --lb-algorithm ROUND_ROBIN --loadbalancer quick"
    member.do("loadbalancer pool create", *pool.split())
    assert member.get("loadbalancer member create", *words, "quick")["vnic_type"] == "direct"
    member.do("loadbalancer delete", "--cascade", "quick")
    lives.within(10, lambda: "quick" not in listed(member, ""), "it is gone")
    for noun in ("flavor", "flavorprofile"):
        operator.do(f"loadbalancer {noun} delete", "quick")


def test_a_monitor_is_made_with_all_it_can_have(monitors, pools, member):
    found = show(member, "healthmonitor", "web")
    assert found == {
        **found,
        "name": "web",
        "type": "HTTP",
        "delay": 5,
        "timeout": 3,
        "max_retries": 2,
        "max_retries_down": 4,
        "http_method": "HEAD",
        "http_version": 1.1,
        "domain_name": "a.example",
        "url_path": "/up?x=1",
        "expected_codes": "200-204",
        "admin_state_up": True,
        "pools": [{"id": pools["webs"]["id"]}],
    }
    assert sorted(found["tags"]) == ["blue", "red"]
    tcp = show(member, "healthmonitor", monitors["tcp"]["id"])
    assert tcp == {**tcp, "type": "TCP", "admin_state_up": False, "max_retries_down": 3, "url_path": None}
    assert show(member, "pool", "webs")["healthmonitor_id"] == monitors["web"]["id"]


def test_lists_of_monitors_hold_what_is_asked_for(monitors, member):
    rest = ["https", "ping", "tls-hello"]
    assert listed(member, "healthmonitor") == ["https", "ping", "tcp", "tls-hello", "web"]
    assert by_tags(member, "healthmonitor") == [
        ["web"], ["tcp", "web"], ["https", "ping", "tcp", "tls-hello"], rest
    ]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_a_monitor_asks_by_any_method(monitors, member, method):
    member.do("loadbalancer healthmonitor set", "--http-method", method, "web")
    assert show(member, "healthmonitor", "web")["http_method"] == method


def test_a_monitor_is_made_to_ask_by_any_method(pools, monitors, member):
    words = ("--delay", "5", "--timeout", "3", "--max-retries", "2", "--type", "HTTP", "--http-version", "1.0")
    member.do("loadbalancer healthmonitor delete", "tcp")
    for method in METHODS:
        lives.within(10, lambda: "tcp" not in listed(member, "healthmonitor"), "the one before is gone")
        made = member.get("loadbalancer healthmonitor create", *words, "--name", "tcp", "--http-method", method, "tcp")
        assert (made["http_method"], made["http_version"]) == (method, 1.0)
        member.do("loadbalancer healthmonitor delete", "tcp")


def test_a_monitor_is_changed_and_cleared(monitors, member):
    name = monitors["web"]["id"]
    member.do(
        "loadbalancer healthmonitor set",
        *("--name", "new", "--delay", "7", "--timeout", "6", "--max-retries", "3", "--max-retries-down", "5"),
        *("--url-path", "/other", "--expected-codes", "200,302", "--http-version", "1.1", "--domain-name", "b.example"),
        *("--disable", "--tag", "green", "web"),
    )
    found = show(member, "healthmonitor", "new")
    assert found == {
        **found,
        "delay": 7,
        "timeout": 6,
        "max_retries": 3,
        "max_retries_down": 5,
        "url_path": "/other",
        "expected_codes": "200,302",
        "domain_name": "b.example",
        "admin_state_up": False,
    }
    assert sorted(found["tags"]) == ["blue", "green", "red"]
    member.do("loadbalancer healthmonitor set", "--enable", "--no-tag", "--tag", "a", "--tag", "b", "new")
    cleared = ("--domain-name", "--expected-codes", "--http-method", "--max-retries-down", "--url-path", "--tag", "a")
    member.do("loadbalancer healthmonitor unset", *cleared, "new")
    found = show(member, "healthmonitor", name)
    assert found == {**found, "domain_name": None, "expected_codes": "200", "http_method": "GET", "url_path": "/"}
    assert (found["max_retries_down"], found["tags"], found["admin_state_up"]) == (3, ["b"], True)
    member.do("loadbalancer healthmonitor set", "--http-version", "1.0", "new")
    assert show(member, "healthmonitor", name)["http_version"] == 1.0
    member.do("loadbalancer healthmonitor unset", "--name", "--http-version", "--all-tag", "new")
    found = show(member, "healthmonitor", name)
    assert (found["name"], found["http_version"], found["tags"]) == ("", None, [])
    member.do("loadbalancer healthmonitor set", "--name", "web", name)


def test_parts_are_deleted(members, monitors, member):
    member.do("loadbalancer healthmonitor delete", "web")
    member.do("loadbalancer member delete", "webs", "one")
    lives.within(10, lambda: listed(member, "member", "webs") == ["three", "two"], "the member is gone")
    lives.within(10, lambda: "web" not in listed(member, "healthmonitor"), "the monitor is gone")
    member.do("loadbalancer pool delete", "webs")
    lives.within(10, lambda: "webs" not in listed(member, "pool"), "the pool is gone")
    assert show(member, "listener", "web")["default_pool_id"] is None


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
