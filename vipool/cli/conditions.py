"""`vipool conditions`: what is wrong with load balancers that their clients see as silence.

Promises: exit code 0 where nothing is, 1 where something is; changes nothing.
"""

from __future__ import annotations

import json as jsons
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from vipool import settings
from vipool.cli import operator, options

LoadBalancer = Annotated[
    str | None, typer.Argument(metavar="[LOADBALANCER]", help="The id of a load balancer [default: every one].")
]


def register(app: typer.Typer) -> None:
    """Add the command `conditions`."""
    app.command("conditions")(show)


def show(loadbalancer: LoadBalancer = None, state_dir: options.StateDir = None, json: options.Json = False) -> None:
    """Say what is wrong with load balancers, by name, and what to do; exit with 1 if anything is."""
    found = of(options.read(state_dir), loadbalancer)
    if json:
        typer.echo(jsons.dumps(found))
    else:
        typer.echo("\n\n".join(map(paragraph, found)) or "Nothing is wrong.")
    raise typer.Exit(1 if found else 0)


def of(chosen: settings.Settings, loadbalancer: str | None) -> Sequence[dict[str, Any]]:
    """The conditions of one load balancer, or of all, the oldest first. Raises as `operator.ask`."""
    with operator.client(chosen) as client:
        found: list[dict[str, Any]] = operator.ask(client, "GET", "/agent/conditions")["conditions"]
    return [each for each in found if loadbalancer in (None, each["loadbalancer_id"])]


def paragraph(found: Mapping[str, Any]) -> str:
    """One condition for people to read: its name, since when, of what, and the sentences."""
    about = "" if found["object_id"] == found["loadbalancer_id"] else f", {found['object_type']} {found['object_id']}"
    head = f"{found['name']} since {found['since']}: load balancer {found['loadbalancer_id']}{about}"
    return f"{head} {found['address']}".rstrip() + f"\n    {found['message']}"
