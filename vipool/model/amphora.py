"""The amphora: one instance of a load balancer on one node, as administrators see it.

Octavia runs each in a virtual machine; here it is a network namespace with what runs in it.
"""

import datetime
import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types


class Status(enum.StrEnum):
    """How far an instance has come."""

    PENDING_CREATE = "PENDING_CREATE"
    ALLOCATED = "ALLOCATED"
    ERROR = "ERROR"
    PENDING_DELETE = "PENDING_DELETE"


class Role(enum.StrEnum):
    """What an instance is among those of its load balancer."""

    STANDALONE = "STANDALONE"
    MASTER = "MASTER"
    BACKUP = "BACKUP"


UUID = types.Uuid()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amphora(attr.Resource):
    """One instance of a load balancer (Octavia API v2, `octavia/amphorae`); read by administrators only."""

    NOUN: ClassVar = attr.Noun(wrapper="amphora", collection="amphorae", title="Amphora")

    project_id: Annotated[
        str,
        types.String(36),
        attr.Attr(doc="The project of its load balancer.", create=False, update=False, show=False),
    ]
    loadbalancer_id: Annotated[str, UUID, attr.shown("The load balancer.", aliases=("load_balancer_id",), indexed=True)]
    compute_id: Annotated[str, UUID, attr.shown("The node that carries it: always the same for a node.")]
    lb_network_ip: Annotated[str | None, types.IpAddress(), attr.shown("The address of the node.")] = None
    vrrp_ip: Annotated[str | None, types.IpAddress(), attr.shown("Its own address on the network of the VIP.")] = None
    ha_ip: Annotated[str | None, types.IpAddress(), attr.shown("The VIP.")] = None
    vrrp_port_id: Annotated[str | None, UUID, attr.shown("The port of its own address.")] = None
    ha_port_id: Annotated[str | None, UUID, attr.shown("The port of the VIP.")] = None
    cert_expiration: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("When its certificate expires: it has none.")
    ] = None
    cert_busy: Annotated[bool, types.Boolean(), attr.shown("Whether its certificate is being renewed.")] = False
    role: Annotated[Role, types.Choice(Role), attr.shown("What it is among the instances of its load balancer.")] = (
        Role.STANDALONE
    )
    vrrp_interface: Annotated[str | None, types.String(16), attr.shown("The interface of the VIP.")] = None
    vrrp_id: Annotated[int | None, types.Integer(), attr.shown("Its VRRP group.")] = None
    vrrp_priority: Annotated[int | None, types.Integer(), attr.shown("Its VRRP priority.")] = None
    cached_zone: Annotated[str | None, types.String(), attr.shown("The availability zone.")] = None
    created_at: Annotated[datetime.datetime, types.Timestamp(), attr.shown("When it was made (UTC).")]
    updated_at: Annotated[datetime.datetime | None, types.Timestamp(), attr.shown("When it last changed (UTC).")] = None
    image_id: Annotated[str | None, UUID, attr.shown("The image it was booted from: there is none.")] = None
    compute_flavor: Annotated[str | None, types.String(), attr.shown("The compute flavor its flavor names.")] = None
