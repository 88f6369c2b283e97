"""The subnet: a block of addresses on a network, with the pools that ports get theirs from."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, owned, types

POOL = types.Entry(keys={"start": types.IpAddress(), "end": types.IpAddress()}, required=("start", "end"))
ROUTE = types.Entry(
    keys={"destination": types.Cidr(), "nexthop": types.IpAddress()}, required=("destination", "nexthop")
)
RA_MODES = "slaac|dhcpv6-stateful|dhcpv6-stateless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet(owned.Named):
    """One subnet (Neutron API v2.0, `subnets`)."""

    NOUN: ClassVar = attr.Noun(wrapper="subnet", collection="subnets", title="Subnet")

    ip_version: Annotated[int, types.Integer(4, 6), attr.Attr(doc="4 or 6.", update=False)]
    network_id: Annotated[
        str, types.Uuid(), attr.Attr(doc="The network whose addresses these are.", update=False, indexed=True)
    ]
    subnetpool_id: Annotated[
        str | None,
        types.Uuid(),
        attr.Attr(doc="The pool its block comes from, or null.", update=False, null=attr.Null.STORE, indexed=True),
    ] = None
    cidr: Annotated[str, types.Cidr(), attr.Attr(doc="The block of addresses.", update=False)] = ""
    enable_dhcp: Annotated[
        bool, types.Boolean(), attr.Attr(doc="Kept: vipool configures its ports itself and serves no DHCP.")
    ] = True
    ipv6_ra_mode: Annotated[
        str | None,
        types.String(32, pattern=RA_MODES),
        attr.Attr(doc="Who advertises the prefix.", update=False, null=attr.Null.STORE),
    ] = None
    ipv6_address_mode: Annotated[
        str | None,
        types.String(32, pattern=RA_MODES),
        attr.Attr(
            doc="How hosts get addresses; slaac and dhcpv6-stateless derive them from the MAC (RFC 4291).",
            update=False,
            null=attr.Null.STORE,
        ),
    ] = None
    gateway_ip: Annotated[
        str | None,
        types.IpAddress(),
        attr.Attr(doc="The router of this block, or null for none.", null=attr.Null.STORE),
    ] = None
    allocation_pools: Annotated[
        tuple[Mapping[str, str], ...],
        types.ListOf(POOL),
        attr.Attr(doc="The ranges that ports get addresses from.", filters=False),
    ] = ()
    host_routes: Annotated[
        tuple[Mapping[str, str], ...],
        types.ListOf(ROUTE),
        attr.Attr(doc="Routes beside the gateway's.", filters=False),
    ] = ()
    dns_nameservers: Annotated[
        tuple[str, ...],
        types.ListOf(types.IpAddress()),
        attr.Attr(doc="Resolvers, in order of preference; kept, not served.", filters=False),
    ] = ()
    service_types: Annotated[
        tuple[str, ...], types.ListOf(types.String()), attr.Attr(doc="Kept, not used.", filters=False)
    ] = ()

    @property
    def block(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The block of addresses as a value that can be reckoned with."""
        return ipaddress.ip_network(self.cidr)

    @property
    def derives_addresses(self) -> bool:
        """Whether a port's address follows from its MAC (RFC 4291, appendix A) and cannot be chosen."""
        return self.ipv6_address_mode in {"slaac", "dhcpv6-stateless"}
