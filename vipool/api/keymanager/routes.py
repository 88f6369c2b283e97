"""The whole route table of the key manager, and the face that serves it under ``/key-manager``."""

import dataclasses
from collections.abc import Callable

from vipool.api import exchange
from vipool.api import face as faces
from vipool.api.keymanager import (
    acls,
    consumers,
    containers,
    desk,
    dialect,
    policy,
    secrets,
    unserved,
    versions,
)
from vipool.model import caller

MOUNT = "/key-manager"
# The longest payload, with every letter of it escaped in JSON, and something around it.
BODY_LIMIT = 128 * 1024


def face(tools: desk.Desk, *, authenticate: Callable[[str], caller.Caller]) -> faces.Face:
    """The key manager, ready to be mounted at ``MOUNT``."""
    return faces.Face(
        mount=MOUNT,
        routes=table(tools),
        dialect=dialect.KeyManagerDialect(),
        authenticate=authenticate,
        allow=policy.allow,
        new_request_id=lambda: f"req-{tools.new_id()}",
        service="key-manager",
        body_limit=BODY_LIMIT,
    )


def table(tools: desk.Desk) -> tuple[exchange.Route, ...]:
    """Every route, each of whose answers says its version."""
    found = (
        *versions.routes(),
        *secrets.Secrets(desk=tools).routes(),
        *acls.AccessLists(desk=tools).routes(),
        *containers.Containers(desk=tools).routes(),
        *consumers.Consumers(desk=tools).routes(),
        *unserved.routes(),
    )
    return tuple(_versioned(route) for route in found)


def _versioned(route: exchange.Route) -> exchange.Route:
    def handler(call: exchange.Call) -> exchange.Answer:
        answer = route.handler(call)
        return dataclasses.replace(answer, headers={**versions.headers(call), **answer.headers})

    return dataclasses.replace(route, handler=handler)
