"""The router: joins the networks of a tenant with each other and, by its gateway, with an external one."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from vipool.model import attr, owned, subnet, types

INFO = types.Entry(
    {
        "network_id": types.Uuid(),
        "enable_snat": types.Boolean(),
        "external_fixed_ips": types.ListOf(types.Entry({"subnet_id": types.Uuid(), "ip_address": types.IpAddress()})),
    },
    required=("network_id",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What a router's gateway is to be; the empty object is none, as null is."""

    storage: types.Storage = types.Storage.JSON

    def parse(self, value: object) -> dict[str, Any] | None:
        """The network, with the addresses there and whether to translate where they are given."""
        return None if value == {} else INFO.parse(value)

    def schema(self) -> dict[str, object]:
        """An object schema."""
        return INFO.schema()


@dataclass(frozen=True, slots=True, kw_only=True)
class Router(owned.Named):
    """One router (Neutron API v2.0, `routers`)."""

    NOUN: ClassVar = attr.Noun(wrapper="router", collection="routers", title="Router")

    admin_state_up: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether it forwards.")] = True
    status: Annotated[str, types.String(16), attr.shown("ACTIVE.")] = "ACTIVE"
    external_gateway_info: Annotated[
        dict[str, object] | None,
        Gateway(),
        attr.Attr(
            doc="Its gateway: the external network, its address there, and whether it translates; null for none.",
            null=attr.Null.STORE,
            filters=False,
        ),
    ] = None
    routes: Annotated[
        tuple[dict[str, str], ...],
        types.ListOf(subnet.ROUTE),
        attr.Attr(doc="Further routes.", create=False, null=(), filters=False),
    ] = ()
    availability_zone_hints: Annotated[
        tuple[str, ...], types.ListOf(types.String()), attr.Attr(doc="Kept, not used.", update=False, filters=False)
    ] = ()
    flavor_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="Flavors are not served.", update=False, null=attr.Null.STORE)
    ] = None
    distributed: Annotated[bool, types.Boolean(), attr.Attr(doc="Always false: a router is on one node.")] = False
    ha: Annotated[bool, types.Boolean(), attr.Attr(doc="Always false: a router is on one node.")] = False
    gateway_port_id: Annotated[str | None, types.Uuid(), attr.hidden("The port of its gateway.", indexed=True)] = None
    revision: Annotated[
        int, types.Integer(0, 2**63 - 1), attr.hidden("When nodes must look at it again.", indexed=True)
    ] = 0
    fault: Annotated[str | None, types.String(4096), attr.hidden("Why a node could not realise it.")] = None
