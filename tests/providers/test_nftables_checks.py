"""Who is checked and how, the bytes that are sent, and what answers mean."""

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import trees
from vipool.model import healthmonitor
from vipool.providers.nftables import checks, sctp

POOL, MONITOR = trees.identifier(3, 1), trees.identifier(5, 1)


def picture(*members, **monitor):
    return trees.load(
        {
            "loadbalancer": {"additional_vips": [{"subnet_id": None, "ip_address": "fd00::b", "port_id": None}]},
            "listeners": [
                {"id": trees.identifier(2, at), "protocol": "UDP", "protocol_port": 50 + at, "default_pool_id": POOL}
                for at in range(2)
            ],
            "pools": [{"id": POOL, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"}],
            "members": [
                {"id": trees.identifier(4, at), "pool_id": POOL, "protocol_port": 53, **each}
                for at, each in enumerate(members)
            ],
            "healthmonitors": [
                {"id": MONITOR, "pool_id": POOL, "type": "UDP-CONNECT", "delay": 5, "timeout": 2, "max_retries": 2,
                 **monitor}
            ],
        }
    )  # fmt: skip


def test_a_member_is_checked_once_from_the_vip_of_its_family_on_its_monitors_terms():
    one, two = checks.targets(picture({"address": "10.0.0.1"}, {"address": "FD00::9", "monitor_port": 8053}))
    assert dataclasses.replace(one, member_id="") == checks.Target(
        member_id="", kind=healthmonitor.Type.UDP_CONNECT, address="10.0.0.1", port=53, source="172.16.100.11",
        delay=5, timeout=2, rise=2, fall=3,
    )  # fmt: skip
    assert (two.address, two.port, two.source, two.serves) == ("fd00::9", 8053, "fd00::b", False)
    assert one.end == bytes([10, 0, 0, 1, 0, 53, 0, 0])
    assert (two.version, len(two.end)) == (6, 20)


def test_where_a_member_is_checked_may_be_of_another_family_than_every_vip():
    four = {"address": "10.0.0.1", "monitor_address": "fd00::1"}
    (found,) = checks.targets(picture(four).replacing(trees.load({}).loadbalancer))
    assert (found.address, found.source) == ("fd00::1", None)


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.replacing(dataclasses.replace(whole.members[0], admin_state_up=False)),
        lambda whole: whole.replacing(dataclasses.replace(whole.healthmonitors[0], admin_state_up=False)),
        lambda whole: whole.replacing(dataclasses.replace(whole.pools[0], admin_state_up=False)),
        lambda whole: whole.replacing(dataclasses.replace(whole.loadbalancer, admin_state_up=False)),
        lambda whole: whole.having({"listeners": ()}),
        lambda whole: whole.having({"healthmonitors": ()}),
    ],
    ids=["member", "monitor", "pool", "load balancer", "no listener", "no monitor"],
)
def test_what_is_out_of_service_is_not_checked(change):
    whole = picture({"address": "10.0.0.1"})
    assert len(tuple(checks.targets(whole))) == 1
    assert tuple(checks.targets(change(whole))) == ()


def http(**monitor):
    (found,) = checks.targets(picture({"address": "fd00::9"}, type="HTTP", **monitor))
    return found


def test_an_http_check_says_what_the_monitor_says():
    assert http().request == b"GET / HTTP/1.0\r\n\r\n"
    assert http().good == {200}
    said = {"http_method": "HEAD", "url_path": "/x?y", "http_version": 1.1, "expected_codes": "200-202"}
    head = b"HEAD /x?y HTTP/1.1\r\nHost: [fd00::9]:53\r\nConnection: close\r\n\r\n"
    assert http(**said).request == head
    assert http(**said).good == {200, 201, 202}
    assert b"Host: dns.example\r\n" in http(**said, domain_name="dns.example").request
    assert http(expected_codes="200 , 404").good == {200, 404}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\nX: y\r\n", 204),
        (b"HTTP/1.0 200\r\n", 200),
        (b"HTTP/1.1 2x0 OK\r\n", None),
        (b"HTTP/2 200\r\n", None),
        (b"SSH-2.0-x\r\n", None),
        (b"", None),
    ],
)
def test_only_an_answers_first_line_has_a_status(answer, status):
    assert checks.status(answer) == status


@pytest.mark.parametrize(("said", "good"), [(None, {200}), ("", {200}), ("a", set()), ("200,x", set()), ("5-4", set())])
def test_what_cannot_be_understood_means_no_good_answer(said, good):
    assert healthmonitor.good_codes(said) == good


def test_the_checksum_is_that_of_rfc_9260():
    # The check value of CRC-32/ISCSI, which is the same polynomial (RFC 3720, B.4).
    assert sctp.crc32c(b"123456789") == 0xE3069283
    assert sctp.crc32c(bytes(32)) == 0x8A9136AA


def test_an_init_is_whole_and_carries_its_checksum():
    packet = sctp.init(50_000, 3868, 0x01020304)
    source, destination, verification, _ = struct.unpack_from("!HHII", packet)
    kind, flags, length, tag, window, out, into, first = struct.unpack_from("!BBHIIHHI", packet, 12)
    assert (source, destination, verification) == (50_000, 3868, 0), "an INIT is not verified (section 8.5.1)"
    assert (kind, flags, length) == (1, 0, len(packet) - 12)
    assert (tag, out, into, first) == (0x01020304, 1, 1, 0x01020304)
    assert window >= 1500
    assert struct.unpack_from("<I", packet, 8)[0] == sctp.crc32c(packet[:8] + bytes(4) + packet[12:])


def said(kind: int, *, tag: int = 7, flags: int = 0, ports: tuple[int, int] = (3868, 50_000)) -> bytes:
    return struct.pack("!HHIIBBH", *ports, tag, 0, kind, flags, 4)


@pytest.mark.parametrize(
    ("packet", "meaning"),
    [
        (said(2), sctp.Answer.LISTENS),
        (said(6), sctp.Answer.REFUSES),
        (said(6, tag=0, flags=1), sctp.Answer.REFUSES),
        (said(6, tag=0), None),
        (said(2, tag=8), None),
        (said(2, ports=(3869, 50_000)), None),
        (said(2, ports=(3868, 50_001)), None),
        (said(1), None),
        (b"", None),
    ],
    ids=["INIT ACK", "ABORT", "reflecting ABORT", "others' ABORT", "others' INIT ACK", "port", "our port", "INIT", "-"],
)
def test_only_what_answers_our_init_says_something(packet, meaning):
    assert sctp.answer(packet, 50_000, 3868, 7) is meaning


@given(st.binary(max_size=64))
def test_no_bytes_are_too_odd_to_be_read(packet):
    assert sctp.answer(packet, 50_000, 3868, 7) in {None, *sctp.Answer}
    assert checks.status(packet) is None or packet.startswith(b"HTTP/1.")
