"""What of a tree is enabled (``admin_state_up``), and so to be served.

Promises: pure; every provider asks here, so that all mean the same by it.
"""

from collections.abc import Iterator

from vipool.model import healthmonitor, listener, pool, tree


def listeners(wanted: tree.Tree) -> Iterator[listener.Listener]:
    """The listeners to serve, in the order of the tree: none of a load balancer that is disabled."""
    if wanted.loadbalancer.admin_state_up:
        yield from (each for each in wanted.listeners if each.admin_state_up)


def pool_of(wanted: tree.Tree, identifier: str | None) -> pool.Pool | None:
    """The pool of that id when there is one and it is enabled, or None."""
    found = wanted.find(pool.Pool, identifier) if identifier else None
    return found if found and found.admin_state_up else None


def monitor_of(wanted: tree.Tree, pool_id: str) -> healthmonitor.HealthMonitor | None:
    """The monitor of a pool when it is enabled, or None."""
    found = wanted.monitor_of(pool_id)
    return found if found and found.admin_state_up else None
