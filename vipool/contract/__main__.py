"""Runs pytest with the arguments given in a sandbox: new network, mount and process namespaces, a private /run.

Promises: no packet of a test leaves it, and what a test leaves behind ends with it. Without root it is a user namespace
in which the caller is root. It collects nothing by itself: the arguments are pytest's.
"""

import os
import sys

# pytest refuses a directory of temporary files that another user made, and in a user namespace root is another.
_FURNISH = """
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir /run/netns /run/tests
export PYTEST_DEBUG_TEMPROOT=/run/tests
exec "$@"
"""
_NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")


def main() -> None:
    """Become pytest in a sandbox."""
    root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    within = ("sh", "-ec", _FURNISH, "sh", sys.executable, "-m", "pytest", *sys.argv[1:])
    os.execvp("unshare", ("unshare", *root, *_NAMESPACES, *within))


if __name__ == "__main__":
    main()
