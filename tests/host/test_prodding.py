"""The segment that makes an end speak: what it says, and that it is whole."""

import ipaddress
import struct

from hypothesis import given
from hypothesis import strategies as st

from vipool.host import prodding

words = st.integers(0, 2**32 - 1)
ports = st.integers(1, 65535)
fours, sixes = st.ip_addresses(v=4), st.ip_addresses(v=6)
pairs = st.one_of(st.tuples(fours, fours), st.tuples(sixes, sixes))


@given(pairs, ports, ports, words, words)
def test_a_segment_acknowledges_and_carries_nothing(addresses, source, destination, sequence, acknowledged):
    made = prodding.segment((addresses[0], source), (addresses[1], destination), sequence, acknowledged)
    assert struct.unpack_from("!HHIIBB", made) == (source, destination, sequence, acknowledged, 0x50, 0x10)
    assert len(made) == 20


@given(pairs, ports, ports, words)
def test_its_checksum_is_that_of_rfc_9293(addresses, source, destination, number):
    """The sum over the pseudo header and the segment, in the arithmetic of ones' complement, is all ones."""
    made = prodding.segment((addresses[0], source), (addresses[1], destination), number, number)
    pseudo = addresses[0].packed + addresses[1].packed + ipaddress.ip_address(20).packed + bytes([0, 0, 0, 6])
    total = sum(each for (each,) in struct.iter_unpack("!H", pseudo + made))
    assert total % 0xFFFF == 0
