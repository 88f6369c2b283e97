"""What nodes must do beside the tenants' own objects: ports plugged for an operator, and things that must go."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from vipool.model import attr, types

Revision = Annotated[int, types.Integer(0, 2**63 - 1), attr.hidden("When nodes must look at it again.", indexed=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug(attr.Resource):
    """A port plugged into a namespace or process that somebody else runs; its id is the port's."""

    NOUN: ClassVar = attr.Noun(wrapper="plug", collection="plugs", title="Plug")

    target: Annotated[str, types.String(), attr.Attr(doc="netns:NAME or pid:PID.")]
    device: Annotated[str, types.String(15), attr.Attr(doc="The interface's name in there.")]
    realised: Annotated[bool, types.Boolean(), attr.shown("Whether a node has done it.")] = False
    fault: Annotated[str | None, types.String(4096), attr.shown("Why a node could not, in words.")] = None
    revision: Revision = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone(attr.Resource):
    """Something that must go from the nodes: its id is the kind and the id, its item what the nodes knew last."""

    NOUN: ClassVar = attr.Noun(wrapper="tombstone", collection="tombstones", title="Tombstone")

    item: Annotated[dict[str, Any], types.MapOf(types.String()), attr.hidden("The item, as `spec.dump` wrote it.")]
    revision: Revision = 0
