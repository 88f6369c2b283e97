"""What of a tree a HAProxy process serves: which listeners, which pools behind each, and how they are spoken to.

Promises: pure; everything that writes, checks or observes a configuration asks here, so that all agree.
"""

from collections.abc import Iterator

from vipool.core import enabled, l7
from vipool.model import listener, pool, tree
from vipool.providers.haproxy import tokens

MODES = {
    listener.Protocol.TCP: "tcp",
    listener.Protocol.HTTPS: "tcp",
    listener.Protocol.HTTP: "http",
    listener.Protocol.TERMINATED_HTTPS: "http",
    listener.Protocol.PROMETHEUS: "http",
}


def pairs(wanted: tree.Tree) -> Iterator[tuple[listener.Listener, pool.Pool]]:
    """Each listener that is served with each pool that may answer it: what becomes a backend."""
    for front in enabled.listeners(wanted):
        yield from ((front, back) for back in l7.pools_in_force(wanted, front))


def backend_name(pool_id: str, front: listener.Listener) -> str:
    """What a pool is called as the answer of a listener."""
    return tokens.name(f"{pool_id}:{front.id}")


def mode(front: listener.Listener, back: pool.Pool) -> str:
    """How connections to the pool are read: http or tcp. HAProxy upgrades those of a TCP listener to an HTTP pool."""
    match back.protocol:
        case pool.Protocol.HTTP:
            return "http"
        case pool.Protocol.PROXY | pool.Protocol.PROXYV2:
            return MODES[front.protocol]
        case _:
            return "tcp"
