"""What secrets and containers have in common: whose they are, who made them, and who may read them.

The access list is part of the object: it is asked at every read, and goes when the object goes.
"""

import datetime
from dataclasses import dataclass
from typing import Annotated

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded(attr.Resource):
    """An object of the key manager that has an access list."""

    id: Annotated[str, types.Uuid(), attr.hidden("The identifier: the last part of its reference, which replies show.")]
    created: Annotated[datetime.datetime, types.Timestamp(), attr.shown("When it was made (UTC).")]
    updated: Annotated[datetime.datetime, types.Timestamp(), attr.shown("When it last changed (UTC).")]
    status: Annotated[
        str, types.String(16), attr.shown("Always ACTIVE: what is kept can be used at once.", filters=False)
    ] = "ACTIVE"
    name: Annotated[
        str | None,
        types.String(),
        attr.Attr(doc="A name for people; need not be unique.", update=False, null=attr.Null.STORE),
    ] = None
    creator_id: Annotated[str, named.IDENTIFIER, attr.shown("The user who made it.", filters=False)]
    project_id: Annotated[str, named.IDENTIFIER, attr.hidden("The project that owns it.", indexed=True)]
    project_access: Annotated[
        bool,
        types.Boolean(),
        attr.hidden("Whether all members of the project may read it, not its maker alone.", wire="project-access"),
    ] = True
    users: Annotated[
        tuple[str, ...],
        types.ListOf(named.IDENTIFIER, distinct=True),
        attr.hidden("Further users who may read it, of whatever project."),
    ] = ()
    acl_created: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.hidden("When it got an access list of its own (UTC).")
    ] = None
    acl_updated: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.hidden("When its access list last changed (UTC).")
    ] = None
