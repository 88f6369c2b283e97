"""The conversation with a running HAProxy over its stats socket: commands out, answers in (management guide, 9.3).

Promises: one connection for each command and a time limit on everything, so that a process that hangs cannot hang the
caller; sockets in directories of any depth are reached. Does not decide what to say.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from vipool.providers import base
from vipool.providers.haproxy import render

SECONDS = 2.0
# A sockaddr_un takes 107 bytes of path (unix(7)); longer ones are reached through a descriptor of their directory.
_LONGEST_PATH = 107


class Silent(base.NotNow):
    """The process does not answer on its socket."""


def ask(directory: Path, command: str, *, seconds: float = SECONDS) -> str:
    """The answer to one command, without the blank lines around it. Raises Silent."""
    try:
        with _connected(directory, seconds) as connection:
            connection.sendall(command.encode() + b"\n")
            return _everything(connection, time.monotonic() + seconds).decode(errors="replace").strip("\n")
    except OSError as error:
        raise Silent(f"HAProxy does not answer on {directory / render.SOCKET}: {error.strerror or error}") from error


def answers(directory: Path) -> bool:
    """Whether a process listens on the socket and answers."""
    try:
        return "Pid:" in ask(directory, "show info")
    except Silent:
        return False


@contextlib.contextmanager
def _connected(directory: Path, seconds: float) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        path = str(directory / render.SOCKET)
        if len(os.fsencode(path)) > _LONGEST_PATH:
            descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            path = f"/proc/self/fd/{descriptor}/{render.SOCKET}"
        connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        connection.settimeout(seconds)
        connection.connect(path)
        yield connection


def _everything(connection: socket.socket, until: float) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
        if time.monotonic() > until:
            raise TimeoutError("the answer does not end")
    return b"".join(parts)
