"""Metrics as the text that Prometheus reads (its documentation, "Text-based format", version 0.0.4).

Promises: pure; any label value, whatever is in it, stays one value.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A metric that goes up and down: its samples, each the labels with a value."""

    name: str
    help: str
    samples: Iterable[tuple[Mapping[str, str], float]]


def text(gauges: Iterable[Gauge]) -> str:
    """The page."""
    return "".join(f"{line}\n" for gauge in gauges for line in _lines(gauge))


def _lines(gauge: Gauge) -> Iterator[str]:
    yield f"# HELP {gauge.name} {_escaped(gauge.help)}"
    yield f"# TYPE {gauge.name} gauge"
    for labels, value in gauge.samples:
        within = ",".join(f'{name}="{_quotable(said)}"' for name, said in labels.items())
        yield f"{gauge.name}{{{within}}} {value}"


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n")


def _quotable(words: str) -> str:
    return _escaped(words).replace('"', '\\"')
