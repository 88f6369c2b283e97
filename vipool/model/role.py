"""The role: what a user may do in a project, a domain or the whole system; which roles imply others; who has which."""

import enum
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, named, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(named.Named):
    """One role (Identity API v3, `roles`).  Roles of a domain never appear in tokens, only those they imply."""

    NOUN: ClassVar = attr.Noun(wrapper="role", collection="roles", title="role")

    name: Annotated[str, named.LONG_NAME, attr.Attr(doc="The name, unique among the roles of its domain.")]
    domain_id: Annotated[
        str | None,
        named.IDENTIFIER,
        attr.Attr(doc="The domain it belongs to; null for every domain.", update=False, null=attr.Null.STORE),
    ] = None
    description: Annotated[
        str | None, types.String(65_535), attr.Attr(doc="A description for people.", null=attr.Null.STORE)
    ] = None
    options: named.Immutable = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference(attr.Resource):
    """One rule: who has the prior role has the implied one too (Identity API v3, `role_inferences`)."""

    NOUN: ClassVar = attr.Noun(wrapper="role_inference", collection="role_inferences", title="role inference")

    prior_role_id: Annotated[str, named.IDENTIFIER, attr.shown("The role somebody has.", indexed=True)]
    implied_role_id: Annotated[str, named.IDENTIFIER, attr.shown("The role that comes with it.", indexed=True)]


class Scope(enum.StrEnum):
    """Where a role counts."""

    PROJECT = "project"
    DOMAIN = "domain"
    SYSTEM = "system"


# The one system there is.
SYSTEM = "system"


class Actor(enum.StrEnum):
    """Who can be given a role; everybody in a group has the group's."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(attr.Resource):
    """One user's or group's role in one scope (Identity API v3, `role_assignments`).

    The id is made from who, where and what, so that giving a role twice is one row.
    """

    NOUN: ClassVar = attr.Noun(wrapper="role_assignment", collection="role_assignments", title="role assignment")

    actor: Annotated[Actor, types.Choice(Actor), attr.shown("Whether a user or a group has the role.")] = Actor.USER
    actor_id: Annotated[str, named.IDENTIFIER, attr.shown("Which one: its id.", indexed=True)]
    scope: Annotated[Scope, types.Choice(Scope), attr.shown("What kind of scope it counts in.")]
    scope_id: Annotated[str, named.IDENTIFIER, attr.shown("Which one: its id, or `system`.", indexed=True)]
    role_id: Annotated[str, named.IDENTIFIER, attr.shown("The role.", indexed=True)]
