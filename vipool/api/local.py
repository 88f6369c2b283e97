"""What is served on the unix socket in the state directory: agents, and the operator's own commands.

Whoever may open the socket is trusted: its directory belongs to the operator alone.  Agents pull what their node must
be (waiting for news for as long as they like, within bounds) and push what they found.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio.to_thread
import orjson
from starlette import requests, responses
from starlette.types import Receive, Scope, Send

from vipool.api import arrivals
from vipool.cloud.network import base
from vipool.cloud.network.embedded import plugs
from vipool.cloud.secrets import base as key_manager
from vipool.core import exposition
from vipool.model import attr, condition, faults, plug, spec
from vipool.service import conditions, desired, settle
from vipool.store import rows, session

LONGEST_WAIT = 60.0
Arrivals: TypeAlias = arrivals.Arrivals  # inside Local the field has the module's name


class News:
    """Wakes those who wait for a revision.  Missing a wake-up costs a delay, never the news itself."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended = False

    def end(self) -> None:
        """Send everybody home: there will be no more news."""
        self.ended = True
        self.tell(0)

    def tell(self, _revision: int) -> None:
        """Wake everybody; may be called from any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """An event that is set by every commit from now on."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The ASGI application of the unix socket."""

    database: session.Database
    networks: base.Network
    secrets: key_manager.Secrets
    news: News
    arrivals: Arrivals
    on_report: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = requests.Request(scope, receive)
        try:
            response = await self._answer(request)
        except faults.Refusal as refusal:
            response = _json({"error": refusal.sentence}, status=refusal.status)
        except orjson.JSONDecodeError:
            response = _json({"error": "The body is not JSON."}, status=400)
        await response(scope, receive, send)

    async def _answer(self, request: requests.Request) -> responses.Response:
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", ["agent", "desired"]:
                return await self._desired(request)
            case "POST", ["agent", "reports"]:
                return await self._reports(request)
            case "GET", ["agent", "conditions"]:
                return await anyio.to_thread.run_sync(self._conditions)
            case "GET", ["metrics"]:
                return await anyio.to_thread.run_sync(self._metrics)
            case "GET", ["agent", "plugs"]:
                return await anyio.to_thread.run_sync(self._plugs)
            case "POST", ["agent", "plugs"]:
                body = orjson.loads(await request.body())
                return await anyio.to_thread.run_sync(functools.partial(self._attach, body))
            case "DELETE", ["agent", "plugs", identifier]:
                return await anyio.to_thread.run_sync(functools.partial(self._detach, identifier))
            case _:
                raise faults.NotFound(f"There is no {request.method} {request.url.path} here.")

    async def _desired(self, request: requests.Request) -> responses.Response:
        try:
            known = int(request.query_params.get("known", "0"))
            wait = min(float(request.query_params.get("wait", "0")), LONGEST_WAIT)
        except ValueError as error:
            raise faults.Invalid("known is a whole number, and wait a number of seconds.") from error
        deadline = asyncio.get_running_loop().time() + wait
        with self.news.listen() as event:
            while True:
                event.clear()
                found = await anyio.to_thread.run_sync(self._pull, known)
                if found is not None:
                    return responses.Response(found, media_type="application/json")
                if self.news.ended:
                    return responses.Response(status_code=204)
                left = deadline - asyncio.get_running_loop().time()
                try:
                    await asyncio.wait_for(event.wait(), max(left, 0))
                except TimeoutError:
                    return responses.Response(status_code=204)

    def _pull(self, known: int) -> bytes | None:
        with self.database.read() as held:
            if known == held.current():
                return None
            found = desired.desired(held, self.networks, self.secrets, known=known)
        return orjson.dumps(spec.outline(found), default=dict)

    async def _reports(self, request: requests.Request) -> responses.Response:
        reports = [spec.load_report(each) for each in orjson.loads(await request.body())]
        await anyio.to_thread.run_sync(self._settle, reports)
        self.arrivals.tell(each.id for each in reports if each.kind == "loadbalancer")
        self.on_report()
        return responses.Response(status_code=204)

    def _settle(self, reports: list[spec.Report]) -> None:
        settle.take(self.database, self.networks, reports)

    def _conditions(self) -> responses.Response:
        with self.database.read() as held:
            found = sorted(rows.find(held, condition.Condition), key=lambda each: each.since)
        return _json({"conditions": [attr.show(each) for each in found]})

    def _metrics(self) -> responses.Response:
        with self.database.read() as held:
            found = conditions.gauges(held)
        return responses.Response(exposition.text(found), headers={"content-type": exposition.MEDIA})

    def _plugs(self) -> responses.Response:
        with self.database.read() as held:
            return _json({"plugs": [attr.show(each) for each in rows.find(held, plug.Plug)]})

    def _attach(self, body: Any) -> responses.Response:
        if not isinstance(body, dict) or not all(
            isinstance(body.get(key), str) for key in ("port", "target", "device")
        ):
            raise faults.Invalid("The body needs a port, a target and a device, all of them strings.")
        with self.database.write() as held:
            of = plugs.find_port(held, body["port"])
            return _json({"plug": attr.show(plugs.attach(held, of, body["target"], body["device"]))}, status=201)

    def _detach(self, name: str) -> responses.Response:
        with self.database.write() as held:
            plugs.detach(held, plugs.find_port(held, name))
        return responses.Response(status_code=204)


def _json(body: object, *, status: int = 200) -> responses.Response:
    return responses.Response(orjson.dumps(body), status_code=status, media_type="application/json")
