"""`vipool up` as people type it: reads the options, then becomes the parent of the server and the agent.

Becomes, by exec: the command line's libraries, a third of a second and 15 MB, are not needed by a process that stays.

Promises: options that make no sense are refused here; everything else is `vipool.cli.parent`'s.
"""

from __future__ import annotations

import os
import sys

import typer

from vipool.cli import options, parent


def register(app: typer.Typer) -> None:
    """Add the command `up`."""
    app.command("up")(up)


def up(
    state_dir: options.StateDir = None,
    listen: options.Listen = None,
    sandbox: options.Sandbox = None,
    json: options.Json = False,
) -> None:
    """Run the API and this machine's data plane until Ctrl-C; traffic flows on after that."""
    chosen = options.read(state_dir, listen, sandbox)
    words = ["up", "--resident", *parent.words(chosen), *(["--json"] if json else [])]
    os.execve(sys.executable, [*parent.PYTHON, *words], parent.environment())
