"""The headers that members are told of the client, as lines of a backend.

Promises: pure. A header that is switched on is set, whatever the client sent under its name; `X-Forwarded-For` alone
is added to what is there.
"""

from collections.abc import Iterator

from vipool.model import listener
from vipool.providers.haproxy import tokens

ADDRESSES = ("X-Real-IP", "X-Client-IP", "X-Forwarded-IP")


def lines(front: listener.Listener) -> Iterator[str]:
    """The lines of a backend that answers for the listener."""
    for header in inserted(front):
        match header:
            case "X-Forwarded-For":
                yield tokens.line("option", "forwardfor")
            case "X-Forwarded-Port":
                yield tokens.line("http-request", "set-header", header, "%[dst_port]")
            case "X-Forwarded-Proto":
                yield tokens.line("http-request", "set-header", header, "http")
            case _:
                yield tokens.line("http-request", "set-header", header, "%[src]")


def inserted(front: listener.Listener) -> tuple[str, ...]:
    """The headers that are switched on: those whose value is "true" in any case (OCTAVIA-SPEC 1.2)."""
    return tuple(sorted(key for key, value in (front.insert_headers or {}).items() if value.lower() == "true"))
