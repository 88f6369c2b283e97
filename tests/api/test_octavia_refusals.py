"""Every sentence with which the load-balancer API refuses what it serves."""

from typing import Any

import pytest

from tests.api import balancing
from tests.service import world

NOWHERE = "99999999-0000-4000-8000-000000000000"
TOO_LONG = "x" * 256
ECHO = "Invalid input for field/attribute"


def refused(cloud, method, path, body, **more):
    reply = cloud.call(method, path, body, **more)
    return reply.status_code, balancing.sentence(reply)


@pytest.mark.parametrize(
    ("values", "status", "sentence"),
    [
        ({}, 400, "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."),
        ({"vip_subnet_id": NOWHERE}, 400, f"Subnet {NOWHERE} not found."),
        ({"vip_network_id": NOWHERE}, 400, f"Network {NOWHERE} not found."),
        ({"vip_port_id": NOWHERE}, 400, f"Port {NOWHERE} not found."),
        ({"vip_network_id": world.NETWORK, "vip_subnet_id": NOWHERE}, 400, f"Subnet {NOWHERE} not found."),
        (
            {"vip_network_id": world.NETWORK, "vip_address": "10.9.9.9"},
            400,
            "Validation failure: Supplied network does not contain a subnet for VIP address specified.",
        ),
        ({"vip_subnet_id": "x"}, 400, f"{ECHO} vip_subnet_id. Value: 'x'. Value should be UUID format"),
        (
            {"vip_subnet_id": world.SUBNET, "vip_address": "x"},
            400,
            f"{ECHO} vip_address. Value: 'x'. Value should be IPv4 or IPv6 format",
        ),
        ({"vip_subnet_id": world.SUBNET, "provider": "ovn"}, 400, "Provider 'ovn' is not enabled."),
        ({"vip_subnet_id": world.SUBNET, "flavor_id": NOWHERE}, 400, "Validation failure: Invalid flavor_id."),
        ({"vip_subnet_id": world.SUBNET, "flavor_id": None}, 400, "Validation failure: Invalid flavor_id."),
        (
            {"vip_subnet_id": world.SUBNET, "availability_zone": "az"},
            400,
            "Validation failure: Invalid availability zone.",
        ),
        (
            {"vip_subnet_id": world.SUBNET, "vip_qos_policy_id": NOWHERE},
            400,
            f"qos_policy {NOWHERE} not found.",
        ),
        ({"name": 5}, 400, f"{ECHO} name. Value: '5'. Value should be string"),
        (
            {"name": TOO_LONG},
            400,
            f"{ECHO} name. Value: '{TOO_LONG}'. Value should have a maximum character requirement of 255",
        ),
        ({"tags": "a"}, 400, f"{ECHO} tags. Value: 'a'. Value not a valid list: a"),
        ({"tags": [1]}, 400, f"{ECHO} tags. Value: '[1]'. Value should be string"),
        ({"admin_state_up": "banana"}, 400, f"{ECHO} admin_state_up. Value: 'banana'. Value should be a boolean"),
        ({"color": "red"}, 400, "Unknown attribute for argument load_balancer.loadbalancer: color"),
        ({"id": NOWHERE}, 400, "Unknown attribute for argument load_balancer.loadbalancer: id"),
        ({"generation": 7}, 400, "Unknown attribute for argument load_balancer.loadbalancer: generation"),
        (
            {"provisioning_fault": "x"},
            400,
            "Unknown attribute for argument load_balancer.loadbalancer: provisioning_fault",
        ),
        ({"project_id": world.OTHER}, 403, "Policy does not allow this request to be performed."),
        ({"project_id": "x" * 37}, 400, f"{ECHO} project_id. Value: '{'x' * 37}'. Value should have a maximum "
         "character requirement of 36"),
    ],
)  # fmt: skip
def test_a_load_balancer_that_cannot_be_is_refused_in_octavia_s_words(cloud, values, status, sentence):
    assert refused(cloud, "POST", "/loadbalancers", {"loadbalancer": values}) == (status, sentence)
    assert cloud.get("/loadbalancers")["loadbalancers"] == []


def test_an_address_that_is_taken_is_a_conflict(cloud):
    cloud.balancer(vip_address="172.16.100.11")
    wanted = {"vip_subnet_id": world.SUBNET, "vip_address": "172.16.100.11"}
    status, said = refused(cloud, "POST", "/loadbalancers", {"loadbalancer": wanted})
    assert (status, said.split(": ")[0]) == (409, "The VIP IP address is already in use")


def test_a_full_subnet_says_so_and_leaves_nothing_behind(cloud):
    cloud.add_subnet(world.NETWORK, world.SMALL, "10.5.5.0/24", first=7, last=7)
    cloud.balancer(vip_subnet_id=world.SMALL)
    status, said = refused(cloud, "POST", "/loadbalancers", {"loadbalancer": {"vip_subnet_id": world.SMALL}})
    assert (status, said.startswith("No more IP addresses available")) == (409, True)
    assert len(cloud.get("/loadbalancers")["loadbalancers"]) == 1


LISTENERS: list[tuple[dict[str, Any], int, str]] = [
    ({"loadbalancer_id": NOWHERE}, 404, f"Load Balancer {NOWHERE} not found."),
    ({"loadbalancer_id": "x"}, 400, f"{ECHO} loadbalancer_id. Value: 'x'. Value should be UUID format"),
    ({"default_pool_id": NOWHERE}, 404, f"Pool {NOWHERE} not found."),
    (
        {"protocol": "GOPHER"},
        400,
        f"{ECHO} protocol. Value: 'GOPHER'. Value should be one of: TCP, HTTP, HTTPS, TERMINATED_HTTPS, UDP, SCTP, "
        "PROMETHEUS",
    ),
    ({"protocol_port": 0}, 400, f"{ECHO} protocol_port. Value: '0'. Value should be greater or equal to 1"),
    ({"protocol_port": 65536}, 400, f"{ECHO} protocol_port. Value: '65536'. Value should be lower or equal to 65535"),
    (
        {"protocol_port": "abc"},
        400,
        f"{ECHO} protocol_port. Value: 'abc'. invalid literal for int() with base 10: 'abc'",
    ),
    ({"connection_limit": -2}, 400, f"{ECHO} connection_limit. Value: '-2'. Value should be greater or equal to -1"),
    (
        {"timeout_client_data": 2073600001},
        400,
        f"{ECHO} timeout_client_data. Value: '2073600001'. Value should be lower or equal to 2073600000",
    ),
    ({"insert_headers": []}, 400, f"{ECHO} insert_headers. Value: '[]'. Value not a valid dict: []"),
    (
        {"insert_headers": {"X-Forwarded-For": True}},
        400,
        f"{ECHO} insert_headers. Value: '{{'X-Forwarded-For': True}}'. Value should be string",
    ),
    (
        {"insert_headers": {"X-Nope": "true"}},
        400,
        "['X-Nope'] is not a valid option for insert_headers",
    ),
    (
        {"insert_headers": {"X-SSL-Issuer": "true"}},
        400,
        "['X-SSL-Issuer'] is not a valid option for HTTP protocol listener.",
    ),
    (
        {"protocol": "TCP", "insert_headers": {"X-Forwarded-For": "true"}},
        400,
        "insert-headers is not a valid option for a TCP protocol listener.",
    ),
    (
        {"allowed_cidrs": ["2001:db8::/32"]},
        400,
        "Validation failure: CIDR 2001:db8::/32 IP version incompatible with all VIPs ['172.16.100.10'] IP version.",
    ),
    (
        {"allowed_cidrs": ["10.0.0.0/33"]},
        400,
        f"{ECHO} allowed_cidrs. Value: '['10.0.0.0/33']'. Value should be IPv4 or IPv6 CIDR format",
    ),
    (
        {"default_tls_container_ref": "x"},
        400,
        "Validation failure: Certificate container references are not allowed on HTTP protocol listeners.",
    ),
    (
        {"hsts_max_age": 5},
        400,
        "Validation failure: The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol.",
    ),
    ({"loadbalancers": []}, 400, "Unknown attribute for argument listener_.listener: loadbalancers"),
    (
        {"l7policies": [{"action": "REJECT"}]},
        400,
        "l7policies may be given only in the call that creates the load balancer: use POST l7policies.",
    ),
    (
        {"default_pool": {"name": "p"}},
        400,
        "default_pool may be given only in the call that creates the load balancer: use default_pool_id.",
    ),
]


@pytest.mark.parametrize(("values", "status", "sentence"), LISTENERS)
def test_a_listener_that_cannot_be_is_refused_in_octavia_s_words(cloud, values, status, sentence):
    root = cloud.balancer()["id"]
    body = {"listener": {**balancing.LISTENER, "loadbalancer_id": root, **values}}
    assert refused(cloud, "POST", "/listeners", body) == (status, sentence)
    assert cloud.get("/listeners")["listeners"] == []


@pytest.mark.parametrize("left_out", ["loadbalancer_id", "protocol", "protocol_port"])
def test_what_a_listener_must_have_is_named_when_it_is_missing(cloud, left_out):
    body = {**balancing.LISTENER, "loadbalancer_id": cloud.balancer()["id"]}
    del body[left_out]
    expected = (400, f"{ECHO} {left_out}. Value: 'None'. Mandatory field missing.")
    assert refused(cloud, "POST", "/listeners", {"listener": body}) == expected


@pytest.mark.parametrize("protocol", ["TCP", "HTTP", "HTTPS", "PROMETHEUS"])
def test_a_port_has_one_listener_in_its_transport(cloud, protocol):
    root = cloud.balancer()["id"]
    cloud.listener(root, protocol="TCP")
    cloud.listener(root, protocol="UDP")
    cloud.listener(root, protocol="SCTP")
    body = {"listener": {"loadbalancer_id": root, "protocol": protocol, "protocol_port": 80}}
    assert refused(cloud, "POST", "/listeners", body) == (
        409,
        "Another Listener on this Load Balancer is already using protocol TCP and protocol_port 80",
    )


POOLS: list[tuple[dict[str, Any], int, str]] = [
    ({"loadbalancer_id": NOWHERE}, 404, f"Load Balancer {NOWHERE} not found."),
    (
        {"loadbalancer_id": None},
        400,
        "Validation failure: Must provide at least one of: loadbalancer_id, listener_id",
    ),
    ({"loadbalancer_id": None, "listener_id": NOWHERE}, 404, f"Listener {NOWHERE} not found."),
    ({"listener_id": NOWHERE}, 404, f"Listener {NOWHERE} not found."),
    ({"listener_id": 7}, 400, f"{ECHO} listener_id. Value: '7'. Value should be UUID format"),
    ({"listener_id": ["x"]}, 400, f"{ECHO} listener_id. Value: '['x']'. Value should be UUID format"),
    (
        {"lb_algorithm": "RANDOM"},
        400,
        f"{ECHO} lb_algorithm. Value: 'RANDOM'. Value should be one of: ROUND_ROBIN, LEAST_CONNECTIONS, SOURCE_IP, "
        "SOURCE_IP_PORT",
    ),
    ({"session_persistence": {}}, 400, f"{ECHO} type. Value: 'None'. Mandatory field missing."),
    (
        {"session_persistence": {"type": "HTTP_COOKIE", "cookie_name": "a"}},
        400,
        'Validation failure: Field "cookie_name" can only be specified with session persistence of type "APP_COOKIE".',
    ),
    (
        {"session_persistence": {"type": "APP_COOKIE"}},
        400,
        'Validation failure: Field "cookie_name" must be specified when using the "APP_COOKIE" session persistence '
        "type.",
    ),
    (
        {"session_persistence": {"type": "APP_COOKIE", "cookie_name": "a=b"}},
        400,
        'Validation failure: Supplied "cookie_name" is invalid.',
    ),
    (
        {"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 5}},
        400,
        "Validation failure: persistence_timeout and persistence_granularity is only for UDP and SCTP protocol pools.",
    ),
    (
        {"protocol": "UDP", "session_persistence": {"type": "HTTP_COOKIE"}},
        400,
        "Validation failure: Session persistence of type HTTP_COOKIE is not supported for UDP/SCTP protocol pools.",
    ),
    (
        {"protocol": "UDP", "session_persistence": {"type": "SOURCE_IP", "cookie_name": "a"}},
        400,
        "Validation failure: session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: type, "
        "persistence_timeout, persistence_granularity.",
    ),
    (
        {"members": [{"address": "10.0.0.1", "protocol_port": 1}]},
        400,
        "members may be given only in the call that creates the load balancer: use POST pools/{id}/members.",
    ),
    ({"healthmonitor_id": NOWHERE}, 400, "Unknown attribute for argument pool_.pool: healthmonitor_id"),
]


@pytest.mark.parametrize(("values", "status", "sentence"), POOLS)
def test_a_pool_that_cannot_be_is_refused_in_octavia_s_words(cloud, values, status, sentence):
    root = cloud.balancer()["id"]
    body = {"pool": {**balancing.POOL, "loadbalancer_id": root, **values}}
    assert refused(cloud, "POST", "/pools", body) == (status, sentence)
    assert cloud.get("/pools")["pools"] == []


def test_a_listener_takes_one_default_pool_that_speaks_as_it_does(cloud):
    root = cloud.balancer()["id"]
    front = cloud.listener(root)["id"]
    body = {"pool": {"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "listener_id": front}}
    mismatch = "Validation failure: The pool protocol 'TCP' is invalid while the listener protocol is 'HTTP'."
    assert refused(cloud, "POST", "/pools", body) == (400, mismatch)
    other = cloud.pool(root, protocol="TCP")["id"]
    assert refused(cloud, "PUT", f"/listeners/{front}", {"listener": {"default_pool_id": other}}) == (400, mismatch)
    cloud.make("pool", "/pools", **balancing.POOL, listener_id=front)
    for more in ({}, {"loadbalancer_id": root}):
        again = {"pool": {**balancing.POOL, "listener_id": front, **more}}
        assert refused(cloud, "POST", "/pools", again) == (409, "This listener already has a default pool")
    metrics = cloud.listener(root, protocol="PROMETHEUS", protocol_port=9100)["id"]
    body = {"pool": {**balancing.POOL, "listener_id": metrics}}
    sentence = "Protocol PROMETHEUS listeners cannot have child objects."
    assert refused(cloud, "POST", "/pools", body) == (400, sentence)


def test_a_listener_of_another_load_balancer_is_not_found_for_a_pool(cloud):
    front = cloud.listener(cloud.balancer()["id"])["id"]
    body = {"pool": {**balancing.POOL, "loadbalancer_id": cloud.balancer()["id"], "listener_id": front}}
    assert refused(cloud, "POST", "/pools", body) == (404, f"Listener {front} not found.")


def test_a_pool_of_another_load_balancer_is_not_found_for_a_listener(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    body = {"listener": {**balancing.LISTENER, "loadbalancer_id": cloud.balancer()["id"], "default_pool_id": back}}
    assert refused(cloud, "POST", "/listeners", body) == (404, f"Pool {back} not found.")


MEMBERS: list[tuple[dict[str, Any], int, str]] = [
    ({"address": None}, 400, f"{ECHO} address. Value: 'None'. Mandatory field missing."),
    ({"address": "x"}, 400, f"{ECHO} address. Value: 'x'. Value should be IPv4 or IPv6 format"),
    ({"address": "fe80::1%eth0"}, 400, f"{ECHO} address. Value: 'fe80::1%eth0'. Value should be IPv4 or IPv6 format"),
    ({"address": "169.254.169.254"}, 400, "169.254.169.254 is not a valid option for member address"),
    ({"weight": 257}, 400, f"{ECHO} weight. Value: '257'. Value should be lower or equal to 256"),
    ({"weight": -1}, 400, f"{ECHO} weight. Value: '-1'. Value should be greater or equal to 0"),
    ({"subnet_id": NOWHERE}, 400, f"Subnet {NOWHERE} not found."),
    ({"monitor_port": 0}, 400, f"{ECHO} monitor_port. Value: '0'. Value should be greater or equal to 1"),
    ({"request_sriov": True}, 400, "The load balancer flavor does not allow SR-IOV member ports."),
    ({"pool_id": NOWHERE}, 400, "Unknown attribute for argument member_.member: pool_id"),
    ({"description": "x"}, 400, "Unknown attribute for argument member_.member: description"),
    (
        {"address": "2001:DB8::0001"},
        409,
        "Another member on this pool is already using ip 2001:DB8::0001 on protocol_port 80",
    ),
]


@pytest.mark.parametrize(("values", "status", "sentence"), MEMBERS)
def test_a_member_that_cannot_be_is_refused_in_octavia_s_words(cloud, values, status, sentence):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    cloud.member(back, address="2001:db8::1")
    body = {"member": {**balancing.MEMBER, **values}}
    assert refused(cloud, "POST", f"/pools/{back}/members", body) == (status, sentence)
    assert len(cloud.get(f"/pools/{back}/members")["members"]) == 1


@pytest.mark.parametrize("values", [{"address": "10.0.0.1"}, {"protocol_port": 1}, {"subnet_id": world.SUBNET}])
def test_where_a_member_is_cannot_be_changed(cloud, values):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    row = cloud.member(back)["id"]
    sentence = f"Unknown attribute for argument member_.member: {next(iter(values))}"
    assert refused(cloud, "PUT", f"/pools/{back}/members/{row}", {"member": values}) == (400, sentence)


MONITORS: list[tuple[dict[str, Any], int, str]] = [
    ({"pool_id": NOWHERE}, 404, f"Pool {NOWHERE} not found."),
    ({"pool_id": 5}, 400, f"{ECHO} pool_id. Value: '5'. Value should be UUID format"),
    ({"delay": -1}, 400, f"{ECHO} delay. Value: '-1'. Value should be greater or equal to 0"),
    ({"max_retries": 11}, 400, f"{ECHO} max_retries. Value: '11'. Value should be lower or equal to 10"),
    ({"max_retries_down": 0}, 400, f"{ECHO} max_retries_down. Value: '0'. Value should be greater or equal to 1"),
    (
        {"type": "TCP", "http_method": "GET"},
        400,
        "http_method is not a valid option for health monitors of type TCP",
    ),
    ({"type": "PING", "url_path": "/"}, 400, "url_path is not a valid option for health monitors of type PING"),
    (
        {"type": "TCP", "expected_codes": "200"},
        400,
        "expected_codes is not a valid option for health monitors of type TCP",
    ),
    (
        {"type": "UDP-CONNECT"},
        400,
        "Validation failure: The UDP-CONNECT type is only supported for pools of type UDP/SCTP.",
    ),
    (
        {"domain_name": "a.example"},
        400,
        "Validation failure: 'http_version' must be specified when 'domain_name' is provided.",
    ),
    (
        {"domain_name": "a.example", "http_version": 1.0},
        400,
        "http_version 1.0 is not a valid option for health monitors HTTP 1.1 domain name health check",
    ),
    ({"http_version": 2}, 400, f"{ECHO} http_version. Value: '2'. Value should be one of: 1.0, 1.1"),
    ({"expected_codes": 200}, 400, f"{ECHO} expected_codes. Value: '200'. Value should be string"),
]


@pytest.mark.parametrize(("values", "status", "sentence"), MONITORS)
def test_a_monitor_that_cannot_be_is_refused_in_octavia_s_words(cloud, values, status, sentence):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    body = {"healthmonitor": {**balancing.MONITOR, "pool_id": back, **values}}
    assert refused(cloud, "POST", "/healthmonitors", body) == (status, sentence)
    assert cloud.get("/healthmonitors")["healthmonitors"] == []


@pytest.mark.parametrize(
    "values",
    [
        {"expected_codes": "200-204,301"},
        {"expected_codes": "20"},
        {"expected_codes": "٢٠٠"},
        {"url_path": "x"},
        {"url_path": "/a b"},
        {"url_path": "http://example.com/"},
        {"domain_name": "-a.example"},
        {"domain_name": ""},
        {"http_method": "BREW"},
        {"type": None},
    ],
)
def test_a_monitor_that_could_not_be_rendered_is_refused(cloud, values):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    body = {"healthmonitor": {**balancing.MONITOR, "pool_id": back, **values}}
    status, said = refused(cloud, "POST", "/healthmonitors", body)
    assert (status, said.startswith(ECHO)) == (400, True)


def test_a_pool_has_one_monitor_of_a_type_that_fits(cloud):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    cloud.monitor(back)
    body = {"healthmonitor": {**balancing.MONITOR, "pool_id": back}}
    assert refused(cloud, "POST", "/healthmonitors", body) == (409, "This pool already has a health monitor")
    datagrams = cloud.pool(root, protocol="UDP")["id"]
    body = {"healthmonitor": {**balancing.MONITOR, "pool_id": datagrams, "type": "PING"}}
    assert refused(cloud, "POST", "/healthmonitors", body) == (
        400,
        "Validation failure: The associated pool protocol is UDP, so only a UDP-CONNECT/SCTP/TCP/HTTP health monitor "
        "is supported.",
    )


@pytest.mark.parametrize("name", ["delay", "timeout", "max_retries"])
def test_what_a_monitor_must_have_cannot_be_cleared(cloud, name):
    watch = cloud.monitor(cloud.pool(cloud.balancer()["id"])["id"])["id"]
    expected = (400, f"None is not a valid option for {name}")
    assert refused(cloud, "PUT", f"/healthmonitors/{watch}", {"healthmonitor": {name: None}}) == expected


@pytest.mark.parametrize("name", ["http_method", "url_path", "expected_codes"])
def test_a_tcp_check_has_nothing_of_http_not_even_null(cloud, name):
    watch = cloud.monitor(cloud.pool(cloud.balancer()["id"])["id"], type="TCP")["id"]
    expected = (400, f"{name} is not a valid option for health monitors of type TCP")
    assert refused(cloud, "PUT", f"/healthmonitors/{watch}", {"healthmonitor": {name: None}}) == expected


def test_the_algorithm_of_a_pool_cannot_be_cleared(cloud):
    back = cloud.pool(cloud.balancer()["id"])["id"]
    expected = (400, "None is not a valid option for lb_algorithm")
    assert refused(cloud, "PUT", f"/pools/{back}", {"pool": {"lb_algorithm": None}}) == expected


@pytest.mark.parametrize(
    ("action", "target", "called"),
    [
        ("REDIRECT_TO_URL", {"redirect_url": "http://a.example"}, "redirect_url"),
        ("REDIRECT_PREFIX", {"redirect_prefix": "http://a.example"}, "redirect_prefix"),
        ("REDIRECT_TO_POOL", {}, "redirect_pool_id or redirect_pool"),
    ],
)
def test_a_policy_does_not_lose_where_it_leads(cloud, action, target, called):
    root = cloud.balancer()["id"]
    leads = target or {"redirect_pool_id": cloud.pool(root)["id"]}
    made = cloud.make("l7policy", "/l7policies", listener_id=cloud.listener(root)["id"], action=action, **leads)
    where, name = f"/l7policies/{made['id']}", next(iter(leads))
    reply = cloud.call("PUT", where, {"l7policy": {name: None}})
    assert reply.status_code == 400
    assert balancing.sentence(reply) == f"Invalid L7 Policy arguments: {called} must not be None"
    assert cloud.get(where)["l7policy"][name] == leads[name]
    assert cloud.change("l7policy", where, action="REJECT", **{name: None})[name] is None
