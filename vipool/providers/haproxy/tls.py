"""TLS: the words it becomes on `bind` and `server` lines, and the files that those words name.

Promises: pure. A file is named by what it is for, not by what is in it, so that a certificate that is replaced leaves
the text as it was but for a digest, and can be swapped in a process that runs. Reads and writes no file (`materials`).
"""

import enum
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vipool.core import l7
from vipool.core.rules import tls as rules
from vipool.model import deployment, listener, pool, tree
from vipool.providers.haproxy import served, tokens

Words = Iterator[tokens.Word]
FOLDER = "tls"
# Sessions that can be resumed without a ticket, which hardly a client needs. HAProxy's default of 20,000 costs each
# process 4.5 MB.
CACHED_SESSIONS = 1_000
# OpenSSL's names for what HAProxy calls by its number; its security level 0 is the one that has them (OpenSSL 3.0).
NAMES = {"TLSv1": "TLSv1.0"}
WEAK = ("TLSv1", "TLSv1.1")
LEVEL = "@SECLEVEL"
# Debian's OpenSSL is built without it.
UNSPOKEN = "SSLv3"


class Role(enum.StrEnum):
    """What a file is for."""

    SHOWN = "shown to clients"
    OURS = "shown to members"
    AUTHORITIES = "authorities"
    REVOCATIONS = "revocations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A file that something served needs: its path below the load balancer's directory, and whose material it holds."""

    path: str
    role: Role
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with its text, which may be a private key: it is in no repr."""

    path: str
    role: Role
    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What tells two texts apart, and gives neither away."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def ends(front: listener.Listener) -> bool:
    """Whether the listener ends its clients' TLS."""
    return bool(rules.references(front))


def needs(wanted: tree.Tree, front: listener.Listener) -> Iterator[Need]:
    """What a listener and the pools behind it need, each once."""
    for at, reference in enumerate(rules.references(front)):
        # HAProxy loads a directory in the order of its names, and takes the first for who names none that is there.
        yield Need(path=f"{FOLDER}/{front.id}/{at:04}.pem", role=Role.SHOWN, reference=reference)
    if _asks_clients(front):
        yield from _authority(front.id, front.client_ca_tls_container_ref, front.client_crl_container_ref)
    for back in l7.pools_in_force(wanted, front):
        if back.tls_enabled:
            if back.tls_container_ref:
                yield Need(path=f"{FOLDER}/{back.id}.pem", role=Role.OURS, reference=back.tls_container_ref)
            yield from _authority(back.id, back.ca_tls_container_ref, back.crl_container_ref)


def _authority(owner: str, authority: str | None, revocations: str | None) -> Iterator[Need]:
    if authority:
        yield Need(path=f"{FOLDER}/{owner}.ca.pem", role=Role.AUTHORITIES, reference=authority)
        if revocations:
            yield Need(path=f"{FOLDER}/{owner}.crl.pem", role=Role.REVOCATIONS, reference=revocations)


def _asks_clients(front: listener.Listener) -> bool:
    return ends(front) and front.client_authentication is not listener.ClientAuthentication.NONE


def readable(wanted: tree.Tree, materials: Mapping[str, str]) -> tree.Tree:
    """The tree without the listeners that cannot be served for want of what a reference stands for."""

    def complete(row: tree.Child) -> bool:
        return not isinstance(row, listener.Listener) or all(need.reference in materials for need in needs(wanted, row))

    return wanted.keep(complete)


def files(wanted: tree.Tree, materials: Mapping[str, str]) -> tuple[File, ...]:
    """The files beside the configuration of a tree whose listeners are all readable, in the order of their paths."""
    found = {need.path: need for front in served.listeners(wanted) for need in needs(wanted, front)}
    return tuple(
        File(path=path, role=need.role, text=sections(materials[need.reference]))
        for path, need in sorted(found.items())
    )


def sections(text: str) -> str:
    """The sections of a PEM text (RFC 7468) and nothing else: an empty line would end a command of the runtime API."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        inside = inside or line.startswith("-----BEGIN ")
        if inside and line.strip():
            kept.append(line.strip())
        inside = inside and not line.startswith("-----END ")
    return "".join(f"{line}\n" for line in kept)


def bind_words(front: listener.Listener) -> Words:
    """The words of a `bind` line."""
    if not ends(front):
        return
    yield from ("ssl", "crt", f"{FOLDER}/{front.id}")
    if _asks_clients(front):
        required = front.client_authentication is listener.ClientAuthentication.MANDATORY
        yield from ("ca-file", f"{FOLDER}/{front.id}.ca.pem", "verify", "required" if required else "optional")
        if front.client_crl_container_ref:
            yield from ("crl-file", f"{FOLDER}/{front.id}.crl.pem")
    yield from _terms(front)
    if front.alpn_protocols:
        yield from ("alpn", ",".join(front.alpn_protocols))


def server_words(back: pool.Pool, front: listener.Listener) -> Words:
    """The words of a `server` line."""
    if not back.tls_enabled:
        return
    yield "ssl"
    if back.ca_tls_container_ref:
        yield from ("ca-file", f"{FOLDER}/{back.id}.ca.pem", "verify", "required")
        if back.crl_container_ref:
            yield from ("crl-file", f"{FOLDER}/{back.id}.crl.pem")
    else:
        yield from ("verify", "none")
    if back.tls_container_ref:
        yield from ("crt", f"{FOLDER}/{back.id}.pem")
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
