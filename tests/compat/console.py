"""The unmodified `openstack` command, many times in one process: starting Python for each would cost a second.

Reads command lines from standard input, one JSON list each; calls the function that the `openstack` program calls;
writes for each one a JSON object with `code`, `out` and `err`.
"""

import contextlib
import io
import json
import sys

from openstackclient import shell


def call(argv):
    """Run `openstack` with these arguments."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code: object = None
        try:
            code = shell.main(argv)
        except SystemExit as ending:
            code = ending.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(call(json.loads(line))), flush=True)
