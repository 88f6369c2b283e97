"""Traces on a terminal, as plain text, or as JSON.

Promises: what goes into a pipe is plain text of the same content; nothing that came over the network reaches a terminal
as a control character. Decides the exit code from what it shows. Traces nothing.
"""

from __future__ import annotations

import collections
import json as json_module
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from vipool.core import journey, trace
from vipool.model import packet

Wrong = Mapping[str, Any]
"""A condition of the load balancer, as the API shows it."""

Run = tuple[str, str]
"""Some text of a line, and the style a terminal shows it in."""

_WIDE = 150
"""Columns a terminal needs for a step in one line."""

_HEADINGS = {trace.Leg.REQUEST: "The request", trace.Leg.ANSWER: "The answer"}


def show(
    way: journey.Journey, traces: Iterable[trace.Trace], wrong: Callable[[], Sequence[Wrong]], *, json: bool
) -> int:
    """Print the traces as they come, and then what is wrong; return 0 when every request was answered, else 1."""
    done: list[trace.Trace] = []
    for each in traces:
        done.append(each)
        if not json:
            if len(done) == 1:
                _print_whole(each)
            else:
                print(f"{len(done):>4}  {_outcome(each)}", flush=True)
    if json:
        print(json_module.dumps(document(way, done, wrong())))
        return _code(done)
    if len(done) > 1:
        print(_spread(done))
    _print_wrong(wrong())
    return _code(done)


def _code(done: Sequence[trace.Trace]) -> int:
    return 0 if all(each.answered for each in done) else 1


def document(way: journey.Journey, traces: Sequence[trace.Trace], wrong: Sequence[Wrong] = ()) -> dict[str, object]:
    """The traces as JSON values: the form that docs/howto/trace.md describes."""
    return {
        "load_balancer": {"id": way.loadbalancer_id, "name": way.name, "vip": way.vip},
        "router": way.gate.router_id if way.gate else None,
        "conditions": list(wrong),
        "requests": [_request(each) for each in traces],
    }


def plain(told: trace.Trace) -> str:
    """One trace as plain text, a line for each step."""
    return "\n".join("".join(text for text, _ in line) for line in lines(told, wide=True))


def lines(told: trace.Trace, *, wide: bool) -> Iterator[list[Run]]:
    """One trace, line by line; where there is no room for it, a step's sentence stands above its addresses."""
    yield [(_title(told), "bold")]
    sources = max((len(step.source) for step in told.steps), default=0)
    destinations = max((len(step.destination) for step in told.steps), default=0)
    for leg in trace.Leg:
        steps = [step for step in told.steps if step.leg is leg]
        if steps:
            yield from ([], [(_HEADINGS[leg], "italic")])
        for step in steps:
            when = f"{step.at / 1e6:.3f} ms" if step.at is not None else "not watched"
            head: list[Run] = [(f"{step.number:>4}", "bold"), (f"{when:>13}  ", "dim")]
            arrow = "→" if step.source else " "
            way = f"{step.source:<{sources}} {arrow} {step.destination}"
            if wide:
                padding = " " * (sources + destinations + 5 - len(way))
                yield [*head, (way, "cyan"), (padding + step.sentence, "")]
            else:
                yield [*head, (step.sentence, "")]
                yield [(" " * 19 + way, "cyan")]
    yield from ([], [(_outcome(told), "bold green" if told.answered else "bold red")])
    yield from ([(note, "")] for note in told.notes)


def _print_whole(told: trace.Trace) -> None:
    if not sys.stdout.isatty():
        print(plain(told), flush=True)
        return
    from rich import console, text

    screen = console.Console(highlight=False)
    for line in lines(told, wide=screen.width >= _WIDE):
        screen.print(text.Text.assemble(*line))


def _print_wrong(found: Sequence[Wrong]) -> None:
    from vipool.cli import conditions

    for each in found:
        print(f"\n{conditions.paragraph(each)}")


def _title(told: trace.Trace) -> str:
    over = "" if told.protocol is packet.Protocol.TCP else f" over {told.protocol}"
    return f"{told.client or 'Nobody'} asks {told.target}{over}"


def _outcome(told: trace.Trace) -> str:
    if told.loss is not None:
        return f"Lost ({told.loss.where}): {told.loss.sentence}"
    who = told.member or "The load balancer itself"
    took = f" in {told.duration / 1e6:.3f} ms" if told.duration is not None else ""
    return f"{who} answered{took}: {told.answer or 'without a first line'}"


def _spread(done: Sequence[trace.Trace]) -> str:
    counted = collections.Counter(each.member or "the load balancer itself" for each in done if each.answered)
    lost = sum(not each.answered for each in done)
    parts = [f"{member}: {count}" for member, count in sorted(counted.items())]
    return f"\n{len(done)} requests. {', '.join([*parts, f'lost: {lost}'])}."


def _request(told: trace.Trace) -> dict[str, object]:
    return {
        "target": told.target,
        "protocol": str(told.protocol),
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
