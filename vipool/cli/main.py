"""The `vipool` command: what every one of its commands does alike. The commands are in `vipool.cli.line`.

Promises: a refusal is one sentence on stderr and exit code 1; a usage error exits with 2; only bugs show a traceback.
"""

from __future__ import annotations

import os
import sys

from vipool import settings
from vipool.cli import resident
from vipool.host import errors
from vipool.model import faults


def app() -> None:
    """Run the command line in `sys.argv` and leave with its exit code."""
    arguments = sys.argv[1:]
    try:
        if resident.meant(arguments):
            sys.exit(resident.main(arguments))
        from vipool.cli import line

        line.build(arguments)()
    except (settings.Invalid, errors.HostError, faults.Refusal) as refusal:
        _leave(str(refusal))
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell counts: 128 and the number of SIGINT
    except BrokenPipeError:
        # Whoever read our output has left. What is still buffered has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _leave(f"{error.filename}: {error.strerror}.")


def _leave(sentence: str) -> None:
    print(f"vipool: {sentence}", file=sys.stderr)
    sys.exit(1)
