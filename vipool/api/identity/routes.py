"""The whole route table of the identity service, and the face that serves it under ``/identity``."""

import dataclasses
from collections.abc import Callable

from vipool.api import exchange
from vipool.api import face as faces
from vipool.api.identity import (
    assigning,
    assignments,
    auth,
    desk,
    dialect,
    implying,
    joining,
    keys,
    people,
    policy,
    services,
    shelves,
    tagging,
    trusting,
)

MOUNT = "/identity"
# Nothing the Identity API takes is long: bodies over this are refused.
BODY_LIMIT = 114_688


def face(tools: desk.Desk, new_request_id: Callable[[], str]) -> faces.Face:
    """The identity service, ready to be mounted at ``MOUNT``."""
    return faces.Face(
        mount=MOUNT,
        routes=table(tools),
        dialect=dialect.IdentityDialect(),
        authenticate=tools.authority.authenticate,
        allow=policy.allow,
        new_request_id=new_request_id,
        body_limit=BODY_LIMIT,
        headers={"Vary": "X-Auth-Token"},
        service="identity",
    )


def table(tools: desk.Desk) -> tuple[exchange.Route, ...]:
    """Every route, those that belong to somebody guarded."""
    found = (
        *auth.Auth(tools).routes(),
        *(route for shelf in shelves.all_of_them(tools) for route in shelf.routes()),
        *tagging.Tagging(tools).routes(),
        *people.People(tools).routes(),
        *keys.Keys(tools).routes(),
        *trusting.Trusting(tools).routes(),
        *joining.Joining(tools).routes(),
        *assigning.Assigning(tools).routes(),
        *assignments.Assignments(tools).routes(),
        *implying.Implying(tools).routes(),
        *(route for kind in services.all_of_them(tools) for route in kind.routes()),
    )
    return tuple(_guarded(tools, route) if route.policy in policy.OWN else route for route in found)


def _guarded(tools: desk.Desk, route: exchange.Route) -> exchange.Route:
    """The same route, with the check that needs to know whose object it is about."""

    def handler(call: exchange.Call) -> exchange.Answer:
        policy.check_own(route.policy, tools.asking(call), call.parts)
        return route.handler(call)

    return dataclasses.replace(route, handler=handler)
