"""The counters of a listener, and of a member, as its nodes last reported them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types

Count = types.Integer(0, 2**63 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics(attr.Resource):
    """Traffic of one listener (the id is the listener's), counted over its whole life."""

    NOUN: ClassVar = attr.Noun(wrapper="stats", collection="statistics", title="Statistics")

    loadbalancer_id: Annotated[str, types.Uuid(), attr.hidden("The tree that it is in.", indexed=True)]
    active_connections: Annotated[int, Count, attr.shown("Connections open now.")] = 0
    bytes_in: Annotated[int, Count, attr.shown("Bytes received from clients.")] = 0
    bytes_out: Annotated[int, Count, attr.shown("Bytes sent to clients.")] = 0
    request_errors: Annotated[int, Count, attr.shown("Requests that were malformed or broken off.")] = 0
    total_connections: Annotated[int, Count, attr.shown("Connections handled.")] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStatistics(Statistics):
    """Traffic of one member (the id is the member's), for whatever listeners, counted over its whole life.

    Errors are connections that the member refused and answers that were broken. Vipool's own; Octavia has none.
    """

    NOUN: ClassVar = attr.Noun(wrapper="member_stats", collection="member_statistics", title="Member statistics")
