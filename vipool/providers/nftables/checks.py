"""Which members are checked and how, and what is said to them: the health monitors of UDP and SCTP pools, as values.

Promises: pure. Members are checked from the VIP that their traffic comes from, at their monitor address and port where
they have one. Sends nothing.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from vipool.core import enabled
from vipool.model import healthmonitor, member, tree
from vipool.providers.nftables import rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One member to check: where, from which address, with what, on its monitor's terms (in seconds).

    `request` and `good` are an HTTP check's: what is sent, and the answers that are good. `serves` says that the
    member's traffic goes to that address and port too.
    """

    member_id: str
    kind: healthmonitor.Type
    address: str
    port: int
    source: str | None
    delay: int
    timeout: int
    rise: int
    fall: int
    request: bytes = b""
    good: frozenset[int] = frozenset()
    serves: bool = True

    @property
    def end(self) -> bytes:
        """The address and the port as the kernel keeps them together, each in whole words of four bytes."""
        return ipaddress.ip_address(self.address).packed + self.port.to_bytes(2, "big") + bytes(2)

    @property
    def version(self) -> int:
        """The IP version of the address."""
        return ipaddress.ip_address(self.address).version


def targets(wanted: tree.Tree) -> Iterator[Target]:
    """The members to check: those in service, of pools that answer for a listener and have an enabled monitor."""
    for back in rotation.backs(wanted):
        monitor = enabled.monitor_of(wanted, back.id)
        if monitor is not None:
            for each in wanted.members_of(back.id):
                if each.admin_state_up:
                    yield _target(wanted, each, monitor)


def _target(wanted: tree.Tree, row: member.Member, monitor: healthmonitor.HealthMonitor) -> Target:
    address, port = row.monitor_address or row.address, row.monitor_port or row.protocol_port
    http = monitor.type.speaks_http
    return Target(
        member_id=row.id,
        kind=monitor.type,
        address=str(ipaddress.ip_address(address)),
        port=port,
        source=wanted.loadbalancer.source(address, row.subnet_id),
        delay=monitor.delay,
        timeout=monitor.timeout,
        rise=monitor.max_retries,
        fall=monitor.max_retries_down,
        request=request(monitor, address, port) if http else b"",
        good=healthmonitor.good_codes(monitor.expected_codes) if http else frozenset(),
        serves=ipaddress.ip_address(address) == ipaddress.ip_address(row.address) and port == row.protocol_port,
    )


def request(monitor: healthmonitor.HealthMonitor, address: str, port: int) -> bytes:
    """The request of an HTTP check. HTTP/1.1 must name a host (RFC 9112, section 3.2): the member, if no other."""
    lines = [f"{monitor.http_method or 'GET'} {monitor.url_path or '/'} HTTP/{monitor.http_version or 1.0:.1f}"]
    if monitor.http_version == healthmonitor.HTTP_1_1:
        host = f"[{address}]" if ":" in address else address
        lines += [f"Host: {monitor.domain_name or f'{host}:{port}'}", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "ignore")


def status(answer: bytes) -> int | None:
    """The status of an answer's first line (RFC 9112, section 4), or None when it is no answer."""
    words = answer.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return None
    return int(words[1])
