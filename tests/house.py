"""Reads the house as syntax trees, for `test_house.py`.

Promises places as `file:line`, relative to the repository, so that a failure can be clicked. It imports none of
what it reads.
"""

import ast
import dataclasses
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Alembic writes these; they are read once, when they are made.
GENERATED = ROOT / "vipool/store/migrations/versions"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: where it is, its text and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the root of the repository, for messages."""
        return str(self.path.relative_to(ROOT))

    @property
    def lines(self) -> int:
        """How many lines there are to read."""
        return len(self.text.splitlines())

    def at(self, node: ast.stmt | ast.expr) -> str:
        """Where `node` is, as `file:line`."""
        return f"{self.name}:{node.lineno}"

    def functions(self) -> Iterator[tuple[Function, bool]]:
        """Each function, and whether it is a method."""
        methods = {
            id(child)
            for parent in ast.walk(self.tree)
            if isinstance(parent, ast.ClassDef)
            for child in parent.body
            if isinstance(child, Function)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node, id(node) in methods

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Each call, with the dotted name of what is called ("" where it has none)."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node, dotted(node.func)


def dotted(node: ast.expr) -> str:
    """`a.b.c` for the expression a.b.c; "" for anything that is not a plain name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            before = dotted(value)
            return f"{before}.{attr}" if before else attr
        case _:
            return ""


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every hand-written Python file under the folders, in order of their names."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = ((path, path.read_text()) for path in paths if GENERATED not in path.parents)
    return tuple(Module(path=path, text=text, tree=ast.parse(text, str(path))) for path, text in texts)


def product() -> tuple[Module, ...]:
    """The modules of the package."""
    return modules("vipool")


def everything() -> tuple[Module, ...]:
    """The modules of the package, its tests, its benchmarks, its tools and its examples."""
    return modules("vipool", "tests", "benchmarks", "tools", "examples")


def length(function: Function) -> int:
    """Lines from `def` to the end, docstring included, decorators not."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


@cache
def published() -> tuple[Path, ...]:
    """The files that belong to the repository, or would with the next commit; without git, all that are not hidden."""
    # A clone may belong to another user than the one who tests it, as in a container.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not path.relative_to(ROOT).parts[0].startswith(".")]
    return tuple(path for path in paths if path.is_file())


def importable(module: Module) -> str:
    """The name under which Python imports a module."""
    return ".".join(module.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
