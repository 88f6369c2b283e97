"""The state directory as the commands see it: made, locked, recognised, and emptied of what is vipool's.

Promises: one `vipool up` per state directory at a time; a directory of a newer vipool is left untouched; a purge
removes nothing that vipool did not make. The database and the agent's files are written by others; here they are only
names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from vipool import settings
from vipool.host import errors, files

LAYOUT = 1
"""The layout of the state directory that this vipool writes and reads (`Settings.layout_file`)."""


def prepare(chosen: settings.Settings) -> None:
    """Make the state directory and its parts where they are missing, for this user's eyes only.

    Raises `settings.Invalid` if it cannot be written, holds somebody else's files, or is of a newer vipool.
    """
    directory = chosen.state_dir
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise settings.Invalid(
            f"{directory} cannot be made: {error.strerror}. Name another directory with --state-dir."
        ) from error
    _check_layout(chosen)
    try:
        if not chosen.layout_file.exists():
            directory.chmod(0o700)
            files.write(chosen.layout_file, f"{LAYOUT}\n")
        for part in (chosen.run_dir, chosen.log_dir):
            part.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise settings.Invalid(
            f"{directory} cannot be written: {error.strerror}. Name another directory with --state-dir."
        ) from error


@contextlib.contextmanager
def locked(chosen: settings.Settings, holder: str) -> Iterator[None]:
    """Hold the lock of the state directory as `holder`; raise `errors.Busy`, which names who has it, if it is taken."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.lock(chosen.lock_file, holder))
        except errors.Busy as error:
            raise errors.Busy(
                f"{chosen.state_dir} is in use ({error}): stop that one, or name another directory with --state-dir."
            ) from error
        yield


def purge(chosen: settings.Settings) -> tuple[Path, ...]:
    """Remove everything in the state directory that vipool made; return what was left because it did not.

    Only paths of these names are touched: no link is followed, and nothing that is mounted there is entered.
    """
    for tree in (chosen.balancers_dir, chosen.marks_dir, chosen.run_dir):
        _remove_tree(tree)
    ours = [chosen.clouds_file, chosen.openrc_file, chosen.admin_password_file]
    ours += [chosen.token_key_file, chosen.secret_key_file]
    ours += [chosen.database.with_name(chosen.database.name + end) for end in ("", "-wal", "-shm", "-journal")]
    ours += [chosen.log_dir / (name + end) for name in ("server.log", "agent.log") for end in ("", ".1")]
    for path in (*ours, chosen.layout_file):
        path.unlink(missing_ok=True)
        # What a write that was cut short left aside (`vipool.host.files`).
        for aside in path.parent.glob(f".{path.name}.????????"):
            aside.unlink()
    for directory in (chosen.log_dir, chosen.state_dir):
        with contextlib.suppress(OSError):  # not empty: what is in it is not ours
            directory.rmdir()
    return _left(chosen.state_dir)


def _check_layout(chosen: settings.Settings) -> None:
    try:
        found = chosen.layout_file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        found = str(LAYOUT)
        if strangers := sorted(path.name for path in chosen.state_dir.iterdir() if path != chosen.toml_file):
            raise settings.Invalid(
                f"{chosen.state_dir} is not a state directory of vipool (it holds {', '.join(strangers[:3])}):"
                " name an empty or new directory with --state-dir."
            ) from None
    except OSError as error:
        raise settings.Invalid(f"{chosen.state_dir} cannot be read: {error.strerror}.") from error
    if not found.isdecimal() or int(found) > LAYOUT:
        raise settings.Invalid(
            f"{chosen.state_dir} was written by a newer vipool (layout {found}, this one knows {LAYOUT}):"
            " use that version, or another directory with --state-dir."
        )


def _remove_tree(directory: Path) -> None:
    if directory.is_symlink() or not directory.is_dir():
        return
    for child in directory.iterdir():
        if child.is_dir() and not child.is_symlink() and not child.is_mount():
            _remove_tree(child)
        elif not child.is_mount():
            child.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        directory.rmdir()


def _left(directory: Path) -> tuple[Path, ...]:
    if not directory.exists():
        return ()
    return tuple(sorted(path for path in directory.rglob("*") if not path.is_dir() or path.is_symlink()))
