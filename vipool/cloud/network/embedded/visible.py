"""Who sees what: a tenant its own objects, and what is shared or external."""

from typing import TypeVar

from vipool.model import attr, caller, faults, network, owned, port, subnet
from vipool.store import rows, session

P = TypeVar("P", bound=owned.Owned)


def may_use_network(who: caller.Caller, found: network.Network) -> bool:
    """Whether the caller sees a network and may have ports on it."""
    return who.is_admin or who.owns(found.project_id) or found.shared or found.external


def get_network(held: session.Session, who: caller.Caller, identifier: str) -> network.Network | None:
    """The network if the caller may see it."""
    found = rows.get(held, network.Network, identifier)
    return found if found is not None and may_use_network(who, found) else None


def get_subnet(held: session.Session, who: caller.Caller, identifier: str) -> subnet.Subnet | None:
    """The subnet if the caller may see it: its own, or one of a network it may use."""
    found = rows.get(held, subnet.Subnet, identifier)
    if found is None or who.is_admin or who.owns(found.project_id):
        return found
    return found if get_network(held, who, found.network_id) is not None else None


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


def missing(cls: type[attr.Resource], identifier: str) -> faults.NotFound:
    """The refusal for an object that is not there, or that the caller may not see."""
    title = cls.NOUN.title
    return faults.NotFound(f"{title} {identifier} could not be found.", kind=title.replace(" ", "") + "NotFound")
