"""The lines of nft(8) text that several renderers write: tables, chains, sets of networks.

Promises: pure; networks come out parsed, each address family by itself, and merged: nft refuses a set whose networks
overlap. Does not say what a rule means.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

IP: Mapping[int, str] = {4: "ip", 6: "ip6"}
"""What an address family is called in rules."""

PROTOCOLS: Mapping[int, str] = {4: "ipv4", 6: "ipv6"}
"""What it is called as the protocol of a packet."""

TYPES: Mapping[int, str] = {4: "ipv4_addr", 6: "ipv6_addr"}
"""What the type of its addresses is called."""


def table(name: str, lines: Iterable[str], family: str = "inet") -> str:
    """A table, for both address families unless one is named."""
    return "\n".join([f"table {family} {name} {{", *lines, "}"]) + "\n"


def base(name: str, kind: str, rules: Iterable[str], *, policy: str = "accept") -> Iterator[str]:
    """A chain that packets enter by a hook."""
    return chain(name, (f"type {kind}; policy {policy};", *rules))


def chain(name: str, rules: Iterable[str]) -> Iterator[str]:
    """A chain that other rules lead to."""
    yield from (f"\tchain {name} {{", *(f"\t\t{rule}" for rule in rules), "\t}")


def untracked() -> Iterator[str]:
    """The chains by which no connection of TCP is tracked, in either direction."""
    for name, hook in (("untracked_in", "prerouting"), ("untracked_out", "output")):
        yield from base(name, f"filter hook {hook} priority raw", ["meta l4proto tcp notrack"])


def declaration(kind: str, name: str, statements: Iterable[str]) -> Iterator[str]:
    """A named set or map."""
    yield from (f"\t{kind} {name} {{", *(f"\t\t{statement}" for statement in statements), "\t}")


def among(values: Iterable[str]) -> str:
    """A set of values, written where it is used."""
    return f"{{ {', '.join(values)} }}"


def mapping(pairs: Iterable[tuple[str, str]]) -> str:
    """The elements of a map, written where it is used."""
    return among(f"{key} : {value}" for key, value in pairs)


def networks(blocks: Iterable[str], version: int) -> tuple[str, ...]:
    """The networks (or addresses) of one family among these, in order. Raises ValueError for what is none."""
    parsed = [_network(each) for each in blocks]
    if version == 4:
        four = (each for each in parsed if isinstance(each, ipaddress.IPv4Network))
        return tuple(map(str, ipaddress.collapse_addresses(four)))
    six = (each for each in parsed if isinstance(each, ipaddress.IPv6Network))
    return tuple(map(str, ipaddress.collapse_addresses(six)))


def _network(block: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    found = ipaddress.ip_network(block, strict=False)
    # What follows a % is any text at all to the parser (RFC 4007, section 11), and would go into the rules as it is.
    if "%" in str(found):
        raise ValueError(f"{block!r} has a zone, which means nothing outside one host")
    return found
