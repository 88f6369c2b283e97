"""What a tree refers to, as files that HAProxy reads: certificates with their keys, authorities, revocation lists.

Promises: pure. A file is named by what it is for, not by what is in it: a certificate that is replaced leaves the
configuration as it was but for a digest, and can be exchanged in a process that runs. Reads and writes no file: see
`keyring`.
"""

import enum
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vipool.core import enabled, l7
from vipool.core.rules import tls as rules
from vipool.model import listener, tree

FOLDER = "tls"


class Role(enum.StrEnum):
    """What a file is for."""

    SHOWN = "shown to clients"
    OURS = "shown to members"
    AUTHORITIES = "authorities"
    REVOCATIONS = "revocations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A file that something served needs: its path below the load balancer's directory, and what it holds."""

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


def certificates(listener_id: str) -> str:
    """The directory of the certificates that a listener shows, the default first by its name."""
    return f"{FOLDER}/{listener_id}"


def certificate(pool_id: str) -> str:
    """The certificate that members of a pool are shown."""
    return f"{FOLDER}/{pool_id}.pem"


def authorities(owner: str) -> str:
    """Whom a listener's clients, or a pool's members, must be known to."""
    return f"{FOLDER}/{owner}.ca.pem"


def revocations(owner: str) -> str:
    """Whom those authorities take back."""
    return f"{FOLDER}/{owner}.crl.pem"


def asks_clients(front: listener.Listener) -> bool:
    """Whether clients of the listener are asked who they are."""
    return bool(rules.references(front)) and front.client_authentication is not listener.ClientAuthentication.NONE


def needs(wanted: tree.Tree, front: listener.Listener) -> Iterator[Need]:
    """What a listener and the pools behind it need."""
    for at, reference in enumerate(rules.references(front)):
        yield Need(path=f"{certificates(front.id)}/{at:04}.pem", role=Role.SHOWN, reference=reference)
    if asks_clients(front):
        yield from _authority(front.id, front.client_ca_tls_container_ref, front.client_crl_container_ref)
    for back in l7.pools_in_force(wanted, front):
        if back.tls_enabled:
            if back.tls_container_ref:
                yield Need(path=certificate(back.id), role=Role.OURS, reference=back.tls_container_ref)
            yield from _authority(back.id, back.ca_tls_container_ref, back.crl_container_ref)


def _authority(owner: str, authority: str | None, revoked: str | None) -> Iterator[Need]:
    if authority:
        yield Need(path=authorities(owner), role=Role.AUTHORITIES, reference=authority)
        if revoked:
            yield Need(path=revocations(owner), role=Role.REVOCATIONS, reference=revoked)


def readable(wanted: tree.Tree, texts: Mapping[str, str]) -> tree.Tree:
    """The tree without the listeners that cannot be served for want of the text of a reference."""
    complete = (each for each in wanted.listeners if all(need.reference in texts for need in needs(wanted, each)))
    return wanted.having({"listeners": tuple(complete)})


def files(wanted: tree.Tree, texts: Mapping[str, str]) -> tuple[File, ...]:
    """The files beside the configuration of a tree whose listeners are all readable, in the order of their paths."""
    found = {need.path: need for front in enabled.listeners(wanted) for need in needs(wanted, front)}
    return tuple(
        File(path=path, role=need.role, text=sections(texts[need.reference])) for path, need in sorted(found.items())
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
