"""What the kernel has counted, read from what nft(8) prints of the sets that packets fill.

Promises: pure; elements of listeners that are not of the tree are passed over. Does not ask.
"""

import re
from collections.abc import Mapping

from vipool.model import spec, tree
from vipool.providers.nftables import render

COMMANDS = tuple(f"list set inet {render.TABLE} {name}" for name in render.COUNTED)
"""The listings to read."""

_SET = re.compile(r"^\s*set (\w+) \{")
_ELEMENT = re.compile(r"(0x[0-9a-f]+) counter packets (\d+) bytes (\d+)")


def counters(wanted: tree.Tree, printed: str) -> dict[str, spec.Counters]:
    """The counters of every listener, by id.

    A flow is a connection. Bytes are those of whole IP packets. How many flows there are at this moment is not known:
    the kernel would have to look through all it remembers.
    """
    found = _elements(printed)
    numbers = render.numbers(wanted)
    nothing = (0, 0)
    return {
        front.id: spec.Counters(
            total_connections=found["flows"].get(numbers[front.id], nothing)[0],
            bytes_in=found["inward"].get(numbers[front.id], nothing)[1],
            bytes_out=found["outward"].get(numbers[front.id], nothing)[1],
        )
        for front in wanted.listeners
    }


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
