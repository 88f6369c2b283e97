"""How a client is kept on one member: lines of a backend, words of its servers.

Promises: pure. Cookies need requests to be read: where a pool only carries bytes they have no effect, as in Octavia
(OCTAVIA-SPEC 4.3). Tables go to the next process through the peer that a process is to itself.
"""

from collections.abc import Iterator

from vipool.model import member, pool
from vipool.providers.haproxy import tokens

PEER = "local"
COOKIE = "SRV"
# Entries of a table: Octavia's haproxy_stick_size. None expires; the oldest go when it is full.
SIZE = "10k"

Kind = pool.Persistence


def kind(back: pool.Pool, mode: str) -> Kind | None:
    """What keeps the clients of a pool whose connections are read in this mode, or None."""
    if not back.session_persistence:
        return None
    found = Kind(str(back.session_persistence["type"]))
    return found if mode == "http" or found is Kind.SOURCE_IP else None


def has_table(back: pool.Pool, mode: str) -> bool:
    """Whether the process must remember who was where."""
    return kind(back, mode) in {Kind.SOURCE_IP, Kind.APP_COOKIE}


def lines(back: pool.Pool, mode: str) -> Iterator[str]:
    """The lines of a backend."""
    match kind(back, mode):
        case Kind.SOURCE_IP:
            yield tokens.line("stick-table", "type", "ipv6", "size", SIZE, "peers", PEER)
            yield tokens.line("stick", "on", "src")
        case Kind.HTTP_COOKIE:
            yield tokens.line("cookie", COOKIE, "insert", "indirect", "nocache")
        case Kind.APP_COOKIE:
            name = tokens.argument(str((back.session_persistence or {})["cookie_name"]))
            yield tokens.line("stick-table", "type", "string", "len", 64, "size", SIZE, "peers", PEER)
            yield tokens.line("stick", "store-response", f"res.cook({name})")
            yield tokens.line("stick", "match", f"req.cook({name})")
        case None:
            pass


def words(each: member.Member, back: pool.Pool, mode: str) -> Iterator[tokens.Word]:
    """The words of a server."""
    if kind(back, mode) is Kind.HTTP_COOKIE:
        yield from ("cookie", tokens.name(each.id))
