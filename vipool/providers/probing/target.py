"""One member that is checked without a program: where, from which address, with what, on its monitor's terms.

Promises: values only. The times are seconds.
"""

import ipaddress
from dataclasses import dataclass

from vipool.core import standing
from vipool.model import healthmonitor

KINDS = frozenset(
    {
        healthmonitor.Type.PING,
        healthmonitor.Type.TCP,
        healthmonitor.Type.UDP_CONNECT,
        healthmonitor.Type.SCTP,
    }
)
"""The checks that need no program: each is a packet and what comes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One member to check. `source` is the address it is to see, None for any; `serves` says that the member's traffic
    goes to that address and port too. Where a check has no ports, the port says nothing."""

    member_id: str
    kind: healthmonitor.Type
    address: str
    port: int
    source: str | None
    delay: int
    timeout: int
    rise: int
    fall: int
    serves: bool = True

    @property
    def end(self) -> bytes:
        """The address and the port as the kernel keeps them together, each in whole words of four bytes."""
        return ipaddress.ip_address(self.address).packed + self.port.to_bytes(2, "big") + bytes(2)

    @property
    def version(self) -> int:
        """The IP version of the address."""
        return ipaddress.ip_address(self.address).version

    def fresh(self, *, up: bool) -> standing.Standing:
        """The standing of a member that was not checked yet, from what was thought of it before."""
        return standing.begin(self.rise, self.fall, up=up)
