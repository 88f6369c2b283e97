"""The words that TLS becomes on `bind` and `server` lines.

Promises: pure. Which files those words name, and what is in them, is said elsewhere (`pem`).
"""

from collections.abc import Iterator, Sequence

from vipool.core.rules import tls as rules
from vipool.model import deployment, listener, pool
from vipool.providers.haproxy import pem, served, tokens

Words = Iterator[tokens.Word]
# Sessions that can be resumed without a ticket, which hardly a client needs. HAProxy's default of 20,000 costs each
# process 4.5 MB.
CACHED_SESSIONS = 1_000
# HAProxy calls by its number what the API does not.
NAMES = {"TLSv1": "TLSv1.0"}
# OpenSSL 3 speaks these at its security level 0 alone (SSL_CTX_set_security_level(3)).
WEAK = ("TLSv1", "TLSv1.1")
LEVEL = "@SECLEVEL"
# Debian's OpenSSL is built without it.
UNSPOKEN = "SSLv3"


def ends(front: listener.Listener) -> bool:
    """Whether the listener ends its clients' TLS."""
    return bool(rules.references(front))


def bind_words(front: listener.Listener) -> Words:
    """The words of a `bind` line."""
    if not ends(front):
        return
    # A directory, since HAProxy takes 64 words on a line: in the order of its names, the first for who names none.
    yield from ("ssl", "crt", pem.certificates(front.id))
    if pem.asks_clients(front):
        required = front.client_authentication is listener.ClientAuthentication.MANDATORY
        yield from ("ca-file", pem.authorities(front.id), "verify", "required" if required else "optional")
        if front.client_crl_container_ref:
            yield from ("crl-file", pem.revocations(front.id))
    yield from _terms(front)
    if front.alpn_protocols:
        yield from ("alpn", ",".join(front.alpn_protocols))


def server_words(back: pool.Pool, front: listener.Listener) -> Words:
    """The words of a `server` line."""
    if not back.tls_enabled:
        return
    yield "ssl"
    if back.ca_tls_container_ref:
        yield from ("ca-file", pem.authorities(back.id), "verify", "required")
        if back.crl_container_ref:
            yield from ("crl-file", pem.revocations(back.id))
    else:
        yield from ("verify", "none")
    if back.tls_container_ref:
        yield from ("crt", pem.certificate(back.id))
    if ends(front):
        yield from ("sni", "ssl_fc_sni")
    yield from _terms(back)
    offered = offers(back, served.mode(front, back))
    if offered:
        yield from ("alpn", ",".join(offered))


def offers(back: pool.Pool, mode: str) -> tuple[str, ...]:
    """The protocols offered to the members of a pool. Where bytes are carried, it is the client that speaks, whatever
    the member chooses: then only one that leaves no choice."""
    found = back.alpn_protocols or ()
    return found if mode == "http" or len(found) == 1 else ()


def _terms(row: listener.Listener | pool.Pool) -> Words:
    """Versions and ciphers."""
    versions = spoken(row)
    if versions:
        lowest, highest = (NAMES.get(each, each) for each in (versions[0], versions[-1]))
        yield from ("ssl-min-ver", lowest, "ssl-max-ver", highest)
    older, suites = ciphers(row.tls_ciphers)
    if versions and versions[0] in WEAK and not any(each.startswith(LEVEL) for each in older):
        older = (*(older or ("DEFAULT",)), f"{LEVEL}=0")
    if older:
        yield from ("ciphers", ":".join(older))
    if suites:
        yield from ("ciphersuites", ":".join(suites))


def ciphers(text: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A cipher string in two: what is for TLS 1.2 and older, nothing when nothing there would be chosen; the suites of
    TLS 1.3, which OpenSSL takes apart from the others (openssl-ciphers(1))."""
    items = [each for each in (text or "").split(":") if each]
    older = tuple(each for each in items if each not in rules.SUITES)
    suites = tuple(each for each in items if each in rules.SUITES)
    return (older if any(rules.chooses(each) for each in older) else ()), suites


def spoken(row: listener.Listener | pool.Pool) -> tuple[str, ...]:
    """The versions spoken, the oldest first; none where nobody chose. Without a cipher for the older ones it is 1.3."""
    versions = tuple(each for each in deployment.TLS_VERSIONS if each in (row.tls_versions or ()))
    older, suites = ciphers(row.tls_ciphers)
    if suites and not older:
        return tuple(each for each in versions or ("TLSv1.3",) if each == "TLSv1.3")
    return versions


def refuse(row: listener.Listener | pool.Pool) -> str | None:
    """The reason why HAProxy cannot speak TLS in these terms, or None."""
    versions = spoken(row)
    if UNSPOKEN in versions:
        return f"tls_versions {UNSPOKEN} is not spoken by the OpenSSL of the HAProxy provider; leave it out."
    if row.tls_versions and not versions:
        return "tls_ciphers are all of TLSv1.3, which is not among tls_versions."
    if versions and not _adjacent(versions):
        return f"tls_versions must have no gap for the HAProxy provider, which speaks all of {_range(versions)}."
    return None


def _adjacent(versions: Sequence[str]) -> bool:
    rank = deployment.TLS_VERSIONS.index
    return rank(versions[-1]) - rank(versions[0]) == len(versions) - 1


def _range(versions: Sequence[str]) -> str:
    rank = deployment.TLS_VERSIONS.index
    return ", ".join(deployment.TLS_VERSIONS[rank(versions[0]) : rank(versions[-1]) + 1])
