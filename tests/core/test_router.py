"""A router as devices, routes and rules: golden rulesets, each judged by nft itself, and what is refused."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import attach, router
from vipool.model import spec, wiring

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/router.json"))
INSIDE, OUTSIDE = (spec.Segment(network_id=f"{digit * 8}-net", mtu=1450) for digit in "ab")


def port(name, segment, *addresses, gateways=(), routes=()):
    return spec.Attachment(
        port_id=f"{name}-0000-4000", mac="fa:16:3e:00:00:01", segment=segment, addresses=addresses,
        gateways=gateways, routes=routes,
    )  # fmt: skip


def make(**more):
    values = {
        "id": "r",
        "revision": 1,
        "interfaces": (port("11111111", INSIDE, "172.16.100.1/24", "fd00::1/64"),),
        "gateway": port(
            "22222222", OUTSIDE, "10.10.10.1/24", "2001:db8::1/64", gateways=("10.10.10.254", "2001:db8::fe")
        ),
    }
    return spec.Router(**{**values, **more})


def floating(external, internal, name="f"):
    return spec.FloatingIp(id=name, external=external, internal=internal)


@pytest.mark.parametrize("case", CASES)
def test_the_rules_are_those_of_the_golden_file(case):
    folder = GOLDEN / case
    item = spec.load_item(json.loads((folder / "router.json").read_text()))
    text = router.namespace(item).ruleset
    if os.environ.get("VIPOOL_BLESS") == "1":
        (folder / "ruleset.nft").write_text(text)
    assert text == (folder / "ruleset.nft").read_text()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="nft judges in a network namespace of its own")
@pytest.mark.parametrize("case", CASES)
def test_nft_accepts_the_golden_file(case):
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *root, "--net", "nft", "-c", "-f", str(GOLDEN / case / "ruleset.nft")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_devices_have_the_names_a_neutron_operator_expects():
    found = router.namespace(make(floating_ips=(floating("10.10.10.7", "172.16.100.11"),)))
    assert found.name == "qrouter-r"
    inside, outside = found.devices
    assert (inside.name, inside.tap, inside.bridge) == ("qr-11111111-00", "tap11111111-00", "brqaaaaaaaa-ne")
    assert (outside.name, outside.tap, outside.bridge) == ("qg-22222222-00", "tap22222222-00", "brqbbbbbbbb-ne")
    assert inside.mtu == outside.mtu == 1450
    assert found.forwarding


def test_the_gateways_device_holds_the_floating_ips_as_hosts():
    item = make(floating_ips=(floating("10.10.10.8", "172.16.100.12", "g"), floating("10.10.10.7", "172.16.100.11")))
    outside = router.namespace(item).devices[1]
    assert outside.addresses == ("10.10.10.1/24", "2001:db8::1/64", "10.10.10.7/32", "10.10.10.8/32")


def test_default_routes_of_both_families_leave_by_the_gateway():
    assert router.namespace(make()).routes == (
        wiring.Route(destination="0.0.0.0/0", nexthop="10.10.10.254", device="qg-22222222-00"),
        wiring.Route(destination="::/0", nexthop="2001:db8::fe", device="qg-22222222-00"),
    )


def test_a_routers_own_route_goes_by_the_device_of_its_next_hop_and_wins_over_the_gateway():
    own = (
        spec.Route(destination="192.168.0.0/16", nexthop="172.16.100.9"),
        spec.Route(destination="0.0.0.0/0", nexthop="10.10.10.253"),
    )
    found = {route.destination: route for route in router.namespace(make(routes=own)).routes}
    assert found["192.168.0.0/16"].device == "qr-11111111-00"
    assert found["0.0.0.0/0"].nexthop == "10.10.10.253"
    assert len(found) == 3


def test_a_next_hop_that_no_subnet_has_is_refused_with_a_sentence():
    own = (spec.Route(destination="192.168.0.0/16", nexthop="192.0.2.1"),)
    with pytest.raises(
        attach.Unwirable, match=r"192\.0\.2\.1 of the route to 192\.168\.0\.0/16 is in no subnet of router r"
    ):
        router.namespace(make(routes=own))


def test_a_router_without_a_gateway_translates_nothing_and_holds_no_floating_ip():
    found = router.namespace(make(gateway=None, floating_ips=(floating("10.10.10.7", "172.16.100.11"),)))
    assert found.ruleset == ""
    assert found.routes == ()
    assert len(found.devices) == 1


def test_a_disabled_router_is_nowhere():
    assert router.namespace(make(enabled=False)) is None


def test_nothing_is_translated_without_snat_and_floating_ips():
    assert router.namespace(make(snat=False)).ruleset == ""


def test_a_gateway_of_ipv6_alone_translates_nothing():
    six = port("22222222", OUTSIDE, "2001:db8::1/64", gateways=("2001:db8::fe",))
    assert router.namespace(make(gateway=six)).ruleset == ""


def test_a_floating_ip_beside_a_gateway_of_ipv6_alone_is_translated_without_hairpin():
    six = port("22222222", OUTSIDE, "2001:db8::1/64")
    text = router.namespace(make(gateway=six, floating_ips=(floating("10.10.10.7", "172.16.100.9"),))).ruleset
    assert re.findall(r"snat to (.*)", text) == ["ip saddr map @outward"] * 2


@pytest.mark.parametrize(
    "pair", [("10.10.10.7", "fd00::9"), ("2001:db8::7", "fd00::9"), ("10.10.10.7; flush ruleset", "172.16.100.9")]
)
def test_only_addresses_of_ipv4_are_translated(pair):
    with pytest.raises(attach.Unwirable):
        router.namespace(make(floating_ips=(floating(*pair),)))


def test_one_floating_ip_for_two_addresses_is_refused():
    both = (floating("10.10.10.7", "172.16.100.9"), floating("10.10.10.7", "172.16.100.10", "g"))
    with pytest.raises(attach.Unwirable, match="both 172"):
        router.namespace(make(floating_ips=both))


def test_the_order_in_which_floating_ips_come_does_not_matter():
    several = tuple(floating(f"10.10.10.{last}", f"172.16.100.{last}", str(last)) for last in (20, 3, 100))
    assert router.namespace(make(floating_ips=several)) == router.namespace(make(floating_ips=several[::-1]))


SAFE = re.compile(r'[\s{}@:;,."<>!=\w/-]*')


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=20))
def test_no_text_reaches_the_rules_unless_it_is_an_address_or_an_id(external, internal, own, identifier):
    gateway = replace(port("22222222", OUTSIDE, own), port_id=identifier)
    for item in (
        make(floating_ips=(floating(external, internal),)),
        make(gateway=gateway),
        make(id=identifier),
        make(gateway=replace(gateway, addresses=("10.10.10.1/24",))),
    ):
        try:
            found = router.namespace(item)
        except attach.Unwirable:
            continue
        assert SAFE.fullmatch(found.ruleset)
        words = re.findall(r'"[^"]*"', found.ruleset)
        assert all(re.fullmatch(r'"qg-[0-9A-Za-z-]{1,11}"', word) for word in words)
        assert found.ruleset.count("{") == found.ruleset.count("}")


@given(st.dictionaries(st.ip_addresses(v=4), st.ip_addresses(v=4), min_size=1, max_size=20))
def test_every_floating_ip_is_in_the_rules_once(pairs):
    several = tuple(floating(str(outer), str(inner), str(outer)) for outer, inner in pairs.items())
    text = router.namespace(make(floating_ips=several)).ruleset
    inward = text[text.index("map inward") : text.index("map outward")]
    found = re.findall(r"([\d.]+) : ([\d.]+)", inward)
    assert dict(found) == {str(outer): str(inner) for outer, inner in pairs.items()}
    outward = re.findall(r"([\d.]+) : ([\d.]+)", text[text.index("map outward") :])
    assert len(outward) == len({inner for inner, _ in outward}) == len(set(pairs.values()))
    assert all(pairs[ipaddress.IPv4Address(outer)] == ipaddress.IPv4Address(inner) for inner, outer in outward)
