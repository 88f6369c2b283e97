"""Frames are read as packets; bytes that are none are passed over."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from vipool.host import frames
from vipool.model import packet

SEEN = frames.Seen(at=7, hop="here", direction=packet.Direction.IN)
ETHERNET = bytes(12)
IPV4 = ETHERNET + b"\x08\x00"
IPV6 = ETHERNET + b"\x86\xdd"
A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
A6, B6 = bytes.fromhex("fd" + "00" * 14 + "01"), bytes.fromhex("fd" + "00" * 14 + "02")


def ipv4(protocol, body, *, fragment=0):
    return IPV4 + struct.pack("!BxHHHBBH4s4s", 0x45, 20 + len(body), 1, fragment, 64, protocol, 0, A, B) + body


def ipv6(following, body):
    return IPV6 + struct.pack("!IHBB16s16s", 6 << 28, len(body), following, 64, A6, B6) + body


def tcp(flags, payload=b"", options=b""):
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", 4242, 80, 99, 0, offset, flags, 0, 0, 0) + options + payload


def test_a_syn_is_read():
    found = frames.decode(ipv4(6, tcp(0x02, options=bytes(20))), SEEN)
    assert found == packet.Packet(
        at=7,
        hop="here",
        direction=packet.Direction.IN,
        protocol=packet.Protocol.TCP,
        source="10.0.0.1",
        destination="10.0.0.2",
        sport=4242,
        dport=80,
        flags=frozenset({packet.Flag.SYN}),
        sequence=99,
    )


def test_padding_of_a_short_frame_is_no_payload():
    found = frames.decode(ipv4(6, tcp(0x10)) + bytes(6), SEEN)
    assert found is not None
    assert (found.length, found.payload) == (0, b"")


def test_data_over_ipv6_with_a_destination_option_is_read():
    option = bytes([6, 0]) + bytes(6)
    found = frames.decode(ipv6(60, option + tcp(0x18, b"GET / HTTP/1.1")), SEEN)
    assert found is not None
    assert (found.source, found.dport, found.length, found.payload) == ("fd00::1", 80, 14, b"GET / HTTP/1.1")


def test_a_tagged_frame_is_read():
    tagged = ETHERNET + b"\x81\x00\x00\x05" + ipv4(6, tcp(0x02))[12:]
    assert frames.decode(tagged, SEEN) == frames.decode(ipv4(6, tcp(0x02)), SEEN)


def test_a_later_fragment_has_no_ports_and_is_passed_over():
    assert frames.decode(ipv4(6, b"GET / HTTP/1.1 in the middle", fragment=100), SEEN) is None


def test_udp_is_read():
    found = frames.decode(ipv4(17, struct.pack("!HHHH", 5353, 53, 12, 0) + b"abcd"), SEEN)
    assert found is not None
    assert (found.protocol, found.sport, found.dport, found.length) == (packet.Protocol.UDP, 5353, 53, 4)


def test_questions_and_answers_for_addresses_name_the_address_asked_for():
    def arp(operation, sender, target):
        return (
            ETHERNET + b"\x08\x06" + struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, b"", sender, b"", target)
        )

    asked, answered = frames.decode(arp(1, A, B), SEEN), frames.decode(arp(2, B, A), SEEN)
    assert asked is not None
    assert answered is not None
    assert (asked.source, asked.destination, asked.asking) == ("10.0.0.1", "10.0.0.2", True)
    assert (answered.source, answered.destination, answered.asking) == ("10.0.0.1", "10.0.0.2", False)


def test_neighbour_discovery_is_read_like_arp():
    asked = frames.decode(ipv6(58, bytes([135, 0, 0, 0, 0, 0, 0, 0]) + B6), SEEN)
    assert asked is not None
    assert (asked.protocol, asked.destination, asked.asking) == (packet.Protocol.NEIGHBOUR, "fd00::2", True)


def test_an_unreachable_host_names_the_destination_it_is_about():
    inner = ipv4(6, tcp(0x02))[14:]
    found = frames.decode(ipv4(1, bytes([3, 1, 0, 0, 0, 0, 0, 0]) + inner), SEEN)
    assert found is not None
    assert (found.protocol, found.note, found.about) == (packet.Protocol.ICMP, "host unreachable", "10.0.0.2")
    whole = frames.decode(ipv4(6, tcp(0x02)), SEEN)
    assert whole is not None
    assert (found.sport, found.dport) == (whole.sport, whole.dport)
    short = frames.decode(ipv4(1, bytes([3, 1, 0, 0, 0, 0, 0, 0]) + inner[:20]), SEEN)
    assert short is not None
    assert (short.about, short.sport, short.dport) == ("10.0.0.2", 0, 0)


def test_icmpv6_errors_name_the_destination_they_are_about():
    inner = ipv6(6, tcp(0x02))[14:]
    notes = {}
    for kind, code in ((1, 3), (1, 9), (2, 0), (3, 0), (128, 0)):
        found = frames.decode(ipv6(58, bytes([kind, code, 0, 0, 0, 0, 0, 0]) + inner), SEEN)
        assert found is not None
        notes[kind, code] = (found.note, found.about)
    assert notes == {
        (1, 3): ("address unreachable", "fd00::2"),
        (1, 9): ("unreachable, code 9", "fd00::2"),
        (2, 0): ("packet too big", "fd00::2"),
        (3, 0): ("time exceeded", "fd00::2"),
        (128, 0): ("type 128", ""),
    }


def test_other_protocols_keep_their_addresses():
    found = frames.decode(ipv4(132, bytes(12)), SEEN)
    assert found is not None
    assert (found.protocol, found.source, found.destination) == (packet.Protocol.OTHER, "10.0.0.1", "10.0.0.2")


@given(st.sampled_from([ETHERNET, IPV4, IPV6, ETHERNET + b"\x08\x06"]), st.binary(max_size=120))
def test_no_bytes_raise(start, rest):
    found = frames.decode(start + rest, SEEN)
    assert found is None or found.at == 7


@given(st.data())
def test_no_packet_cut_anywhere_raises(data):
    whole = data.draw(
        st.sampled_from([ipv4(6, tcp(0x18, b"x" * 30)), ipv6(58, bytes([135]) + bytes(23)), ipv4(1, bytes(28))])
    )
    frames.decode(whole[: data.draw(st.integers(0, len(whole)))], SEEN)
