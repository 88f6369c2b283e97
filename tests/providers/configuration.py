"""HAProxy's reading of its configuration, for the tests: a tokenizer of our own, and the real binary.

The tokenizer follows the configuration manual, section 2.2: blanks separate words; a backslash escapes; single quotes
take everything literally; double quotes take backslashes and ${variables}; `#` outside quotes begins a comment.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from vipool.providers.haproxy import keyring, pem

BINARY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")
needs_haproxy = pytest.mark.skipif(BINARY is None, reason="haproxy is not installed")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Odd(Exception):
    """The line holds something the tokenizer gives no plain value to: a variable, an open quote."""


def words(text: str) -> list[str]:
    """The words HAProxy would see on one line. Raises Odd."""
    found: list[str] = []
    current: str | None = None
    quote = ""
    rest = iter(text)
    for letter in rest:
        if quote == "'":
            quote, current = ("", current) if letter == "'" else (quote, (current or "") + letter)
        elif letter == "\\":
            after = next(rest, "")
            current = (current or "") + ESCAPES.get(after, after)
        elif quote == '"':
            if letter == "$":
                raise Odd(text)
            quote, current = ("", current) if letter == '"' else (quote, (current or "") + letter)
        elif letter in "'\"":
            quote, current = letter, current or ""
        elif letter == "#":
            break
        elif letter in " \t":
            if current is not None:
                found.append(current)
            current = None
        else:
            current = (current or "") + letter
    if quote:
        raise Odd(text)
    return found if current is None else [*found, current]


def verdict(text: str, directory: Path, files: Sequence[pem.File] = ()) -> str:
    """What `haproxy -c` says against the text and its files, warnings included; empty when it accepts them without a
    word."""
    assert BINARY is not None
    keyring.write(directory, files)
    keyring.tidy(directory, [each.path for each in files])
    (directory / "server-state").write_text("1\n")
    (directory / "haproxy.cfg").write_text(text)
    command = (BINARY, "-c", "-L", "local", "-C", str(directory), "-f", "haproxy.cfg")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [each for each in done.stderr.splitlines() if "[NOTICE]" not in each and each.strip()]
    return "\n".join(said) if done.returncode or said else ""
