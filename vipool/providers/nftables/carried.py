"""Which part of a load balancer the kernel carries: all of it, or its datagrams beside what carries connections.

Promises: values only. Protocols of which more than packets must be understood (HTTP, TLS, PROXY) are in no part.
"""

from dataclasses import dataclass

from vipool.model import listener, pool

_LISTENERS = (listener.Protocol.TCP, listener.Protocol.HTTPS, listener.Protocol.UDP, listener.Protocol.SCTP)
_POOLS = (pool.Protocol.TCP, pool.Protocol.HTTPS, pool.Protocol.UDP, pool.Protocol.SCTP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is carried: the transport protocols, what they are called in sentences, and what administrators read."""

    transports: frozenset[str]
    words: str
    description: str

    @property
    def listeners(self) -> frozenset[listener.Protocol]:
        """The protocols of listeners that are carried."""
        return frozenset(each for each in _LISTENERS if each.transport in self.transports)

    @property
    def pools(self) -> frozenset[pool.Protocol]:
        """The protocols of pools that are carried."""
        return frozenset(each for each in _POOLS if each.transport in self.transports)


DATAGRAMS = Part(
    transports=frozenset({"UDP", "SCTP"}),
    words="UDP and SCTP",
    description="UDP and SCTP are carried by address translation in the kernel.",
)
WHOLE = Part(
    transports=frozenset({"TCP", "UDP", "SCTP"}),
    words="TCP, UDP and SCTP",
    # Without a comma: clients are configured with lists of providers and their descriptions, parted by commas.
    description="Connections and datagrams are carried by address translation in the kernel.",
)
