"""The `vipool` command: its commands by name, and what every one of them does alike.

To add a command, add a module with `register(app)` to this package and a line to `COMMANDS`. Only the module of the
given command is imported, so what it imports at its top is paid by nobody else.

Promises: a refusal is one sentence on stderr and exit code 1; a usage error exits with 2; only bugs show a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated

import typer

from vipool import settings
from vipool.host import errors
from vipool.model import faults

COMMANDS = {
    "up": "vipool.cli.up",
    "down": "vipool.cli.down",
    "status": "vipool.cli.status",
    "exec": "vipool.cli.exec",
    "server": "vipool.cli.server",
    "agent": "vipool.cli.agent",
}
"""Which module registers which command, in the order of `vipool --help`."""


def app() -> None:
    """Run the command line in `sys.argv` and leave with its exit code."""
    try:
        build(sys.argv[1:])()
    except (settings.Invalid, errors.HostError, faults.Refusal) as refusal:
        _leave(str(refusal))
    except BrokenPipeError:
        # Whoever read our output has left. What is still buffered has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _leave(f"{error.filename}: {error.strerror}.")


def build(arguments: list[str]) -> typer.Typer:
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


def _leave(sentence: str) -> None:
    print(f"vipool: {sentence}", file=sys.stderr)
    sys.exit(1)
