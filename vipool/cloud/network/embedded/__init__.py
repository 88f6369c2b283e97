"""The embedded network service: Neutron's objects in vipool's own store, realised by vipool's own nodes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vipool.cloud.network import base
from vipool.cloud.network.embedded import allocation, compiled, desired, making, touch, visible
from vipool.core import address
from vipool.model import caller, faults, plug, qospolicy, securitygroup, spec
from vipool.model import network as networks
from vipool.model import port as ports
from vipool.model import subnet as subnets
from vipool.store import rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the load-balancer service needs of a network service (``cloud.network.base.Network``)."""

    new_id: Callable[[], str]

    def network(self, held: session.Session, who: caller.Caller, identifier: str) -> networks.Network | None:
        """The network if the caller may see it."""
        return visible.get_network(held, who, identifier)

    def subnet(self, held: session.Session, who: caller.Caller, identifier: str) -> subnets.Subnet | None:
        """The subnet if the caller may see it."""
        return visible.get_subnet(held, who, identifier)

    def port(self, held: session.Session, who: caller.Caller, identifier: str) -> ports.Port | None:
        """The port if the caller may see it."""
        return visible.get_own(held, who, ports.Port, identifier)

    def subnets_of(self, held: session.Session, network_id: str) -> tuple[subnets.Subnet, ...]:
        """The subnets of a network, oldest first."""
        return making.subnets_of(held, network_id)

    def free_addresses(self, held: session.Session, subnet_id: str) -> int:
        """How many addresses of the subnet's pools are free."""
        of = rows.get(held, subnets.Subnet, subnet_id)
        return 0 if of is None else address.free_count(allocation.pools(of), allocation.used(held, subnet_id))

    def create_port(self, held: session.Session, who: caller.Caller, wanted: ports.Request) -> ports.Port:
        """A new port on a network that the caller may use."""
        visible.need(visible.get_network(held, who, wanted.network_id), networks.Network, wanted.network_id)
        return making.create(held, wanted, self.new_id)

    def has_policy(self, held: session.Session, who: caller.Caller, identifier: str) -> bool:
        """Whether the policy is the caller's own, or shared."""
        return visible.get(held, who, qospolicy.QosPolicy, identifier) is not None

    def has_group(self, held: session.Session, who: caller.Caller, identifier: str) -> bool:
        """Whether the group is the caller's own."""
        return visible.get(held, who, securitygroup.SecurityGroup, identifier) is not None

    def bind_port(self, held: session.Session, port_id: str, use: base.Use) -> ports.Port:
        """Mark a user's port as used.  Raises faults.Conflict when it is plugged already."""
        plugged = rows.get(held, plug.Plug, port_id)
        if plugged is not None:
            raise faults.Conflict(
                f"Port {port_id} is plugged into {plugged.target}: detach it first.", kind="PortInUse"
            )
        # What groups it has were not put on it for its new use: they would close what it is to be open for.
        values = {"device_id": use.device_id, "device_owner": use.device_owner, "guarded": False}
        return self._changed(held, port_id, values)

    def dress_port(self, held: session.Session, port_id: str, dress: base.Dress) -> ports.Port:
        """Give a port a QoS policy and security groups, and tell nodes."""
        values: dict[str, Any] = {"qos_policy_id": dress.qos_policy_id}
        if dress.security_groups is not None:
            values |= {"security_groups": dress.security_groups, "guarded": bool(dress.security_groups)}
        before = visible.need(rows.get(held, ports.Port, port_id), ports.Port, port_id)
        after = self._changed(held, port_id, values)
        touch.port(held, after)
        if after.security_groups != before.security_groups:
            touch.groups(held, {*before.security_groups, *after.security_groups})
        return after

    def return_by(self, held: session.Session, port_id: str, ends: Sequence[ports.Return]) -> None:
        """Note the ends on the port, and tell the routers of its network."""
        found = rows.get(held, ports.Port, port_id)
        if found is not None:
            noted = tuple(dataclasses.asdict(each) for each in ends)
            rows.put(held, found.having({"returns": noted, "has_returns": bool(noted)}))
            touch.routers_of(held, found.network_id)

    def _changed(self, held: session.Session, port_id: str, values: Mapping[str, Any]) -> ports.Port:
        found = visible.need(rows.get(held, ports.Port, port_id), ports.Port, port_id)
        after = found.having({**values, "updated_at": held.now, "revision_number": found.revision_number + 1})
        rows.put(held, after)
        return after

    def release_port(self, held: session.Session, port_id: str, *, delete: bool) -> None:
        """Remove vipool's own port, or give a user's back."""
        found = rows.get(held, ports.Port, port_id)
        if found is None:
            return
        if delete:
            making.remove(held, found)
        else:
            if found.has_returns:
                self.return_by(held, port_id, ())
            freed = {"device_id": "", "device_owner": "", "status": "DOWN", "guarded": False}
            rows.change(held, ports.Port, port_id, freed)

    def carried(self, held: session.Session, port_id: str) -> None:
        """The port is ACTIVE from now on."""
        rows.change(held, ports.Port, port_id, {"status": "ACTIVE"})

    def attachment(self, held: session.Session, port_id: str) -> spec.Attachment | None:
        """How a node must plug the port."""
        found = rows.get(held, ports.Port, port_id)
        return None if found is None else compiled.attachment(held, found)

    def items(self, held: session.Session, *, since: int) -> tuple[spec.Item, ...]:
        """What changed after a revision."""
        return tuple(desired.items(held, since))

    def settle(self, held: session.Session, reports: Sequence[spec.Report]) -> None:
        """Take what nodes say."""
        desired.settle(held, reports)
