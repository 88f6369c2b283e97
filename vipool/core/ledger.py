"""Counters that never fall, though what counts comes and goes: a process, a table of the kernel.

A `Ledger` holds what each object's traffic came to (`totals`) and what was counted when it was last asked (`last`): the
more there is since then is added. Promises: pure; a total is at least every total before it (OCTAVIA-SPEC 5.9). What is
counted after it was last asked for is lost. Only sums are kept: connections of a moment are none.
"""

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from vipool.model import spec

_NOTHING = spec.Counters()
SUMS = ("bytes_in", "bytes_out", "request_errors", "total_connections")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was counted at one place, and the ids of the objects whose traffic it is: a listener, a member, or both."""

    owners: tuple[str, ...]
    counters: spec.Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Totals by object id; the counts at their places, and by which process (a name that no two processes share)."""

    process: str = ""
    totals: Mapping[str, spec.Counters] = field(default_factory=dict)
    last: Mapping[str, Count] = field(default_factory=dict)

    def total(self, identifier: str) -> spec.Counters:
        """The sums of an object since it was made."""
        return self.totals.get(identifier, _NOTHING)


def advance(ledger: Ledger, process: str, seen: Mapping[str, Count], keep: Collection[str]) -> Ledger:
    """The ledger after a process said what it counted at each place; of objects not to be kept nothing remains."""
    totals = {key: value for key, value in ledger.totals.items() if key in keep}
    before = ledger.last if process == ledger.process else {}
    for place, count in seen.items():
        more = _since(before.get(place), count.counters)
        for owner in count.owners if more != _NOTHING else ():
            if owner in keep:
                totals[owner] = added((totals.get(owner, _NOTHING), more))
    last = {key: dataclasses.replace(each, counters=settled(each.counters)) for key, each in seen.items()}
    # Most of many members have had nothing, and are as well not there.
    counted = {key: each for key, each in last.items() if each.counters != _NOTHING}
    return Ledger(process=process, totals=totals, last=counted)


def _since(before: Count | None, now: spec.Counters) -> spec.Counters:
    """What came since it was last asked. Counters that fell were set back by hand: all they say is new."""
    if before is None or fell(before.counters, now):
        return settled(now)
    return spec.Counters(**{name: getattr(now, name) - getattr(before.counters, name) for name in SUMS})


def added(several: Iterable[spec.Counters]) -> spec.Counters:
    """The sum, of connections of this moment too."""
    found = tuple(several)
    names = [each.name for each in dataclasses.fields(spec.Counters)]
    return spec.Counters(**{name: sum(getattr(each, name) for each in found) for name in names})


def settled(counters: spec.Counters) -> spec.Counters:
    """The sums alone."""
    return dataclasses.replace(counters, active_connections=0)


def fell(before: spec.Counters, now: spec.Counters) -> bool:
    """Whether any sum is less than it was."""
    return any(getattr(now, name) < getattr(before, name) for name in SUMS)


def dump(ledger: Ledger) -> str:
    """The ledger as text."""
    return json.dumps(dataclasses.asdict(ledger))


def load(text: str) -> Ledger:
    """The ledger that `dump` wrote; an empty one from anything else: counting starts afresh."""
    try:
        body = json.loads(text)
        return Ledger(
            process=str(body["process"]),
            totals={key: spec.Counters(**value) for key, value in body["totals"].items()},
            last={key: _count(value) for key, value in body["last"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Ledger()


def _count(body: Mapping[str, object]) -> Count:
    owners, counters = body["owners"], body["counters"]
    if not isinstance(owners, list) or not isinstance(counters, dict):
        raise TypeError("it was not written by `dump`")
    return Count(owners=tuple(map(str, owners)), counters=spec.Counters(**counters))
