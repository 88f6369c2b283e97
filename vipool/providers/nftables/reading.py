"""What the kernel has counted, read from what nft(8) prints of the sets that packets fill.

Promises: pure; elements of ways that are not known are passed over. Does not ask.
"""

import re
from collections.abc import Mapping

from vipool.core import ledger
from vipool.model import spec, tree
from vipool.providers.nftables import render

COMMANDS = tuple(f"list set inet {render.TABLE} {name}" for name in render.COUNTED)
"""The listings to read."""

FLOWS = COMMANDS[0]
"""The listing of how many flows began."""

_SET = re.compile(r"^\s*set (\w+) \{")
_ELEMENT = re.compile(r"(0x[0-9a-f]+) counter packets (\d+) bytes (\d+)")
_NOTHING = (0, 0)


def counts(
    wanted: tree.Tree, printed: str, known: Mapping[str, ledger.Count], active: Mapping[int, int]
) -> dict[str, ledger.Count]:
    """What was counted of each way: its listener and its member own it.

    A flow is a connection. Bytes are those of whole IP packets. `active` says how many flows of each mark there are at
    this moment. Flows may outlast their member, and count for their listener: so a way that is not of the tree any more
    is still the one it was when it was `known`.
    """
    found = _elements(printed)
    owners = {str(mark): way for way, mark in render.ways(wanted).items()}
    counted = {}
    for mark in {each for elements in found.values() for each in elements} | active.keys():
        place = str(mark)
        whose = owners.get(place) or (known[place].owners if place in known else ())
        if whose:
            counters = spec.Counters(
                active_connections=active.get(mark, 0),
                total_connections=found["flows"].get(mark, _NOTHING)[0],
                bytes_in=found["inward"].get(mark, _NOTHING)[1],
                bytes_out=found["outward"].get(mark, _NOTHING)[1],
            )
            counted[place] = ledger.Count(owners=whose, counters=counters)
    return counted


def flows(printed: str) -> dict[int, int]:
    """How many flows began of each way, by its mark."""
    return {mark: packets for mark, (packets, _) in _elements(printed)["flows"].items()}


def _elements(printed: str) -> Mapping[str, dict[int, tuple[int, int]]]:
    """Packets and bytes by mark, of each set."""
    found: dict[str, dict[int, tuple[int, int]]] = {name: {} for name in render.COUNTED}
    name = ""
    for line in printed.splitlines():
        if begins := _SET.match(line):
            name = begins.group(1)
        for mark, packets, octets in _ELEMENT.findall(line) if name in found else ():
            found[name][int(mark, 16)] = (int(packets), int(octets))
    return found
