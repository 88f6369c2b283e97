"""What security groups let in, as packet rules of the namespace that holds the port.

The filter looks at what comes to the namespace before anything is translated: sources are clients as they are, also
those who asked a floating IP.

- What opens a connection passes when a permit says so; what belongs to one passes always, the answers of members and
  what was open before a permit went among it.
- TCP is told by its flags and not tracked, so that it costs next to nothing: a segment that opens a connection has
  neither ACK nor RST (RFC 9293, section 3.10.7). Everything else is told by connection tracking. Where TCP is tracked
  for the sake of others it stays so.
- What the network itself says passes: ICMP errors, without which large packets would vanish; the search for neighbours
  and for listeners to multicast in IPv6 (RFC 4890, section 4.4.1). ARP is not looked at.
- What leaves is not filtered.

Promises: pure; the same text for the same permits. Nothing but parsed networks and numbers enters it.
"""

from collections.abc import Iterator, Sequence

from vipool.core import attach, ruleset
from vipool.model import securitygroup, spec

TABLE = "vipool_guard"

_ICMP = frozenset({securitygroup.ICMP, securitygroup.ICMPV6})
# Those with ports at the place where all of them have theirs: TCP, UDP, DCCP, SCTP, UDP-Lite.
_WITH_PORTS = frozenset({6, 17, 33, 132, 136})
_ALWAYS = (
    'iifname "lo" accept',
    "ct state established,related accept",
    "tcp flags & (ack | rst) != 0x0 accept",
    # Destination unreachable, time exceeded, parameter problem.
    "icmp type { 3, 11, 12 } accept",
    # The same, packet too big; multicast listeners; neighbours.
    "icmpv6 type { 1, 2, 3, 4, 130, 131, 132, 135, 136, 143 } accept",
)


def render(permits: Sequence[spec.Permit] | None, *, tracking: bool = False) -> str:
    """The rules that let in what is permitted and nothing else; an empty text where nothing is filtered.

    `tracking` says that TCP must be tracked. Raises attach.Unwirable for what is no network or number.
    """
    if permits is None:
        return ""
    rules = (*_ALWAYS, *dict.fromkeys(rule for permit in permits for rule in _rule(permit)))
    lines = list(ruleset.base("prerouting", "filter hook prerouting priority mangle", rules, policy="drop"))
    return ruleset.table(TABLE, lines if tracking else [*ruleset.untracked(), *lines])


def _rule(permit: spec.Permit) -> Iterator[str]:
    """The rule of a permit; none where nobody is permitted."""
    if permit.version not in ruleset.IP:
        raise attach.Unwirable(f"a security group rule is of IP version {permit.version!r}, which is none")
    words = [f"meta nfproto ipv{permit.version}"]
    if permit.sources is not None:
        sources = _networks(permit.sources, permit.version)
        if not sources:
            return
        words = [f"{ruleset.IP[permit.version]} saddr {ruleset.among(sources)}"]
    yield " ".join([*words, *_service(permit), "accept"])


def _service(permit: spec.Permit) -> Iterator[str]:
    """The protocol of a permit, and the ports or the kinds of messages."""
    if permit.protocol is None:
        return
    protocol = _number(permit.protocol, 0, 255)
    if permit.first is not None and protocol in _ICMP:
        icmp = "icmp" if protocol == securitygroup.ICMP else "icmpv6"
        yield f"{icmp} type {_number(permit.first, 0, 255)}"
        if permit.last is not None:
            yield f"{icmp} code {_number(permit.last, 0, 255)}"
        return
    yield f"meta l4proto {protocol}"
    if permit.first is not None and permit.last is not None and protocol in _WITH_PORTS:
        first, last = _number(permit.first, 0, 65535), _number(permit.last, 0, 65535)
        yield f"th dport {first}" if first == last else f"th dport {first}-{last}"


def _networks(blocks: Sequence[str], version: int) -> tuple[str, ...]:
    try:
        return ruleset.networks(blocks, version)
    except ValueError as error:
        raise attach.Unwirable(f"a security group names what is no network: {error}") from error


def _number(value: int, least: int, most: int) -> int:
    if least <= value <= most:
        return int(value)
    raise attach.Unwirable(f"a security group rule has the number {value!r}, which is not from {least} to {most}")
