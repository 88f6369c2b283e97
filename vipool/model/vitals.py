"""What a node measures of one namespace, beside the traffic: its table of flows, its neighbours, its ports.

Values only; `vipool.host.vitals` reads them, `vipool.core.conditions` says what they mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An address of the link that the kernel asks for and has no answer from (RFC 4861, section 7.3.2; ARP alike).

    `asking` is True while it still asks; it gives up after three questions, a second apart. `idle` is for how many
    seconds nobody has wanted to send anything there.
    """

    address: str
    asking: bool
    idle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What holds source ports of one address towards one end: `count` of the `room` there are.

    `protocol` is TCP, UDP or SCTP.
    `translated` says that these are flows whose source the kernel translates; else they are sockets of this node.
    """

    protocol: str
    source: str
    address: str
    port: int
    count: int
    room: int
    translated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What the table of flows has cost since the namespace was made.

    `dropped` counts packets that found no place in it, and those of `clashed`, whose flow would have had the ports of
    another; `displaced` counts flows without an answer that made room for new ones.
    """

    dropped: int = 0
    clashed: int = 0
    displaced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One reading.

    `flows` of `room` are remembered (a room of 0 has no limit); the limit is the machine's, and holds for each
    namespace by itself. `losses` are only read where so many are remembered that there can be any, and `crowds` only
    looked for where so much is open that ports may run out.
    """

    flows: int = 0
    room: int = 0
    losses: Losses | None = None
    neighbours: tuple[Neighbour, ...] = ()
    crowds: tuple[Crowd, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to read of a namespace: what was read `before`, if anything; whether its own sockets are `busy`."""

    before: Vitals | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The readings of a round, by namespace; `cost` is the processor time it took on other threads than the caller's.

    Namespaces that are not there are left out.
    """

    found: Mapping[str, Vitals] = field(default_factory=dict)
    cost: float = 0.0
