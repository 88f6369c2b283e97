"""The log of a process: lines on standard error, which is a file for the children of `vipool up`.

Promises: what is logged is one line, whatever a tenant's words in it are: what cannot be printed is written as Python
would in a string. Only the traceback of a bug has lines of its own, below its sentence.
"""

import logging
import sys

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Lines(logging.Formatter):
    """Makes a line of a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The sentence of a record, in one line."""
        return printable(super().formatMessage(record))


def printable(text: str) -> str:
    """The text with escapes in the place of what ends a line, moves a cursor or cannot be seen."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def to_stderr() -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(_FORM))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
