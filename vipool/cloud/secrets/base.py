"""What the load-balancer service needs of a key manager.

Every call gets the transaction it happens in: the embedded implementation reads in it; one that talks to a real
Barbican does not use it.  Opening a bundle may take a second (somebody else's file says how often its pass phrase is
hashed), so let it be a transaction that only reads: writers wait for each other.
"""

from collections.abc import Sequence
from typing import Protocol

from vipool.model import bundle as bundles
from vipool.model import caller, faults
from vipool.store import session


class NotRetrieved(faults.Invalid):
    """Nothing that can be used is behind these references, for this caller (400).

    The sentence is Octavia's and says no more, so that nobody learns what others keep; ``reason`` says it to the
    operator, and has been logged.
    """

    def __init__(self, refs: Sequence[str], reason: str = "") -> None:
        super().__init__(f"Could not retrieve certificate: {list(refs)}", kind="CertificateRetrievalException")
        self.refs = tuple(refs)
        self.reason = reason


class Secrets(Protocol):
    """Gives what is behind references to secrets and containers: to callers, and to the control plane.

    A reference is a URL whose last two segments are ``secrets`` or ``containers`` and an identifier; what stands
    before them does not count, since the service answers under every name of its host.
    """

    def bundle(self, held: session.Session, who: caller.Caller, ref: str) -> bundles.Bundle:
        """The certificate bundle that a caller names: a PKCS#12 secret, or a certificate container.

        Raises NotRetrieved when there is none that the caller may read, faults.Invalid when a PKCS#12 file cannot be
        opened or the certificate is for no name, faults.Unavailable when its key is lost.
        """

    def pem(self, held: session.Session, who: caller.Caller, ref: str) -> str:
        """The text of the secret that a caller names, for certificates of authorities and revocation lists.

        What it should be is for ``core.certificate`` to check.  Raises NotRetrieved or faults.Unavailable.
        """

    def kept_bundle(self, held: session.Session, ref: str) -> bundles.Bundle:
        """The bundle behind a reference that was accepted before, whoever may read it by now: for nodes.

        Raises faults.Refusal with a sentence that says what has become of it.
        """

    def kept_pem(self, held: session.Session, ref: str) -> str:
        """The text behind a reference that was accepted before.  Raises faults.Refusal likewise."""
