"""What the nouns of identity have in common: a name that cannot be blank, a domain, what else clients sent along.

The attributes and their order are those of the Identity API v3 (Keystone 30): unknown attributes of projects, users
and domains are kept and shown.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from vipool.model import attr, types

# The domain that exists from the start, with Keystone's own id for it.
DEFAULT_DOMAIN = "default"
# At least one character that is not blank.
NAME = types.String(64, least=1, pattern=r"(?s).*\S.*")
LONG_NAME = types.String(255, least=1, pattern=r"(?s).*\S.*")
IDENTIFIER = types.String(64, least=1)

Enabled = Annotated[bool, types.Boolean(), attr.Attr(doc="Whether it can be used to log in.")]
Tags = Annotated[
    tuple[str, ...],
    types.ListOf(types.String(255, least=1), distinct=True),
    attr.Attr(doc="Words that lists can be filtered by.", filters=False),
]
Extra = Annotated[dict[str, Any], types.Json(), attr.hidden("Attributes that clients sent and vipool does not know.")]
Immutable = Annotated[
    dict[str, bool | None],
    types.Flags(("immutable",)),
    attr.Attr(doc="Switches: `immutable` protects the object from being changed or deleted.", filters=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(attr.Resource):
    """Something with a name."""

    name: Annotated[str, NAME, attr.Attr(doc="The name, unique in its domain, whatever its case.")]
