"""The domain: a name space of users and projects."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(named.Named):
    """One domain (Identity API v3, `domains`)."""

    NOUN: ClassVar = attr.Noun(wrapper="domain", collection="domains", title="domain")

    description: Annotated[
        str | None, types.String(65_535), attr.Attr(doc="A description for people.", null=attr.Null.STORE)
    ] = ""
    enabled: named.Enabled = True
    tags: named.Tags = ()
    options: named.Immutable = field(default_factory=dict)
    extra: named.Extra = field(default_factory=dict)
