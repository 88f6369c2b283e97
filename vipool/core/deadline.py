"""Which pending states have waited too long for a node's word.

Promises: pure; the clock is the caller's, in seconds. A tree waits from when it was first seen behind, or from its
node's last word on it: more writes do not put the deadline off, any progress does. A node that is busy with a crowd of
other trees is given much longer than one that is silent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vipool.model import status


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long, in seconds: without a word on anything, and at most."""

    silence: float = 30.0  # a node pulls within milliseconds, and its slowest attempt is bounded well below
    longest: float = 300.0


PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One tree that is behind: how far it had come, and since when it has come no further."""

    progress: status.Progress
    since: float


def follow(before: Mapping[str, Wait], behind: Mapping[str, status.Progress], now: float) -> dict[str, Wait]:
    """Who waits now, and since when, from who waited before and who is behind."""
    return {identifier: _wait(before.get(identifier), progress, now) for identifier, progress in behind.items()}


def _wait(before: Wait | None, progress: status.Progress, now: float) -> Wait:
    stuck = before is not None and reached(before.progress) == reached(progress)
    return Wait(progress=progress, since=before.since if before is not None and stuck else now)


def reached(progress: status.Progress) -> tuple[int, int]:
    """What a node's word changes."""
    return progress.settled, progress.failed


def spoken(before: Mapping[str, Wait], behind: Mapping[str, status.Progress]) -> bool:
    """Whether a node has said anything since: somebody who waited does no more, or has come further."""
    return any(
        identifier not in behind or reached(wait.progress) != reached(behind[identifier])
        for identifier, wait in before.items()
    )


def overdue(waits: Mapping[str, Wait], now: float, *, heard: float, patience: Patience = PATIENCE) -> dict[str, int]:
    """The generation that nobody has reported, by the id of its tree, where patience has ended.

    ``heard`` is when a node last said anything about any tree.
    """
    return {
        identifier: wait.progress.generation
        for identifier, wait in waits.items()
        if now - max(wait.since, heard) >= patience.silence or now - wait.since >= patience.longest
    }
