"""Traces on a terminal, as plain text, or as JSON.

Promises: what goes into a pipe is plain text of the same content; nothing that came over the network reaches a terminal
as a control character. Decides the exit code from what it shows. Traces nothing.
"""

from __future__ import annotations

import collections
import json as json_module
import sys
from collections.abc import Iterable, Sequence

from vipool.core import journey, trace

_HEADINGS = {trace.Leg.REQUEST: "The request", trace.Leg.ANSWER: "The answer"}


def show(way: journey.Journey, traces: Iterable[trace.Trace], *, json: bool) -> int:
    """Print the traces as they come; return 0 when every request was answered, else 1."""
    done: list[trace.Trace] = []
    for each in traces:
        done.append(each)
        if not json:
            if len(done) == 1:
                _print_whole(each)
            else:
                print(f"{len(done):>4}  {_outcome(each)}", flush=True)
    if json:
        print(json_module.dumps(document(way, done)))
    elif len(done) > 1:
        print(_spread(done))
    return 0 if all(each.answered for each in done) else 1


def document(way: journey.Journey, traces: Sequence[trace.Trace]) -> dict[str, object]:
    """The traces as JSON values: the form that docs/howto/trace.md describes."""
    return {
        "load_balancer": {"id": way.loadbalancer_id, "name": way.name, "vip": way.vip},
        "router": way.gate.router_id if way.gate else None,
        "requests": [_request(each) for each in traces],
    }


def rows(told: trace.Trace, leg: trace.Leg) -> list[tuple[str, str, str, str, str]]:
    """The steps of one leg as text: number, time, hop, addresses, sentence."""
    return [
        (
            str(step.number),
            f"{step.at / 1e6:.3f} ms" if step.at is not None else "",
            step.hop,
            f"{step.source} → {step.destination}" if step.source else "(not watched)",
            step.sentence,
        )
        for step in told.steps
        if step.leg is leg
    ]


def _print_whole(told: trace.Trace) -> None:
    print(f"{told.client or 'Nobody'} asks {told.target}")
    if sys.stdout.isatty():
        _print_table(told)
    else:
        _print_plain(told)
    print(f"\n{_outcome(told)}")
    for note in told.notes:
        print(note)
    sys.stdout.flush()


def _print_plain(told: trace.Trace) -> None:
    every = [row for leg in trace.Leg for row in rows(told, leg)]
    widths = [max((len(row[column]) for row in every), default=0) for column in range(5)]
    for leg in trace.Leg:
        if rows(told, leg):
            print(f"\n{_HEADINGS[leg]}")
        for number, when, hop, addresses, sentence in rows(told, leg):
            head = f"{number:>4}  {when:>{widths[1]}}  {hop:<{widths[2]}}  {addresses:<{widths[3]}}"
            print(f"{head}  {sentence}")


def _print_table(told: trace.Trace) -> None:
    from rich import box, console, table, text

    screen = console.Console(highlight=False)
    for leg in trace.Leg:
        found = rows(told, leg)
        if not found:
            continue
        shown = table.Table(title=_HEADINGS[leg], title_justify="left", box=box.SIMPLE, show_header=False)
        for style, justify in (("bold", "right"), ("dim", "right"), ("cyan", "left"), ("", "left"), ("green", "left")):
            shown.add_column(style=style, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for row in found:
            shown.add_row(*(text.Text(cell) for cell in row))
        screen.print(shown)


def _outcome(told: trace.Trace) -> str:
    if told.loss is not None:
        return f"Lost ({told.loss.where}): {told.loss.sentence}"
    who = f"{told.member}{f' ({told.why})' if told.why else ''}" if told.member else "The load balancer itself"
    took = f" in {told.duration / 1e6:.3f} ms" if told.duration is not None else ""
    opened = f", after {told.opened / 1e6:.3f} ms to open the connection" if told.opened is not None else ""
    return f"{who} answered{took}{opened}: {told.answer or 'without a first line'}"


def _spread(done: Sequence[trace.Trace]) -> str:
    counted = collections.Counter(each.member or "the load balancer itself" for each in done if each.answered)
    lost = sum(not each.answered for each in done)
    parts = [f"{member}: {count}" for member, count in sorted(counted.items())]
    return f"\n{len(done)} requests. {', '.join([*parts, f'lost: {lost}'])}."


def _request(told: trace.Trace) -> dict[str, object]:
    return {
        "target": told.target,
        "client": told.client or None,
        "answered": told.answered,
        "answer": told.answer or None,
        "member": told.member or None,
        "why": told.why or None,
        "opened_ns": told.opened,
        "duration_ns": told.duration,
        "loss": {"where": str(told.loss.where), "sentence": told.loss.sentence} if told.loss else None,
        "notes": list(told.notes),
        "steps": [
            {
                "number": step.number,
                "leg": str(step.leg),
                "hop": step.hop,
                "at_ns": step.at,
                "source": step.source or None,
                "destination": step.destination or None,
                "carries": step.carries or None,
                "sentence": step.sentence,
            }
            for step in told.steps
        ],
    }
