"""Announcements, byte for byte, and what is announced after which actions."""

from __future__ import annotations

import ipaddress

from vipool.announce import arp, base
from vipool.model import wiring

MAC = bytes.fromhex("fa163e000001")


def test_an_arp_announcement_is_a_request_for_its_own_address():
    frame = arp.arp_announcement(MAC, ipaddress.IPv4Address("10.0.0.5"))
    assert frame.hex(" ") == (
        "ff ff ff ff ff ff fa 16 3e 00 00 01 08 06 "
        "00 01 08 00 06 04 00 01 fa 16 3e 00 00 01 0a 00 00 05 00 00 00 00 00 00 0a 00 00 05"
    )


def test_a_neighbour_advertisement_goes_to_all_nodes_and_overrides():
    frame = arp.neighbour_advertisement(MAC, ipaddress.IPv6Address("2001:db8::5"), router=False)
    assert frame[:14].hex() == "333300000001" + MAC.hex() + "86dd"
    assert frame[14:22].hex() == "6000000000203aff"
    assert frame[22:54] == ipaddress.IPv6Address("2001:db8::5").packed + ipaddress.IPv6Address("ff02::1").packed
    assert frame[54:56].hex() == "8800"
    assert frame[58:62].hex() == "20000000"
    assert frame[62:78] == ipaddress.IPv6Address("2001:db8::5").packed
    assert frame[78:].hex() == "0201" + MAC.hex()


def test_a_router_says_that_it_is_one():
    frame = arp.neighbour_advertisement(MAC, ipaddress.IPv6Address("2001:db8::5"), router=True)
    assert frame[58:62].hex() == "a0000000"


def test_new_addresses_are_claimed_and_link_local_ones_are_not():
    device = wiring.Device(
        name="eth0",
        mac="fa:16:3e:00:00:01",
        mtu=1500,
        tap="tap0",
        bridge="brq",
        addresses=("10.0.0.5/24", "fe80::1/64"),
    )
    actions = (
        wiring.CreateNamespace(name="n"),
        wiring.PlugDevice(namespace="n", device=device),
        wiring.AddAddress(namespace="n", device="eth1", address="2001:db8::5/64"),
        wiring.RemoveAddress(namespace="n", device="eth1", address="2001:db8::6/64"),
    )
    assert base.claims(actions) == (
        base.Claim(reference="n", device="eth0", address="10.0.0.5"),
        base.Claim(reference="n", device="eth1", address="2001:db8::5"),
    )
