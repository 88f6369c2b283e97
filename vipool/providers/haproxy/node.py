"""What the text of a configuration depends on of this node: files a process may open, identities it may run under.

Promises: what is said is what the kernel allows this very process. Changes nothing.
"""

import os
import resource
from pathlib import Path
from pwd import getpwnam

from vipool.providers.haproxy import render

# What is assumed where there is no limit of open files.
MOST_FILES = 1 << 20


def layout() -> render.Layout:
    """What the limit of open files and the identities of this node allow."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    user, group = _identity()
    return render.Layout(files=MOST_FILES if allowed == resource.RLIM_INFINITY else allowed, user=user, group=group)


def _identity() -> tuple[int | None, int | None]:
    """The numbers of Debian's `haproxy` user, where one may become it: as root, outside a small user namespace."""
    try:
        found = getpwnam("haproxy")
    except KeyError:
        return None, None
    if os.geteuid() != 0 or not (_mapped("uid", found.pw_uid) and _mapped("gid", found.pw_gid)):
        return None, None
    return found.pw_uid, found.pw_gid


def _mapped(kind: str, number: int) -> bool:
    ranges = (line.split() for line in Path(f"/proc/self/{kind}_map").read_text().splitlines())
    return any(int(first) <= number < int(first) + int(count) for first, _, count in ranges)
