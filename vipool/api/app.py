"""The whole of what is served over HTTP, joined: each service under its prefix, the operator's socket apart.

Requests that come over the unix socket reach only the local application, requests over TCP never do.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.types import Receive, Scope, Send

Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Chooses the application by prefix; what no prefix claims goes to ``default``."""

    services: Mapping[str, Application]
    default: Application
    local: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or say that there is no start-up work."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        await self._choose(scope)(scope, receive, send)

    def _choose(self, scope: MutableMapping[str, Any]) -> Application:
        server = scope.get("server")
        if server is not None and server[1] is None:  # a unix socket has a path and no port
            return self.local
        first = "/" + scope["path"].lstrip("/").split("/", 1)[0]
        return self.services.get(first, self.default)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
