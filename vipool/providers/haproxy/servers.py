"""The words of a `server` line: one member as HAProxy takes it, in the file and in `add server` alike.

Promises: pure; every word is an identifier, a number, a parsed address or a keyword, so that a line can be split again
at its spaces (`vipool.providers.haproxy.plan` does). Does not know where the line is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vipool.core import numbering
from vipool.model import healthmonitor, loadbalancer, member, pool, tree
from vipool.providers.haproxy import tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the members of one pool have in common: the load balancer whose VIPs connections leave from, the pool, its
    enabled monitor, and the members' stable numbers."""

    root: loadbalancer.LoadBalancer
    back: pool.Pool
    monitor: healthmonitor.HealthMonitor | None
    numbers: dict[str, int]


def monitor_of(wanted: tree.Tree, pool_id: str) -> healthmonitor.HealthMonitor | None:
    """The monitor of a pool when it is enabled, or None."""
    found = wanted.monitor_of(pool_id)
    return found if found and found.admin_state_up else None


def numbers(members: Sequence[member.Member]) -> dict[str, int]:
    """A number for each member that stays its own while others come and go: what the consistent hash is made of.

    HAProxy would number servers in the order of the file, and moving one would move the clients of all.
    """
    return numbering.numbers(each.id for each in members)


def words(each: member.Member, serving: Serving) -> Iterator[tokens.Word]:
    """The words after `server` or after `add server`: name, address, then what applies."""
    yield tokens.name(each.id)
    yield tokens.endpoint(each.address, each.protocol_port)
    if serving.back.lb_algorithm is pool.Algorithm.SOURCE_IP:
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
            yield "send-proxy-v2"
        case _:
            pass
    yield from _check(each, serving.monitor)
    if each.backup:
        yield "backup"
    if not each.admin_state_up:
        yield "disabled"


def _check(each: member.Member, monitor: healthmonitor.HealthMonitor | None) -> Iterator[tokens.Word]:
    if monitor is None or monitor.type is healthmonitor.Type.PING:
        return
    yield "check"
    yield from ("inter", f"{monitor.delay}s", "rise", monitor.max_retries, "fall", monitor.max_retries_down)
    if monitor.type in {healthmonitor.Type.HTTPS, healthmonitor.Type.TLS_HELLO}:
        yield from ("check-ssl", "verify", "none")
    if each.monitor_address:
        yield from ("addr", tokens.host(each.monitor_address))
    if each.monitor_port:
        yield from ("port", each.monitor_port)
