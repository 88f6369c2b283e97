"""Options that several commands share, declared once, and the settings they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vipool import settings

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="Where everything is kept [default: /var/lib/vipool for root, otherwise ~/.local/state/vipool].",
        show_default=False,
    ),
]

Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help=f"Where the API answers; port 0 takes a free one [default: {settings.DEFAULT_LISTEN}].",
        show_default=False,
    ),
]

Sandbox = Annotated[
    bool | None,
    typer.Option(
        "--sandbox/--no-sandbox",
        help="Keep the data plane in private namespaces from which no packet can leave [default: only without root].",
        show_default=False,
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Answer with one line of JSON.")]


def read(state_dir: Path | None, listen: str | None = None, sandbox: bool | None = None) -> settings.Settings:
    """Return the settings that these options and this process's environment lead to; raise `settings.Invalid`."""
    given = settings.Given(state_dir=state_dir, listen=listen, sandbox=sandbox)
    return settings.read(given, os.environ, os.geteuid())
