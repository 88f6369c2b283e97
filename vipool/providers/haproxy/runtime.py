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

PID_FILE = "haproxy.pid"
SECONDS = 2.0
# A sockaddr_un takes 107 bytes of path (unix(7)); longer ones are reached through a descriptor of their directory.
_LONGEST_PATH = 107


class Silent(base.NotNow):
    """The process does not answer on its socket."""


class Unreachable(Silent):
    """Nobody listens on the socket, or it is gone."""


class Replaced(Silent):
    """A process that is being replaced answered: it held the socket a moment longer."""


def ask(directory: Path, command: str, *, seconds: float = SECONDS) -> str:
    """The answer of the process that the pid file names to one command, without the blank lines around it.

    Raises Silent, or Unreachable.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return _ask(directory, command, until)
        except Replaced:
            if time.monotonic() > until:
                raise
            time.sleep(0.0005)  # nothing tells when a process stops listening on a socket it shares


def _ask(directory: Path, command: str, until: float) -> str:
    try:
        # Across a reload both processes listen on the one socket for some milliseconds (`expose-fd listeners`): who
        # answers says so in the same breath.
        with _connected(directory, max(0.01, until - time.monotonic())) as connection:
            connection.sendall(f"show info;{command}\n".encode())
            said = _everything(connection, until).decode(errors="replace")
    except OSError as error:
        gone = isinstance(error, FileNotFoundError | ConnectionRefusedError)
        sentence = f"HAProxy does not answer on {directory / render.SOCKET}: {error.strerror or error}"
        raise (Unreachable if gone else Silent)(sentence) from error
    who, _, answer = said.partition("\n\n")
    expected = _expected(directory)
    if expected and f"\nPid: {expected}\n" not in who:
        raise Replaced(f"HAProxy in {directory} is being replaced: process {expected} does not answer yet")
    return answer.strip("\n")


def _expected(directory: Path) -> str:
    with contextlib.suppress(OSError):
        return (directory / PID_FILE).read_text().strip()
    return ""


@contextlib.contextmanager
def _connected(directory: Path, seconds: float) -> Iterator[socket.socket]:
    with reached(directory / render.SOCKET) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        connection.connect(path)
        yield connection


@contextlib.contextmanager
def reached(socket_file: Path) -> Iterator[str]:
    """A path of the socket that is short enough, while the block runs. Raises OSError."""
    path = str(socket_file)
    with contextlib.ExitStack() as stack:
        if len(os.fsencode(path)) > _LONGEST_PATH:
            descriptor = os.open(socket_file.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            path = f"/proc/self/fd/{descriptor}/{socket_file.name}"
        yield path


def _everything(connection: socket.socket, until: float) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
        if time.monotonic() > until:
            raise TimeoutError("the answer does not end")
    return b"".join(parts)
