"""The port: one MAC address and its IP addresses on a network; and the request for one.

`Allocation` is one address of one port.  No two rows may hold the same address of a subnet: the store refuses it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from vipool.model import attr, owned, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac:
    """An Ethernet address of one interface: neither multicast nor all zeros (IEEE 802), in lower case."""

    storage: types.Storage = types.Storage.TEXT

    def parse(self, value: object) -> str:
        """Six pairs of hexadecimal digits between colons or dashes."""
        if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", value):
            raise ValueError(f"'{value}' is not a valid MAC address.")
        found = value.lower().replace("-", ":")
        if int(found[:2], 16) & 1 or found == "00:00:00:00:00:00":
            raise ValueError(f"'{value}' is not the address of one interface.")
        return found

    def schema(self) -> dict[str, object]:
        """A string schema with its pattern."""
        return {"type": "string", "pattern": "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Any JSON object."""

    storage: types.Storage = types.Storage.JSON

    def parse(self, value: object) -> dict[str, Any]:
        """The object unchanged."""
        if not isinstance(value, Mapping):
            raise ValueError(f"'{value}' is not a dictionary.")
        return dict(value)

    def schema(self) -> dict[str, object]:
        """An object schema."""
        return {"type": "object"}


VNIC_TYPES = (
    "normal|direct|macvtap|baremetal|direct-physical|virtio-forwarder|smart-nic|remote-managed|vdpa"
    "|accelerator-direct|accelerator-direct-physical"
)
FIXED_IP = types.Entry(keys={"subnet_id": types.Uuid(), "ip_address": types.IpAddress()})
PAIR = types.Entry(keys={"mac_address": Mac(), "ip_address": types.Cidr()}, required=("ip_address",))
DHCP_OPTION = types.Entry(
    keys={"opt_name": types.String(), "opt_value": types.String(), "ip_version": types.Integer(4, 6)},
    required=("opt_name",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A port that is wanted.

    ``fixed_ips`` are (subnet or None, address or None) pairs; none at all leaves the choice open.  An empty
    ``mac_address`` lets the service choose.
    """

    network_id: str
    fixed_ips: tuple[tuple[str | None, str | None], ...] = ()
    name: str = ""
    description: str = ""
    mac_address: str = ""
    device_id: str = ""
    device_owner: str = ""
    project_id: str = ""
    security_group_ids: tuple[str, ...] = ()
    qos_policy_id: str | None = None
    admin_state_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """An end whose answers to others go back by way of a port: its address, what it speaks over ("tcp"), its port."""

    address: str
    protocol: str
    port: int


RETURN = types.Entry(keys={"address": types.IpAddress(), "protocol": types.String(8), "port": types.Integer(1, 65535)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Port(owned.Named):
    """One port (Neutron API v2.0, `ports`)."""

    NOUN: ClassVar = attr.Noun(wrapper="port", collection="ports", title="Port")
    UNIQUE: ClassVar = (("network_id", "mac_address"),)

    network_id: Annotated[str, types.Uuid(), attr.Attr(doc="The network it is on.", update=False, indexed=True)]
    mac_address: Annotated[str, Mac(), attr.Attr(doc="Its Ethernet address, unique on the network.", required=False)]
    admin_state_up: owned.AdminStateUp = True
    status: Annotated[str, types.String(16), attr.shown("ACTIVE once a node carries it, else DOWN.")] = "DOWN"
    device_id: Annotated[str, types.String(), attr.Attr(doc="What uses the port.", indexed=True)] = ""
    device_owner: Annotated[str, types.String(), attr.Attr(doc="What kind of thing uses the port.")] = ""
    fixed_ips: Annotated[
        tuple[Mapping[str, str], ...],
        types.ListOf(FIXED_IP),
        attr.Attr(doc="Its addresses and the subnets they come from.", filters=False),
    ] = ()
    allowed_address_pairs: Annotated[
        tuple[Mapping[str, str], ...],
        types.ListOf(PAIR),
        attr.Attr(doc="Further addresses it may speak for; kept.", null=(), filters=False),
    ] = ()
    extra_dhcp_opts: Annotated[
        tuple[Mapping[str, str], ...],
        types.ListOf(DHCP_OPTION),
        attr.Attr(doc="DHCP options; kept, not served.", null=(), filters=False),
    ] = ()
    security_groups: Annotated[
        tuple[str, ...],
        types.ListOf(types.Uuid(), distinct=True),
        attr.Attr(
            doc="Its security groups. They filter what comes to a load balancer; elsewhere they are kept.",
            null=(),
            filters=False,
        ),
    ] = ()
    vnic_type: Annotated[
        str, types.String(64, pattern=VNIC_TYPES), attr.Attr(doc="Kept, not used.", wire="binding:vnic_type")
    ] = "normal"
    host_id: Annotated[
        str, types.String(), attr.Attr(doc="The host that carries it.", wire="binding:host_id", null="")
    ] = ""
    profile: Annotated[
        dict[str, Any],
        Profile(),
        attr.Attr(doc="Binding details that services keep here.", wire="binding:profile", null={}, filters=False),
    ] = field(default_factory=dict)
    port_security_enabled: Annotated[
        bool, types.Boolean(), attr.Attr(doc="Whether it may have security groups; with false nothing is filtered.")
    ] = True
    qos_policy_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="A QoS policy; kept, not enforced.", null=attr.Null.STORE)
    ] = None
    dns_name: Annotated[str, types.String(63), attr.Attr(doc="A host name; kept, not served.", null="")] = ""
    guarded: Annotated[
        bool,
        types.Boolean(),
        attr.hidden(
            "Whether its groups were put on it for the load balancer that has it, and so filter what comes to that.",
            indexed=True,
        ),
    ] = False
    returns: Annotated[
        tuple[Mapping[str, Any], ...],
        types.ListOf(RETURN),
        attr.hidden("The ends whose answers routers of its network bring to it, whomever they are for."),
    ] = ()
    has_returns: Annotated[bool, types.Boolean(), attr.hidden("Whether there are any.", indexed=True)] = False
    revision: owned.Revision = 0
    fault: owned.Fault = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses alone."""
        return tuple(each["ip_address"] for each in self.fixed_ips)

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        """The subnets its addresses come from, each once."""
        return tuple(dict.fromkeys(each["subnet_id"] for each in self.fixed_ips))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation(attr.Resource):
    """One address that one port holds; its id is ``<subnet id>/<address>``."""

    NOUN: ClassVar = attr.Noun(wrapper="allocation", collection="allocations", title="Allocation")
    UNIQUE: ClassVar = (("subnet_id", "ip_address"),)

    network_id: Annotated[str, types.Uuid(), attr.hidden("The network.", indexed=True)]
    subnet_id: Annotated[str, types.Uuid(), attr.hidden("The subnet it comes from.")]
    port_id: Annotated[str, types.Uuid(), attr.hidden("The port that holds it.", indexed=True)]
    ip_address: Annotated[str, types.IpAddress(), attr.hidden("The address, in its canonical spelling.", indexed=True)]
