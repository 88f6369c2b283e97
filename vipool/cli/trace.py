"""`vipool trace`: one request through a load balancer, watched at every hop and told step by step.

It asks the running server what is on the way, captures there, sends a request from the client's namespace (or waits
for somebody else's), and prints what happened. Exit code 0: answered; 1: lost, and it says where; 2: nothing could be
traced. Promises to change nothing: the only packets it causes are those of the request. The form of `--json` is in
docs/howto/trace.md.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer

from vipool import settings
from vipool.agent import link
from vipool.cli import options, picture, question
from vipool.core import journey, loss, sightings, trace
from vipool.host import capture, errors, namespaces, probe, sandbox
from vipool.model import faults, packet, spec

UNTRACED = 2
"""The exit code for a request that was not even asked."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class Protocol(enum.StrEnum):
    """What can be asked over."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send, and how long to wait (seconds); a passive one is sent by somebody else.

    `path` is for TCP, `payload` for UDP; None leaves it to `question`.
    """

    path: str | None = None
    payload: str | None = None
    seconds: float = 10.0
    passive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's arguments, one field each."""

    target: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS[:PORT]",
            help="A VIP or floating IP, or the name or id of a load balancer. IPv6 in brackets.",
        ),
    ]
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="NETNS", help="Who asks: a network namespace, pid:PID, or host."),
    ] = None
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            "--protocol",
            metavar="PROTOCOL",
            case_sensitive=False,
            help="What to ask over, tcp or udp [default: what the listener speaks; tcp where that is both].",
            show_default=False,
        ),
    ] = None
    path: Annotated[
        str | None, typer.Option("--path", metavar="URLPATH", help="What to ask for over TCP (HTTP) [default: /].")
    ] = None
    payload: Annotated[
        str | None,
        typer.Option(
            "--payload",
            metavar="TEXT",
            help="What to send over UDP, as text or 0x and hexadecimal digits"
            " [default: a question to DNS or NTP on their ports, else a line of text].",
        ),
    ] = None
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many requests, one after another.")] = 1
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, max=3600, help="How long to wait for each.")
    ] = 10.0
    passive: Annotated[bool, typer.Option("--passive", help="Send nothing: wait for somebody else's request.")] = False
    json: options.Json = False
    state_dir: options.StateDir = None
    inside: Annotated[bool, typer.Option("--inside", hidden=True)] = False


def register(app: typer.Typer) -> None:
    """Add the command `trace`."""

    def command(**given: Any) -> None:
        """Show how a request reaches a member of a load balancer, and how the answer comes back."""
        raise typer.Exit(execute(Options(**given)))

    # Typer reads a command's options from its signature: here they are the fields of Options.
    hints = get_type_hints(Options, include_extras=True)
    command.__annotations__ = hints
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in dataclasses.fields(Options)
        ]
    )
    app.command("trace")(command)


def execute(given: Options) -> int:
    """Trace as asked, in the sandbox where there is one, and return the exit code."""
    try:
        chosen = options.read(given.state_dir)
        holder = None if given.inside else sandbox.find(chosen.sandbox_file)
        if holder is not None:
            return sandbox.run(holder, _again(given, chosen))
        asked = wish(given.target, given.origin, passive=given.passive, protocol=given.protocol)
        way = journey.find(desired(chosen), asked)
        question.check(way.protocol, given.path, given.payload)
        request = Request(path=given.path, payload=given.payload, seconds=given.timeout, passive=given.passive)
        wrong = functools.partial(conditions, chosen, way.loadbalancer_id)
        return picture.show(way, run(way, request, given.count), wrong, json=given.json)
    except (faults.Refusal, errors.HostError, settings.Invalid) as refusal:
        print(f"vipool: {refusal}", file=sys.stderr)
        return UNTRACED
    except KeyboardInterrupt:
        return INTERRUPTED


def _again(given: Options, chosen: settings.Settings) -> list[str]:
    """This command as it must be given inside the sandbox, where the user and so the usual directory may differ."""
    words = [sys.executable, "-m", "vipool", "trace", "--inside", "--state-dir", str(chosen.state_dir)]
    words += ["--count", str(given.count), "--timeout", str(given.timeout)]
    words += ["--protocol", given.protocol] if given.protocol is not None else []
    words += ["--path", given.path] if given.path is not None else []
    words += ["--payload", given.payload] if given.payload is not None else []
    words += ["--from", given.origin] if given.origin is not None else []
    words += ["--passive"] if given.passive else []
    words += ["--json"] if given.json else []
    return [*words, "--", given.target]


def run(way: journey.Journey, request: Request, count: int) -> Iterator[trace.Trace]:
    """Trace so many requests, one after another. Raises `errors.HostError` where captures cannot be opened."""
    # One capture for all of them: to close one, the kernel waits for every processor to have passed by.
    with capture.opened(_points(way), way.addresses) as seen:
        for _ in range(count):
            seen.forget()
            yield _passive(way, request, seen) if request.passive else _active(way, request, seen)


def desired(chosen: settings.Settings) -> tuple[spec.Item, ...]:
    """Everything this node must be, from the running server. Raises `errors.Missing` when none answers."""
    connection = link.SocketLink(str(chosen.agent_socket))
    try:
        found = connection.desired(0, 0)
    except link.Lost as error:
        raise errors.Missing(
            f"No vipool of {chosen.state_dir} is running ({error}): start it with `vipool up`, or give --state-dir."
        ) from error
    finally:
        connection.close()
    return found.items if found else ()


def conditions(chosen: settings.Settings, loadbalancer_id: str) -> Sequence[picture.Wrong]:
    """What the server says is wrong with the load balancer; nothing where it cannot be asked any more."""
    from vipool.cli import conditions as named

    try:
        return named.of(chosen, loadbalancer_id)
    except (faults.Refusal, errors.HostError):
        return ()


def wish(target: str, origin: str | None, *, passive: bool, protocol: Protocol | None = None) -> journey.Wish:
    """Read ADDRESS[:PORT]. Raises `faults.Invalid` for a port that is none."""
    name, port = target, ""
    if target.startswith("["):
        name, _, rest = target[1:].partition("]")
        port = rest.removeprefix(":")
    elif target.count(":") == 1:
        name, _, port = target.partition(":")
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise faults.Invalid(f"'{port}' in '{target}' is no port: give a number from 1 to 65535.")
    over = packet.Protocol(protocol.upper()) if protocol else None
    return journey.Wish(target=name, port=int(port) if port else None, origin=origin, passive=passive, protocol=over)


def _active(way: journey.Journey, request: Request, seen: capture.Capture) -> trace.Trace:
    token = secrets.token_hex(8)
    words = question.words(way, token, path=request.path, payload=request.payload)
    asking = probe.Probe(
        probe.Question(
            namespace=_reference(way.client),
            address=way.asked,
            port=way.port,
            payload=words,
            seconds=request.seconds,
            datagram=way.protocol is packet.Protocol.UDP,
        )
    )
    seen.read(until=asking.fileno(), deadline=time.monotonic() + request.seconds + 1)
    reply = asking.reply()
    line = reply.answer.split(b"\n")[0].decode("utf-8", "replace")
    answered = reply.answered and not loss.is_failure(line)
    ask = sightings.Ask(port=reply.port, token=token.encode(), answered=answered, fault=reply.fault)
    return trace.tell(_evidence(way, seen), ask)


def _passive(way: journey.Journey, request: Request, seen: capture.Capture) -> trace.Trace:
    seen.wait(lambda _: _over(_evidence(way, seen)), deadline=time.monotonic() + request.seconds)
    return trace.tell(_evidence(way, seen), sightings.Ask())


def _over(evidence: sightings.Evidence) -> bool:
    seen = sightings.gather(evidence, sightings.Ask())
    return seen.returned is not None and loss.find(evidence, seen) is None


def _evidence(way: journey.Journey, seen: capture.Capture) -> sightings.Evidence:
    missing = {point.hop for point in seen.missing}
    return sightings.Evidence(
        journey=way,
        packets=tuple(sorted(seen.packets, key=lambda each: each.at)),
        watched=frozenset(point.hop for point in _points(way)) - missing,
        full=seen.full or seen.missed,
    )


def _points(way: journey.Journey) -> tuple[capture.Point, ...]:
    points = [_point(way, hop, device) for hop, device in way.devices]
    client = way.client
    if client is not None and client.tap is None and client.target != journey.HERE:
        # Nobody's port: watched from within, on whatever device it has.
        own = capture.Point(hop=journey.Place.CLIENT, device=None, namespace=_reference(client), outside=False)
        points.insert(0, own)
    return tuple(points)


def _point(way: journey.Journey, hop: str, device: str) -> capture.Point:
    """The place to capture at. Where clients' addresses stay, packets to members are from or to none that is known."""
    ports = tuple(sorted({member.port for member in way.members if member.hop == hop}))
    return capture.Point(hop=hop, device=device, ports=ports, everything=hop == journey.Place.BALANCER)


def _reference(client: journey.Client | None) -> str | None:
    """How the host room names the client's namespace. Raises `errors.Missing` when it is not there."""
    if client is None or client.target == journey.HERE:
        return None
    kind, _, name = client.target.partition(":")
    if kind == "pid" and not name.isdecimal():
        raise errors.Missing(f"'{name}' is no process id.")
    reference = f"/proc/{name}/ns/net" if kind == "pid" else name
    if not namespaces.exists(reference):
        there = ", ".join(each for each in namespaces.names()[:10]) or "none"
        raise errors.Missing(f"There is no network namespace {name}; there are: {there}.")
    return reference
