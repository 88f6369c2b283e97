"""The load balancer: a VIP, and the root of the tree of listeners and pools behind it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from vipool.model import attr, parts, status, types

UUID = types.Uuid()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer(parts.Stamped):
    """One load balancer (Octavia API v2, `loadbalancers`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="loadbalancer", collection="loadbalancers", title="Load Balancer", argument="load_balancer"
    )

    name: parts.Name = ""
    description: parts.Description = ""
    vip_address: Annotated[
        str | None, types.IpAddress(), attr.Attr(doc="The VIP; allocated when not given.", update=False, required=False)
    ] = None
    vip_subnet_id: Annotated[
        str | None, UUID, attr.Attr(doc="The subnet of the VIP.", update=False, required=False)
    ] = None
    vip_network_id: Annotated[
        str | None, UUID, attr.Attr(doc="The network of the VIP.", update=False, required=False)
    ] = None
    vip_port_id: Annotated[
        str | None, UUID, attr.Attr(doc="The port that holds the VIP; made when not given.", update=False)
    ] = None
    vip_qos_policy_id: Annotated[str | None, UUID, attr.Attr(doc="The QoS policy of the VIP port.")] = None
    vip_sg_ids: Annotated[
        tuple[str, ...],
        types.ListOf(UUID, distinct=True),
        attr.Attr(doc="Security groups of the VIP port.", since="2.29", filters=False),
    ] = ()
    vip_vnic_type: Annotated[str, types.String(64), attr.shown("How the VIP port is bound.", since="2.28")] = "normal"
    additional_vips: Annotated[
        tuple[dict[str, str | None], ...],
        types.ListOf(
            types.Entry({"subnet_id": UUID, "ip_address": types.IpAddress(), "port_id": UUID}, required=("subnet_id",))
        ),
        attr.Attr(doc="Further addresses on the same network.", update=False, since="2.26", filters=False),
    ] = ()
    provider: Annotated[
        str, types.String(64), attr.Attr(doc="What carries the traffic; echoed as it was sent.", update=False)
    ] = "amphora"
    flavor_id: Annotated[
        str | None,
        UUID,
        attr.Attr(doc="The flavor, or null.", update=False, null=attr.Null.REFUSE, since="2.6"),
    ] = None
    availability_zone: Annotated[
        str | None,
        types.String(),
        attr.Attr(doc="The name of the availability zone, or null.", update=False, null=attr.Null.REFUSE, since="2.14"),
    ] = None
    vip_owned: Annotated[bool, types.Boolean(), attr.hidden("Whether vipool made the VIP port, and removes it.")] = True
    flavor: Annotated[
        dict[str, Any], types.Json(), attr.hidden("What its flavor says, as it was when the load balancer was made.")
    ] = field(default_factory=dict)
    incarnation: Annotated[
        int, types.Integer(0), attr.hidden("How often its instances were replaced: a node starts others when it grows.")
    ] = 0
    revision: Annotated[
        int, types.Integer(0), attr.hidden("The revision at which nodes must look at the tree again.", indexed=True)
    ] = 0
    edition: Annotated[
        str, types.String(32), attr.hidden("Another text after every write to a row below it; empty before the first.")
    ] = ""
    generation: Annotated[int, types.Integer(0), attr.hidden("The generation wanted of the tree.")] = 1
    settled: Annotated[int, types.Integer(0), attr.hidden("The last generation that was realised.")] = 0
    failed: Annotated[int, types.Integer(0), attr.hidden("The last generation that could not be realised, or 0.")] = 0
    fault: Annotated[
        str | None,
        types.String(4096),
        attr.shown(
            "Why a node could not realise it, or no longer can, in words; null once it has. Octavia has no such "
            "attribute.",
            wire="provisioning_fault",
            filters=False,
        ),
    ] = None

    @property
    def vips(self) -> tuple[str, ...]:
        """Every VIP, the one it is known by first; none while it has no port."""
        return tuple(address for address, _ in self._places)

    def source(self, address: str, subnet_id: str | None) -> str | None:
        """The VIP from which an address is spoken to, or None where no VIP is of its family.

        It is the one in the subnet that the address is said to be in, else the first of the family: what comes from an
        address of another subnet would be answered by way of a router, and there may be none.
        """
        version = types.address(address).version
        same = [(vip, place) for vip, place in self._places if types.address(vip).version == version]
        near = (vip for vip, place in same if subnet_id is not None and place == subnet_id)
        return next(near, same[0][0] if same else None)

    @property
    def _places(self) -> tuple[tuple[str, str | None], ...]:
        """Every VIP with its subnet."""
        more = ((each["ip_address"], each["subnet_id"]) for each in self.additional_vips)
        return tuple((vip, place) for vip, place in ((self.vip_address, self.vip_subnet_id), *more) if vip is not None)

    @property
    def progress(self) -> status.Progress:
        """How far the tree has come."""
        return status.Progress(generation=self.generation, settled=self.settled, failed=self.failed)
