"""`vipool server`: the API and the control loops alone. `vipool up` starts it as a child.

Promises: stops cleanly on SIGTERM, and, where `vipool up` started it, when that ends. Builds nothing itself.
"""

from __future__ import annotations

from typing import Annotated

import typer

from vipool.cli import options
from vipool.host import children

Supervised = Annotated[bool, typer.Option("--supervised", help="Stop when standard input ends.")]


def register(app: typer.Typer) -> None:
    """Add the command `server`."""
    app.command("server", hidden=True)(server)


def server(
    state_dir: options.StateDir = None,
    listen: options.Listen = None,
    sandbox: options.Sandbox = None,
    supervised: Supervised = False,
    listen_fd: Annotated[int | None, typer.Option("--listen-fd", help="An inherited listening socket.")] = None,
) -> None:
    """Run the API and the control loops."""
    if supervised:
        children.stop_with_parent()
    chosen = options.read(state_dir, listen, sandbox, listen_fd)
    from vipool import wiring

    raise typer.Exit(wiring.serve(chosen))
