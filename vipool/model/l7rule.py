"""The L7 rule: one condition on a request."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, parts, types


class Type(enum.StrEnum):
    """What of a request is looked at."""

    HOST_NAME = "HOST_NAME"
    PATH = "PATH"
    FILE_TYPE = "FILE_TYPE"
    HEADER = "HEADER"
    COOKIE = "COOKIE"
    SSL_CONN_HAS_CERT = "SSL_CONN_HAS_CERT"
    SSL_VERIFY_RESULT = "SSL_VERIFY_RESULT"
    SSL_DN_FIELD = "SSL_DN_FIELD"


class Compare(enum.StrEnum):
    """How it is compared with the value."""

    REGEX = "REGEX"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    CONTAINS = "CONTAINS"
    EQUAL_TO = "EQUAL_TO"


# A line end would begin another line of whatever a rule is written into.
ONE_LINE = r"[^\r\n]*"


@dataclass(frozen=True, slots=True, kw_only=True)
class L7Rule(parts.Part):
    """One rule of an L7 policy (Octavia API v2, `l7policies/{l7policy_id}/rules`)."""

    NOUN: ClassVar = attr.Noun(wrapper="rule", collection="rules", title="L7 Rule", argument="rule_", kept="l7rules")

    l7policy_id: Annotated[
        str,
        types.Uuid(),
        attr.Attr(doc="The policy, from the path.", create=False, update=False, show=False, indexed=True),
    ]
    type: Annotated[Type, types.Choice(Type), attr.Attr(doc="What of a request is looked at.")]
    compare_type: Annotated[Compare, types.Choice(Compare), attr.Attr(doc="How it is compared with the value.")]
    value: Annotated[
        str,
        types.String(pattern=ONE_LINE),
        # It may be a word that only some know: the value of an Authorization header, say.
        attr.Attr(doc="What it is compared with.", aliases=("rule_value",), secret=True),
    ]
    key: Annotated[
        str | None, types.String(pattern=ONE_LINE), attr.Attr(doc="The name of the header, cookie or DN field.")
    ] = None
    invert: Annotated[
        bool, types.Boolean(), attr.Attr(doc="Whether the rule is met when the comparison is not.", null=False)
    ] = False
