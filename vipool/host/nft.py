"""Packet rules: nftables text loaded in process through libnftables.

Promises: one load is one kernel transaction, all of it or nothing; only tables whose names begin with "vipool" are
ever touched; what is loaded can be recognised later. For that an empty table named after the SHA-256 of the text is
put beside it in the same transaction (nft 1.0.6 lists no table comments, see nft(8)). What packets have put into the
dynamic sets and maps of a table stays when the table is loaded anew with them. Does not write or parse rules.

In process because starting nft(8) costs 15 to 25 ms and this about 1 ms. The library keeps global state: one call at
a time.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import re
import struct
import threading
from collections.abc import Iterator, Mapping

from vipool.host import errors, namespaces, netlink
from vipool.model import wiring

LIBRARY = "libnftables.so.1"
PREFIX = "vipool"
_MARK = "vipool_sha256_"
_ONE_AT_A_TIME = threading.Lock()
# libnftables makes its send buffer as large as it takes, which the kernel allows to root of the host alone (socket(7)).
_LIMITED = (
    "All that is loaded at once must fit into a send buffer, which only root of this machine may have as large as it"
    " takes: run vipool as root, or have root raise the sysctl net.core.wmem_default"
)
_DECLARATION = re.compile(r"(?:(?:add|create)\s+)?table\s+(?:(ip|ip6|inet|bridge|arp|netdev)\s+)?([^\s{;]+)\s*\{")
_COMMAND = re.compile(
    r"(?:add|create|delete|flush|insert|replace|reset)\s+[a-z]+\s+(?:(?:ip6?|inet|bridge|arp|netdev)\s+)?(\S+)"
)
# A pair of braces, with or without one pair more in it, is passed over at once: a table has thousands of chains.
_STRUCTURE = re.compile(r'"[^"]*"|#[^\n]*|\{(?:[^{}"#]++|"[^"]*"|\{[^{}"#]*\})*+\}|[{}]')
_SEPARATED = re.compile(r'"[^"]*"|#[^\n]*|[{}\n;]')
# Outside of a table's braces only these may stand: everything else would act on a table by naming it.
_BLANK = re.compile(r"(?:\s|;|#[^\n]*)+")

_DYNAMIC = re.compile(r"\b(?:set|map)\s+(\S+)\s*\{[^{}]*\bflags\s+[^;\n]*\bdynamic\b")

# Messages and attributes of linux/netfilter/nf_tables.h.
_GET_TABLE, _GET_CHAIN, _GET_SET, _GET_ELEMENT = ((10 << 8) | each for each in (1, 4, 10, 13))
_GENERIC = struct.Struct(">BBH")
_TABLE_NAME, _CHAIN_NAME, _SET_NAME, _SET_FLAGS = 1, 3, 2, 3
_ANONYMOUS, _IS_MAP = 0x1, 0x8
_ELEMENTS, _KEY, _VALUE = 3, 1, 1
_INET = 1
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}


def load(reference: str, text: str, *, steps: str = "") -> None:
    """Make the tables of ours in the namespace be those of `text`; an empty text takes them all away.

    `text` consists of table blocks. `steps`, when given, are the commands that lead from what is loaded to `text` (a
    map element, for instance): they are performed instead of a replacement, and what is loaded is afterwards known as
    `text`. Raises `errors.Failed` with the first complaint of nft, or `errors.Missing` without the library.
    """
    namespaces.call(reference, lambda: load_here(text, steps=steps, where=f"the namespace {reference}"))


def check(text: str, *, reference: str | None = None) -> None:
    """Have the kernel judge the text without loading it; in the namespace, or else where the caller is.

    Raises as `load` does.
    """
    _tables_of(text)
    if reference is None:
        _run(text, doing="checking packet rules", dry=True)
    else:
        namespaces.call(reference, lambda: _run(text, doing=f"checking packet rules in {reference}", dry=True))


def show(reference: str) -> str:
    """The ruleset of the namespace as nft(8) prints it, for people."""
    return namespaces.call(reference, lambda: _run("list ruleset", doing=f"listing packet rules of {reference}"))


def read(reference: str, *commands: str) -> str:
    """What listing commands of nft(8) print, with counters ("list map inet vipool members")."""
    return namespaces.call(reference, lambda: read_here(*commands, where=reference))


def read_here(*commands: str, where: str = "this namespace") -> str:
    """As `read`, in the calling thread's namespace."""
    for command in commands:
        if not command.startswith("list ") or "\n" in command or ";" in command:
            raise ValueError(f"{command!r} is not a listing")
    # One at a time: of several in one script nft 1.0.6 fetches from the kernel only what the last is about.
    return "".join(_run(command, doing=f"reading packet rules of {where}") for command in commands)


def fill_here(table: str, name: str, elements: Mapping[int, int]) -> None:
    """Have a map of a table of ours for both families hold these elements and no others, in one transaction.

    In the calling thread's namespace. The map is a dynamic one from numbers to marks: such are no part of what `load`
    recognises. Raises `errors.Failed`, also when the map is not there.
    """
    if not _is_ours(table):
        raise errors.Failed("filling a map", reason=f"only tables whose name begins with {PREFIX} are filled: {table}")
    pairs = ", ".join(f"{key} : {value:#010x}" for key, value in elements.items())
    script = f"flush map inet {table} {name}\n" + (f"add element inet {table} {name} {{ {pairs} }}\n" if pairs else "")
    _run(script, doing=f"filling the map {name}")


def tables(reference: str) -> tuple[tuple[str, str], ...]:
    """Family and name of every table of ours in the namespace, without the mark of `load`."""
    return tuple(found for found in namespaces.call(reference, _ours_here) if not found[1].startswith(_MARK))


def chains_here(table: str) -> frozenset[str]:
    """The names of the chains of a table of ours in the calling thread's namespace; none when it is not there."""
    return frozenset(name for _, name in _chains_here(table))


def keys_here(table: str, name: str) -> frozenset[bytes]:
    """The keys of a set of a table for both families, in the calling thread's namespace.

    A key of several parts has each padded to four bytes. Without the set, or the table, there are none.
    """
    request = netlink.Request(
        type=_GET_ELEMENT,
        body=_GENERIC.pack(_INET, 0, 0) + netlink.text(_TABLE_NAME, table) + netlink.text(_SET_NAME, name),
        doing=f"listing the elements of {name}",
        accept=frozenset({errno.ENOENT}),
    )
    with netlink.Socket(netlink.NETFILTER) as socket:
        bodies = socket.dump(request)
    lists = (netlink.attributes(body[_GENERIC.size :]).get(_ELEMENTS, b"") for body in bodies)
    elements = (netlink.attributes(element) for each in lists for _, element in netlink.several(each))
    return frozenset(netlink.attributes(each[_KEY])[_VALUE] for each in elements if _KEY in each)


def fingerprint_here() -> str:
    """The fingerprint of what `load` loaded in the calling thread's namespace.

    Empty when nothing of ours is loaded, and "unknown" when tables of ours came or went since. What somebody changed
    within a table is not noticed.
    """
    ours = _ours_here()
    marks = [name.removeprefix(_MARK) for _, name in ours if name.startswith(_MARK)]
    if not ours:
        return ""
    digest, _, count = marks[0].partition("_") if len(marks) == 1 else ("", "", "")
    return digest if count == str(len(ours) - 1) else "unknown"


def load_here(text: str, *, steps: str = "", where: str = "this namespace") -> None:
    """As `load`, in the calling thread's namespace."""
    wanted = _tables_of(text)
    _judge_steps(steps)
    ours = _ours_here()
    gone = [(family, name) for family, name in ours if not steps or name.startswith(_MARK)]
    emptied = {table: _emptying(table, wanted[table]) for table in gone if table in wanted}
    doing = f"loading packet rules in {where}"
    mark = f"\nadd table inet {_MARK}{wiring.fingerprint(text)}_{len(wanted)}\n" if wanted else "\n"
    script = "".join(emptied.get(table) or _deletion(table) for table in gone) + (steps or text) + mark
    if not script.strip():
        return
    try:
        _run(script, doing=doing)
    except errors.Failed:
        # A set that is declared otherwise than before cannot stay: then nothing of its table does.
        if not any(emptied.values()):
            raise
        _run("".join(map(_deletion, gone)) + text + mark, doing=doing)


def _deletion(table: tuple[str, str]) -> str:
    family, name = table
    return f"delete table {family} {name}\n"


def _emptying(table: tuple[str, str], block: str) -> str:
    """The commands that take everything out of a table but the dynamic sets and maps that the block declares too.

    Nothing when it declares none: then the table may as well be deleted.
    """
    kept = set(_DYNAMIC.findall(block))
    if not kept:
        return ""
    where = " ".join(table)
    sets = [f"delete {kind} {where} {name}\n" for kind, name in _sets_here(table) if name not in kept]
    # Sets before chains: an element of a map may lead to a chain.
    left = [f"delete chain {where} {chain}\n" for family, chain in _chains_here(table[1]) if family == table[0]]
    return "".join([f"flush table {where}\n", *sets, *left])


def _tables_of(text: str) -> dict[tuple[str, str], str]:
    """The tables a text consists of: family and name, with the block.

    Raises `errors.Failed` for anything that is not a table block of ours.
    """
    declared: dict[tuple[str, str], str] = {}
    position = 0
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            continue
        found = _DECLARATION.match(text, position)
        name = found.group(2) if found else ""
        if not found or not _is_ours(name):
            line = text[position:].split("\n", 1)[0]
            reason = f"only table blocks whose name begins with {PREFIX} may be loaded, not {line!r}"
            raise errors.Failed("reading packet rules", reason=reason)
        position = _end_of_block(text, found.end())
        declared[found.group(1) or "ip", name] = text[found.start() : position]
    return declared


def _judge_steps(steps: str) -> None:
    """Raise `errors.Failed` unless every command acts on a table of ours."""
    position = 0
    while position < len(steps):
        if blank := _BLANK.match(steps, position):
            position = blank.end()
            continue
        found = _COMMAND.match(steps, position)
        if not found or not _is_ours(found.group(1)):
            line = steps[position:].split("\n", 1)[0]
            reason = f"only commands on tables whose name begins with {PREFIX} may be performed, not {line!r}"
            raise errors.Failed("reading packet rule changes", reason=reason)
        position = _end_of_command(steps, found.end())


def _is_ours(table: str) -> bool:
    return table.startswith(PREFIX) and not table.startswith(_MARK)


def _end_of_command(text: str, position: int) -> int:
    """Where the command ends that goes on here: at a newline or semicolon outside of braces, quotes and comments."""
    depth = 0
    for token in _SEPARATED.finditer(text, position):
        mark = token.group()
        depth += (mark == "{") - (mark == "}")
        if depth == 0 and mark in {"\n", ";"}:
            return token.end()
    return len(text)


def _end_of_block(text: str, position: int) -> int:
    """Where the block ends whose opening brace is just before here. Braces in quotes and comments do not count."""
    depth = 1
    for token in _STRUCTURE.finditer(text, position):
        depth += (token.group() == "{") - (token.group() == "}")
        if depth == 0:
            return token.end()
    return len(text)


def _ours_here() -> tuple[tuple[str, str], ...]:
    found = ((family, netlink.string(parts[_TABLE_NAME])) for family, parts in _listed_here(_GET_TABLE, "tables"))
    return tuple((family, name) for family, name in found if name.startswith(PREFIX))


def _chains_here(table: str) -> Iterator[tuple[str, str]]:
    """Family and name of the chains of the tables with that name."""
    for family, parts in _listed_here(_GET_CHAIN, "chains"):
        if netlink.string(parts[_TABLE_NAME]) == table:
            yield family, netlink.string(parts[_CHAIN_NAME])


def _sets_here(table: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Kind ("set" or "map") and name of the named sets of a table."""
    for family, parts in _listed_here(_GET_SET, "sets"):
        flags = int.from_bytes(parts.get(_SET_FLAGS, b""), "big")
        if (family, netlink.string(parts[_TABLE_NAME])) == table and not flags & _ANONYMOUS:
            yield "map" if flags & _IS_MAP else "set", netlink.string(parts[_SET_NAME])


def _listed_here(kind: int, what: str) -> Iterator[tuple[str, dict[int, bytes]]]:
    """The family and the attributes of everything of a kind in the calling thread's namespace."""
    request = netlink.Request(type=kind, body=_GENERIC.pack(0, 0, 0), doing=f"listing packet rule {what}")
    with netlink.Socket(netlink.NETFILTER) as socket:
        bodies = socket.dump(request)
    for body in bodies:
        if family := _FAMILIES.get(body[0]):
            yield family, netlink.attributes(body[_GENERIC.size :])


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise errors.Missing(
            f"{LIBRARY} cannot be loaded, and packet rules need it: apt-get install libnftables1 ({error})"
        ) from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_new.argtypes = (ctypes.c_uint32,)
    library.nft_ctx_free.argtypes = (ctypes.c_void_p,)
    library.nft_ctx_set_dry_run.argtypes = (ctypes.c_void_p, ctypes.c_bool)
    library.nft_run_cmd_from_buffer.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error"):
        getattr(library, name).argtypes = (ctypes.c_void_p,)
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).argtypes = (ctypes.c_void_p,)
        getattr(library, name).restype = ctypes.c_char_p
    return library


def _run(script: str, *, doing: str, dry: bool = False) -> str:
    """Run a script on a context of the calling thread's namespace: the context keeps the socket it opens."""
    library = _library()
    with _ONE_AT_A_TIME:
        context = library.nft_ctx_new(0)
        if not context:
            raise errors.Failed(doing, reason="libnftables has no memory, or may not open a netlink socket")
        try:
            library.nft_ctx_buffer_output(context)
            library.nft_ctx_buffer_error(context)
            library.nft_ctx_set_dry_run(context, dry)
            result = library.nft_run_cmd_from_buffer(context, script.encode())
            output = (library.nft_ctx_get_output_buffer(context) or b"").decode(errors="replace")
            complaint = (library.nft_ctx_get_error_buffer(context) or b"").decode(errors="replace")
        finally:
            library.nft_ctx_free(context)
    if result != 0:
        raise errors.Failed(doing, reason=_first_complaint(complaint))
    return output


def _first_complaint(complaint: str) -> str:
    """The first error nft printed, with the line it is about."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    said = " | ".join(line.strip() for line in lines[:2]) or "nft gave no reason"
    return f"{said}. {_LIMITED}" if os.strerror(errno.EMSGSIZE) in said else said
