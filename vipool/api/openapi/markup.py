"""HTML from values: elements and their text, with the one function that quotes.

Whatever is not ``Markup`` already is text, and cannot end or begin an element.
"""

import html
import re

CODE = re.compile(r"`([^`]+)`")
# Elements without content, which have no end tag (HTML Standard, section 13.1.2).
VOID = frozenset({"meta", "link", "br"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def quoted(value: str) -> Markup:
    """Text as HTML shows it."""
    return value if isinstance(value, Markup) else Markup(html.escape(value))


def element(name: str, /, *children: str, **attributes: str) -> Markup:
    """An element.  Attributes that are Python's words end in an underscore, and empty ones are left out."""
    said = "".join(f' {key.rstrip("_")}="{html.escape(value)}"' for key, value in attributes.items() if value)
    if name in VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Several pieces, one after the other."""
    return Markup("".join(quoted(child) for child in children))


def prose(text: str) -> Markup:
    """A sentence with code between backticks."""
    pieces = CODE.split(text)
    return joined(*(element("code", piece) if place % 2 else piece for place, piece in enumerate(pieces)))


def paragraphs(text: str) -> Markup:
    """Paragraphs, as empty lines part them."""
    return joined(*(element("p", prose(" ".join(each.split()))) for each in text.split("\n\n") if each.strip()))
