"""Named conditions: what can go wrong with a load balancer that its clients would see as silence.

The list of names is closed, and each says what it means and what to do about it: the API, the metrics and the reference
derive from it.
"""

import datetime
import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types


class Name(enum.StrEnum):
    """Every condition there is."""

    CONNTRACK_TABLE_FULL = "ConntrackTableFull"
    CONNTRACK_TABLE_NEARLY_FULL = "ConntrackTableNearlyFull"
    PORTS_EXHAUSTED = "PortsExhausted"
    MEMBER_UNREACHABLE = "MemberUnreachable"
    GATEWAY_UNREACHABLE = "GatewayUnreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """What a condition means for clients, and the way out of it; sentences."""

    meaning: str
    way_out: str


SENSES = {
    Name.CONNTRACK_TABLE_FULL: Sense(
        meaning="The node has no room to remember further flows of this load balancer: new ones are lost, or end others"
        " that have no answer yet.",
        way_out="Raise the sysctl net.netfilter.nf_conntrack_max of the node; or have fewer flows at a time, by a"
        " connection limit, shorter timeouts, or a second load balancer.",
    ),
    Name.CONNTRACK_TABLE_NEARLY_FULL: Sense(
        meaning="The node has little room left to remember flows of this load balancer: once it is full, new ones are"
        " lost.",
        way_out="Raise the sysctl net.netfilter.nf_conntrack_max of the node before that; or have fewer flows at a"
        " time.",
    ),
    Name.PORTS_EXHAUSTED: Sense(
        meaning="All source ports of the VIP towards this member are in use: new connections to it fail.",
        way_out="Add members; or let the machine be a member more than once, on further ports or addresses: each has"
        " ports of its own.",
    ),
    Name.MEMBER_UNREACHABLE: Sense(
        meaning="Nobody on the network answers for the address of this member (ARP, or neighbour discovery): what is"
        " sent to it is lost.",
        way_out="See that the machine runs, has this address on this network and is plugged in; or correct the address"
        " or the subnet of the member.",
    ),
    Name.GATEWAY_UNREACHABLE: Sense(
        meaning="Nobody on the network answers for the address of a gateway (ARP, or neighbour discovery): clients and"
        " members beyond it are not reached.",
        way_out="See that the subnet has a router with this address and that it is up; or correct the subnet's gateway"
        " or host routes.",
    ),
}
"""Of every name."""


class About(enum.StrEnum):
    """The kinds of object a condition can be about."""

    LOADBALANCER = "loadbalancer"
    MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(attr.Resource):
    """A named condition of a load balancer, there as long as its cause is (vipool's own; Octavia has none)."""

    NOUN: ClassVar = attr.Noun(wrapper="condition", collection="conditions", title="Condition")

    loadbalancer_id: Annotated[str, types.Uuid(), attr.shown("The load balancer.", indexed=True)]
    project_id: Annotated[str, types.String(36), attr.shown("The project of the load balancer.", indexed=True)]
    name: Annotated[Name, types.Choice(Name), attr.shown("What it is called: one of a closed list.")]
    since: Annotated[datetime.datetime, types.Timestamp(), attr.shown("When the server first heard of it (UTC).")]
    object_type: Annotated[About, types.Choice(About), attr.shown("The kind of the object it is about.")]
    object_id: Annotated[str, types.Uuid(), attr.shown("The object it is about.")]
    address: Annotated[str, types.String(64), attr.shown("The address it is about, or empty.")] = ""
    message: Annotated[
        str,
        types.String(4096),
        attr.shown("What it means, what was measured, and the way out, in sentences.", filters=False),
    ] = ""


def message(name: Name, measured: str) -> str:
    """What users are told: the meaning, what was measured, the way out."""
    sense = SENSES[name]
    return " ".join((sense.meaning, measured, sense.way_out))
