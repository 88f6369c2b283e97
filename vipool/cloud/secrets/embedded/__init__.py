"""vipool's own key manager: secrets, containers and who may read them, in vipool's own store.

``vault`` seals what the store keeps, ``access`` says who may read it, the other modules hold one noun's rules each.
Knows nothing of HTTP; the Key Manager API is spoken by ``vipool.api.keymanager``.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vipool.cloud.secrets import base
from vipool.cloud.secrets.embedded import access, material
from vipool.cloud.secrets.embedded import vault as vaults
from vipool.core import certificate, opening
from vipool.host import confined
from vipool.model import bundle as bundles
from vipool.model import caller, faults, guarded
from vipool.store import session

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the load-balancer service needs of a key manager (``cloud.secrets.base.Secrets``).

    ``opener`` answers the questions of ``core.opening``, somewhere where that may take long.
    """

    vault: vaults.Vault
    opener: Callable[[bytes], bytes]

    def bundle(self, held: session.Session, who: caller.Caller, ref: str) -> bundles.Bundle:
        """The certificate bundle that a caller names."""
        with _retrieving(ref):
            return self._open(material.of_bundle(held, self.vault, ref, _reader(who)))

    def pem(self, held: session.Session, who: caller.Caller, ref: str) -> str:
        """The text of the secret that a caller names."""
        with _retrieving(ref):
            return material.of_text(held, self.vault, ref, _reader(who))

    def kept_bundle(self, held: session.Session, ref: str) -> bundles.Bundle:
        """The bundle behind a reference that was accepted before."""
        return self._open(material.of_bundle(held, self.vault, ref, _anybody))

    def kept_pem(self, held: session.Session, ref: str) -> str:
        """The text behind a reference that was accepted before."""
        return material.of_text(held, self.vault, ref, _anybody)

    def _open(self, found: bundles.Material) -> bundles.Bundle:
        try:
            return opening.outcome(self.opener(opening.question(found)))
        except confined.NoAnswer as error:
            raise certificate.too_slow(found) from error


def _reader(who: caller.Caller) -> material.Check:
    def check(found: guarded.Guarded) -> None:
        if not access.may(access.Right.READ, who, found):
            raise faults.Forbidden(f"User {who.user_id} may not read {found.NOUN.title} {found.id}.")

    return check


def _anybody(found: guarded.Guarded) -> None:
    """No check: a node gets what was accepted when somebody who could read it asked for it."""


@contextlib.contextmanager
def _retrieving(ref: str) -> Iterator[None]:
    """Turn every reason that would tell of other people's objects into the one sentence that does not."""
    try:
        yield
    except faults.Unavailable:
        raise
    except faults.Refusal as refusal:
        if isinstance(refusal, certificate.Unusable) and refusal.kind != certificate.Kind.PARTS:
            raise
        log.info("What is behind '%s' was not retrieved: %s", faults.said(ref), refusal.sentence)
        raise base.NotRetrieved([ref], refusal.sentence) from refusal
