"""What the nouns of a load balancer's tree have in common: the stamps, and the attributes every one of them shows."""

import datetime
from dataclasses import dataclass
from typing import Annotated

from vipool.model import attr, status, types

Name = Annotated[str, types.String(), attr.Attr(doc="A name for people; need not be unique.", null="")]
Description = Annotated[str, types.String(), attr.Attr(doc="A description for people.", null="")]
AdminStateUp = Annotated[
    bool,
    types.Boolean(),
    attr.Attr(doc="Whether the object is in service. A null means false.", null=False, aliases=("enabled",)),
]
Tags = Annotated[
    tuple[str, ...],
    types.ListOf(types.String(), distinct=True),
    attr.Attr(doc="Words that lists can be filtered by.", null=attr.Null.KEEP, since="2.5", filters=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped(attr.Resource):
    """A row with an owner, the moments it changed, and the generations that stamp it."""

    project_id: Annotated[str, types.String(36), attr.shown("The project that owns the object.", indexed=True)]
    admin_state_up: AdminStateUp = True
    tags: Tags = ()
    operating_status: Annotated[
        status.Operating,
        types.Choice(status.Operating),
        attr.shown("What the data plane says about the object."),
    ] = status.Operating.OFFLINE
    created_at: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("When the object was made (UTC).")
    ] = None
    updated_at: Annotated[
        datetime.datetime | None,
        types.Timestamp(),
        attr.shown("When it last changed (UTC): was first realised, or was changed by a user since; else null."),
    ] = None
    born: Annotated[int, types.Integer(0), attr.hidden("The generation that made the row.")] = 1
    touched: Annotated[int, types.Integer(0), attr.hidden("The generation that last changed the row.")] = 1
    dying: Annotated[bool, types.Boolean(), attr.hidden("Whether the row goes once its generation is realised.")] = (
        False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Stamped):
    """A row of a tree below its load balancer."""

    loadbalancer_id: Annotated[str, types.String(36), attr.hidden("The tree this row belongs to.", indexed=True)]
