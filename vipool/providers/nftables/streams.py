"""What TCP asks of the rules beyond what datagrams do: what begins a connection, how long it may be silent, its end.

Promises: pure. A connection begins with a SYN and with nothing else: what comes of one that the kernel has forgotten is
answered with a reset, and never given to a member, who does not know it either. Chooses no members.
"""

import enum
from collections.abc import Iterable, Iterator

from vipool.core import ruleset
from vipool.model import listener, tree

TCP = 6
"""Its number as an IP protocol."""

ENDING = "ending_flows"
"""The key of a flavor's choice what becomes of the connections of a member that is gone."""


class Ending(enum.StrEnum):
    """What becomes of the connections of a member that was removed or does not answer."""

    RESET = "RESET"
    LEAVE = "LEAVE"


PRODDING = 0x80000000
"""The mark of packets that make the ends of a connection speak: no listener and no member has it (`core.numbering`)."""

# Milliseconds; what 0 and null stand for, as in Octavia.
_USUAL = 50_000

BEGINNING = "tcp flags & (fin | syn | rst | ack) == syn"
"""What a packet of TCP that begins a connection is."""

BEGINS = "tcp flags & (fin | syn | rst | ack) != syn return"
"""The rule after which a packet of TCP begins a connection."""

# A packet outside of what a connection's ends agreed on is not translated, and looks as if it were for the namespace
# itself. To answer it with a reset, as for a connection that is not known, would end a connection that is alive.
ENDS = ("meta l4proto tcp ct state invalid drop", "meta l4proto tcp ct state new reject with tcp reset")
"""The rules for packets of TCP that were not given to a member: there is no connection."""


ASTRAY = "tcp flags & (syn | rst) == 0x0 ct state new reject with tcp reset"
"""The rule for what a member that sees clients' addresses says to one on a connection that is over."""


def carried(front: listener.Listener) -> bool:
    """Whether a listener is one for connections."""
    return front.protocol.transport == "TCP"


def resets(wanted: tree.Tree) -> bool:
    """Whether connections end when their member is gone; else they are left to themselves."""
    return wanted.loadbalancer.flavor.get(ENDING) != Ending.LEAVE


def silence(front: listener.Listener) -> int:
    """How many seconds a connection may be silent.

    A packet of either end counts for both, as it does in HAProxy: so the shorter of the two times decides.
    """
    return -(-min(front.timeout_client_data or _USUAL, front.timeout_member_data or _USUAL) // 1000)


def untracked() -> Iterator[str]:
    """The chain that leaves untracked what makes the ends of a forgotten connection speak."""
    rule = f"meta mark {PRODDING:#010x} notrack"
    yield from ruleset.base("prodding", "filter hook output priority raw", [rule])


def memory(fronts: Iterable[listener.Listener], versions: Iterable[int]) -> Iterator[str]:
    """The times of silence, as objects that rules name; they name their value, since an object keeps the one it has."""
    found = sorted({silence(front) for front in fronts if carried(front)})
    for version in versions:
        for seconds in found:
            kind = ["protocol tcp", f"l3proto {ruleset.IP[version]}", f"policy = {{ established : {seconds} }}"]
            yield from ruleset.declaration("ct timeout", _name(seconds, version), kind)


def times(front: listener.Listener, version: int) -> Iterator[str]:
    """The rule that gives a new connection its time of silence."""
    if carried(front):
        yield f'ct timeout set "{_name(silence(front), version)}"'


def _name(seconds: int, version: int) -> str:
    return f"silence_{seconds}_{ruleset.IP[version]}"
