"""The processes that stay: the server, the agent, and `vipool up` once it has read its options.

They are parsed without Typer, which would cost each of them a quarter of a second at its start and 15 MB for the rest
of its life.

Promises: a child stops cleanly on SIGTERM, and, with --supervised, when its standard input ends; the data plane stays.
Builds nothing itself.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from vipool import settings


def meant(arguments: Sequence[str]) -> bool:
    """Return whether these arguments are for this module, not for a person's command line."""
    return bool(arguments) and (arguments[0] in {"server", "agent"} or list(arguments[:2]) == ["up", "--resident"])


def main(arguments: Sequence[str]) -> int:
    """Be the process that `arguments` name; return its exit code.

    Raises `settings.Invalid`, and `errors.HostError` for what `vipool up` cannot do.
    """
    told = _parser().parse_args(arguments)
    given = settings.Given(state_dir=told.state_dir, listen=told.listen, sandbox=told.sandbox, listen_fd=told.listen_fd)
    chosen = settings.read(given, os.environ, os.geteuid())
    if told.name == "up":
        from vipool.cli import parent

        return parent.run(chosen, as_json=told.json)
    from vipool.host import children

    if told.supervised:
        children.stop_with_parent()
    from vipool import wiring

    return wiring.serve(chosen) if told.name == "server" else wiring.run_agent(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vipool", allow_abbrev=False)
    parser.add_argument("name", choices=("up", "server", "agent"))
    parser.add_argument("--state-dir", type=Path, help="where everything is kept")
    parser.add_argument("--listen", help="where the API answers, HOST:PORT")
    parser.add_argument("--listen-fd", type=int, help="an inherited socket that listens there already")
    parser.add_argument("--sandbox", action=argparse.BooleanOptionalAction, help="the data plane is in a sandbox")
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")
    parser.add_argument("--resident", action="store_true", help="the options were read already")
    parser.add_argument("--json", action="store_true", help="say in JSON when ready")
    return parser
