"""The state machine, as arithmetic on generations.

Every accepted write raises the generation of a load balancer's tree and stamps the rows it touched.  Nodes report the
generation they realised, or failed to.  From these numbers follows every provisioning status: PENDING means that the
realised generation is behind the row's, ERROR that the attempt at it failed.  Nobody ever sets a status, so nothing
is ever stuck in one.
"""

import enum
from dataclasses import dataclass


class Provisioning(enum.StrEnum):
    """What vipool is doing about an object (Octavia's provisioning_status)."""

    PENDING_CREATE = "PENDING_CREATE"
    PENDING_UPDATE = "PENDING_UPDATE"
    PENDING_DELETE = "PENDING_DELETE"
    ACTIVE = "ACTIVE"
    ERROR = "ERROR"
    DELETED = "DELETED"


PENDING = frozenset({Provisioning.PENDING_CREATE, Provisioning.PENDING_UPDATE, Provisioning.PENDING_DELETE})
"""What something is under way is called."""


class Operating(enum.StrEnum):
    """What the data plane says about an object (Octavia's operating_status)."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    DEGRADED = "DEGRADED"
    ERROR = "ERROR"
    DRAINING = "DRAINING"
    NO_MONITOR = "NO_MONITOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a tree has come: the generation wanted, the last one realised, and the last one that failed (or 0)."""

    generation: int = 1
    settled: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a node says about one tree: the generation it is at, and why it could not be reached, if it could not."""

    generation: int
    fault: str | None = None


def settle(progress: Progress, report: Report) -> Progress:
    """The progress after a report.

    Late and doubled reports change nothing: the settled generation never falls, and a failure counts only for a
    generation that has not been realised since.  A report from the future (a generation nobody asked for) is ignored.
    """
    if report.generation > progress.generation:
        return progress
    if report.fault is None:
        settled = max(progress.settled, report.generation)
        failed = 0 if settled >= progress.failed else progress.failed
        return Progress(generation=progress.generation, settled=settled, failed=failed)
    if report.generation <= progress.settled:
        return progress
    return Progress(
        generation=progress.generation,
        settled=progress.settled,
        failed=max(progress.failed, report.generation),
    )


def provisioning(*, born: int, touched: int, dying: bool, progress: Progress) -> Provisioning:
    """The provisioning status of a row stamped with the generations that made it and last touched it."""
    if progress.settled >= touched:
        return Provisioning.DELETED if dying else Provisioning.ACTIVE
    if progress.failed >= touched:
        return Provisioning.ERROR
    if dying:
        return Provisioning.PENDING_DELETE
    if progress.settled < born:
        return Provisioning.PENDING_CREATE
    return Provisioning.PENDING_UPDATE
