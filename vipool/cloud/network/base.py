"""What the load-balancer service needs of a network service.

Every call gets the transaction it happens in: the embedded implementation takes part in it, so that a load balancer
and its VIP port are made together or not at all; one that talks to a real Neutron does not use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vipool.model import caller, spec
from vipool.model import network as networks
from vipool.model import port as ports
from vipool.model import subnet as subnets
from vipool.store import session


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What uses a port, in Neutron's words."""

    device_id: str
    device_owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dress:
    """What is put on a port beside its addresses; security groups of None stay as they are."""

    qos_policy_id: str | None
    security_groups: tuple[str, ...] | None = None


class Network(Protocol):
    """Looks up networks, and makes and removes the ports that hold VIPs."""

    def network(self, held: session.Session, who: caller.Caller, identifier: str) -> networks.Network | None:
        """The network if the caller may see it."""

    def subnet(self, held: session.Session, who: caller.Caller, identifier: str) -> subnets.Subnet | None:
        """The subnet if the caller may see it."""

    def port(self, held: session.Session, who: caller.Caller, identifier: str) -> ports.Port | None:
        """The port if the caller may see it."""

    def subnets_of(self, held: session.Session, network_id: str) -> tuple[subnets.Subnet, ...]:
        """The subnets of a network, oldest first."""

    def free_addresses(self, held: session.Session, subnet_id: str) -> int:
        """How many addresses of the subnet's allocation pools are free."""

    def create_port(self, held: session.Session, who: caller.Caller, wanted: ports.Request) -> ports.Port:
        """A new port with one address in each wanted subnet.

        Raises faults.Conflict (kind IpAddressAlreadyAllocated) when an address is taken, and the refusals of Neutron.
        """

    def has_policy(self, held: session.Session, who: caller.Caller, identifier: str) -> bool:
        """Whether the caller may use the QoS policy."""

    def has_group(self, held: session.Session, who: caller.Caller, identifier: str) -> bool:
        """Whether the caller may use the security group."""

    def bind_port(self, held: session.Session, port_id: str, use: Use) -> ports.Port:
        """Mark a port that a user supplied as used by a device.  Raises faults.Conflict when it is used elsewhere."""

    def dress_port(self, held: session.Session, port_id: str, dress: Dress) -> ports.Port:
        """Give a port a QoS policy and security groups.  Raises faults.NotFound when it is gone."""

    def return_by(self, held: session.Session, port_id: str, ends: Sequence[ports.Return]) -> None:
        """Have routers bring to the port what these ends answer, and no others; a port that is gone is nothing."""

    def release_port(self, held: session.Session, port_id: str, *, delete: bool) -> None:
        """Remove a port that vipool made, or give back one that a user supplied; a port that is gone is nothing."""

    def carried(self, held: session.Session, port_id: str) -> None:
        """A node carries the port of a load balancer now; a port that is gone is nothing."""

    def attachment(self, held: session.Session, port_id: str) -> spec.Attachment | None:
        """How a node must plug the port, or None when the port is gone."""

    def items(self, held: session.Session, *, since: int) -> tuple[spec.Item, ...]:
        """The networks, routers and plugs, in this order, that nodes must look at: those changed after a revision."""

    def settle(self, held: session.Session, reports: Sequence[spec.Report]) -> None:
        """Take what nodes say about networks, routers and plugs."""
