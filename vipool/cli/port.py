"""`vipool port`: plugging ports into namespaces and containers that run on this machine.

Promises: when `attach` returns with 0 the port is plugged, with its address, routes and MAC; otherwise it says why not.
Talks to the running vipool over the socket in its state directory, which only its owner may open.
"""

from __future__ import annotations

import json as jsons
import time
from typing import Annotated

import httpx
import typer

from vipool.cli import operator, options
from vipool.host import errors

PATIENCE = 15.0
LOOK_EVERY = 0.02

Port = Annotated[str, typer.Argument(metavar="PORT", help="The id of the port, or its name where only one has it.")]


def register(app: typer.Typer) -> None:
    """Add the commands `port attach`, `port detach` and `port list`."""
    group = typer.Typer(help="Plug ports into namespaces and containers of this machine.", no_args_is_help=True)
    group.command("attach")(attach)
    group.command("detach")(detach)
    group.command("list")(show)
    app.add_typer(group, name="port")


def attach(
    port: Port,
    netns: Annotated[str | None, typer.Option("--netns", metavar="NAME", help="Into this network namespace.")] = None,
    pid: Annotated[int | None, typer.Option("--pid", metavar="PID", help="Into the namespace of this process.")] = None,
    device: Annotated[str, typer.Option("--device", metavar="NAME", help="What the interface is called in there.")] = (
        "eth0"
    ),
    state_dir: options.StateDir = None,
) -> None:
    """Plug a port into an existing namespace or container."""
    if (netns is None) == (pid is None):
        raise typer.BadParameter("give either --netns NAME or --pid PID")
    target = f"netns:{netns}" if netns is not None else f"pid:{pid}"
    with operator.client(options.read(state_dir)) as client:
        made = operator.ask(client, "POST", "/agent/plugs", {"port": port, "target": target, "device": device})["plug"]
        _await(client, made["id"])
    typer.echo(f"Port {made['id']} is plugged into {target} as {device}.")


def detach(port: Port, state_dir: options.StateDir = None) -> None:
    """Undo `port attach`."""
    with operator.client(options.read(state_dir)) as client:
        operator.ask(client, "DELETE", f"/agent/plugs/{port}")
    typer.echo(f"Port {port} is detached.")


def show(state_dir: options.StateDir = None, json: options.Json = False) -> None:
    """List the ports that are plugged."""
    with operator.client(options.read(state_dir)) as client:
        plugs = operator.ask(client, "GET", "/agent/plugs")["plugs"]
    if json:
        typer.echo(jsons.dumps(plugs))
        return
    for each in plugs:
        state = each["fault"] or ("plugged" if each["realised"] else "under way")
        typer.echo(f"{each['id']}  {each['target']}  {each['device']}  {state}")


def _await(client: httpx.Client, port_id: str) -> None:
    began = time.monotonic()
    while True:
        found = next(each for each in operator.ask(client, "GET", "/agent/plugs")["plugs"] if each["id"] == port_id)
        if found["realised"]:
            return
        if found["fault"] is not None:
            operator.ask(client, "DELETE", f"/agent/plugs/{port_id}")
            raise errors.Failed(f"plugging port {port_id} into {found['target']}", reason=found["fault"])
        if time.monotonic() - began > PATIENCE:
            raise errors.Failed(f"plugging port {port_id}", reason=f"not done after {PATIENCE:.0f} s")
        time.sleep(LOOK_EVERY)  # the socket has no way to wait for one port
