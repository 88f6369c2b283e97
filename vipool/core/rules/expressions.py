"""The regular expressions an L7 rule may hold: those that Python and PCRE2 read in the same way.

Python's `re` says at admission whether one is well formed, the proxy's PCRE2 is what uses it. What only one of them
knows, or each understands in its own way, would be accepted and then break the listener on its node, or match something
else there. Promises: pure; what `refuse` has nothing against and Python compiles, PCRE2 10.42 compiles too, and both
find the same in printable ASCII. Does not judge how long a search takes: the proxy bounds that.

The differences are those of pcre2pattern(3) and of the documentation of Python's `re`.
"""

import re
from collections.abc import Iterator, Sequence

# Escapes that mean the same to both. Not among them: \v, which is one character to Python and many to PCRE2; digits,
# which refer to groups that the proxy does not capture; \u, \U and \N, which PCRE2 does not know.
ESCAPES = frozenset("AbBdDsSwWZafnrtx")
GROUP = re.compile(r"\((?:\?(?:[:=!>]|<[=!]|P<[A-Za-z_][A-Za-z0-9_]{0,31}>|[ims]*(?:-[ims]+)?[:)]))?")
REPETITION = re.compile(r"\{([0-9]{1,4})(?:,([0-9]{0,4}))?\}")
ESCAPE = re.compile(r"\\.")
# What PCRE2 takes for the name of a class of characters, or refuses as one.
POSIX = re.compile(r"\[([:.=]).*\1\]")
# Operators that sets may get in a later Python; it warns of them.
OPERATORS = ("--", "&&", "||", "~~")
# PCRE2 writes repeated groups out, into 64 kB (its link size is 2), where a set takes 33 bytes.
LONGEST = 1_000


def refuse(text: str) -> str | None:
    """The reason why an expression cannot be had, or None."""
    strange = next((letter for letter in text if not " " <= letter <= "~"), None)
    if strange is not None:
        return f"{strange!r} is not printable ASCII; write the bytes of other characters as \\xhh"
    items = tuple(_items(text))
    return next(_foreign(items), None)


def _foreign(items: Sequence[str]) -> Iterator[str]:
    for item, following in zip(items, (*items[1:], ""), strict=True):
        match item[0]:
            case "\\":
                yield from _escapes(item)
            case "[":
                yield from _set(item)
            case "(" if item == "(" and following == "?":
                yield "a group (?… of its kind does not mean the same to every matcher"
            case "{" if item == "{":
                yield "a brace that begins no repetition, such as {2} or {2,5}, is written \\{"
            case _:
                pass
    if _length(items) > LONGEST:
        yield f"it would have more than {LONGEST} items if its repetitions were written out"
    if any(_repeats_freely(item) for item in _looking_behind(items)):
        yield "within a look-behind only a repetition such as {2} means the same to every matcher"


def _items(text: str) -> Iterator[str]:
    """The items of an expression: escapes, whole sets, heads of groups, repetitions, and single characters."""
    at = 0
    while at < len(text):
        match text[at]:
            case "\\":
                end = at + 2
            case "[":
                end = _end_of_set(text, at)
            case "(" | "{" as opening:
                found = (GROUP if opening == "(" else REPETITION).match(text, at)
                end = found.end() if found else at + 1
            case _:
                end = at + 1
        yield text[at:end]
        at = end


def _end_of_set(text: str, at: int) -> int:
    """Where a set ends: a bracket that comes first, or after a caret, is one of its characters."""
    at += 2 if text.startswith("[^", at) else 1
    at += text.startswith("]", at)
    while at < len(text) and text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _set(item: str) -> Iterator[str]:
    yield from _escapes(item)
    plain = ESCAPE.sub("_", item[1:])
    if POSIX.fullmatch(item):
        yield f"{item} does not mean the same to every matcher; write \\{item[1]} in its first place"
    if "[" in plain:
        yield "a [ within a set is written \\["
    if any(each in plain for each in OPERATORS):
        yield f"of {', '.join(OPERATORS)} within a set, the second character is written with a backslash"


def _escapes(item: str) -> Iterator[str]:
    for found in ESCAPE.findall(item):
        if found[1].isalnum() and found[1] not in ESCAPES:
            yield f"{found} does not mean the same to every matcher"


def _length(items: Sequence[str]) -> int:
    """How many items there would be if every repetition was written out."""
    open_groups, last = [0], 0
    for item in items:
        found = REPETITION.fullmatch(item)
        if found:
            times = max(1, *(int(each) for each in found.groups() if each))
            open_groups[-1] += last * (times - 1)
            last *= times
        elif item == ")" and len(open_groups) > 1:
            last = open_groups.pop() + 1
            open_groups[-1] += last
        elif item[0] == "(" and item[-1] != ")":
            open_groups.append(0)
        elif item not in {"*", "+", "?"}:
            last = 1
            open_groups[-1] += 1
    return sum(open_groups)


def _looking_behind(items: Sequence[str]) -> Iterator[str]:
    """The items within look-behinds, whose length PCRE2 must know."""
    open_groups: list[str] = []
    for item in items:
        if item == ")" and open_groups:
            open_groups.pop()
        elif item[0] == "(" and item[-1] != ")":
            open_groups.append(item)
        elif any(each.startswith("(?<") for each in open_groups):
            yield item


def _repeats_freely(item: str) -> bool:
    """Whether what is repeated may have more lengths than one; repeated no times it has one to Python alone."""
    return item in {"*", "+", "?"} or (item[0] == "{" and len(item) > 1 and ("," in item or not int(item[1:-1])))
