"""The security group and its rules: who may reach the ports that are in it, as tenants say it.

They are kept and shown as Neutron does.  Those that are put on the port of a load balancer filter what is opened to it;
ports plugged into others' namespaces are not filtered, and what ports open themselves is not either.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, owned, types

DEFAULT = "default"

# The names Neutron knows, with their numbers (IANA protocol numbers); "ip" stands for all of them.
# fmt: off
PROTOCOLS: Mapping[str, int | None] = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "icmpv6": 58, "igmp": 2, "ip": None,
    "ipip": 4, "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}
# fmt: on
ICMP, ICMPV6 = 1, 58


class Direction(enum.StrEnum):
    """Which way, seen from the port."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """An IP protocol by name or number (IANA), kept in lower case as text; ``any`` is none at all."""

    storage: types.Storage = types.Storage.TEXT

    def parse(self, value: object) -> str | None:
        """A number from 0 to 255 or a word; words are checked by the service."""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"'{value}' is not a protocol.")
        text = str(value).lower()
        return None if text in {"any", "0"} else text

    def schema(self) -> dict[str, object]:
        """A string schema."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRule:
    """A rule that groups begin with: let everything out, and in the default group let its members reach each other."""

    id: str
    ethertype: str
    direction: Direction

    @property
    def inward(self) -> bool:
        """Whether it lets members of the group in, as only the default one does."""
        return self.direction is Direction.INGRESS


# In the order of a new group's rules; the ids are the same on every installation.
FIRST_RULES = (
    FirstRule(id="6f1c1ac1-0000-4000-8000-000000000001", ethertype="IPv4", direction=Direction.INGRESS),
    FirstRule(id="6f1c1ac1-0000-4000-8000-000000000002", ethertype="IPv4", direction=Direction.EGRESS),
    FirstRule(id="6f1c1ac1-0000-4000-8000-000000000003", ethertype="IPv6", direction=Direction.INGRESS),
    FirstRule(id="6f1c1ac1-0000-4000-8000-000000000004", ethertype="IPv6", direction=Direction.EGRESS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup(owned.Named):
    """One security group (Neutron API v2.0, `security-groups`)."""

    NOUN: ClassVar = attr.Noun(wrapper="security_group", collection="security_groups", title="Security group")

    stateful: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether answers pass by themselves.")] = True
    shared: Annotated[bool, types.Boolean(), attr.shown("Always false: sharing is not served.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(owned.Owned):
    """One rule of a group (Neutron API v2.0, `security-group-rules`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="security_group_rule", collection="security_group_rules", title="Security group rule"
    )

    direction: Annotated[Direction, types.Choice(Direction), attr.Attr(doc="ingress or egress.", update=False)]
    security_group_id: Annotated[
        str, types.Uuid(), attr.Attr(doc="The group it belongs to.", update=False, indexed=True)
    ]
    ethertype: Annotated[str, types.String(8), attr.Attr(doc="IPv4 or IPv6.", update=False, null="IPv4")] = "IPv4"
    protocol: Annotated[
        str | None, Protocol(), attr.Attr(doc="An IP protocol, or null for all.", update=False, null=attr.Null.STORE)
    ] = None
    port_range_min: Annotated[
        int | None,
        types.Integer(),
        attr.Attr(doc="The first port, or the ICMP type.", update=False, null=attr.Null.STORE),
    ] = None
    port_range_max: Annotated[
        int | None,
        types.Integer(),
        attr.Attr(doc="The last port, or the ICMP code.", update=False, null=attr.Null.STORE),
    ] = None
    remote_ip_prefix: Annotated[
        str | None,
        types.String(64),
        attr.Attr(doc="The addresses at the other end.", update=False, null=attr.Null.STORE),
    ] = None
    remote_group_id: Annotated[
        str | None,
        types.String(),
        attr.Attr(doc="The group of the ports at the other end.", update=False, null=attr.Null.STORE, indexed=True),
    ] = None
    remote_address_group_id: Annotated[
        str | None,
        types.Uuid(),
        attr.Attr(doc="Always null: address groups are not served.", update=False, null=attr.Null.STORE),
    ] = None
    normalized_cidr: Annotated[
        str | None, types.String(64), attr.shown("The addresses at the other end, in canonical form.")
    ] = None
    belongs_to_default_sg: Annotated[
        bool, types.Boolean(), attr.shown("Whether its group is the project's default one.")
    ] = False

    @property
    def version(self) -> int:
        """The IP version that it is about."""
        return 6 if self.ethertype == "IPv6" else 4

    @property
    def number(self) -> int | None:
        """The number of its protocol, None for all; ICMP is that of its IP version, as Neutron has it."""
        if self.protocol is None:
            return None
        known = int(self.protocol) if self.protocol.isdigit() else PROTOCOLS[self.protocol]
        return ICMPV6 if known == ICMP and self.version == 6 else known
