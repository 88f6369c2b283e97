"""The application credential: a login of its own, for a program, with some of a user's roles in one project."""

import datetime
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential(attr.Resource):
    """One application credential (Identity API v3, `application_credentials`).  The secret is never kept."""

    NOUN: ClassVar = attr.Noun(
        wrapper="application_credential", collection="application_credentials", title="Application Credential"
    )

    name: Annotated[str, named.LONG_NAME, attr.Attr(doc="The name, unique among the user's.", update=False)]
    description: Annotated[
        str | None, types.String(65_535), attr.Attr(doc="A description.", update=False, null=attr.Null.STORE)
    ] = None
    user_id: Annotated[str, named.IDENTIFIER, attr.shown("Whose it is.", indexed=True, filters=False)]
    project_id: Annotated[
        str | None,
        named.IDENTIFIER,
        attr.shown("What its tokens are for; null for no project.", indexed=True, filters=False),
    ] = None
    system: Annotated[str | None, types.String(), attr.shown("Always null.", filters=False)] = None
    expires_at: Annotated[
        datetime.datetime | None,
        types.Timestamp(),
        attr.Attr(doc="The end of its life (UTC), or null.", update=False, null=attr.Null.STORE, filters=False),
    ] = None
    unrestricted: Annotated[
        bool | None,
        types.Boolean(),
        attr.Attr(
            doc="Whether its tokens may make and delete application credentials.",
            update=False,
            null=attr.Null.STORE,
            filters=False,
        ),
    ] = None
    role_ids: Annotated[
        tuple[str, ...], types.ListOf(named.IDENTIFIER), attr.hidden("The roles it was given, implied ones included.")
    ] = ()
    access_rule_ids: Annotated[
        tuple[str, ...] | None,
        types.ListOf(named.IDENTIFIER),
        attr.hidden("The access rules that its tokens are held to; null for none."),
    ] = None
    secret_hash: Annotated[str, types.String(512), attr.hidden("What its secret is checked against.")] = ""
