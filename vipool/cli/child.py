"""`vipool server` and `vipool agent`: the two halves that `vipool up` starts as its children.

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
from vipool.host import children

NAMES = ("server", "agent")
"""The commands that this module runs."""


def main(arguments: Sequence[str]) -> int:
    """Run the child that `arguments` name; return its exit code. Raises `settings.Invalid`."""
    told = _parser().parse_args(arguments)
    if told.supervised:
        children.stop_with_parent()
    given = settings.Given(
        state_dir=told.state_dir, listen=told.listen, sandbox=told.sandbox or None, listen_fd=told.listen_fd
    )
    chosen = settings.read(given, os.environ, os.geteuid())
    from vipool import wiring

    return wiring.serve(chosen) if told.name == "server" else wiring.run_agent(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vipool", allow_abbrev=False)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--state-dir", type=Path, help="where everything is kept")
    parser.add_argument("--listen", help="where the API answers, HOST:PORT")
    parser.add_argument("--listen-fd", type=int, help="an inherited socket that listens there already")
    parser.add_argument("--sandbox", action="store_true", help="the data plane is in a sandbox")
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")
    return parser
