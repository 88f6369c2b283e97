"""The RBAC policy: an object of one project that another may use, too."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types

# Every project there is, and will be.
EVERYBODY = "*"


class ObjectType(enum.StrEnum):
    """What can be shared so."""

    NETWORK = "network"


class Action(enum.StrEnum):
    """What the others may do with it."""

    ACCESS_AS_SHARED = "access_as_shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class RbacPolicy(attr.Resource):
    """One RBAC policy (Neutron API v2.0, `rbac-policies`)."""

    NOUN: ClassVar = attr.Noun(wrapper="rbac_policy", collection="rbac_policies", title="RBAC policy")

    project_id: Annotated[
        str, types.String(255), attr.Attr(doc="The project that shares.", update=False, required=False, indexed=True)
    ] = ""
    action: Annotated[Action, types.Choice(Action), attr.Attr(doc="What the others may do.", update=False)]
    object_id: Annotated[str, types.Uuid(), attr.Attr(doc="What is shared.", update=False, indexed=True)]
    target_tenant: Annotated[
        str, types.String(255, least=1), attr.Attr(doc="The project that may use it; `*` for all.", indexed=True)
    ]
    object_type: Annotated[ObjectType, types.Choice(ObjectType), attr.Attr(doc="What kind of thing.", update=False)]
