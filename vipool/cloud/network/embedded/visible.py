"""Who sees what: a tenant its own objects, and what is shared or external."""

from collections.abc import Mapping
from typing import TypeVar

from vipool.model import attr, caller, faults, network, owned, port, qospolicy, rbacpolicy, subnet, subnetpool
from vipool.store import listing, rows, session

P = TypeVar("P", bound=owned.Owned)
Alternative = Mapping[str, tuple[object, ...]]
# What an administrator may share with everybody.
SHARED = frozenset({qospolicy.QosPolicy, subnetpool.SubnetPool})


def alternatives(held: session.Session, who: caller.Caller, cls: type[owned.Owned]) -> tuple[Alternative, ...]:
    """What an object must meet one of to be seen by the caller; nothing at all: everything is."""
    if who.is_admin:
        return ()
    own: Alternative = {"project_id": (who.project_id,)}
    if cls is network.Network:
        found = lent(held, who)
        return own, {"shared": (True,)}, {"external": (True,)}, *(({"id": found},) if found else ())
    if cls in SHARED:
        return own, {"shared": (True,)}
    if cls is subnet.Subnet:
        open_to_all = listing.Query(any_of=({"shared": (True,)}, {"external": (True,)}))
        others = tuple(each.id for each in listing.select(held, network.Network, open_to_all))
        return own, {"network_id": (*others, *lent(held, who))}
    return (own,)


def lent(held: session.Session, who: caller.Caller) -> tuple[str, ...]:
    """The networks that RBAC policies share with the caller's project."""
    if who.project_id is None:
        return ()
    to = (who.project_id, rbacpolicy.EVERYBODY)
    return tuple(sorted({each.object_id for each in rows.find(held, rbacpolicy.RbacPolicy, target_tenant=to)}))


def is_lent(held: session.Session, who: caller.Caller, network_id: str) -> bool:
    """Whether an RBAC policy shares a network with the caller's project."""
    to = (who.project_id, rbacpolicy.EVERYBODY)
    return bool(rows.find(held, rbacpolicy.RbacPolicy, object_id=network_id, target_tenant=to))


def sees(held: session.Session, who: caller.Caller, found: owned.Owned) -> bool:
    """Whether the caller sees the object."""
    if who.is_admin or who.owns(found.project_id):
        return True
    match found:
        case network.Network():
            return found.shared or found.external or is_lent(held, who, found.id)
        case subnet.Subnet():
            on = rows.get(held, network.Network, found.network_id)
            return on is not None and (on.shared or on.external or is_lent(held, who, on.id))
        case qospolicy.QosPolicy() | subnetpool.SubnetPool():
            return found.shared
        case _:
            return False


def get(held: session.Session, who: caller.Caller, cls: type[P], identifier: str) -> P | None:
    """The object if the caller may see it."""
    found = rows.get(held, cls, identifier)
    return found if found is not None and sees(held, who, found) else None


def get_network(held: session.Session, who: caller.Caller, identifier: str) -> network.Network | None:
    """The network if the caller may see it."""
    return get(held, who, network.Network, identifier)


def get_subnet(held: session.Session, who: caller.Caller, identifier: str) -> subnet.Subnet | None:
    """The subnet if the caller may see it: its own, or one of a network it may use."""
    return get(held, who, subnet.Subnet, identifier)


def get_own(held: session.Session, who: caller.Caller, cls: type[P], identifier: str) -> P | None:
    """An object of the caller's project, or any for an administrator."""
    found = rows.get(held, cls, identifier)
    return found if found is not None and (who.is_admin or who.owns(found.project_id)) else None


def need(found: P | None, cls: type[P], identifier: str) -> P:
    """The object, or the refusal that Neutron gives for one that is not there."""
    if found is None:
        raise missing(cls, identifier)
    return found


def need_port(held: session.Session, who: caller.Caller, identifier: str) -> port.Port:
    """The port if the caller may see it.  Raises faults.NotFound."""
    return need(get_own(held, who, port.Port, identifier), port.Port, identifier)


# Where Neutron's name of the refusal is not the title of the noun without its spaces.
KINDS = {
    "Floating IP": "FloatingIPNotFound",
    "Security group": "SecurityGroupNotFound",
    "Security group rule": "SecurityGroupRuleNotFound",
    "QoS policy": "QosPolicyNotFound",
    "Subnet pool": "SubnetPoolNotFound",
    "RBAC policy": "RbacPolicyNotFound",
}


def missing(cls: type[attr.Resource], identifier: str) -> faults.NotFound:
    """The refusal for an object that is not there, or that the caller may not see."""
    title = cls.NOUN.title
    kind = KINDS.get(title, title.replace(" ", "") + "NotFound")
    return faults.NotFound(f"{title} {identifier} could not be found.", kind=kind)
