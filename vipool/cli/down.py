"""`vipool down`: the end of the data plane, and with --purge of everything else that is vipool's.

Promises: stops a running `vipool up` of the same state directory first; touches nothing that vipool did not make; can
be repeated.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vipool import settings
from vipool.cli import directory, options, record
from vipool.host import marks, processes, sandbox

_PATIENCE = 30.0
"""Seconds for `vipool up` to stop its children, however reluctant they are."""


def register(app: typer.Typer) -> None:
    """Add the command `down`."""
    app.command("down")(down)


def down(
    state_dir: options.StateDir = None,
    purge: Annotated[bool, typer.Option("--purge", help="Also remove the database, credentials and logs.")] = False,
) -> None:
    """End the data plane: traffic stops. The database stays, unless --purge is given."""
    chosen = options.read(state_dir)
    if not chosen.layout_file.exists():
        typer.echo(f"Nothing of vipool's is in {chosen.state_dir}.")
        return
    directory.prepare(chosen)
    _stop_up(chosen)
    with directory.locked(chosen, "vipool down"):
        _end_data_plane(chosen)
        chosen.up_file.unlink(missing_ok=True)
        left = directory.purge(chosen) if purge else ()
    for path in left:
        typer.echo(f"{path} was left: vipool did not make it.")


def _stop_up(chosen: settings.Settings) -> None:
    last = record.read(chosen.up_file)
    process = marks.living(last.up) if last else None
    if last is None or process is None:
        return
    processes.stop([process], grace=_PATIENCE)
    typer.echo(f"Stopped `vipool up` (process {last.up.pid}).")


def _end_data_plane(chosen: settings.Settings) -> None:
    if sandbox.end(chosen.sandbox_file):
        typer.echo("Ended the sandbox and everything in it.")
    elif _serves_host(chosen):
        from vipool import wiring

        wiring.tear_down(chosen)
        typer.echo("Ended the data plane on this host.")
    else:
        typer.echo("No data plane was running.")


def _serves_host(chosen: settings.Settings) -> bool:
    """Whether something of the host may be ours: by the last record, or, where that is lost, by the agent's marks."""
    last = record.read(chosen.up_file)
    if last is not None:
        return not last.sandboxed
    return os.geteuid() == 0 and chosen.marks_dir.is_dir() and any(chosen.marks_dir.iterdir())
