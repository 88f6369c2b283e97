"""A face: one OpenStack service over HTTP, from bytes to a handler and back.

Reads the request within limits, finds the caller, checks the route's policy, runs the synchronous handler in a worker
thread, and turns refusals into the error documents of that service.  An exception that is no refusal is a bug: it is
logged with its traceback and answered with a sentence that does not give anything away.
"""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias
from urllib import parse

import anyio
import anyio.to_thread
import orjson
from anyio import lowlevel
from starlette import requests, responses, routing
from starlette.types import Receive, Scope, Send

from vipool.api import arrivals, exchange
from vipool.core import access
from vipool.model import caller, faults

log = logging.getLogger(__name__)

Arrivals: TypeAlias = arrivals.Arrivals  # inside Face the field has the module's name

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Threads for heavy requests, two for each processor: else a flood of logins would hold every thread there is.
HEAVY = 2 * (os.cpu_count() or 1)
_heavy: lowlevel.RunVar[anyio.CapacityLimiter] = lowlevel.RunVar("vipool-heavy")


class Dialect(Protocol):
    """How one service words its errors and treats its bodies."""

    head_as_get: bool  # whether HEAD is answered as GET without its body

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """The error document of a refusal raised by a handler."""

    def unknown_path(self, call: exchange.Call) -> exchange.Answer:
        """The answer for a path that no route has."""

    def wrong_method(self, call: exchange.Call, allowed: Sequence[str]) -> exchange.Answer:
        """The answer for a path that has other methods only."""

    def crashed(self, call: exchange.Call) -> exchange.Answer:
        """The answer for a bug."""

    def too_large(self, call: exchange.Call, limit: int) -> exchange.Answer:
        """The answer for a body over the limit, in bytes."""

    def check_media(self, call: exchange.Call) -> None:
        """Refuse content types and Accept headers the service does not speak (406, 415)."""

    def parse(self, raw: bytes, call: exchange.Call) -> Any:
        """The JSON value of a body; raises a Refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What makes a service: where it is mounted, its routes, its dialect, and how it decides who may do what."""

    mount: str
    routes: tuple[exchange.Route, ...]
    dialect: Dialect
    authenticate: Callable[[str], caller.Caller]
    allow: Callable[[str, caller.Caller], None]
    new_request_id: Callable[[], str]
    body_limit: int = 8 * 1024 * 1024
    body_seconds: float = 60.0  # for the whole of a body: a client that sends none of it keeps a connection
    prefixes: tuple[str, ...] = ("",)
    request_id_header: str = "x-openstack-request-id"
    headers: Mapping[str, str] = field(default_factory=dict)
    guarded: bool = False  # whether even what is not there needs a token
    arrivals: Arrivals | None = None  # without them, answers that await something are given at once
    service: str = ""  # its type in the catalog; without one, a token with access rules is good for nothing here


def _threads() -> anyio.CapacityLimiter:
    """What heavy requests of this event loop share."""
    found = _heavy.get(None)
    if found is None:
        found = anyio.CapacityLimiter(HEAVY)
        _heavy.set(found)
    return found


class Service:
    """The ASGI application of one face."""

    def __init__(self, face: Face) -> None:
        self.face = face
        table: dict[str, dict[str, exchange.Route]] = {}
        for route in face.routes:
            table.setdefault(route.path, {})[route.method] = route
        self._paths = [
            (routing.compile_path(prefix + path)[0], methods)
            for path, methods in table.items()
            for prefix in face.prefixes
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = requests.Request(scope, receive)
        call = self._call(request)
        try:
            answer = await self._answer(call, request)
        except requests.ClientDisconnect:
            return  # nobody is there to be answered
        except Exception:  # a bug in vipool: say so in the log, never to the client
            log.exception("%s %s failed (%s)", call.method, call.path, call.request_id)
            answer = self.face.dialect.crashed(call)
        await self._response(answer, call)(scope, receive, send)

    def _call(self, request: requests.Request) -> exchange.Call:
        path = request.scope["path"].removeprefix(self.face.mount) or "/"
        base = f"{request.url.scheme}://{request.url.netloc}"
        return exchange.Call(
            method=request.method,
            path=path,
            url=base + parse.quote(request.scope["path"], safe="/:@!$&'()*+,;="),
            mount=base + self.face.mount,
            query=tuple(request.query_params.multi_items()),
            search=request.url.query,
            client=request.client.host if request.client else "",
            headers=request.headers,
            token=request.headers.get("x-auth-token", ""),
            request_id=self.face.new_request_id(),
        )

    async def _answer(self, call: exchange.Call, request: requests.Request) -> exchange.Answer:
        dialect = self.face.dialect
        found = self._find(call.path)
        if found is None:
            return await anyio.to_thread.run_sync(self._astray, call, None)
        parts, methods = found
        route = methods.get(call.method)
        if route is None and call.method == "HEAD" and dialect.head_as_get:
            route = methods.get("GET")
        if route is None:
            return await anyio.to_thread.run_sync(self._astray, call, sorted(methods))
        try:
            raw = await self._read(request) if call.method in WITH_BODY or call.method == "DELETE" else b""
        except faults.TooSlow as refusal:
            return dialect.refusal(refusal, call)
        if raw is None:
            return dialect.too_large(call, self.face.body_limit)
        whole = dataclasses.replace(call, parts=parts, raw=raw, policy=route.policy)
        return await self._patiently(route, whole)

    async def _patiently(self, route: exchange.Route, call: exchange.Call) -> exchange.Answer:
        """The answer now, or in a moment where that may be a better one."""
        limiter = _threads() if route.heavy else None
        here = self.face.arrivals
        since = here.latest if here else 0
        answer = await anyio.to_thread.run_sync(self._handle, route, call, limiter=limiter)
        end = anyio.current_time() + here.seconds if here else 0.0
        while here and answer.awaits and (left := end - anyio.current_time()) > 0:
            if not await here.wait(answer.awaits, since, left):
                break
            since = here.latest
            answer = await anyio.to_thread.run_sync(self._handle, route, call, limiter=limiter)
        return answer

    def _find(self, path: str) -> tuple[dict[str, str], dict[str, exchange.Route]] | None:
        for spelling in dict.fromkeys((path, path.rstrip("/"))):
            for pattern, methods in self._paths:
                if match := pattern.match(spelling):
                    return match.groupdict(), methods
        return None

    async def _read(self, request: requests.Request) -> bytes | None:
        chunks: list[bytes] = []
        size = 0
        with anyio.move_on_after(self.face.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > self.face.body_limit:
                    return None
                chunks.append(chunk)
            return b"".join(chunks)
        raise faults.TooSlow(f"The body did not arrive within {self.face.body_seconds:g} seconds: send it again.")

    def _handle(self, route: exchange.Route, call: exchange.Call) -> exchange.Answer:
        """Everything that may wait for the store, in a worker thread."""
        try:
            if route.token:
                call = dataclasses.replace(call, caller=self.face.authenticate(call.token))
                self._hold_to_rules(route, call)
                self.face.allow(route.policy, call.who)
            if route.media == exchange.JSON:
                self.face.dialect.check_media(call)
            if call.raw:
                call = dataclasses.replace(call, body=self.face.dialect.parse(call.raw, call))
            return route.handler(call)
        except faults.Refusal as refusal:
            return self.face.dialect.refusal(refusal, call)

    def _hold_to_rules(self, route: exchange.Route, call: exchange.Call) -> None:
        """Refuse what an application credential's access rules leave out, as the token middleware of OpenStack does."""
        rules = call.who.access
        if rules is None or not route.ruled:
            return
        paths = (call.path, self.face.mount + call.path)
        if not access.permits(rules, self.face.service, call.method, paths):
            raise faults.Unauthorized(
                f"The access rules of the application credential leave out {call.method} {call.path}: use another "
                "credential, or make one with a rule for it."
            )

    def _astray(self, call: exchange.Call, allowed: Sequence[str] | None) -> exchange.Answer:
        """What no route answers: a path that is not there, or one with other methods."""
        dialect = self.face.dialect
        try:
            if self.face.guarded:
                self.face.authenticate(call.token)
            return dialect.unknown_path(call) if allowed is None else dialect.wrong_method(call, allowed)
        except faults.Refusal as refusal:
            return dialect.refusal(refusal, call)

    def _response(self, answer: exchange.Answer, call: exchange.Call) -> responses.Response:
        headers = {**self.face.headers, self.face.request_id_header: call.request_id, **answer.headers}
        if answer.empty:
            return responses.Response(status_code=answer.status, headers=headers)
        if answer.raw is not None:
            return responses.Response(answer.raw, status_code=answer.status, headers=headers)
        content = orjson.dumps(answer.body)
        return responses.Response(content, status_code=answer.status, headers=headers, media_type="application/json")
