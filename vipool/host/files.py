"""Files that are whole or not there: written aside and renamed; directories; locks that say who holds them.

Promises: a reader never sees half a file, and a full disk leaves the old one as it was and raises `errors.DiskFull`.
Nothing is retried.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vipool.host import errors

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write(path: Path, data: str | bytes, *, mode: int = 0o600, durable: bool = False) -> None:
    """Replace the file as one step. `durable`: it is on the disk, with its name, when this returns (fsync(2)).

    Raises `errors.DiskFull`, or `errors.Failed` for any other reason.
    """
    content = data.encode() if isinstance(data, str) else data
    with _explained(f"writing {path}"):
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(descriptor, mode)
                if durable:
                    os.fsync(descriptor)
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
        if durable:
            _sync_directory(path.parent)


def write_if_changed(path: Path, data: str | bytes, *, mode: int = 0o600) -> bool:
    """As `write`, unless the file has this content and mode already. Returns whether it was written."""
    content = data.encode() if isinstance(data, str) else data
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content and path.stat().st_mode & 0o7777 == mode:
            return False
    write(path, content, mode=mode)
    return True


def directory(path: Path, *, mode: int = 0o700) -> Path:
    """Make the directory, and those above it, exist; this one with exactly this mode. Returns it."""
    with _explained(f"making the directory {path}"):
        path.mkdir(parents=True, exist_ok=True)
        if path.stat().st_mode & 0o7777 != mode:
            path.chmod(mode)
    return path


@contextlib.contextmanager
def lock(path: Path, holder: str) -> Iterator[None]:
    """Hold the lock file for as long as the block runs; the kernel lets go when the process ends, however it ends.

    `holder` is a few words on who this is, shown to whoever asks next. Raises `errors.Busy` at once when it is held.
    """
    with _explained(f"opening the lock {path}"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            raise errors.Busy(f"{path} is held by {who}") from error
        with _explained(f"writing {path}"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{holder}, process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise errors.DiskFull(f"{doing}: {error.strerror}; what was there before is untouched") from error
        raise errors.Failed(doing, number=error.errno or 0) from error
