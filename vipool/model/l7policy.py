"""The L7 policy: what happens to a request that meets all of its rules, before the listener's default pool is asked."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, parts, types


class Action(enum.StrEnum):
    """What is done with a request that meets the rules."""

    REJECT = "REJECT"
    REDIRECT_TO_URL = "REDIRECT_TO_URL"
    REDIRECT_TO_POOL = "REDIRECT_TO_POOL"
    REDIRECT_PREFIX = "REDIRECT_PREFIX"

    @property
    def redirects_the_client(self) -> bool:
        """Whether the client is sent elsewhere, with a code and a Location."""
        return self in {Action.REDIRECT_TO_URL, Action.REDIRECT_PREFIX}


# The redirections of RFC 9110, section 15.4, that Octavia's users may choose from.
CODES = (301, 302, 303, 307, 308)
USUAL_CODE = 302
# A place no policy has: a new one goes behind the others.
LAST = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class L7Policy(parts.Part):
    """One L7 policy (Octavia API v2, `l7policies`)."""

    NOUN: ClassVar = attr.Noun(wrapper="l7policy", collection="l7policies", title="L7 Policy", argument="l7policy_")

    listener_id: Annotated[
        str, types.Uuid(), attr.Attr(doc="The listener whose requests it looks at.", update=False, indexed=True)
    ]
    action: Annotated[
        Action,
        types.Choice(Action),
        attr.Attr(doc="What is done with a request that meets every rule.", null=attr.Null.REFUSE),
    ]
    name: parts.Name = ""
    description: parts.Description = ""
    position: Annotated[
        int,
        types.Integer(1, LAST),
        attr.Attr(
            doc="Its place among the policies of the listener, from 1; at the end when not given.", null=attr.Null.KEEP
        ),
    ] = LAST
    redirect_pool_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="The pool that answers, for REDIRECT_TO_POOL.", indexed=True)
    ] = None
    redirect_url: Annotated[
        str | None, types.Url(), attr.Attr(doc="Where the client is sent, for REDIRECT_TO_URL.")
    ] = None
    redirect_prefix: Annotated[
        str | None,
        types.Url(),
        attr.Attr(doc="What is put before the path the client asked for, for REDIRECT_PREFIX.", since="2.3"),
    ] = None
    redirect_http_code: Annotated[
        int | None,
        types.OneOf(CODES),
        attr.Attr(doc="The status of a redirection (302).", since="2.9"),
    ] = None
