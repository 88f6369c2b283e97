"""Descriptors of files: the low ones are kept free.

libnftables waits by select(2), which counts to 1,024: beyond that the C library ends the process. So what there are
thousands of is moved up, and `room` says how many there may be. Opens nothing itself.
"""

import fcntl
import os
import resource

COUNTED = 1024
"""What select(2) can count to (FD_SETSIZE)."""


def up(descriptor: int) -> int:
    """The same file by a descriptor beyond those, in place of this one; this one still where there is no such room."""
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, COUNTED)
    except OSError:
        return descriptor
    os.close(descriptor)
    return moved


def room() -> int:
    """How many files this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_limit() -> None:
    """Let this process have as many files open as it may allow itself."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
