"""A POST that is sent again under the same key answers what the first one did, and does nothing more.

The key is the header ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header).  It is a user's own: the same
word of another user, or on another path, is another key.  The answer is kept in the transaction that it tells of, so
that there is never one without the other; what was refused is not kept, and may be tried again.
"""

import dataclasses
import datetime
import hashlib
from collections.abc import Callable

from vipool.api import exchange
from vipool.api.openapi import operation
from vipool.model import faults, receipt
from vipool.store import receipts, rows, session

HEADER = "idempotency-key"
REPLAYED = "idempotent-replayed"
LONGEST = 255
KEPT = datetime.timedelta(hours=24)
ASKED = operation.Parameter(
    name="Idempotency-Key",
    schema={"type": "string", "minLength": 1, "maxLength": LONGEST},
    doc="A word of the client's for this request: sent again under it, it answers for a day what it did first.",
)


class OtherRequest(faults.Refusal):
    """The key stands for another request (422)."""

    status = 422


def once(database: session.Database, handler: exchange.Handler) -> exchange.Handler:
    """The handler, which a key makes answer once."""

    def keyed(call: exchange.Call) -> exchange.Answer:
        key = call.headers.get(HEADER)
        if key is None:
            return handler(call)
        return _once(database, call, _checked(key), handler)

    return keyed


def _once(
    database: session.Database, call: exchange.Call, key: str, handler: Callable[[exchange.Call], exchange.Answer]
) -> exchange.Answer:
    identifier = _digest(call.who.user_id, call.who.project_id or "", call.path, key)
    asked = _digest(call.raw.hex(), call.search)
    try:
        with database.read() as held:
            _refuse_known(held, identifier)
        # What a handler does before it writes keeps no other writer waiting.
        with database.longer(lambda held: _refuse_known(held, identifier)):
            answer = handler(call)
            with database.write() as held:
                receipts.forget(held, held.now - KEPT)
                kept = {"status": answer.status, "body": answer.body, "created_at": held.now}
                rows.add(held, receipt.Receipt(id=identifier, request=asked, **kept))
            return answer
    except _Known as known:
        first = known.receipt
    if first.request != asked:
        raise OtherRequest("The idempotency key was used for another request: take a new key for a new request.")
    return exchange.Answer(status=first.status, body=first.body, empty=first.body is None, headers={REPLAYED: "true"})


class _Known(Exception):
    """The request was answered before."""

    def __init__(self, first: receipt.Receipt) -> None:
        super().__init__(first.id)
        self.receipt = first


def _refuse_known(held: session.Session, identifier: str) -> None:
    """Raises _Known, which also undoes what is being done, where there is an answer that is not too old."""
    known = rows.get(held, receipt.Receipt, identifier)
    if known is not None and known.created_at >= held.now - KEPT:
        raise _Known(known)


def _checked(key: str) -> str:
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise faults.Invalid(f"The Idempotency-Key must be 1 to {LONGEST} printable characters.")
    return key


def _digest(*words: str) -> str:
    found = hashlib.sha256()
    for word in words:
        found.update(f"{len(word)}:{word}".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def guarded(database: session.Database, route: exchange.Route) -> exchange.Route:
    """The route, whose handler a key makes answer once where it makes something."""
    if route.method != "POST":
        return route
    said = route.operation
    if said is not None:
        said = dataclasses.replace(said, headers=(*said.headers, ASKED), refuses=said.refuses | {OtherRequest.status})
    return dataclasses.replace(route, handler=once(database, route.handler), operation=said)
