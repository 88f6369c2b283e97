"""The quota: how many objects of each kind a project may have."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types

# Octavia's bound; -1 is no limit.
Limit = types.Integer(-1, 2_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(attr.Resource):
    """The limits of one project (Octavia API v2, `quotas`): its id is the project's, null is the deployment's default.

    A project has one from its first object on.
    """

    NOUN: ClassVar = attr.Noun(
        wrapper="quota", collection="quotas", title="Quotas", argument="quotas", kept="loadbalancer_quotas"
    )

    id: Annotated[str, types.String(64), attr.hidden("The project.")]
    project_id: Annotated[str, types.String(64), attr.shown("The project.", indexed=True)]
    loadbalancer: Annotated[
        int | None, Limit, attr.Attr(doc="Load balancers; -1 is no limit.", aliases=("load_balancer",))
    ] = None
    listener: Annotated[int | None, Limit, attr.Attr(doc="Listeners.")] = None
    pool: Annotated[int | None, Limit, attr.Attr(doc="Pools.")] = None
    member: Annotated[int | None, Limit, attr.Attr(doc="Members, of all pools together.")] = None
    healthmonitor: Annotated[int | None, Limit, attr.Attr(doc="Health monitors.", aliases=("health_monitor",))] = None
    l7policy: Annotated[int | None, Limit, attr.Attr(doc="L7 policies.", since="2.19")] = None
    l7rule: Annotated[int | None, Limit, attr.Attr(doc="Rules, of all L7 policies together.", since="2.19")] = None
