"""The trust: somebody lets somebody else act in a project, with some of the roles it has there."""

import datetime
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust(attr.Resource):
    """One trust (Identity API v3, `OS-TRUST/trusts`); it is made and removed, never changed."""

    NOUN: ClassVar = attr.Noun(wrapper="trust", collection="trusts", title="trust")

    trustor_user_id: Annotated[
        str, named.IDENTIFIER, attr.Attr(doc="Whose roles they are.", update=False, indexed=True)
    ]
    trustee_user_id: Annotated[str, named.IDENTIFIER, attr.Attr(doc="Who may act.", update=False, indexed=True)]
    project_id: Annotated[
        str, named.IDENTIFIER, attr.Attr(doc="The project to act in.", update=False, indexed=True, filters=False)
    ]
    impersonation: Annotated[
        bool,
        types.Boolean(),
        attr.Attr(doc="Whether tokens name the trustor as their user.", update=False, filters=False),
    ]
    expires_at: Annotated[
        datetime.datetime | None,
        types.Timestamp(),
        attr.Attr(doc="The end of its life (UTC), or null.", update=False, null=attr.Null.STORE, filters=False),
    ] = None
    remaining_uses: Annotated[
        int | None,
        types.Integer(1),
        attr.Attr(doc="How many more tokens it gives, or null.", update=False, null=attr.Null.STORE, filters=False),
    ] = None
    deleted_at: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("Always null: a deleted trust is gone.", filters=False)
    ] = None
    redelegated_trust_id: Annotated[
        str | None, named.IDENTIFIER, attr.shown("Always null: a trust is not handed on.", filters=False)
    ] = None
    redelegation_count: Annotated[
        int, types.Integer(0), attr.shown("Always 0: a trust is not handed on.", filters=False)
    ] = 0
    role_ids: Annotated[tuple[str, ...], types.ListOf(named.IDENTIFIER), attr.hidden("The roles.")] = ()
