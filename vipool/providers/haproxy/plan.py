"""The cheapest change that takes a running HAProxy to a wanted configuration.

Promises: pure. What runs is the text that its process took, and its servers as they are now; so that the plan after a
step that was done is `Nothing`, and after one that was cut short it finishes the work. Members coming, going, changing
weight or admin state need no reload, unless one comes where clients are kept by a cookie; nor do certificates that
change in their places. Does not perform anything.

A connection limit could be changed in place too, but must not be: HAProxy 2.6.12 locks up, until its watchdog kills
it, when `set maxconn frontend` raises the limit of a frontend that is full.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from vipool.providers.haproxy import pem, stats

# A command takes 0.3 ms, a reload 60 to 100 ms of which HAProxy's own start is most.
MOST_COMMANDS = 200
# A command with its payload must fit into HAProxy's buffer of 16,384 letters (management guide, 9.3).
MOST_LETTERS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process that serves: the text it took, None where that is not known, and its servers as they are. A `mute` one
    can be told nothing: it has died, or its socket is lost."""

    text: str | None
    servers: Mapping[stats.Name, stats.Server]
    mute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of the runtime API, and what its answer says when it worked: nothing, where that is empty. One that
    is `optional` may be refused: a server with connections cannot be deleted yet, and is in maintenance until a later
    pass can. The lines of a `payload` may be a private key: it is in no repr."""

    text: str
    payload: str = field(default="", repr=False)
    answer: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """All is as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Commands to the running process."""

    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """A new process takes the sockets over, the old one finishes its connections; `reason` says what demands it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Nothing runs that should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Something runs that should not."""


Step: TypeAlias = Nothing | Runtime | Reload | Start | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a configuration: its servers, where it is a pool's, and its other lines."""

    lines: tuple[str, ...]
    servers: Mapping[str, "Server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A `server` line: what can change in place, and the words that cannot."""

    weight: int
    maintenance: bool
    words: tuple[str, ...]


def plan(running: Running | None, wanted: str, files: Sequence[pem.File] = ()) -> Step:
    """What to do so that the wanted text is served with its files; an empty one means that nothing is."""
    if not wanted:
        return Stop() if running else Nothing()
    if running is None or running.mute:
        return Start()
    if running.text is None:
        return Reload(reason="an earlier change was cut short")
    new = sections(wanted)
    old = new if running.text == wanted else sections(running.text)
    known = digests(running.text)
    changed = [each for each in files if known.get(each.path) != each.digest]
    reasons = itertools.chain(_reload(old, new, running), _unlike(known, files, changed))
    reason = next(reasons, None)
    if reason is not None:
        return Reload(reason=reason)
    commands = (*_swaps(changed), *_servers(new, running.servers))
    if len(commands) > MOST_COMMANDS:
        return Reload(reason=f"{len(commands)} commands would take longer")
    return Runtime(commands=commands) if commands else Nothing()


def digests(text: str) -> dict[str, str]:
    """The files that a text names, with the digests of what is in them."""
    lines = (line.split() for line in text.splitlines() if line.startswith("# "))
    return {path: digest for _, path, digest in lines}


def sections(text: str) -> dict[str, Section]:
    """The sections of a text that `render` wrote, by heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line and not line.startswith(" "):
            heading = line
            found[heading] = []
        elif line:
            found[heading].append(line.strip())
    return {heading: _section(lines, servers=":" in heading) for heading, lines in found.items()}


def weights(text: str) -> dict[stats.Name, int]:
    """The servers of a text, with their weights."""
    return {
        (heading.removeprefix("backend "), name): server.weight
        for heading, section in sections(text).items()
        for name, server in section.servers.items()
    }


def _section(lines: list[str], *, servers: bool) -> Section:
    members = [line for line in lines if servers and line.startswith("server ")]
    others = tuple(line for line in lines if line not in members)
    return Section(lines=others, servers=dict(map(_server, members)))


def _server(line: str) -> tuple[str, Server]:
    _, name, *words = line.split()
    position = words.index("weight")
    weight = int(words[position + 1])
    fixed = tuple(word for word in (*words[:position], *words[position + 2 :]) if word != "disabled")
    return name, Server(weight=weight, maintenance="disabled" in words, words=fixed)


def _reload(old: Mapping[str, Section], new: Mapping[str, Section], running: Running) -> Iterator[str]:
    for heading in sorted(old.keys() | new.keys()):
        if heading not in old or heading not in new:
            yield f"{heading} {'goes' if heading in old else 'comes'}"
        elif old[heading].lines != new[heading].lines:
            yield f"{heading} changes"
        else:
            for name, server in new[heading].servers.items():
                known = old[heading].servers.get(name)
                lives = (heading.removeprefix("backend "), name) in running.servers
                if lives and (known is None or known.words != server.words):
                    yield f"server {name} changes"
                elif not lives and "cookie" in server.words:
                    # `add server` of HAProxy 2.6 does not take it.
                    yield f"server {name} comes with a cookie"


def _unlike(old: Mapping[str, str], files: Sequence[pem.File], changed: Sequence[pem.File]) -> Iterator[str]:
    """Why files cannot be exchanged in their places.

    What says whom to believe, and what we show to members, counts for handshakes alone: a session that is resumed and
    a connection that is kept would outlast it in a process that runs on.
    """
    for path in sorted(old.keys() ^ {each.path for each in files}):
        yield f"{path} {'goes' if path in old else 'comes'}"
    for each in changed:
        if each.role is not pem.Role.SHOWN:
            yield f"{each.path} changes"
        elif len(each.text) > MOST_LETTERS:
            yield f"{each.path} is longer than a command can be"


def _swaps(changed: Sequence[pem.File]) -> Iterator[Command]:
    for each in changed:
        yield Command(text=f"set ssl cert {each.path} <<", payload=each.text, answer="Transaction ")
        yield Command(text=f"commit ssl cert {each.path}", answer="Success!")


def _servers(new: Mapping[str, Section], live: Mapping[stats.Name, stats.Server]) -> Iterator[Command]:
    wanted = {
        (heading.removeprefix("backend "), name): server
        for heading, section in new.items()
        for name, server in section.servers.items()
    }
    for name, server in wanted.items():
        place = "/".join(name)
        if name not in live:
            yield from _arrival(place, server)
            continue
        if server.weight != live[name].weight:
            yield Command(text=f"set server {place} weight {server.weight}")
        if server.maintenance != live[name].maintenance:
            yield Command(text=f"set server {place} state {'maint' if server.maintenance else 'ready'}")
    for name in sorted(live.keys() - wanted.keys()):
        place = "/".join(name)
        if not live[name].maintenance:
            yield Command(text=f"set server {place} state maint")
        yield Command(text=f"del server {place}", answer="Server deleted", optional=True)


def _arrival(place: str, server: Server) -> Iterator[Command]:
    """A dynamic server begins in maintenance, with its check switched off (management guide, `add server`)."""
    words = " ".join(server.words)
    yield Command(text=f"add server {place} {words} weight {server.weight}", answer="New server registered")
    if "check" in server.words:
        yield Command(text=f"enable health {place}")
    if not server.maintenance:
        yield Command(text=f"set server {place} state ready")
