"""How long a client is kept on its member, and how much of its address counts: a pool's session persistence.

Promises: pure; defaults are those of Octavia (OCTAVIA-SPEC 5.3): 360 seconds from the client's last new flow, the whole
address. `wrong` says what cannot be carried, `of` is for pools of which nothing is wrong.
"""

import ipaddress
from dataclasses import dataclass

from vipool.model import pool

SECONDS = 360
# The kernel counts milliseconds in 64 bits; this is the longest time that HAProxy takes too, 24 days.
LONGEST_SECONDS = 2_147_483
_WHOLE = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """A client is the first `bits` of its address, by IP version, and is remembered for `seconds`."""

    seconds: int
    bits: dict[int, int]

    def masked(self, version: int) -> str:
        """What follows a source address in a rule so that only these bits are left; nothing where all of them count."""
        if self.bits[version] == _WHOLE[version]:
            return ""
        start = "0.0.0.0" if version == 4 else "::"
        return f" & {ipaddress.ip_network(f'{start}/{self.bits[version]}').netmask}"


def of(back: pool.Pool) -> Persistence | None:
    """The persistence of a pool, or None when it has none."""
    said = back.session_persistence
    if said is None:
        return None
    timeout, mask = said.get("persistence_timeout"), said.get("persistence_granularity")
    bits = dict(_WHOLE)
    if mask is not None:
        version, length = _length(str(mask))
        bits[version] = length
    return Persistence(seconds=SECONDS if timeout is None else int(str(timeout)), bits=bits)


def wrong(back: pool.Pool) -> str | None:
    """Why the persistence of a pool cannot be carried, in words that follow its name; None when it can."""
    said = back.session_persistence or {}
    timeout, mask = said.get("persistence_timeout"), said.get("persistence_granularity")
    if timeout is not None and not 1 <= int(str(timeout)) <= LONGEST_SECONDS:
        return f"persistence_timeout must be from 1 to {LONGEST_SECONDS} seconds"
    if mask is not None:
        try:
            _length(str(mask))
        except ValueError:
            return f"persistence_granularity {mask} is no network mask: its ones must come first, as in 255.255.255.0"
    return None


def _length(mask: str) -> tuple[int, int]:
    """The IP version and the length of a network mask. Raises ValueError for another address."""
    parsed = ipaddress.ip_address(mask)
    bits = f"{int(parsed):0{parsed.max_prefixlen}b}"
    if "01" in bits or bits[0] == "0":
        raise ValueError(f"{mask} is no network mask")
    return parsed.version, bits.count("1")
