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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vipool.core import enabled, l7
from vipool.model import listener, tree
from vipool.providers import base
from vipool.providers.haproxy import backends, headers, metrics, pem, persistence, served, switching, tls, tokens

SOCKET = "stats.sock"
STATES = "server-state"

# Octavia's default, in milliseconds: a stored 0 means it (OCTAVIA-SPEC 5.2).
CLIENT_TIMEOUT = 50_000

# Octavia's default_connection_limit; and what HAProxy itself, its listeners and its command line have open at most.
MOST_CONNECTIONS, FILES_OF_ITS_OWN = 50_000, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the text depends on of the node.

    `files` is how many files a process may have open. `user` and `group` are the numeric identities to run under, or
    None to stay what one is.
    """

    files: int = 4096
    user: int | None = None
    group: int | None = None


def render(wanted: tree.Tree, layout: Layout, files: Sequence[pem.File] = (), ports: base.Ports | None = None) -> str:
    """The configuration, or an empty text when nothing of the tree is to be served.

    `files` are those that `pem.files` says it needs: their digests are in the text, so that it tells of a change.
    `ports` are those of metrics where HAProxy is not all that carries the load balancer.
    """
    fronts = tuple(enabled.listeners(wanted))
    if not fronts:
        return ""
    most = connections(wanted, layout)
    return "\n".join(
        (
            *_digests(files),
            tokens.section("global", "", _global(wanted, most, layout)),
            *_peers(wanted),
            tokens.section("defaults", "", _defaults()),
            *(section for each in fronts for section in _listener(wanted, each, most, ports)),
            *(metrics.sections(ports) if ports else ()),
        )
    )


def _digests(files: Sequence[pem.File]) -> Iterator[str]:
    if files:
        yield "".join(f"{tokens.comment(each.path, each.digest)}\n" for each in files)


def connections(wanted: tree.Tree, layout: Layout) -> int:
    """The most client connections of the whole process that its open files allow.

    Each takes two files, each tenth one a pipe of two more, each server one for its check; HAProxy does not start when
    the sum is beyond the limit. Servers count by the thousand, so that the answer is the same when a few come or go.
    """
    reserved = FILES_OF_ITS_OWN + (len(wanted.members) * len(wanted.listeners) // 1000 + 1) * 1000
    return max(1, min(MOST_CONNECTIONS, (layout.files - reserved) * 10 // 22))


def identity(wanted: tree.Tree, layout: Layout) -> Iterator[str]:
    """The global lines of every process of ours: whose it is, where it is spoken to, where it finds what it knew."""
    if layout.user is not None:
        yield tokens.line("uid", layout.user)
    if layout.group is not None:
        yield tokens.line("gid", layout.group)
    if wanted.loadbalancer.incarnation:
        # Says nothing to HAProxy: another text is another process, which is what was asked for.
        yield tokens.line("description", f"incarnation {wanted.loadbalancer.incarnation}")
    yield tokens.line("stats", "socket", f"unix@{SOCKET}", "mode", 600, "level", "admin", "expose-fd", "listeners")
    yield tokens.line("server-state-file", STATES)


def _global(wanted: tree.Tree, most: int, layout: Layout) -> Iterator[str]:
    yield tokens.line("nbthread", 1)
    yield tokens.line("maxconn", most)
    yield tokens.line("maxpipes", max(1, most // 10))
    yield from identity(wanted, layout)
    # A process that was reloaded away ends its last connections itself after this time.
    yield tokens.line("hard-stop-after", "30m")
    if any(tls.ends(each) for each in enabled.listeners(wanted)):
        yield tokens.line("tune.ssl.cachesize", tls.CACHED_SESSIONS)
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


def _peers(wanted: tree.Tree) -> Iterator[str]:
    """Where a new process gets the stick tables of the old one from, if there are any: from itself, over loopback."""
    if any(persistence.has_table(back, served.mode(front, back)) for front, back in served.pairs(wanted)):
        yield tokens.section("peers", persistence.PEER, [tokens.line("peer", persistence.PEER, "127.0.0.1:1025")])


def _listener(wanted: tree.Tree, front: listener.Listener, most: int, ports: base.Ports | None) -> Iterator[str]:
    own = metrics.lines(ports) if front.protocol is listener.Protocol.PROMETHEUS else ()
    yield tokens.section("frontend", front.id, (*_frontend(wanted, front, most), *own))
    for back in l7.pools_in_force(wanted, front):
        yield tokens.section("backend", served.backend_name(back.id, front), backends.lines(wanted, front, back))


def _frontend(wanted: tree.Tree, front: listener.Listener, most: int) -> Iterator[str]:
    mode = served.MODES[front.protocol]
    yield tokens.line("mode", mode)
    words = tuple(tls.bind_words(front))
    for vip in wanted.loadbalancer.vips:
        yield tokens.line("bind", tokens.endpoint(vip, front.protocol_port), *words)
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
    yield from headers.transport_security(front)
    yield from switching.lines(wanted, front)
    back = enabled.pool_of(wanted, front.default_pool_id)
    if back is not None:
        yield tokens.line("default_backend", served.backend_name(back.id, front))
