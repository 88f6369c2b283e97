"""A load balancer's tree as the text of haproxy.cfg.

Promises: pure, and the same text for the same tree. The frontend of a listener is named by the listener's id; a pool
is rendered once for each listener it answers, as `{pool id}:{listener id}`; a server is named by its member's id: the
names Octavia's users find in their dashboards. What is disabled is left out, except members, which are rendered in
maintenance. Names, descriptions and tags are never rendered. The tree was accepted by `capabilities` and holds no row
that is going. Does not read the clock, the node or the disk: what it must know of the node is in `Layout`.

Paths in the text are relative: HAProxy is started with `-C` in the load balancer's directory, so that the text is the
same on every node and a socket's path can never exceed the 107 bytes that unix(7) allows.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vipool.model import healthmonitor, listener, pool, tree
from vipool.providers.haproxy import servers, tokens

SOCKET = "stats.sock"
STATES = "server-state"
PEER = "local"

# Octavia's defaults, in milliseconds: a stored 0 means them (OCTAVIA-SPEC 5.2).
CLIENT_TIMEOUT, CONNECT_TIMEOUT, SERVER_TIMEOUT = 50_000, 5_000, 50_000

# Octavia's default_connection_limit; and what HAProxy itself, its listeners and its command line have open at most.
MOST_CONNECTIONS, FILES_OF_ITS_OWN = 50_000, 200

PROTOCOL_MODES = {
    listener.Protocol.TCP: "tcp",
    listener.Protocol.HTTPS: "tcp",
    listener.Protocol.HTTP: "http",
}
CLIENT_ADDRESS_HEADERS = ("X-Real-IP", "X-Client-IP", "X-Forwarded-IP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the text depends on of the node.

    `files` is how many files a process may have open. `user` and `group` are the numeric identities to run under, or
    None to stay what one is.
    """

    files: int = 4096
    user: int | None = None
    group: int | None = None


def render(wanted: tree.Tree, layout: Layout) -> str:
    """The configuration, or an empty text when nothing of the tree is to be served."""
    served = tuple(enabled(wanted))
    if not served:
        return ""
    most = connections(wanted, layout)
    return "\n".join(
        (
            tokens.section("global", "", _global(most, layout)),
            *_peers(wanted, served),
            tokens.section("defaults", "", _defaults()),
            *(section for each in served for section in _listener(wanted, each, most)),
        )
    )


def enabled(wanted: tree.Tree) -> Iterator[listener.Listener]:
    """The listeners to serve, in the order of the tree."""
    if wanted.loadbalancer.admin_state_up:
        yield from (each for each in wanted.listeners if each.admin_state_up)


def answering(wanted: tree.Tree, front: listener.Listener) -> pool.Pool | None:
    """The pool that answers for a listener, or None when it has none that is enabled."""
    found = wanted.find(pool.Pool, front.default_pool_id) if front.default_pool_id else None
    return found if found and found.admin_state_up else None


def backend_name(back: pool.Pool, front: listener.Listener) -> str:
    """What a pool is called as the answer of a listener."""
    return tokens.name(f"{back.id}:{front.id}")


def connections(wanted: tree.Tree, layout: Layout) -> int:
    """The most client connections of the whole process that its open files allow.

    Each takes two files, each tenth one a pipe of two more, each server one for its check; HAProxy does not start when
    the sum is beyond the limit. Servers count by the thousand, so that the answer is the same when a few come or go.
    """
    reserved = FILES_OF_ITS_OWN + (len(wanted.members) * len(wanted.listeners) // 1000 + 1) * 1000
    return max(1, min(MOST_CONNECTIONS, (layout.files - reserved) * 10 // 22))


def _global(most: int, layout: Layout) -> Iterator[str]:
    yield tokens.line("nbthread", 1)
    yield tokens.line("maxconn", most)
    yield tokens.line("maxpipes", max(1, most // 10))
    if layout.user is not None:
        yield tokens.line("uid", layout.user)
    if layout.group is not None:
        yield tokens.line("gid", layout.group)
    yield tokens.line("stats", "socket", f"unix@{SOCKET}", "mode", 600, "level", "admin", "expose-fd", "listeners")
    yield tokens.line("server-state-file", STATES)
    # A process that was reloaded away ends its last connections itself after this time.
    yield tokens.line("hard-stop-after", "30m")
    # Otherwise HAProxy 2.6 loads every CA of the system at each start, check and reload: 33 ms of CPU and 0.9 MB.
    yield tokens.line("httpclient.ssl.verify", "none")


def _defaults() -> Iterator[str]:
    yield tokens.line("load-server-state-from-file", "global")
    yield tokens.line("retries", 3)
    # At once: by default a refused connection is tried on the same member three times, a second apart.
    yield tokens.line("option", "redispatch", 1)
    # Bulk transfers at 40 % of the processor time. Larger buffers and pipes than the default add nothing to that: the
    # buffers make retries dearer, and pipes come out of a small allowance of all processes of one user (pipe(7)).
    yield tokens.line("option", "splice-request")
    yield tokens.line("option", "splice-response")


def _peers(wanted: tree.Tree, served: Iterable[listener.Listener]) -> Iterator[str]:
    """Where a new process gets the stick tables of the old one from, if there are any: from itself, over loopback."""
    pools = (answering(wanted, each) for each in served)
    if any(each is not None and each.session_persistence for each in pools):
        yield tokens.section("peers", PEER, [tokens.line("peer", PEER, "127.0.0.1:1025")])


def _listener(wanted: tree.Tree, front: listener.Listener, most: int) -> Iterator[str]:
    back = answering(wanted, front)
    yield tokens.section("frontend", front.id, _frontend(wanted, front, back, most))
    if back is not None:
        yield tokens.section("backend", backend_name(back, front), _backend(wanted, front, back))


def _frontend(wanted: tree.Tree, front: listener.Listener, back: pool.Pool | None, most: int) -> Iterator[str]:
    mode = PROTOCOL_MODES[front.protocol]
    yield tokens.line("mode", mode)
    for vip in wanted.loadbalancer.vips:
        yield tokens.line("bind", tokens.endpoint(vip, front.protocol_port))
    yield tokens.line("maxconn", min(front.connection_limit, most) if front.connection_limit > 0 else most)
    yield tokens.line("timeout", "client", front.timeout_client_data or CLIENT_TIMEOUT)
    if mode == "http":
        # Without it a reload resets idle keep-alive connections just as the next request arrives on them.
        yield tokens.line("option", "idle-close-on-response")
    if front.timeout_tcp_inspect:
        yield tokens.line("tcp-request", "inspect-delay", front.timeout_tcp_inspect)
    for cidr in front.allowed_cidrs or ():
        yield tokens.line("acl", "allowed", "src", str(ipaddress.ip_network(cidr, strict=False)))
    if front.allowed_cidrs:
        yield tokens.line("tcp-request", "connection", "reject", "unless", "allowed")
    if back is not None:
        yield tokens.line("default_backend", backend_name(back, front))


def _backend(wanted: tree.Tree, front: listener.Listener, back: pool.Pool) -> Iterator[str]:
    mode = pool_mode(front, back)
    monitor = servers.monitor_of(wanted, back.id)
    yield tokens.line("mode", mode)
    yield from _balance(back.lb_algorithm)
    yield tokens.line("option", "allbackups")
    yield tokens.line("timeout", "connect", front.timeout_member_connect or CONNECT_TIMEOUT)
    yield tokens.line("timeout", "server", front.timeout_member_data or SERVER_TIMEOUT)
    if monitor is not None:
        yield tokens.line("timeout", "check", f"{monitor.timeout}s")
    if mode == "http":
        yield from _http(front)
    if back.session_persistence:
        yield tokens.line("stick-table", "type", "ipv6", "size", "10k", "peers", PEER)
        yield tokens.line("stick", "on", "src")
    if monitor is not None and monitor.type.speaks_http:
        yield from _http_check(monitor)
    numbers = servers.numbers(wanted.members_of(back.id))
    serving = servers.Serving(root=wanted.loadbalancer, back=back, monitor=monitor, numbers=numbers)
    for each in wanted.members_of(back.id):
        yield tokens.line("server", *servers.words(each, serving))


def pool_mode(front: listener.Listener, back: pool.Pool) -> str:
    """How connections to the pool are read: http or tcp. HAProxy upgrades those of a TCP listener to an HTTP pool."""
    match back.protocol:
        case pool.Protocol.HTTP:
            return "http"
        case pool.Protocol.PROXY | pool.Protocol.PROXYV2:
            return PROTOCOL_MODES[front.protocol]
        case _:
            return "tcp"


def _balance(algorithm: pool.Algorithm) -> Iterator[str]:
    match algorithm:
        case pool.Algorithm.LEAST_CONNECTIONS:
            yield tokens.line("balance", "leastconn")
        case pool.Algorithm.SOURCE_IP:
            yield tokens.line("balance", "source")
            # Only the consistent hash lets servers come and go at run time; without avalanche neighbouring addresses
            # all land on one server.
            yield tokens.line("hash-type", "consistent", "sdbm", "avalanche")
        case _:
            yield tokens.line("balance", "roundrobin")


def _http(front: listener.Listener) -> Iterator[str]:
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


def _http_check(monitor: healthmonitor.HealthMonitor) -> Iterator[str]:
    version = f"HTTP/{monitor.http_version or 1.0:.1f}"
    send: list[tokens.Word] = ["meth", str(monitor.http_method or "GET"), "uri", monitor.url_path or "/"]
    send += ["ver", version]
    if monitor.domain_name:
        send += ["hdr", "Host", tokens.literal(monitor.domain_name)]
    yield tokens.line("option", "httpchk")
    yield tokens.line("http-check", "send", *send)
    yield tokens.line("http-check", "expect", "status", expected(monitor.expected_codes or "200"))


def expected(codes: str) -> str:
    """The good answers as HAProxy lists them. Raises ValueError when they are not numbers."""
    if "-" in codes:
        first, last = (int(each) for each in codes.split("-"))
        return f"{first}-{last}"
    return ",".join(str(int(each)) for each in codes.split(","))
