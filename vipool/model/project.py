"""The project: what owns resources, and what most tokens are for."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(named.Named):
    """One project (Identity API v3, `projects`)."""

    NOUN: ClassVar = attr.Noun(wrapper="project", collection="projects", title="project")

    domain_id: Annotated[
        str, named.IDENTIFIER, attr.Attr(doc="The domain it belongs to.", update=False, indexed=True)
    ] = named.DEFAULT_DOMAIN
    description: Annotated[
        str | None, types.String(65_535), attr.Attr(doc="A description for people.", null=attr.Null.STORE)
    ] = ""
    enabled: named.Enabled = True
    parent_id: Annotated[
        str, named.IDENTIFIER, attr.Attr(doc="The project above it, or its domain.", update=False, indexed=True)
    ] = named.DEFAULT_DOMAIN
    is_domain: Annotated[bool, types.Boolean(), attr.Attr(doc="Always false.", update=False)] = False
    tags: named.Tags = ()
    options: named.Immutable = field(default_factory=dict)
    extra: named.Extra = field(default_factory=dict)
