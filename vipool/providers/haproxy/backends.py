"""A pool as the answer of one listener: the lines of its backend.

Promises: pure. A member that is disabled is written in maintenance; whatever else is disabled is left out. Does not say
which pools answer which listeners (`served`).
"""

from collections.abc import Iterator
from typing import assert_never

from vipool.core import enabled
from vipool.model import listener, pool, tree
from vipool.providers.haproxy import checks, headers, persistence, served, servers, tokens

# Octavia's defaults, in milliseconds: a stored 0 means them (OCTAVIA-SPEC 5.2).
CONNECT_TIMEOUT, SERVER_TIMEOUT = 5_000, 50_000


def lines(wanted: tree.Tree, front: listener.Listener, back: pool.Pool) -> Iterator[str]:
    """The lines of the backend."""
    mode = served.mode(front, back)
    monitor = enabled.monitor_of(wanted, back.id)
    yield tokens.line("mode", mode)
    yield from _balance(back.lb_algorithm)
    yield tokens.line("option", "allbackups")
    yield tokens.line("timeout", "connect", front.timeout_member_connect or CONNECT_TIMEOUT)
    yield tokens.line("timeout", "server", front.timeout_member_data or SERVER_TIMEOUT)
    if mode == "http":
        yield from _http()
        yield from headers.lines(front)
    yield from persistence.lines(back, mode)
    yield from checks.lines(monitor, back)
    members = wanted.members_of(back.id)
    numbers = servers.numbers(members)
    serving = servers.Serving(front=front, back=back, monitor=monitor, root=wanted.loadbalancer, numbers=numbers)
    for each in members:
        yield tokens.line("server", *servers.words(each, serving))


def _balance(algorithm: pool.Algorithm) -> Iterator[str]:
    match algorithm:
        case pool.Algorithm.ROUND_ROBIN:
            yield tokens.line("balance", "roundrobin")
        case pool.Algorithm.LEAST_CONNECTIONS:
            yield tokens.line("balance", "leastconn")
        case pool.Algorithm.SOURCE_IP:
            yield tokens.line("balance", "source")
            yield _consistent()
        case pool.Algorithm.SOURCE_IP_PORT:
            # `concat` adds variables alone.
            yield tokens.line("tcp-request", "content", "set-var(txn.port)", "src_port")
            yield tokens.line("balance", "hash", "src,concat(:,txn.port)")
            yield _consistent()
        case _:
            assert_never(algorithm)


def _consistent() -> str:
    """Only the consistent hash lets servers come and go at run time; without avalanche neighbouring addresses all land
    on one server."""
    return tokens.line("hash-type", "consistent", "sdbm", "avalanche")


def _http() -> Iterator[str]:
    # A WebSocket lives on when it is silent for longer than a request may be.
    yield tokens.line("timeout", "tunnel", "1h")
    yield tokens.line("http-reuse", "always")
    # A shared idle connection may be closed by the member at the moment a request is sent on it: safe methods are
    # sent again on another (RFC 9110, section 9.2.2), the rest never. Only the first request of a client's connection
    # needs that: a client knows what to do when a connection that it kept is closed (RFC 9112, section 9.3.1), and a
    # copy of each request in case it is needed costs as much as carrying it.
    yield tokens.line("retry-on", "conn-failure", "empty-response")
    again = ("{", "http_first_req", "}", "{", "method", "GET", "HEAD", "OPTIONS", "}")
    yield tokens.line("http-request", "disable-l7-retry", "unless", *again)
