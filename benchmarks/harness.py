"""Figures as they are shown: medians with their spread, ratios, and one line for each promise.

Promises: p50, p10 and p90 are quantiles of what was measured, nothing is left out; a bar says what was measured,
the limit, and `ok` or `SHORT`. Measures nothing itself.
"""

import operator
import statistics
from collections.abc import Mapping, Sequence

import rich
from rich import table

OPERATORS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies; the nearest one, so p99 of 50 values is their greatest."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


class Report:
    """What one benchmark says."""

    def __init__(self, name: str) -> None:
        self.name = name

    def table(self, what: str, rows: Mapping[str, Sequence[float]], *, baseline: str | None = None) -> None:
        """Show samples by row: count, median, spread, p99, and the ratio of each median to that of the baseline."""
        shown = table.Table(title=f"{self.name}: {what}", title_justify="left", show_edge=False)
        shown.add_column("")
        for column in ("n", "p50", "p10", "p90", "p99", "ratio"):
            shown.add_column(column, justify="right")
        for row, values in rows.items():
            if not values:
                raise ValueError(f"{row}: nothing was measured")
            ratio = f"{median(values) / median(rows[baseline]):.2f}" if baseline else ""
            spread = (f"{value:.2f}" for value in (median(values), *(quantile(values, s) for s in (0.1, 0.9, 0.99))))
            shown.add_row(row, str(len(values)), *spread, ratio)
        rich.get_console().print(shown, soft_wrap=True)

    def say(self, sentence: str) -> None:
        """A line of prose."""
        print(f"{self.name}: {sentence}", flush=True)

    def bar(self, what: str, measured: float, relation: str, limit: float) -> None:
        """One promise: what was measured and whether it holds."""
        verdict = "ok" if OPERATORS[relation](measured, limit) else "SHORT"
        print(f"BAR {self.name}.{what} {measured:.3g} {relation} {limit:g} {verdict}", flush=True)
