"""The tree that projects form below their domains: what is above one, and what is below."""

from typing import TypeAlias

from vipool.model import project
from vipool.store import rows, session

# Identifiers inside each other: each with those above it, or below it, or None for none.
Tree: TypeAlias = "dict[str, Tree] | None"


def above(held: session.Session, found: project.Project) -> tuple[project.Project, ...]:
    """The projects above one, the nearest first; the domain, which is above them all, is not among them."""
    parents: list[project.Project] = []
    parent = rows.get(held, project.Project, found.parent_id)
    while parent is not None:
        parents.append(parent)
        parent = rows.get(held, project.Project, parent.parent_id)
    return tuple(parents)


def below(held: session.Session, found: project.Project) -> tuple[project.Project, ...]:
    """Every project below one, level by level."""
    children: list[project.Project] = []
    level: tuple[project.Project, ...] = (found,)
    while level:
        level = tuple(rows.among(held, project.Project, "parent_id", (each.id for each in level)))
        children.extend(level)
    return tuple(children)


def ids_above(held: session.Session, found: project.Project) -> Tree:
    """The ids above a project inside each other, the domain's innermost."""
    tree: Tree = {found.domain_id: None}
    for each in reversed(above(held, found)):
        tree = {each.id: tree}
    return tree


def ids_below(held: session.Session, found: project.Project) -> Tree:
    """The ids below a project inside each other."""
    children: dict[str, list[str]] = {}
    for each in below(held, found):
        children.setdefault(each.parent_id, []).append(each.id)
    return _under(children, found.id)


def _under(children: dict[str, list[str]], identifier: str) -> Tree:
    return {each: _under(children, each) for each in children.get(identifier, ())} or None
