"""`vipool status`: which of vipool's processes run for a state directory, and where its API answers.

Promises: looks at processes only; changes nothing; exit code 0 if `vipool up` runs and 3 if not (as LSB says for
services).
"""

from __future__ import annotations

import json as json_module

import typer

from vipool.cli import options, record
from vipool.host import sandbox

NOT_RUNNING = 3


def register(app: typer.Typer) -> None:
    """Add the command `status`."""
    app.command("status")(status)


def status(state_dir: options.StateDir = None, json: options.Json = False) -> None:
    """Say what runs; exit with 3 if `vipool up` does not."""
    chosen = options.read(state_dir)
    last = record.read(chosen.up_file)
    holder = sandbox.find(chosen.sandbox_file)
    running = last is not None and last.running
    found = {
        "state_dir": str(chosen.state_dir),
        "up": last.up.pid if last and running else None,
        "url": last.url if last and running else None,
        "ready": running and chosen.ready_file.exists(),
        "server": last.living("server") if last else None,
        "agent": last.living("agent") if last else None,
        "sandboxed": holder is not None or (last is not None and last.sandboxed),
        "holder": holder.pid if holder else None,
    }
    if json:
        typer.echo(json_module.dumps(found))
    else:
        for name, value in found.items():
            typer.echo(f"{name:<10} {_shown(value)}")
    raise typer.Exit(0 if running else NOT_RUNNING)


def _shown(value: str | int | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
