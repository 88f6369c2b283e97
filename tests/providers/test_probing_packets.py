"""The packets of checks, as bytes: echo requests, first packets of SCTP, and what answers them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.providers.probing import echo, sctp


def checksum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(identity=st.integers(0, 0xFFFF), sequence=st.integers(0, 0xFFFF))
def test_an_echo_request_has_the_checksum_of_rfc_1071(identity, sequence):
    packet = echo.request(4, identity, sequence)
    assert packet[:2] == b"\x08\0"
    assert checksum(packet) == 0
    assert echo.request(6, identity, sequence)[:4] == b"\x80\0\0\0", "the kernel fills it in"


def test_an_echo_reply_is_recognised_behind_an_ip_header_of_any_length():
    answer = b"\0\0\0\0\x12\x34\0\x07"
    for words in (5, 15):
        header = bytes([0x40 | words]) + bytes(words * 4 - 1)
        assert echo.reply(4, header + answer) == (0x1234, 7)
    assert echo.reply(6, b"\x81" + answer[1:]) == (0x1234, 7)


@given(packet=st.binary(max_size=80), version=st.sampled_from((4, 6)))
def test_no_packet_is_too_odd_to_be_read_as_a_reply(packet, version):
    found = echo.reply(version, packet)
    assert found is None or len(packet) >= 8


def test_a_request_is_not_taken_for_a_reply():
    assert echo.reply(6, echo.request(6, 1, 1)) is None
    assert echo.reply(4, b"\x45" + bytes(19) + echo.request(4, 1, 1)) is None


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
    assert sctp.receiver(packet) < 1 << 16
