"""The user: somebody, or some program, that can log in."""

import datetime
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class User(named.Named):
    """One user (Identity API v3, `users`).

    ``password`` is never kept: ``password_hash`` is its argon2id hash in PHC form (RFC 9106), None for a user that
    cannot log in with a password.
    """

    NOUN: ClassVar = attr.Noun(wrapper="user", collection="users", title="user")

    name: Annotated[str, named.LONG_NAME, attr.Attr(doc="The name, unique in its domain, whatever its case.")]
    domain_id: Annotated[
        str, named.IDENTIFIER, attr.Attr(doc="The domain it belongs to.", update=False, indexed=True)
    ] = named.DEFAULT_DOMAIN
    enabled: named.Enabled = True
    default_project_id: Annotated[
        str | None,
        named.IDENTIFIER,
        attr.Attr(doc="The project of a token for which no scope was asked; not checked.", null=attr.Null.STORE),
    ] = None
    password_expires_at: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("Always null: passwords do not expire.", filters=False)
    ] = None
    options: Annotated[
        dict[str, bool | None],
        types.Flags(
            (
                "ignore_change_password_upon_first_use",
                "ignore_password_expiry",
                "ignore_lockout_failure_attempts",
                "ignore_user_inactivity",
                "lock_password",
            )
        ),
        attr.Attr(
            doc="Switches: `lock_password` keeps the user from changing its own password; the rest is kept only.",
            filters=False,
        ),
    ] = field(default_factory=dict)
    extra: named.Extra = field(default_factory=dict)
    password_hash: Annotated[str | None, types.String(512), attr.hidden("The argon2id hash of the password.")] = None
    epoch: Annotated[
        int, types.Integer(0), attr.hidden("Raised to void every token issued so far; a token carries its own.")
    ] = 1
