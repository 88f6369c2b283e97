"""Words, lines and sections of haproxy.cfg, with the one function that quotes.

Promises: whatever text goes in, the line that comes out has exactly as many words as were given, each with the value
that was given, read by the rules of the HAProxy configuration manual, section 2.2 (quoting and escaping). Text that no
quoting can carry on one line raises `Unquotable`. Knows no keyword.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import TypeAlias

Word: TypeAlias = str | int

# Characters that mean nothing to HAProxy's reader outside quotes. `%`, `[` and `]` are plain to the reader; in the few
# arguments that are log formats they are not: see `literal`.
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%!=+*,()\[\]{}-]+", re.ASCII)
_ARGUMENT = re.compile(r"[A-Za-z0-9_.-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What HAProxy accepts in the name of a proxy or server (configuration manual, section 4).
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)


class Unquotable(ValueError):
    """The text holds a character that cannot stand in a configuration line."""


def word(value: Word) -> str:
    """One word, quoted when it must be. Raises Unquotable on control characters."""
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    if _CONTROL.search(text):
        raise Unquotable(f"{text!r} holds a control character")
    # Inside single quotes nothing is special; the quote itself is closed, escaped, reopened.
    return "'" + text.replace("'", "'\\''") + "'"


def literal(text: str) -> str:
    """The text for an argument that HAProxy reads as a log format (section 8.2.4), where a percent sign is special."""
    return text.replace("%", "%%")


def argument(text: str) -> str:
    """The text for an argument of a sample fetch, between its brackets, where quotes count again (section 2.2)."""
    return text if _ARGUMENT.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


def line(*words: Word) -> str:
    """One line of a section, without its end."""
    return "    " + " ".join(word(each) for each in words)


def comment(*words: Word) -> str:
    """A line that HAProxy passes over."""
    return "# " + " ".join(word(each) for each in words)


def section(kind: str, name: str, lines: Iterable[str]) -> str:
    """A section: its heading, then its lines, each ended. Raises Unquotable on a name HAProxy would not take."""
    if name and not _NAME.fullmatch(name):
        raise Unquotable(f"{name!r} cannot be the name of a section")
    heading = f"{kind} {name}" if name else kind
    return "\n".join((heading, *lines)) + "\n"


def name(text: str) -> str:
    """The text, once it is certain that it can name a proxy or a server. Raises Unquotable."""
    if not _NAME.fullmatch(text):
        raise Unquotable(f"{text!r} cannot be a name: letters, digits, '-', '_', '.' and ':' only")
    return text


def host(address: str) -> str:
    """An address as HAProxy writes it where no port follows: IPv6 in brackets. Raises ValueError when it is none."""
    parsed = ipaddress.ip_address(address)
    return f"[{parsed}]" if parsed.version == 6 else str(parsed)


def endpoint(address: str, port: int) -> str:
    """An address with a port. Raises ValueError when it is none."""
    return f"{host(address)}:{port}"
