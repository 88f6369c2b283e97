"""What makes tokens void before their time, and what tells every server that identity has changed."""

import datetime
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedToken(attr.Resource):
    """A token that was revoked by itself; the id is its audit id.  The row can go once the token has expired."""

    NOUN: ClassVar = attr.Noun(wrapper="revoked_token", collection="revoked_tokens", title="revoked token")

    expires_at: Annotated[datetime.datetime, types.Timestamp(), attr.hidden("When the token would have ended (UTC).")]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityVersion(attr.Resource):
    """The one row that every write to identity raises first.

    It tells caches, in this and in other processes, that what they hold is old; and as every writer must lock it, no
    two of them work at once, so that names stay unique without an index that says so.
    """

    NOUN: ClassVar = attr.Noun(wrapper="identity_version", collection="identity_versions", title="identity version")

    number: Annotated[int, types.Integer(0), attr.hidden("How many writes there have been.")] = 0
