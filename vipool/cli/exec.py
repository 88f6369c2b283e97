"""`vipool exec`: a command where the data plane is, in the sandbox or on the host, and in a network namespace of it.

Promises: the terminal, signals, the working directory and the exit code are the command's own. Chooses no user: inside
a sandbox without root the caller is root there.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vipool import settings
from vipool.cli import options, record
from vipool.host import errors, sandbox

_NOT_EXECUTABLE = 126
_NOT_FOUND = 127


def register(app: typer.Typer) -> None:
    """Add the command `exec`."""
    # What follows the command's name is the command's, options included.
    app.command("exec", context_settings={"allow_interspersed_args": False})(execute)


def execute(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run, with its arguments.")],
    state_dir: options.StateDir = None,
    netns: Annotated[
        str | None,
        typer.Option("--netns", metavar="NAME", help="Run it in this network namespace (qlbaas-..., qrouter-...)."),
    ] = None,
) -> None:
    """Run COMMAND inside the sandbox, or on the host where there is none."""
    chosen = options.read(state_dir)
    holder = _holder(chosen)
    words = [*_entering(netns, holder), *command]
    try:
        code = sandbox.run(holder, words) if holder else _replace(words)
    except FileNotFoundError:
        _leave(f"There is no command {words[0]}.", _NOT_FOUND)
    except PermissionError:
        _leave(f"{words[0]} may not be run.", _NOT_EXECUTABLE)
    if code < 0:
        # Ended by a signal: end the same way, so that a shell sees the same.
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    raise typer.Exit(code)


def _holder(chosen: settings.Settings) -> sandbox.Holder | None:
    if holder := sandbox.find(chosen.sandbox_file):
        return holder
    last = record.read(chosen.up_file)
    if last is not None and not last.sandboxed:
        return None
    raise errors.Missing(f"No data plane of {chosen.state_dir} is running: start it with `vipool up`.")


def _entering(netns: str | None, holder: sandbox.Holder | None) -> tuple[str, ...]:
    if netns is None:
        return ()
    # What a process sees as its root directory is open to whoever may trace it (proc_pid_root(5)).
    directory = Path(f"/proc/{holder.pid}/root/run/netns" if holder else "/run/netns")
    names = sorted(os.listdir(directory)) if directory.is_dir() else []
    if netns not in names:
        there = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "none yet"
        raise errors.Missing(f"There is no network namespace {netns}; there are: {there}.")
    return "ip", "netns", "exec", netns


def _replace(words: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execvp(words[0], words)


def _leave(sentence: str, code: int) -> NoReturn:
    print(f"vipool: {sentence}", file=sys.stderr)
    sys.exit(code)
