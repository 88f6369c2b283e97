"""Whether the load-balancer service is well, for whoever balances the load in front of it.

What is asked is whether the store answers.  Anybody may ask, where the operator has switched it on.
"""

from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import versions
from vipool.api.openapi import operation
from vipool.model import faults
from vipool.store import session

PATH = "/healthcheck"
NAME = "octavia_db_check"
PLAIN = "text/plain"
OPERATION = operation.Operation(
    name="show_health",
    summary="Show whether the service is well",
    tag=versions.TAG,
    doc="Answered where the operator wants it: `OK`, or what is wrong; as JSON or HTML where that is asked for.",
    reply={"type": "string"},
    refuses=frozenset({404, 503}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """The handler."""

    database: session.Database
    enabled: bool

    def look(self, call: exchange.Call) -> exchange.Answer:
        """GET or HEAD healthcheck: 200 when well, 503 when not, in the first of three forms that the client takes."""
        if not self.enabled:
            raise faults.NotFound(
                "The health check is not enabled: an operator switches it on with healthcheck = true."
            )
        reason = self._trouble()
        status = 200 if reason is None else 503
        accepted = call.headers.get("accept", "")
        if "application/json" in accepted:
            return exchange.Answer(status=status, body={"detailed": False, "reasons": [reason] if reason else []})
        if "text/html" in accepted:
            text, media = f"<html><body><h1>{reason or 'OK'}</h1></body></html>", "text/html; charset=UTF-8"
        else:
            text, media = reason or "OK", "text/plain; charset=UTF-8"
        return exchange.Answer(status=status, raw=text.encode(), headers={"content-type": media})

    def _trouble(self) -> str | None:
        return None if self.database.answers() else f"{NAME}: the database does not answer"

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table."""
        return tuple(
            exchange.Route(
                method=method, path=PATH, policy="", handler=self.look, token=False, media=PLAIN, operation=said
            )
            for method, said in (("GET", OPERATION), ("HEAD", None))
        )
