"""Counters that never fall, though what counts comes and goes: a process, a table of the kernel.

A `Ledger` holds what ended processes counted (`base`) and what the present one said last (`last`). Promises: pure; a
total is at least every total before it (OCTAVIA-SPEC 5.9). What is counted after it was last asked for is lost.
"""

import dataclasses
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from vipool.model import spec

SUMS = ("bytes_in", "bytes_out", "request_errors", "total_connections")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What was counted, by listener id, and by which process (a name that no two processes share)."""

    process: str = ""
    base: Mapping[str, spec.Counters] = field(default_factory=dict)
    last: Mapping[str, spec.Counters] = field(default_factory=dict)

    def total(self, listener_id: str) -> spec.Counters:
        """The counters of a listener since it was made."""
        nothing = spec.Counters()
        return added(self.base.get(listener_id, nothing), self.last.get(listener_id, nothing))


def advance(ledger: Ledger, process: str, seen: Mapping[str, spec.Counters], keep: Collection[str]) -> Ledger:
    """The ledger after a process said what it has seen; of listeners that are not to be kept nothing remains."""
    base = {key: value for key, value in ledger.base.items() if key in keep}
    last = {}
    for key in keep:
        before, now = ledger.last.get(key), seen.get(key)
        # A counter that fell was set back by hand: what it had counted is kept, as if its process had ended.
        if before is not None and (process != ledger.process or now is None or fell(before, now)):
            base[key] = added(base.get(key, spec.Counters()), settled(before))
        if now is not None:
            last[key] = now
    return Ledger(process=process, base=base, last=last)


def added(one: spec.Counters, other: spec.Counters) -> spec.Counters:
    """The sum; connections of this moment are added too, so a settled one has none."""
    return spec.Counters(
        **{each.name: getattr(one, each.name) + getattr(other, each.name) for each in dataclasses.fields(one)}
    )


def settled(counters: spec.Counters) -> spec.Counters:
    """The counters of a process that is gone: it has no connections."""
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
            base={key: spec.Counters(**value) for key, value in body["base"].items()},
            last={key: spec.Counters(**value) for key, value in body["last"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Ledger()
