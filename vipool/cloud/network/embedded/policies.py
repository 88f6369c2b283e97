"""QoS policies: kept, shown, and not removed while something names them."""

from vipool.cloud.network.embedded import visible
from vipool.model import caller, faults, floatingip, network, port, qospolicy
from vipool.store import rows, session


def create(held: session.Session, made: qospolicy.QosPolicy) -> qospolicy.QosPolicy:
    """A new policy."""
    kept = made.having({"created_at": held.now, "updated_at": held.now})
    rows.add(held, kept)
    return kept


def check(held: session.Session, who: caller.Caller, identifier: str | None) -> None:
    """Refuse a policy that is not there or that the caller may not see; None is no policy."""
    if identifier is not None:
        visible.need(visible.get(held, who, qospolicy.QosPolicy, identifier), qospolicy.QosPolicy, identifier)


def remove(held: session.Session, gone: qospolicy.QosPolicy) -> None:
    """Remove a policy.  Raises faults.Conflict while it is used."""
    for cls in (port.Port, network.Network, floatingip.FloatingIp):
        used = rows.find(held, cls, qos_policy_id=gone.id)
        if used:
            raise faults.Conflict(
                f"QoS Policy {gone.id} is used by {cls.NOUN.wrapper} {used[0].id}: take it off first.",
                kind="QosPolicyInUse",
            )
    rows.remove(held, qospolicy.QosPolicy, gone.id)
