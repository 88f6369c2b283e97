"""One entry of the history of a load balancer: a write with who did it and how it became real, or what befell it."""

import datetime
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from vipool.model import attr, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(attr.Resource):
    """One entry of the history of a load balancer (vipool's own; Octavia has none).

    ``changes`` has an entry for each object that changed: its kind and id, and the attributes that did, as they were
    before and after; null before for what was made, null after for what goes. A condition that begins or ends is an
    entry too, of nobody: its ``action`` is ``condition:begin`` or ``condition:end``.
    """

    NOUN: ClassVar = attr.Noun(wrapper="event", collection="history", title="Event")

    loadbalancer_id: Annotated[str, types.Uuid(), attr.shown("The load balancer.", indexed=True)]
    project_id: Annotated[str, types.String(36), attr.shown("The project of the load balancer.")]
    created_at: Annotated[
        datetime.datetime,
        types.Timestamp(),
        attr.shown("When the write was accepted, or the condition was told (UTC).", indexed=True),
    ]
    user_id: Annotated[str, types.String(64), attr.shown("Who asked for it; empty where nobody did.")]
    user_name: Annotated[str, types.String(255), attr.shown("The same, by name.")] = ""
    action: Annotated[
        str, types.String(255), attr.shown("What was asked: the name of its policy action; or what happened.")
    ]
    generation: Annotated[int, types.Integer(0), attr.shown("The generation of the load balancer that it made.")]
    changes: Annotated[
        tuple[dict[str, Any], ...], types.ListOf(types.Json()), attr.shown("What changed.", filters=False)
    ] = ()
    realised_at: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("When a node had made it so (UTC), or null.")
    ] = None
    realised_by: Annotated[
        str | None, types.String(4096), attr.shown("What the node did, in words, or null.", filters=False)
    ] = None
    fault: Annotated[
        str | None, types.String(4096), attr.shown("Why the node could not, in words, or null.", filters=False)
    ] = None
