"""How many objects of the network service a project may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types

UNLIMITED = -1
# Neutron's own defaults.
DEFAULTS: Mapping[str, int] = {
    "network": 100,
    "subnet": 100,
    "subnetpool": UNLIMITED,
    "port": 500,
    "router_route": 30,
    "router": 10,
    "floatingip": 50,
    "rbac_policy": 10,
    "security_group": 10,
    "security_group_rule": 100,
    "trunk": UNLIMITED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkQuota(attr.Resource):
    """The limits an administrator set for a project; its id is the project's.  Others are the defaults."""

    NOUN: ClassVar = attr.Noun(wrapper="quota", collection="network_quotas", title="Quota")

    limits: Annotated[
        dict[str, int], types.MapOf(types.Integer(UNLIMITED)), attr.hidden("The limits that differ from the defaults.")
    ]

    @property
    def complete(self) -> dict[str, int]:
        """Every limit."""
        return {**DEFAULTS, **self.limits}


def of(limits: NetworkQuota | None) -> dict[str, int]:
    """The limits of a project, of which none may have been set."""
    return dict(DEFAULTS) if limits is None else limits.complete
