"""The socket on which the API listens.

`vipool up` binds it once and its server inherits it, so that clients are queued, not refused, while a server is being
replaced, and no other program can take the port in between.

Promises: a port that cannot be had is refused with a sentence that names it. Accepts nothing.
"""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from vipool.host import errors

_BACKLOG = 2048
_WAY_OUT = "give another one with --listen HOST:PORT"


def bind(host: str, port: int) -> socket.socket:
    """Return a TCP socket listening on `host` (a name or an address) and `port`.

    Raises `errors.Busy` where another program has the port, `errors.Failed` where the address cannot be used.
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise errors.Missing(f"The address {where} cannot be listened on: {error.strerror}; {_WAY_OUT}.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        # Without it, connections of the last run that the kernel still remembers would hold the port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise errors.Busy(
                f"The address {where} is in use by another program (`ss -ltnp` shows which): stop it, or {_WAY_OUT}."
            ) from error
        raise errors.Missing(f"The address {where} cannot be listened on: {error.strerror}; {_WAY_OUT}.") from error
    return listener


def inherited(number: int) -> socket.socket:
    """Return the listening socket that the parent process left open as file descriptor `number`."""
    listener = socket.socket(fileno=number)
    # Programs this process starts must not keep the port.
    listener.set_inheritable(False)
    return listener


def bind_local(path: Path) -> socket.socket:
    """Return a unix socket listening at `path`, for this user only. What a dead server left there is replaced.

    Raises `errors.Failed` where it cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise errors.Failed(f"listening at {path}", reason=error.strerror or str(error)) from error
    return listener
