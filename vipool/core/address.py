"""Arithmetic on addresses: pools, free ones, and what fits where.  Never enumerates a range, so that a /64 is cheap."""

import ipaddress
from collections.abc import Collection, Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Range: TypeAlias = tuple[int, int]


def default_gateway(network: Network) -> Address:
    """The gateway of a subnet that names none: the first host address in IPv4, the prefix itself in IPv6 (as Neutron)."""
    first = int(network.network_address)
    return network[0] if network.version == 6 else ipaddress.IPv4Address(first + 1)


def default_pools(network: Network, gateway: Address | None) -> tuple[Range, ...]:
    """The addresses of a subnet that hosts may have, without its gateway."""
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version == 6:
        first += 1
    elif network.prefixlen < 31:  # RFC 3021: a /31 has neither network nor broadcast address
        first, last = first + 1, last - 1
    hole = None if gateway is None else int(gateway)
    if hole is None or not first <= hole <= last:
        return ((first, last),)
    return tuple(part for part in ((first, hole - 1), (hole + 1, last)) if part[0] <= part[1])


def first_free(pools: Sequence[Range], used: Collection[int]) -> int | None:
    """The lowest address of the pools that nobody has; None when all are taken."""
    for first, last in sorted(pools):
        taken = sorted(each for each in used if first <= each <= last)
        candidate = first
        for each in taken:
            if each > candidate:
                break
            candidate = each + 1
        if candidate <= last:
            return candidate
    return None


def free_count(pools: Sequence[Range], used: Collection[int]) -> int:
    """How many addresses of the pools nobody has."""
    return size(pools) - sum(1 for each in set(used) if any(first <= each <= last for first, last in pools))


def size(pools: Sequence[Range]) -> int:
    """How many addresses the pools hold."""
    return sum(last - first + 1 for first, last in pools)


def spell(version: int, number: int) -> str:
    """An address from its number."""
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def usable(network: Network, address: Address) -> bool:
    """Whether a host of the subnet may have the address."""
    if address not in network:
        return False
    if network.version == 6 or network.prefixlen >= 31:
        return True
    return address not in {network.network_address, network.broadcast_address}
