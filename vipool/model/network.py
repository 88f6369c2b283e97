"""The network: one broadcast domain, a bridge on every node that needs it.

A `flat` network is an existing bridge of the host (`physical_network` is its name); any other is a bridge of its own.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, owned, spec, types

FLAT = "flat"
# An Ethernet frame's payload (IEEE 802.3); one node encapsulates nothing, so no network needs less.
MTU = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(owned.Named):
    """One network (Neutron API v2.0, `networks`)."""

    NOUN: ClassVar = attr.Noun(wrapper="network", collection="networks", title="Network")

    admin_state_up: owned.AdminStateUp = True
    # 68 bytes is the least MTU of IPv4 (RFC 791, 3.2).
    mtu: Annotated[int, types.Integer(68, 65535), attr.Attr(doc="The largest packet, in bytes.")] = MTU
    status: Annotated[str, types.String(16), attr.shown("ACTIVE, or ERROR when a node could not make the bridge.")] = (
        "ACTIVE"
    )
    shared: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether every project may put ports on it.")] = False
    port_security_enabled: Annotated[
        bool, types.Boolean(), attr.Attr(doc="What new ports take over; kept, not enforced.")
    ] = True
    qos_policy_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="A QoS policy; kept, not enforced.", null=attr.Null.STORE)
    ] = None
    dns_domain: Annotated[str, types.String(), attr.Attr(doc="A DNS domain; kept, not served.")] = ""
    external: Annotated[
        bool,
        types.Boolean(),
        attr.Attr(doc="Whether routers may have their gateway on it.", wire="router:external"),
    ] = False
    is_default: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether it is the default external network.")] = False
    availability_zone_hints: Annotated[
        tuple[str, ...], types.ListOf(types.String()), attr.Attr(doc="Kept, not used.", filters=False)
    ] = ()
    network_type: Annotated[
        str,
        types.String(32),
        attr.Attr(
            doc="flat: an existing bridge of the host; local: a bridge of its own.", wire="provider:network_type"
        ),
    ] = "local"
    physical_network: Annotated[
        str | None,
        types.String(15, least=1, pattern="[A-Za-z0-9._-]+"),
        attr.Attr(
            doc="The bridge of the host that a flat network is.",
            wire="provider:physical_network",
            null=attr.Null.STORE,
        ),
    ] = None
    segmentation_id: Annotated[
        int | None,
        types.Integer(),
        attr.Attr(doc="Always null: no network has a tag.", wire="provider:segmentation_id", null=attr.Null.STORE),
    ] = None
    revision: owned.Revision = 0
    fault: owned.Fault = None

    @property
    def flat(self) -> str | None:
        """The existing bridge of the host, or None for a network with a bridge of its own."""
        return self.physical_network if self.network_type == FLAT else None

    @property
    def segment(self) -> spec.Segment:
        """The network as a node sees it."""
        return spec.Segment(network_id=self.id, mtu=self.mtu, flat=self.flat)
