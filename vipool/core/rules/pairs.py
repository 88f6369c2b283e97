"""Which pools may stand behind which listener, and how a row finds the pool it names."""

from collections.abc import Mapping

from vipool.model import faults, listener, pool, tree

Front = listener.Protocol
Back = pool.Protocol

PAIRS: Mapping[Front, frozenset[Back]] = {
    Front.HTTP: frozenset({Back.HTTP, Back.PROXY, Back.PROXYV2}),
    Front.TERMINATED_HTTPS: frozenset({Back.HTTP, Back.PROXY, Back.PROXYV2}),
    Front.HTTPS: frozenset({Back.HTTPS, Back.TCP, Back.PROXY, Back.PROXYV2}),
    Front.TCP: frozenset({Back.HTTP, Back.HTTPS, Back.TCP, Back.PROXY, Back.PROXYV2}),
    Front.UDP: frozenset({Back.UDP}),
    Front.SCTP: frozenset({Back.SCTP}),
    Front.PROMETHEUS: frozenset(),
}
DATAGRAM = frozenset({Back.UDP, Back.SCTP})


def check(front: Front, back: Back) -> None:
    """Refuse a pool that cannot stand behind a listener."""
    refuse_childless(front)
    if back not in PAIRS[front]:
        raise faults.Invalid(
            f"Validation failure: The pool protocol '{back}' is invalid while the listener protocol is '{front}'."
        )


def refuse_childless(front: Front) -> None:
    """Refuse anything behind a listener that answers by itself."""
    if front is Front.PROMETHEUS:
        raise faults.Invalid("Protocol PROMETHEUS listeners cannot have child objects.")


def pool_named(whole: tree.Tree, identifier: str) -> pool.Pool:
    """The pool that a listener or policy refers to.  Raises faults.NotFound."""
    found = whole.find(pool.Pool, identifier)
    if found is None or found.dying:
        raise faults.not_found("Pool", identifier)
    return found


def pool_above(whole: tree.Tree, identifier: str) -> pool.Pool:
    """The pool that a member or monitor belongs to.  Raises faults.NotFound, or Conflict when it is going."""
    found = whole.find(pool.Pool, identifier)
    if found is None:
        raise faults.not_found("Pool", identifier)
    if found.dying:
        raise faults.Conflict(f"Pool {identifier} is immutable and cannot be updated.")
    return found
