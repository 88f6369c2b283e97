"""The QoS policy: kept and shown, so that ports and VIPs may name one.  Nothing is enforced yet."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, owned, types


@dataclass(frozen=True, slots=True, kw_only=True)
class QosPolicy(owned.Named):
    """One QoS policy (Neutron API v2.0, `qos/policies`)."""

    NOUN: ClassVar = attr.Noun(wrapper="policy", collection="policies", title="QoS policy")

    shared: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether every project may use it.")] = False
    is_default: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether it is the default; kept, not used.")] = False
