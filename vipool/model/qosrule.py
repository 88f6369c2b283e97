"""The rules of QoS policies: kept and shown.  Nothing is enforced yet."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, securitygroup, types

# What fits Neutron's own columns.
KILO = types.Integer(0, 2**31 - 1)
DIRECTION = types.Choice(securitygroup.Direction)
EGRESS = securitygroup.Direction.EGRESS
Direction = Annotated[securitygroup.Direction, DIRECTION, attr.Attr(doc="Which way, seen from the port.")]
# The code points that have a name: RFC 2474 (0 and the class selectors), 2597, 3246 (46).
MARKS = (0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A code point of differentiated services."""

    storage: types.Storage = types.Storage.INTEGER

    def parse(self, value: object) -> int:
        """One that has a name."""
        found = types.Integer().parse(value)
        if found not in MARKS:
            raise ValueError(f"'{value}' is not in {list(MARKS)}")
        return found

    def schema(self) -> dict[str, object]:
        """An integer schema with its values."""
        return {"type": "integer", "enum": list(MARKS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class QosRule(attr.Resource):
    """One rule of a policy."""

    qos_policy_id: Annotated[str, types.Uuid(), attr.hidden("The policy it belongs to.", indexed=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandwidthLimit(QosRule):
    """At most so much (Neutron API v2.0, `bandwidth_limit_rules`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="bandwidth_limit_rule", collection="bandwidth_limit_rules", title="QoS bandwidth limit rule"
    )

    max_kbps: Annotated[int, KILO, attr.Attr(doc="Kilobits a second.")]
    max_burst_kbps: Annotated[int, KILO, attr.Attr(doc="Kilobits at once; 0 leaves it open.")] = 0
    direction: Direction = EGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class DscpMarking(QosRule):
    """Marked so (Neutron API v2.0, `dscp_marking_rules`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="dscp_marking_rule", collection="dscp_marking_rules", title="QoS DSCP marking rule"
    )

    dscp_mark: Annotated[int, Mark(), attr.Attr(doc="The code point (RFC 2474).")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumBandwidth(QosRule):
    """At least so much (Neutron API v2.0, `minimum_bandwidth_rules`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="minimum_bandwidth_rule", collection="minimum_bandwidth_rules", title="QoS minimum bandwidth rule"
    )

    min_kbps: Annotated[int, KILO, attr.Attr(doc="Kilobits a second.")]
    direction: Direction = EGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumPacketRate(QosRule):
    """At least so many packets (Neutron API v2.0, `minimum_packet_rate_rules`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="minimum_packet_rate_rule", collection="minimum_packet_rate_rules", title="QoS minimum packet rate rule"
    )

    min_kpps: Annotated[int, KILO, attr.Attr(doc="Thousands of packets a second.")]
    direction: Annotated[
        str,
        types.String(pattern="any|ingress|egress"),
        attr.Attr(doc="Which way, seen from the port; `any` is both together."),
    ] = "egress"


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketRateLimit(QosRule):
    """At most so many packets (Neutron API v2.0, `packet_rate_limit_rules`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="packet_rate_limit_rule", collection="packet_rate_limit_rules", title="QoS packet rate limit rule"
    )

    max_kpps: Annotated[int, KILO, attr.Attr(doc="Thousands of packets a second.")]
    max_burst_kpps: Annotated[int, KILO, attr.Attr(doc="Thousands of packets at once; 0 leaves it open.")] = 0
    direction: Direction = EGRESS


# Every kind, in the order in which a policy shows its rules.
KINDS: tuple[type[QosRule], ...] = (BandwidthLimit, DscpMarking, MinimumBandwidth, MinimumPacketRate, PacketRateLimit)


def kind(cls: type[QosRule]) -> str:
    """The name of a kind of rule, such as `bandwidth_limit`."""
    return cls.NOUN.wrapper.removesuffix("_rule")
