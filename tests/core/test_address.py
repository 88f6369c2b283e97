"""Arithmetic on addresses, held to small ranges where everything can be counted, and to ranges nobody can count."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from vipool.core import address

SMALL = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair)))
POOLS = st.lists(SMALL, max_size=4)
USED = st.sets(st.integers(0, 70))


def members(pools: list[address.Range]) -> set[int]:
    return {each for first, last in pools for each in range(first, last + 1)}


@given(POOLS, USED)
def test_the_first_free_address_is_the_lowest_that_nobody_has(pools, used):
    assert address.first_free(pools, used) == min(members(pools) - used, default=None)


@given(USED)
def test_addresses_outside_the_pools_are_never_free(used):
    assert address.first_free([], used) is None


def test_a_pool_of_eighteen_quintillion_addresses_is_searched_at_once():
    block = ipaddress.IPv6Network("fd00::/64")
    pools = address.default_pools(block, address.default_gateway(block))
    first = int(block.network_address) + 1
    assert address.first_free(pools, range(first, first + 1000)) == first + 1000
    assert address.free_count(pools, range(first, first + 1000)) == 2**64 - 1 - 1000


@given(SMALL, st.integers(0, 60))
def test_a_range_without_an_address_is_the_rest_of_it(span, hole):
    assert members(list(address.without(span, hole))) == members([span]) - {hole}


@given(st.lists(SMALL, max_size=4))
def test_overlaps_are_found_exactly_where_there_are_some(pools):
    assert bool(list(address.overlaps(pools))) == (address.size(pools) != len(members(pools)))


def test_an_ipv4_subnet_has_its_first_host_as_gateway_and_the_others_as_pool():
    block = ipaddress.ip_network("10.0.0.0/24")
    gateway = address.default_gateway(block)
    assert str(gateway) == "10.0.0.1"
    assert _spelled(block, gateway) == [("10.0.0.2", "10.0.0.254")]


def test_a_gateway_in_the_middle_splits_the_pool():
    block = ipaddress.ip_network("10.0.0.0/29")
    assert _spelled(block, block[3]) == [("10.0.0.1", "10.0.0.2"), ("10.0.0.4", "10.0.0.6")]


def test_a_subnet_without_a_gateway_gives_every_host_address():
    assert _spelled(ipaddress.ip_network("10.0.0.0/30"), None) == [("10.0.0.1", "10.0.0.2")]


def test_a_gateway_of_the_other_family_leaves_the_pool_whole():
    gateway = ipaddress.ip_address("fd00::1")
    assert _spelled(ipaddress.ip_network("10.0.0.0/30"), gateway) == [("10.0.0.1", "10.0.0.2")]


def test_an_ipv6_subnet_has_its_prefix_as_gateway_and_everything_else_as_pool():
    block = ipaddress.ip_network("fd00::/126")
    gateway = address.default_gateway(block)
    assert str(gateway) == "fd00::"
    assert _spelled(block, gateway) == [("fd00::1", "fd00::3")]


def test_both_addresses_of_a_31_are_hosts():
    block = ipaddress.ip_network("10.0.0.0/31")
    assert all(address.usable(block, each) for each in block)


def test_network_and_broadcast_addresses_are_no_hosts_in_ipv4_only():
    four, six = ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("fd00::/120")
    assert [address.usable(four, four[index]) for index in (0, 1, 254, 255)] == [False, True, True, False]
    assert [address.usable(six, six[index]) for index in (0, 255)] == [True, True]
    assert not address.usable(four, six[1])


def test_an_address_follows_from_a_mac_as_rfc_4291_says():
    # The example of RFC 4291, appendix A: 34-56-78-9A-BC-DE becomes 36-56-78-FF-FE-9A-BC-DE.
    block = ipaddress.ip_network("2001:db8::/64")
    assert address.from_mac(block, "34:56:78:9a:bc:de") == "2001:db8::3656:78ff:fe9a:bcde"


def test_addresses_are_spelled_in_canonical_form():
    assert address.spell(4, 1) == "0.0.0.1"
    assert address.spell(6, 1) == "::1"


def _spelled(block: address.Network, gateway: address.Address | None) -> list[tuple[str, str]]:
    pools = address.default_pools(block, gateway)
    return [(address.spell(block.version, first), address.spell(block.version, last)) for first, last in pools]


@given(st.ip_addresses())
def test_a_spelled_address_and_its_number_are_the_same(found):
    assert address.number(str(found)) == int(found)
    assert address.spell(found.version, address.number(str(found))) == str(found)


@st.composite
def blocks(draw):
    """A block inside 10.0.0.0/22."""
    length = draw(st.integers(24, 30))
    number = draw(st.integers(0, 2 ** (length - 22) - 1))
    return ipaddress.ip_network((int(ipaddress.IPv4Address("10.0.0.0")) + (number << 32 - length), length))


WHOLE = [ipaddress.ip_network("10.0.0.0/23"), ipaddress.ip_network("10.0.2.0/24")]


@given(st.lists(blocks(), max_size=8))
def test_what_is_left_of_blocks_is_all_that_is_not_taken(taken):
    left = address.unused(WHOLE, taken)
    free = {int(each) for block in left for each in block}
    everything = {int(each) for block in WHOLE for each in block}
    assert free == everything - {int(each) for block in taken for each in block}
    assert sum(block.num_addresses for block in left) == len(free)
    assert [block.prefixlen for block in left] == sorted((block.prefixlen for block in left), reverse=True)


@given(st.lists(blocks(), max_size=8), st.integers(22, 32))
def test_a_block_is_carved_from_where_there_is_room_or_nowhere(taken, length):
    left = address.unused(WHOLE, taken)
    found = address.carve(left, length)
    if found is None:
        assert all(block.prefixlen > length for block in left)
    else:
        assert found.prefixlen == length
        assert address.inside(found, left)
        assert not any(found.overlaps(block) for block in taken)


def test_blocks_of_another_version_take_no_room():
    six = ipaddress.ip_network("fd00::/48")
    assert address.unused([six], WHOLE) == (six,)
    assert not address.inside(six, WHOLE)
