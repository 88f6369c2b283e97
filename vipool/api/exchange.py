"""One request and one answer, as values: what a handler receives and returns, whatever serves HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vipool.api.openapi import operation
from vipool.model import caller, faults

JSON = "application/json"
Caller: TypeAlias = caller.Caller  # inside Call the field has the module's name
Operation: TypeAlias = operation.Operation  # and inside Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that has been read: the path's parts, the query in order, the JSON body, and who is asking.

    ``url`` is the absolute address of the request without its query, for links; ``mount`` the absolute address of the
    service (scheme, host and prefix).  ``search`` is the query as it was sent, without the question mark; ``client``
    the address the request came from.  ``caller`` is None only on routes that need no token.  ``policy`` names the
    rule of the route.  What may hold secrets is left out of the text of a call.
    """

    method: str
    path: str
    url: str
    mount: str
    parts: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    search: str = ""
    client: str = ""
    body: Any = field(default=None, repr=False)
    raw: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    caller: Caller | None = None
    policy: str = ""
    token: str = field(default="", repr=False)
    request_id: str = ""

    @property
    def who(self) -> Caller:
        """The caller of a route that needs a token."""
        if self.caller is None:
            raise faults.Unauthorized("The request you have made requires authentication.")
        return self.caller

    def asked(self, key: str) -> str | None:
        """The last value of a query argument, or None."""
        return next((value for name, value in reversed(self.query) if name == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: a JSON value (or ``raw`` bytes), or nothing.

    ``awaits`` is the id of the load balancer whose arrival would make it another answer; see ``api.arrivals``.
    """

    status: int = 200
    body: Any = None
    empty: bool = False
    raw: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    awaits: str = ""


NOTHING = Answer(status=204, empty=True)
Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of a face's table: where, what it takes to be allowed, and what answers.

    ``path`` uses ``{name}`` for parts.  ``policy`` names the rule that the face checks before the handler runs; the
    handler itself checks what depends on the object.  ``token`` is False on the few routes open to everybody;
    ``ruled`` is False where the access rules of an application credential do not count; ``heavy`` is True where an
    answer keeps the processor busy for long, so that such requests wait for each other and nobody else for them.
    ``media`` is what the answer is made of.  ``operation`` is what the OpenAPI document says of the row; without it the
    row is another spelling of one that has it, or of a face that has no document.
    """

    method: str
    path: str
    policy: str
    handler: Handler
    token: bool = True
    ruled: bool = True
    heavy: bool = False
    media: str = JSON
    operation: Operation | None = None
