"""What a traced request says is what a service of the port understands, or what was given; anything else is refused."""

from __future__ import annotations

import struct

import pytest

from vipool.cli import question
from vipool.core import journey
from vipool.model import faults, packet

TCP, UDP = packet.Protocol.TCP, packet.Protocol.UDP
TOKEN = "0123456789abcdef"


def words(protocol, port, **more):
    way = journey.Journey(
        loadbalancer_id="l", name="web", asked="fd00::b", port=port, vip="fd00::b", tap="tapvip", protocol=protocol
    )
    return question.words(way, TOKEN, **more)


def test_a_connection_is_sent_a_request_of_http():
    assert words(TCP, 81, path="/x?y=1").startswith(b"GET /x?y=1 HTTP/1.1\r\nHost: [fd00::b]:81\r\n")
    assert b"vipool-trace/" + TOKEN.encode() in words(TCP, 80)
    assert b"Host: [fd00::b]\r\n" in words(TCP, 80)


def test_a_name_server_is_asked_for_a_name_that_nobody_has():
    said = words(UDP, 53)
    number, flags, questions, *others = struct.unpack_from("!HHHHHH", said)
    assert (number, flags, questions, others) == (0x0123, 0x0100, 1, [0, 0, 0])
    first = said[12]
    assert said[13 : 13 + first] == b"vipool-trace-" + TOKEN.encode()
    assert said[13 + first :] == b"\x07invalid\x00" + struct.pack("!HH", 1, 1)


def test_a_time_server_is_asked_for_the_time():
    said = words(UDP, 123)
    assert (len(said), said[0] >> 3 & 7, said[0] & 7) == (48, 4, 3)
    assert said[40:] == bytes.fromhex(TOKEN)


def test_others_get_a_line_of_text_or_what_was_given():
    assert words(UDP, 514) == f"vipool-trace/{TOKEN}\n".encode()
    assert words(UDP, 53, payload="größe") == "größe".encode()
    assert words(UDP, 53, payload="0x00ff 10") == b"\x00\xff\x10"


@pytest.mark.parametrize(
    ("protocol", "path", "payload", "sentence"),
    [
        (UDP, "/", None, "--path is what to ask for over HTTP, and UDP is asked here"),
        (TCP, None, "x", "--payload is what a datagram holds, and TCP is asked here"),
        (TCP, "no slash", None, "is no path of a URL"),
        (UDP, None, "", "The payload is empty"),
        (UDP, None, "0x", "The payload is empty"),
        (UDP, None, "0x0", "no pairs of hexadecimal digits"),
        (UDP, None, "x" * 1201, "has 1201 bytes: give at most 1200"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(protocol, path, payload, sentence):
    with pytest.raises(faults.Invalid, match=sentence):
        question.check(protocol, path, payload)
    question.check(UDP, None, "x" * 1200)
    question.check(TCP, "/x", None)
