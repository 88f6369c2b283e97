"""The words of a `server` line: one member as HAProxy takes it, in the file and in `add server` alike.

Promises: pure; every word is an identifier, a number, a parsed address or a keyword, so that a line can be split again
at its spaces (`vipool.providers.haproxy.plan` does). Does not know where the line is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vipool.core import numbering
from vipool.model import healthmonitor, listener, loadbalancer, member, pool
from vipool.providers.haproxy import checks, persistence, served, tls, tokens

HASHING = frozenset({pool.Algorithm.SOURCE_IP, pool.Algorithm.SOURCE_IP_PORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the members of one pool have in common: the load balancer whose VIPs connections leave from, the listener
    they answer for, the pool, its enabled monitor, and the members' stable numbers."""

    root: loadbalancer.LoadBalancer
    front: listener.Listener
    back: pool.Pool
    monitor: healthmonitor.HealthMonitor | None
    numbers: dict[str, int]


def numbers(members: Sequence[member.Member]) -> dict[str, int]:
    """A number for each member that stays its own while others come and go: what the consistent hash is made of.

    HAProxy would number servers in the order of the file, and moving one would move the clients of all.
    """
    return numbering.numbers(each.id for each in members)


def words(each: member.Member, serving: Serving) -> Iterator[tokens.Word]:
    """The words after `server` or after `add server`: name, address, then what applies."""
    yield tokens.name(each.id)
    yield tokens.endpoint(each.address, each.protocol_port)
    if serving.back.lb_algorithm in HASHING:
        yield from ("id", serving.numbers[each.id])
    yield from ("weight", each.weight)
    # Members see the VIP, whatever other addresses the namespace has; a source of the other family would be an error.
    source = serving.root.source(each.address, each.subnet_id)
    if source is not None:
        yield from ("source", tokens.host(source))
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
