"""Arithmetic on addresses: pools, free ones, and what fits where.  Never enumerates a range, so that a /64 is cheap."""

import ipaddress
import itertools
from collections.abc import Collection, Container, Iterator, Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Range: TypeAlias = tuple[int, int]


def default_gateway(network: Network) -> Address:
    """The gateway of a subnet that names none, as Neutron has it: the first host address, in IPv6 the prefix itself."""
    if network.version == 6:
        return network.network_address
    return ipaddress.IPv4Address(hosts(network)[0])


def hosts(network: Network) -> Range:
    """The first and the last address that a host of the subnet may have."""
    first, last = int(network.network_address), int(network.broadcast_address)
    # RFC 3021: a /31 has neither network nor broadcast address; IPv6 has no broadcast address at all.
    if network.version == 6 or network.prefixlen >= 31:
        return first, last
    return first + 1, last - 1


def default_pools(network: Network, gateway: Address | None) -> tuple[Range, ...]:
    """What ports get by themselves: all but the gateway, and the IPv6 prefix itself (RFC 4291, 2.6.1: the routers)."""
    first, last = hosts(network)
    if network.version == 6 and last > first:
        first += 1
    if gateway is None or gateway.version != network.version:
        return ((first, last),)
    return without((first, last), int(gateway))


def without(span: Range, hole: int) -> tuple[Range, ...]:
    """A range less one address: one or two ranges, or none."""
    first, last = span
    if not first <= hole <= last:
        return (span,)
    return tuple(part for part in ((first, hole - 1), (hole + 1, last)) if part[0] <= part[1])


def number(spelled: str) -> int:
    """The number of an address that is spelled as `str` spells it: a fifth of the cost of parsing it in full."""
    if ":" in spelled:
        return int(ipaddress.IPv6Address(spelled))
    first, second, third, fourth = spelled.split(".")
    return int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)


def first_free(pools: Sequence[Range], used: Container[int]) -> int | None:
    """The lowest address of the pools that nobody has; None when all are taken. Looks once at each that is taken."""
    for first, last in sorted(pools):
        candidate = first
        while candidate in used:
            candidate += 1
        if candidate <= last:
            return candidate
    return None


def free_count(pools: Sequence[Range], used: Collection[int]) -> int:
    """How many addresses of the pools nobody has."""
    return size(pools) - within(pools, used)


def within(pools: Sequence[Range], used: Collection[int]) -> int:
    """How many of these addresses lie in the pools."""
    return sum(1 for each in set(used) if any(first <= each <= last for first, last in pools))


def size(pools: Sequence[Range]) -> int:
    """How many addresses the pools hold."""
    return sum(last - first + 1 for first, last in pools)


def overlaps(pools: Sequence[Range]) -> Iterator[tuple[Range, Range]]:
    """The pairs of neighbouring pools that share an address."""
    ordered = sorted(pools)
    for one, other in itertools.pairwise(ordered):
        if other[0] <= one[1]:
            yield one, other


def spell(version: int, number: int) -> str:
    """An address from its number, in its canonical form (RFC 5952)."""
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def usable(network: Network, address: Address) -> bool:
    """Whether a host of the subnet may have the address."""
    first, last = hosts(network)
    return address.version == network.version and first <= int(address) <= last


def from_mac(network: Network, mac: str) -> str:
    """The address that a host makes for itself in a /64 from its MAC (modified EUI-64: RFC 4291, appendix A)."""
    digits = int(mac.replace(":", ""), 16)
    high, low = digits >> 24, digits & 0xFFFFFF
    # The universal/local bit is inverted, and ff:fe goes into the middle.
    identifier = ((high ^ 0x020000) << 40) | (0xFFFE << 24) | low
    return str(ipaddress.IPv6Address(int(network.network_address) | identifier))


def unused(blocks: Sequence[Network], taken: Sequence[Network]) -> tuple[Network, ...]:
    """What is left of some blocks, as blocks: the smallest first, then in the order of their addresses."""
    found: list[Network] = []
    for block in blocks:
        cursor = int(block.network_address)
        inside = sorted((each for each in taken if each.version == block.version and each.overlaps(block)), key=_begin)
        for each in inside:
            found += _between(block.version, cursor, _begin(each) - 1)
            cursor = max(cursor, int(each.broadcast_address) + 1)
        found += _between(block.version, cursor, int(block.broadcast_address))
    return tuple(sorted(found, key=lambda each: (-each.prefixlen, _begin(each))))


def _begin(block: Network) -> int:
    return int(block.network_address)


def _between(version: int, first: int, last: int) -> Iterator[Network]:
    if first <= last:
        of = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        yield from ipaddress.summarize_address_range(of(first), of(last))


def carve(blocks: Sequence[Network], length: int) -> Network | None:
    """The first block of this prefix length in the smallest of these that has room for one; None when none has."""
    around = next((each for each in blocks if each.prefixlen <= length), None)
    return None if around is None else ipaddress.ip_network(f"{around.network_address}/{length}")


def inside(block: Network, blocks: Sequence[Network]) -> bool:
    """Whether one block lies inside one of these."""
    first, last = int(block.network_address), int(block.broadcast_address)
    same = (each for each in blocks if each.version == block.version)
    return any(int(each.network_address) <= first and last <= int(each.broadcast_address) for each in same)
