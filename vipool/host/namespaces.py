"""Named network namespaces: made, deleted, listed, entered.

Promises: a namespace made here is the same object that `ip netns` shows; making and deleting are safe to repeat and
safe to be killed in. `call` runs a function inside a namespace on a thread of its own which then ends, so that no
thread ever serves the wrong namespace afterwards. Python 3.11 has no os.setns: the C library is called. Knows nothing
of devices.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from vipool.host import errors

DIRECTORY = Path("/run/netns")

_NEW_NETWORK = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED = 0x1000, 0x4000, 0x100000
_DETACH = 2
_OWN = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)
_Answer = TypeVar("_Answer")


def path_of(reference: str) -> Path:
    """Where a namespace's file is: a path stands for itself, a name is looked for under /run/netns."""
    return Path(reference) if reference.startswith("/") else DIRECTORY / reference


def exists(reference: str) -> bool:
    """Whether the namespace can be entered. A file left by a crash before the mount is not a namespace."""
    return _is_namespace(path_of(reference))


def names() -> tuple[str, ...]:
    """The names of all namespaces of this machine, ours and others', sorted."""
    try:
        entries = sorted(entry.name for entry in os.scandir(DIRECTORY))
    except FileNotFoundError:
        return ()
    return tuple(name for name in entries if exists(name))


def identity(reference: str) -> tuple[int, int]:
    """What tells this namespace from every other: device and inode. Raises `errors.Missing`."""
    with opened(reference) as descriptor:
        status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def opened(reference: str) -> Iterator[int]:
    """An open file descriptor of the namespace. Raises `errors.Missing` when there is none."""
    path = path_of(reference)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise errors.Missing(f"there is no network namespace {reference}: {error.strerror}") from error
    try:
        if os.fstat(descriptor).st_dev != os.stat(_OWN).st_dev:
            raise errors.Missing(f"there is no network namespace {reference}: {path} is something else")
        yield descriptor
    finally:
        os.close(descriptor)


def call(reference: str, function: Callable[[], _Answer]) -> _Answer:
    """Run the function on a new thread inside the namespace and return what it returns, or raise what it raises.

    The function must not wait for long: nothing can interrupt it. Raises `errors.Missing` or `errors.Failed`.
    """
    with opened(reference) as descriptor:

        def enter() -> None:
            _require(_libc.setns(descriptor, _NEW_NETWORK), f"entering the network namespace {reference}")

        return _on_a_thread(enter, function)


def visit(reference: str, function: Callable[[], _Answer]) -> _Answer:
    """Run the function inside the namespace on the calling thread, which comes back to where it was.

    For a thread that has many namespaces to look into and nobody else's work to do: should the way back fail, it must
    not go on. Costs a twentieth of `call`. Raises `errors.Missing` or `errors.Failed`.
    """
    with opened(reference) as there, opened(_OWN) as home:
        _require(_libc.setns(there, _NEW_NETWORK), f"entering the network namespace {reference}")
        try:
            return function()
        finally:
            _require(_libc.setns(home, _NEW_NETWORK), f"leaving the network namespace {reference}")


def tour(references: Iterable[str], function: Callable[[str], None]) -> float:
    """Run the function inside each of the namespaces in turn, on one new thread; the seconds of processor time it took.

    It is given the reference it is at. A namespace that is not there is left out, as is one in which the function
    raises `errors.HostError`. The thread never comes back to where it began, so to see many costs little more than the
    looking.
    """

    def visit() -> float:
        for reference in references:
            with contextlib.suppress(errors.HostError), opened(reference) as descriptor:
                _require(_libc.setns(descriptor, _NEW_NETWORK), f"entering the network namespace {reference}")
                function(reference)
        return time.thread_time()

    return _on_a_thread(lambda: None, visit)


def create(name: str, function: Callable[[], _Answer]) -> _Answer:
    """Make the namespace and run the function inside, before anybody finds it by name; what it returns is returned.

    For one that exists already the function is run again. When the function raises, the namespace is not made.
    """
    if exists(name):
        return call(name, function)
    _prepare_directory()

    def enter() -> None:
        _require(_libc.unshare(_NEW_NETWORK), f"making the network namespace {name}")

    def fill() -> _Answer:
        answer = function()
        _publish(name)
        return answer

    return _on_a_thread(enter, fill)


def delete(name: str) -> None:
    """Take the name away; the kernel ends the namespace once no process is left in it. Safe when it is gone already."""
    path = DIRECTORY / name
    while True:
        if _libc.umount2(os.fsencode(path), _DETACH) == 0:
            continue
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOENT):
            raise errors.Failed(f"deleting the network namespace {name}", number=number)
        break
    path.unlink(missing_ok=True)


def _on_a_thread(enter: Callable[[], None], function: Callable[[], _Answer]) -> _Answer:
    answers: list[_Answer] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            enter()
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, where it is raised
            raised.append(error)

    thread = threading.Thread(target=work, name="namespace")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return answers[0]


def _publish(name: str) -> None:
    path = DIRECTORY / name
    path.touch(mode=0o444)
    mounted = _libc.mount(_OWN.encode(), os.fsencode(path), b"none", _MS_BIND, None)
    _require(mounted, f"naming the network namespace {name}")


def _prepare_directory() -> None:
    """Make /run/netns a shared mount, as ip-netns(8) does, so that a name made or deleted here is so for everybody."""
    DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    if DIRECTORY.is_mount():
        return
    target = os.fsencode(DIRECTORY)
    if _libc.mount(b"", target, b"none", _MS_SHARED | _MS_REC, None) == 0:
        return
    _require(_libc.mount(target, target, b"none", _MS_BIND | _MS_REC, None), f"preparing {DIRECTORY}")
    _require(_libc.mount(b"", target, b"none", _MS_SHARED | _MS_REC, None), f"preparing {DIRECTORY}")


def _is_namespace(path: Path) -> bool:
    try:
        return os.stat(path).st_dev == os.stat(_OWN).st_dev
    except OSError:
        return False


def _require(result: int, doing: str) -> None:
    if result != 0:
        raise errors.Failed(doing, number=ctypes.get_errno())
