"""`openstack loadbalancer` on UDP and SCTP, on VIPs of several subnets, and on security groups of VIPs."""

import pytest

from tests import live as lives
from tests.compat import offered

TRANSPORTS = {"UDP": "UDP-CONNECT", "SCTP": "SCTP"}


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-datagrams")


@pytest.fixture(scope="module")
def grounds(member, subnet):
    """A second subnet and two security groups."""
    words = ("--network", subnet, "--ip-version", "6", "--subnet-range", "fd00:7::/64", "six")
    member.do("subnet create", *words)
    for name in ("doors", "gates"):
        member.do("security group create", name)
    yield
    for name in ("doors", "gates"):
        member.do("security group delete", name)


@pytest.fixture(scope="module")
def balancer(grounds, member, subnet):
    """A load balancer with two VIPs, guarded by a security group."""
    return member.get(
        "loadbalancer create",
        *("--name", "lb", "--vip-subnet-id", subnet, "--vip-sg-id", "doors"),
        *("--additional-vip", "subnet-id=six,ip-address=fd00:7::7"),
    )


def show(member, noun, name):
    return member.get(f"loadbalancer {noun}".strip() + " show", name)


def group(member, name):
    return member.get("security group show", name)["id"]


def test_a_load_balancer_has_several_vips(balancer, member):
    found = show(member, "", "lb")
    (more,) = found["additional_vips"]
    assert (more["ip_address"], more["port_id"]) == ("fd00:7::7", found["vip_port_id"])
    assert more["subnet_id"] == member.get("subnet show", "six")["id"]
    addresses = {each["ip_address"] for each in member.get("port show", found["vip_port_id"])["fixed_ips"]}
    assert addresses == {found["vip_address"], "fd00:7::7"}


def test_security_groups_guard_a_vip(balancer, member):
    assert show(member, "", "lb")["vip_sg_ids"] == [group(member, "doors")]
    member.do("loadbalancer set", "--vip-sg-id", "gates", "--vip-sg-id", "doors", "lb")
    assert set(show(member, "", "lb")["vip_sg_ids"]) == {group(member, "doors"), group(member, "gates")}
    member.do("loadbalancer unset", "--vip-sg-id", "lb")
    assert show(member, "", "lb")["vip_sg_ids"] == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_datagrams_are_carried(balancer, member, transport):
    port = {"UDP": "53", "SCTP": "5060"}[transport]
    made = f"create --name {transport} --protocol {transport}"
    listener = member.get(f"loadbalancer listener {made} --protocol-port {port} lb")
    assert (listener["protocol"], listener["protocol_port"]) == (transport, int(port))
    kept = "type=SOURCE_IP,persistence_timeout=60,persistence_granularity=255.255.255.0"
    words = f"--lb-algorithm SOURCE_IP --listener {transport} --session-persistence {kept}"
    pool = member.get(f"loadbalancer pool {made} {words}")
    assert pool["session_persistence"] == {
        "type": "SOURCE_IP",
        "cookie_name": None,
        "persistence_timeout": 60,
        "persistence_granularity": "255.255.255.0",
    }
    member.do(f"loadbalancer member create --address 10.7.0.99 --protocol-port {port} {transport}")
    words = f"--type {TRANSPORTS[transport]} --delay 5 --timeout 3 --max-retries 2"
    monitor = member.get(f"loadbalancer healthmonitor create {words} {transport}")
    assert monitor["type"] == TRANSPORTS[transport]
    lives.within(
        10, lambda: show(member, "listener", transport)["operating_status"] == "ONLINE", f"{transport} is carried"
    )


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
