"""Metrics as the text that Prometheus reads (its documentation, "Text-based format", version 0.0.4).

Promises: pure; any label value, whatever is in it, stays one value.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric: its samples, each the labels with a value. `kind` is counter where it only rises."""

    name: str
    help: str
    kind: str = "gauge"
    samples: Iterable[tuple[Mapping[str, str], float]]


def text(families: Iterable[Family]) -> str:
    """The page."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        within = ",".join(f'{name}="{_quotable(said)}"' for name, said in labels.items())
        yield f"{family.name}{{{within}}} {value}"


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n")


def _quotable(words: str) -> str:
    return _escaped(words).replace('"', '\\"')
