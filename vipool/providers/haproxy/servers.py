"""The words of a `server` line: one member as HAProxy takes it, in the file and in `add server` alike.

Promises: pure; every word is an identifier, a number, a parsed address or a keyword, so that a line can be split again
at its spaces (`vipool.providers.haproxy.plan` does). Does not know where the line is written.
"""

import ipaddress
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vipool.model import healthmonitor, listener, member, pool
from vipool.providers.haproxy import checks, persistence, served, tls, tokens

HASHING = frozenset({pool.Algorithm.SOURCE_IP, pool.Algorithm.SOURCE_IP_PORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the members of one pool have in common: the listener they answer for, the pool, its enabled monitor, the
    address connections leave from, and the members' stable numbers."""

    front: listener.Listener
    back: pool.Pool
    monitor: healthmonitor.HealthMonitor | None
    source: str
    numbers: dict[str, int]


def numbers(members: Sequence[member.Member]) -> dict[str, int]:
    """A number for each member that stays its own while others come and go: what the consistent hash is made of.

    HAProxy would number servers in the order of the file, and moving one would move the clients of all.
    """
    given: dict[str, int] = {}
    taken: set[int] = set()
    for identifier in sorted(each.id for each in members):
        wish = zlib.crc32(identifier.encode()) & 0x7FFFFFFF or 1
        while wish in taken:
            wish = wish % 0x7FFFFFFF + 1
        taken.add(wish)
        given[identifier] = wish
    return given


def words(each: member.Member, serving: Serving) -> Iterator[tokens.Word]:
    """The words after `server` or after `add server`: name, address, then what applies."""
    yield tokens.name(each.id)
    yield tokens.endpoint(each.address, each.protocol_port)
    if serving.back.lb_algorithm in HASHING:
        yield from ("id", serving.numbers[each.id])
    yield from ("weight", each.weight)
    # Members see the VIP, whatever other addresses the namespace has; a source of the other family would be an error.
    if ipaddress.ip_address(serving.source).version == ipaddress.ip_address(each.address).version:
        yield from ("source", tokens.host(serving.source))
    match serving.back.protocol:
        case pool.Protocol.PROXY:
            yield "send-proxy"
        case pool.Protocol.PROXYV2:
            # With what the client's TLS was, and the name in its certificate (PROXY protocol, section 2.2.6).
            yield "send-proxy-v2-ssl-cn" if tls.ends(serving.front) else "send-proxy-v2"
        case _:
            pass
    yield from tls.server_words(serving.back, serving.front)
    yield from persistence.words(each, serving.back, served.mode(serving.front, serving.back))
    yield from checks.words(each, serving.back, serving.monitor)
    if each.backup:
        yield "backup"
    if not each.admin_state_up:
        yield "disabled"
