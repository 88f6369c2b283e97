"""The subnet pool: blocks of addresses from which tenants' subnets are carved, so that none overlap."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, owned, types

LENGTH = types.Integer(0, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPool(owned.Named):
    """One subnet pool (Neutron API v2.0, `subnetpools`)."""

    NOUN: ClassVar = attr.Noun(wrapper="subnetpool", collection="subnetpools", title="Subnet pool")

    prefixes: Annotated[
        tuple[str, ...],
        types.ListOf(types.Cidr()),
        attr.Attr(doc="The blocks; they may grow, never shrink.", filters=False),
    ]
    default_prefixlen: Annotated[
        int, LENGTH, attr.Attr(doc="The prefix length of a subnet that names none; the least allowed by default.")
    ] = 0
    min_prefixlen: Annotated[int, LENGTH, attr.Attr(doc="The shortest prefix a subnet may have: 8, in IPv6 64.")] = 0
    max_prefixlen: Annotated[int, LENGTH, attr.Attr(doc="The longest prefix a subnet may have: 32, in IPv6 128.")] = 0
    ip_version: Annotated[int, types.Integer(4, 6), attr.shown("4 or 6, as the prefixes are.")] = 4
    is_default: Annotated[
        bool, types.Boolean(), attr.Attr(doc="Whether subnets that ask for the default pool come from it.")
    ] = False
    shared: Annotated[
        bool, types.Boolean(), attr.Attr(doc="Whether every project may take subnets from it.", update=False)
    ] = False
    default_quota: Annotated[
        int | None,
        types.Integer(0),
        attr.Attr(
            doc="How much a project may take: addresses, in IPv6 networks of prefix length 64; null for all.",
            null=attr.Null.STORE,
        ),
    ] = None
    address_scope_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="Always null: address scopes are not served.", null=attr.Null.STORE)
    ] = None

    @property
    def blocks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The prefixes as values that can be reckoned with."""
        return tuple(ipaddress.ip_network(each) for each in self.prefixes)
