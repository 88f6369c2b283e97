"""The commands for nft(8) that lead from one text of packet rules to another, where both are near to each other.

Why: to replace a table of a thousand chains takes the kernel a hundred times as long as to change one of them; and a
packet that is on its way through rules while all of them are replaced may find neither the old nor the new.

Promises: pure; performed as one transaction they lead from `before` to `after`, but for what packets put into sets that
are in both. Reads only what `vipool.core.ruleset` writes: blocks within tables that begin and end with a tab. Of
anything else it says nothing, and then the whole must be replaced.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Block: TypeAlias = tuple[str, str]
"""What a block is of ("chain", "set", "map", "ct timeout"), and its name."""

_TABLE = re.compile(r"table (\S+ \S+) \{")
_BLOCK = re.compile(r"\t(chain|set|map|ct timeout) (\S+) \{")
_HOOK = re.compile(r"type \S+ hook ")


def between(before: str, after: str) -> str:
    """The commands, or an empty text where there is nothing to be said of the two."""
    old, new = _tables(before), _tables(after)
    if not old or not new or before == after:
        return ""
    lines: list[str] = []
    for table in {**old, **new}:
        if table not in new:
            lines.append(f"delete table {table}")
        elif table not in old:
            lines += _whole(table, new[table])
        elif not _near(old[table], new[table]):
            return ""
        else:
            lines += _changes(table, old[table], new[table])
    return "\n".join(lines) + "\n"


def _near(old: Mapping[Block, list[str]], new: Mapping[Block, list[str]]) -> bool:
    """Whether one leads to the other by changes of chains, and sets that come and go."""
    for block, lines in old.items():
        kind, _ = block
        there = new.get(block)
        if there is None and kind == "ct timeout":
            return False
        if there is not None and there != lines and (kind != "chain" or _hook(there) != _hook(lines)):
            return False
    return True


def _hook(lines: list[str]) -> str:
    """Where packets enter a chain; nothing where they do not."""
    return lines[0] if lines and _HOOK.search(lines[0]) else ""


def _changes(table: str, old: Mapping[Block, list[str]], new: Mapping[Block, list[str]]) -> Iterator[str]:
    gone = [block for block in old if block not in new]
    changed = {block: lines for block, lines in new.items() if old.get(block) != lines}
    # Rules first, of all that change: what they refer to may go only then.
    for kind, name in [*(each for each in changed if each in old), *(each for each in gone if each[0] == "chain")]:
        yield f"flush {kind} {table} {name}"
    if changed:
        yield from _whole(table, changed)
    for kind, name in gone:
        yield f"delete {kind} {table} {name}"


def _whole(table: str, blocks: Mapping[Block, list[str]]) -> Iterator[str]:
    yield f"add table {table} {{"
    for (kind, name), lines in blocks.items():
        yield from (f"\t{kind} {name} {{", *lines, "\t}")
    yield "}"


def _tables(text: str) -> dict[str, dict[Block, list[str]]]:
    """The lines of each block of each table; nothing where a line is none that is known here."""
    found: dict[str, dict[Block, list[str]]] = {}
    blocks: dict[Block, list[str]] | None = None
    lines: list[str] | None = None
    for line in text.splitlines():
        if lines is not None:
            if line == "\t}":
                lines = None
            else:
                lines.append(line)
        elif blocks is not None and line == "}":
            blocks = None
        elif blocks is None and (begins := _TABLE.fullmatch(line)):
            blocks = found.setdefault(begins[1], {})
        elif blocks is not None and (begins := _BLOCK.fullmatch(line)) and (begins[1], begins[2]) not in blocks:
            lines = blocks[begins[1], begins[2]] = []
        else:
            return {}
    return found if blocks is None and lines is None else {}
