"""What engines that count have in common: the ledger of a load balancer, kept in its directory, and what it comes to.

Promises: what is told was kept before, unless the disk is full; then states matter more than that totals survive a
crash. A ledger that is not there, or cannot be read, begins afresh. Counts nothing itself.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vipool.core import ledger
from vipool.host import errors, files
from vipool.model import listener, spec, tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The counters of listeners and of members since they were made, by id; of members that had any traffic."""

    listeners: Mapping[str, spec.Counters]
    members: Mapping[str, spec.Counters]


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The ledger in one file."""

    path: Path

    def read(self) -> ledger.Ledger:
        """The ledger as it was last kept."""
        try:
            return ledger.load(self.path.read_text())
        except (OSError, ValueError):
            return ledger.Ledger()

    def advance(
        self, before: ledger.Ledger, process: str, seen: Mapping[str, ledger.Count], wanted: tree.Tree
    ) -> Totals:
        """What the listeners and members of a tree come to, now that a process said what it counted at each place.

        `before` is the ledger as it was read. The connections of this moment are those of `seen`. Who asks for metrics
        is no traffic of the load balancer's.
        """
        fronts = [each.id for each in wanted.listeners if each.protocol is not listener.Protocol.PROMETHEUS]
        behind = [each.id for each in wanted.members]
        after = ledger.advance(before, process, seen, frozenset((*fronts, *behind)))
        if after != before:
            with contextlib.suppress(errors.HostError):
                files.write(self.path, ledger.dump(after))
        active = _active(seen)
        return Totals(
            listeners={key: _now(after, key, active) for key in fronts},
            members={key: now for key in behind if (now := _now(after, key, active)) != spec.Counters()},
        )


def _active(seen: Mapping[str, ledger.Count]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for each in seen.values():
        for owner in each.owners:
            found[owner] = found.get(owner, 0) + each.counters.active_connections
    return found


def _now(kept: ledger.Ledger, key: str, active: Mapping[str, int]) -> spec.Counters:
    if key not in active:
        return kept.total(key)
    moment = spec.Counters(active_connections=active.get(key, 0))
    return ledger.added((kept.total(key), moment))
