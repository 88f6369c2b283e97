"""`vipool agent`: the node side alone. `vipool up` starts it as a child, inside the sandbox where there is one.

Promises: stops cleanly on SIGTERM, and, where `vipool up` started it, when that ends; the data plane stays. Builds
nothing itself.
"""

from __future__ import annotations

import typer

from vipool.cli import options
from vipool.cli.server import Supervised
from vipool.host import children


def register(app: typer.Typer) -> None:
    """Add the command `agent`."""
    app.command("agent", hidden=True)(agent)


def agent(
    state_dir: options.StateDir = None,
    listen: options.Listen = None,
    sandbox: options.Sandbox = None,
    supervised: Supervised = False,
) -> None:
    """Make this node what the server says, and report."""
    if supervised:
        children.stop_with_parent()
    chosen = options.read(state_dir, listen, sandbox)
    from vipool import wiring

    raise typer.Exit(wiring.run_agent(chosen))
