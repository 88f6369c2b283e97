"""One function in a process of its own, so that what a stranger sent cannot hold up this one.

Some libraries hold the interpreter's lock while they work, and what they are given says how long that is. Here such
work is done by a child that the kernel ends when one answer took more processor time than it may (RLIMIT_CPU,
setrlimit(2)).

Promises: one question is answered at a time; `NoAnswer` where the child ended over it, and the next question finds
another child; the child ends with this process, and leaves no core dump, which would hold what it was asked. It is
started by the first question. Does not know what the function does: it takes and gives one line of bytes.
"""

from __future__ import annotations

import importlib
import math
import resource
import subprocess
import sys
import threading
from collections.abc import Callable

from vipool.host import errors

SECONDS = 2
"""Of processor time, for one answer."""

MEMORY = 1 << 30
"""Bytes of address space."""


class NoAnswer(errors.HostError):
    """The child ended over a question: it took too long, or too much memory."""


class Confined:
    """`function` of `module`, asked from any thread."""

    def __init__(self, module: str, function: str, *, seconds: int = SECONDS) -> None:
        self._seconds = seconds
        self._command = (sys.executable, "-m", __name__, module, function, str(seconds))
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the child, or None where none was needed yet."""
        return None if self._child is None else self._child.pid

    def __call__(self, question: bytes) -> bytes:
        """The answer to one line. Raises `NoAnswer`."""
        with self._turn:
            answer = _exchange(self._living(), question)
            if answer is None:
                self._end()
                raise NoAnswer(f"no answer within {self._seconds} s of processor time and {MEMORY >> 20} MiB")
            return answer

    def _living(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        try:
            self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise NoAnswer(f"nobody to ask could be started: {error.strerror}") from error
        return self._child

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


def _exchange(child: subprocess.Popen[bytes], question: bytes) -> bytes | None:
    assert child.stdin
    assert child.stdout
    try:
        child.stdin.write(question + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return None
    answer = child.stdout.readline()
    return answer[:-1] if answer.endswith(b"\n") else None


def serve(function: Callable[[bytes], bytes], seconds: int) -> None:
    """Answer the lines of standard input on standard output, until it ends."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MEMORY)
    for line in sys.stdin.buffer:
        used = resource.getrusage(resource.RUSAGE_SELF)
        # The kernel counts whole seconds, from the start of the process: this one gets up to one more.
        _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + seconds)
        sys.stdout.buffer.write(function(line[:-1]) + b"\n")
        sys.stdout.buffer.flush()


def _limit(kind: int, wanted: int) -> None:
    """Set what the process may use, and leave what it may ever be allowed as it is."""
    _, most = resource.getrlimit(kind)
    resource.setrlimit(kind, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


if __name__ == "__main__":
    serve(getattr(importlib.import_module(sys.argv[1]), sys.argv[2]), int(sys.argv[3]))
