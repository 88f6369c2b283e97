"""The commands people type, by name, as one Typer command line.

To add a command, add a module with `register(app)` to this package and a line to `COMMANDS`. Only the module of the
given command is imported, so what it imports at its top is paid by nobody else.

Promises: nothing here runs before a command is chosen. Which exceptions become which exit codes is `vipool.cli.main`'s.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Annotated

import typer

COMMANDS = {
    "up": "vipool.cli.up",
    "down": "vipool.cli.down",
    "status": "vipool.cli.status",
    "exec": "vipool.cli.exec",
    "trace": "vipool.cli.trace",
    "conditions": "vipool.cli.conditions",
    "port": "vipool.cli.port",
    "demo": "vipool.cli.demo.command",
}
"""Which module registers which command, in the order of `vipool --help`."""


def build(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line with the command that `arguments` name, or with all where that is not clear."""
    line = typer.Typer(
        name="vipool",
        help="Load balancing for the tenants of an OpenStack-like cloud, on one machine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    line.callback()(_global)
    named = [arguments[0]] if arguments and arguments[0] in COMMANDS else list(COMMANDS)
    for module in dict.fromkeys(COMMANDS[name] for name in named):
        importlib.import_module(module).register(line)
    return line


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"vipool {metadata.version('vipool')}")
        raise typer.Exit


def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Options before the command."""
