"""The unmodified `openstack` command, many times in one process: starting Python for each would cost a second.

Calls the function that the `openstack` program calls. Clients keep what they know of a user for as long as their
process lives, so everybody needs one; it is forked from one that has imported all that a command needs.
"""

import contextlib
import io
import os


def call(argv):
    """Run `openstack` with these arguments; return its exit status and what it printed."""
    from openstackclient import shell  # here: it warns of itself, and the process of the tests does not need it

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code: object = None
        try:
            code = shell.main(argv)
        except SystemExit as ending:
            code = ending.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def serve(line, variables):
    """Run what comes over a line until it is closed, with these variables of the environment alone for `openstack`."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        del os.environ[name]
    os.environ.update(variables)
    with contextlib.suppress(EOFError):
        while True:
            line.send(call(line.recv()))
