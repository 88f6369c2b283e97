"""A key manager in memory: it holds what it was given, and everybody may read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from vipool.cloud.secrets import base
from vipool.model import bundle as bundles
from vipool.model import caller, faults
from vipool.store import session

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Certificate bundles and texts by reference (``cloud.secrets.base.Secrets``).

    A refusal under a reference is raised when that is asked for; where nothing is, nothing is retrieved.
    """

    certificates: dict[str, bundles.Bundle | faults.Refusal] = field(default_factory=dict)
    texts: dict[str, str | faults.Refusal] = field(default_factory=dict)

    def bundle(self, held: session.Session, who: caller.Caller, ref: str) -> bundles.Bundle:
        """The certificate bundle under a reference."""
        return _found(self.certificates, ref)

    def pem(self, held: session.Session, who: caller.Caller, ref: str) -> str:
        """The text under a reference."""
        return _found(self.texts, ref)

    def kept_bundle(self, held: session.Session, ref: str) -> bundles.Bundle:
        """The certificate bundle under a reference."""
        return _found(self.certificates, ref)

    def kept_pem(self, held: session.Session, ref: str) -> str:
        """The text under a reference."""
        return _found(self.texts, ref)


def _found(shelf: Mapping[str, T | faults.Refusal], ref: str) -> T:
    found = shelf.get(ref, base.NotRetrieved([ref]))
    if isinstance(found, faults.Refusal):
        raise found
    return found
