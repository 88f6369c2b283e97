"""The topology that a project was given on request: a network with a router, ready to use."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoAllocated(attr.Resource):
    """One project's (Neutron API v2.0, `auto-allocated-topology`); its id is the project's."""

    NOUN: ClassVar = attr.Noun(
        wrapper="auto_allocated_topology", collection="auto_allocated_topologies", title="Auto allocated topology"
    )

    network_id: Annotated[str, types.Uuid(), attr.hidden("The network.")]
    router_id: Annotated[str, types.Uuid(), attr.hidden("The router that leads out of it.")]
