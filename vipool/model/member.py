"""The member: one address and port that answers for the VIP."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, parts, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(parts.Part):
    """One member of a pool (Octavia API v2, `pools/{pool_id}/members`)."""

    NOUN: ClassVar = attr.Noun(wrapper="member", collection="members", title="Member", argument="member_")

    pool_id: Annotated[
        str,
        types.Uuid(),
        attr.Attr(doc="The pool, from the path.", create=False, update=False, show=False, indexed=True),
    ]
    address: Annotated[
        str, types.IpAddress(), attr.Attr(doc="Where the member answers.", update=False, aliases=("ip_address",))
    ]
    protocol_port: Annotated[int, types.Integer(1, 65535), attr.Attr(doc="The port it answers on.", update=False)]
    name: parts.Name = ""
    weight: Annotated[int, types.Integer(0, 256), attr.Attr(doc="Its share of new connections; 0 drains it.")] = 1
    backup: Annotated[
        bool, types.Boolean(), attr.Attr(doc="Whether it serves only when no other member can.", since="2.1")
    ] = False
    subnet_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="The subnet it is reached through, or null.", update=False)
    ] = None
    monitor_address: Annotated[str | None, types.IpAddress(), attr.Attr(doc="Where it is checked, if elsewhere.")] = (
        None
    )
    monitor_port: Annotated[
        int | None, types.Integer(1, 65535), attr.Attr(doc="The port it is checked on, if another.")
    ] = None
    request_sriov: Annotated[
        bool,
        types.Boolean(),
        attr.Attr(
            doc="Whether its port should be an SR-IOV one.", update=False, show=False, filters=False, since="2.30"
        ),
    ] = False
    vnic_type: Annotated[str, types.String(64), attr.shown("How its port is bound.", since="2.30")] = "normal"
