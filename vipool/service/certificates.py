"""Whether what TLS listeners and pools refer to is there, may be read by who names it, and is what it should be.

Opening somebody's bundle may take a second, so it is done in a transaction that only reads, before the write begins.
What is found out is said when the rest of the write turns out to be fine: a reference where none may be is refused
for that.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from vipool.cloud.secrets import base
from vipool.core import certificate, references
from vipool.model import caller, faults, tree
from vipool.store import rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Looks behind references."""

    database: session.Database
    secrets: base.Secrets

    def doubt(self, who: caller.Caller, body: Any) -> faults.Refusal | None:
        """Why a caller cannot have what a body asks for, or None."""
        return self._doubt(who, references.nested(body))

    def doubt_change(
        self, who: caller.Caller, cls: type[tree.Child], identifier: str, values: Mapping[str, Any]
    ) -> faults.Refusal | None:
        """Why a caller cannot give a row these values, or None; what it refers to already is not asked about."""
        if not any(values.get(name) for name in references.NAMES):
            return None
        with self.database.read() as held:
            row = rows.get(held, cls, identifier)
        if row is None:
            return None  # which is refused when it is looked for to be changed
        old = set(references.of(row))
        changed = references.of(dataclasses.replace(row, **values))
        return self._doubt(who, [each for each in changed if each not in old])

    def _doubt(self, who: caller.Caller, wanted: Iterable[references.Reference]) -> faults.Refusal | None:
        once = list(dict.fromkeys(wanted))
        if not once:
            return None
        with self.database.read() as held:
            doubts = list(self._doubts(held, who, once))
        missing = [doubt for doubt in doubts if isinstance(doubt, base.NotRetrieved)]
        if missing:
            refs = dict.fromkeys(ref for doubt in missing for ref in doubt.refs)
            return base.NotRetrieved(list(refs), missing[0].reason)
        return doubts[0] if doubts else None

    def _doubts(
        self, held: session.Session, who: caller.Caller, wanted: Iterable[references.Reference]
    ) -> Iterator[faults.Refusal]:
        for each in wanted:
            try:
                self._look(held, who, each)
            except faults.Refusal as refusal:
                yield refusal

    def _look(self, held: session.Session, who: caller.Caller, wanted: references.Reference) -> None:
        match wanted:
            case references.Bundle(ref=ref):
                self.secrets.bundle(held, who, ref)
            case references.Authority(ref=ref):
                certificate.check_authority(self.secrets.pem(held, who, ref).encode())
            case references.Revocations(ref=ref, authority=authority):
                listed = self.secrets.pem(held, who, ref)
                certificate.check_revocations(listed.encode(), self.secrets.pem(held, who, authority).encode())
            case _:
                assert_never(wanted)
