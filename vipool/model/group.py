"""The group: users that are given roles together."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(named.Named):
    """One group (Identity API v3, `groups`)."""

    NOUN: ClassVar = attr.Noun(wrapper="group", collection="groups", title="group")

    domain_id: Annotated[
        str, named.IDENTIFIER, attr.Attr(doc="The domain it belongs to.", update=False, indexed=True)
    ] = named.DEFAULT_DOMAIN
    description: Annotated[
        str | None, types.String(65_535), attr.Attr(doc="A description for people.", null=attr.Null.STORE)
    ] = ""
    extra: named.Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership(attr.Resource):
    """One user in one group.  The id is made from the two others, so that joining twice is one row."""

    NOUN: ClassVar = attr.Noun(wrapper="membership", collection="memberships", title="membership")

    group_id: Annotated[str, named.IDENTIFIER, attr.hidden("The group.", indexed=True)]
    user_id: Annotated[str, named.IDENTIFIER, attr.hidden("Who is in it.", indexed=True)]
