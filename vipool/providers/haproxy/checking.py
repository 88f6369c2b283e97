"""The text of a process that checks members and carries nothing: a backend for each pool, and no frontend.

Promises: pure, and the same text for the same tree. A backend is named `{pool id}:checks`, a server by its member's id.
A member is checked where its monitor says, from the VIP that its traffic comes from. Every change of a server's state
is logged to `NEWS`: that there is something to look at, not what. Does not say when to look.
"""

import dataclasses
from collections.abc import Iterator

from vipool.core import enabled
from vipool.model import healthmonitor, member, pool, tree
from vipool.providers.haproxy import checks, render, tokens

NEWS = "news.sock"
# Beside the files of checks: half of them for who asks for states, and servers that come at run time.
MOST, FILES_OF_ITS_OWN = 600, 200


def render_checks(wanted: tree.Tree, layout: render.Layout) -> str:
    """The configuration, or an empty text when nobody is to be checked."""
    backs = [each for each in wanted.pools if enabled.monitor_of(wanted, each.id) and wanted.members_of(each.id)]
    if not backs:
        return ""
    sections = [tokens.section("global", "", _global(wanted, layout)), tokens.section("defaults", "", _defaults())]
    sections += [tokens.section("backend", name(back.id), _backend(wanted, back)) for back in backs]
    return "\n".join(sections)


def name(pool_id: str) -> str:
    """What a pool is called."""
    return tokens.name(f"{pool_id}:checks")


def _global(wanted: tree.Tree, layout: render.Layout) -> Iterator[str]:
    yield tokens.line("nbthread", 1)
    yield tokens.line("maxconn", connections(len(wanted.members), layout))
    yield from render.identity(wanted, layout)
    yield tokens.line("log", f"unix@{NEWS}", "len", 256, "local0", "notice")
    yield tokens.line("hard-stop-after", "5s")
    # See `render`: otherwise every CA of the system is loaded at each start.
    yield tokens.line("httpclient.ssl.verify", "none")


def connections(members: int, layout: render.Layout) -> int:
    """How many connections of its own the process reckons with, of two files each; each server that it starts with has
    one more. So there is a file for each of the thousand that may come before the number is another."""
    thousands = members // 1000
    spare = (layout.files - FILES_OF_ITS_OWN - (thousands + 1) * 1000) // 2
    return max(10, min(MOST, spare)) + thousands


def _defaults() -> Iterator[str]:
    yield tokens.line("log", "global")
    yield tokens.line("load-server-state-from-file", "global")


def _backend(wanted: tree.Tree, back: pool.Pool) -> Iterator[str]:
    monitor = enabled.monitor_of(wanted, back.id)
    assert monitor is not None
    yield tokens.line("mode", "tcp")
    # The time to connect is the monitor's too, and no server has another.
    yield tokens.line("timeout", "connect", f"{monitor.timeout}s")
    yield tokens.line("timeout", "server", f"{monitor.timeout}s")
    yield from checks.lines(monitor, back)
    for each in wanted.members_of(back.id):
        yield tokens.line("server", *_server(wanted, each, back, monitor))


def _server(
    wanted: tree.Tree, row: member.Member, back: pool.Pool, monitor: healthmonitor.HealthMonitor
) -> Iterator[tokens.Word]:
    address, port = row.monitor_address or row.address, row.monitor_port or row.protocol_port
    there = dataclasses.replace(row, address=address, protocol_port=port, monitor_address=None, monitor_port=None)
    yield from (tokens.name(row.id), tokens.endpoint(address, port), "weight", 1)
    source = wanted.loadbalancer.source(address, row.subnet_id)
    if source is not None:
        yield from ("source", tokens.host(source))
    yield from checks.words(there, back, monitor)
