"""The floating IP: an address of an external network that stands for a port inside."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, owned, types


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp(owned.Owned):
    """One floating IP (Neutron API v2.0, `floatingips`)."""

    NOUN: ClassVar = attr.Noun(wrapper="floatingip", collection="floatingips", title="Floating IP")

    floating_network_id: Annotated[str, types.Uuid(), attr.Attr(doc="The external network.", update=False)]
    floating_ip_address: Annotated[
        str,
        types.IpAddress(),
        attr.Attr(doc="The address outside; taken when not given.", update=False, required=False),
    ] = ""
    port_id: Annotated[str | None, types.Uuid(), attr.Attr(doc="The port it stands for, or null.", indexed=True)] = None
    fixed_ip_address: Annotated[
        str | None, types.IpAddress(), attr.Attr(doc="The address of that port it stands for.")
    ] = None
    router_id: Annotated[str | None, types.Uuid(), attr.shown("The router that translates.", indexed=True)] = None
    status: Annotated[str, types.String(16), attr.shown("ACTIVE when it stands for a port, else DOWN.")] = "DOWN"
    own_port_id: Annotated[str, types.Uuid(), attr.hidden("The port that holds its address outside.")] = ""
