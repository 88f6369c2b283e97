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


def _near(old: Mapping[Block, str], new: Mapping[Block, str]) -> bool:
    """Whether one leads to the other by changes of chains, and sets that come and go."""
    for block, rules in old.items():
        kind, _ = block
        there = new.get(block)
        if there is None and kind == "ct timeout":
            return False
        if there is not None and there != rules and (kind != "chain" or _hook(there) != _hook(rules)):
            return False
    return True


def _hook(rules: str) -> str:
    """Where packets enter a chain; nothing where they do not."""
    first = rules.partition("\n")[0]
    return first if _HOOK.search(first) else ""


def _changes(table: str, old: Mapping[Block, str], new: Mapping[Block, str]) -> Iterator[str]:
    gone = [block for block in old if block not in new]
    changed = {block: rules for block, rules in new.items() if old.get(block) != rules}
    # Rules first, of all that change: what they refer to may go only then.
    for kind, name in [*(each for each in changed if each in old), *(each for each in gone if each[0] == "chain")]:
        yield f"flush {kind} {table} {name}"
    if changed:
        yield from _whole(table, changed)
    for kind, name in gone:
        yield f"delete {kind} {table} {name}"


def _whole(table: str, blocks: Mapping[Block, str]) -> Iterator[str]:
    yield f"add table {table} {{"
    for (kind, name), rules in blocks.items():
        yield from (f"\t{kind} {name} {{", *([rules] if rules else []), "\t}")
    yield "}"


def _tables(text: str) -> dict[str, dict[Block, str]]:
    """The lines of each block of each table; nothing where a line is none that is known here.

    Taken apart where blocks end rather than line by line: of ten thousand lines most are the same in both texts.
    """
    found: dict[str, dict[Block, str]] = {}
    *tables, rest = text.split("\n}\n")
    for table in tables:
        head, _, lines = f"{table}\n".partition("\n")
        begins = _TABLE.fullmatch(head)
        *blocks, left = lines.split("\n\t}\n")
        if begins is None or left:
            return {}
        into = found.setdefault(begins[1], {})
        for block in blocks:
            head, _, rules = block.partition("\n")
            opens = _BLOCK.fullmatch(head)
            if opens is None or (opens[1], opens[2]) in into:
                return {}
            into[opens[1], opens[2]] = rules
    return {} if rest else found
