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
        attr.Attr(doc="The address outside; taken when not given.", update=False, required=False, null=""),
    ] = ""
    subnet_id: Annotated[
        str | None,
        types.Uuid(),
        attr.Attr(
            doc="The subnet the address outside comes from.",
            update=False,
            show=False,
            filters=False,
            null=attr.Null.STORE,
        ),
    ] = None
    port_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="The port it stands for, or null.", null=attr.Null.STORE, indexed=True)
    ] = None
    fixed_ip_address: Annotated[
        str | None, types.IpAddress(), attr.Attr(doc="The address of that port it stands for.", null=attr.Null.STORE)
    ] = None
    router_id: Annotated[str | None, types.Uuid(), attr.shown("The router that translates.", indexed=True)] = None
    status: Annotated[str, types.String(16), attr.shown("ACTIVE when it stands for a port, else DOWN.")] = "DOWN"
    qos_policy_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="A QoS policy; kept, not enforced.", null=attr.Null.STORE)
    ] = None
    dns_domain: Annotated[str, types.String(), attr.Attr(doc="A DNS domain; kept, not served.", update=False)] = ""
    dns_name: Annotated[str, types.String(), attr.Attr(doc="A host name; kept, not served.", update=False)] = ""
    own_port_id: Annotated[str, types.Uuid(), attr.hidden("The port that holds its address outside.")] = ""
