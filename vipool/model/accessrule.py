"""The access rule: one kind of request that the tokens of an application credential may make."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, caller, named, types

# Keystone's own limit.
LONGEST_PATH = 128


class Method(enum.StrEnum):
    """The methods of HTTP that a rule can name."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule(attr.Resource):
    """One access rule (Identity API v3, `access_rules`); a user's credentials share those that say the same."""

    NOUN: ClassVar = attr.Noun(wrapper="access_rule", collection="access_rules", title="Access Rule")

    service: Annotated[
        str, types.String(255, least=1), attr.Attr(doc="The type of the service, as in the catalog.", update=False)
    ]
    path: Annotated[
        str,
        types.String(LONGEST_PATH, pattern="/.*"),
        attr.Attr(
            doc="The path below the service's address; `*` or `{name}` is one part of it, `**` any number.",
            update=False,
        ),
    ]
    method: Annotated[Method, types.Choice(Method), attr.Attr(doc="The method of HTTP.", update=False)]
    user_id: Annotated[str, named.IDENTIFIER, attr.hidden("Whose it is.", indexed=True)]

    @property
    def access(self) -> caller.Access:
        """What it lets a caller do."""
        return caller.Access(service=self.service, method=self.method, path=self.path)
