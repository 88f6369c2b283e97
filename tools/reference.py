"""Writes the reference pages of objects and commands from their declarations: `python -m tools.reference`.

`pages()` is the text of every such page by its path under `docs/reference/`, the same each time. `tests/test_docs.py`
compares it with what is committed, so the pages cannot lag behind. The pages in `BY_HAND` are left alone.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from tools import balancing, commands, policy
from vipool.api.openapi import words
from vipool.model import attr, nouns

HOME = Path(__file__).resolve().parent.parent / "docs/reference"
BY_HAND = ("configuration.md", "files.md", "errors.md")
INDEX = """# Reference

- [Command line](commands.md)
- [Configuration](configuration.md): options, environment, `vipool.toml`
- [What users of load balancers may have](balancing.md): the table `octavia` of `vipool.toml`
- [Who may do what](policy.md): the actions of the load-balancer API, and the sets of rules
- [Files and names on the machine](files.md)
- [Errors](errors.md): the documents in which each API refuses
- The load-balancer API, operation by operation, on any server and without a token: `/load-balancer/docs` for people,
  `/load-balancer/openapi.json` for programs (OpenAPI 3.1)

This page, the command line, the tables of settings and rules, and the objects are written by `make docs` from the
declarations; a test holds them to each other.

## Objects of the APIs

| object | what it is |
|---|---|
"""


def pages() -> dict[str, str]:
    """The text of each page, by its path under docs/reference."""
    published = [noun for noun in nouns.NOUNS if is_published(noun)]
    found = {f"objects/{noun.NOUN.wrapper}.md": page(noun) for noun in published}
    rows = (f"| [{title(noun)}](objects/{noun.NOUN.wrapper}.md) | {about(noun)} |" for noun in published)
    written = {"commands.md": commands.page(), "balancing.md": balancing.page(), "policy.md": policy.page()}
    return {"index.md": INDEX + "\n".join(rows) + "\n", **written, **found}


def is_published(noun: type[attr.Resource]) -> bool:
    """Whether clients see more of these objects than an identifier."""
    return sum(attribute.attr.show for attribute in attr.attributes(noun)) > 1


def title(noun: type[attr.Resource]) -> str:
    """The name of a noun at the start of a sentence."""
    return noun.NOUN.title[:1].upper() + noun.NOUN.title[1:]


def about(noun: type[attr.Resource]) -> str:
    """The first paragraph of a noun's docstring, on one line."""
    return " ".join((noun.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")


def page(noun: type[attr.Resource]) -> str:
    """The page of one noun: what it is, then a row for each attribute a client can see or send."""
    head = [
        f"# {title(noun)}",
        "",
        about(noun),
        "",
        wrapped(noun.NOUN),
        "",
        "| attribute | value | default | may be sent | what it means |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows(noun)]) + "\n"


def wrapped(noun: attr.Noun) -> str:
    """What stands around the objects in bodies."""
    if noun.bare:
        return f"One object stands bare, a list is wrapped in `{noun.bare}`."
    return f"One object is wrapped in `{noun.wrapper}`, a list in `{noun.collection}`."


def rows(noun: type[attr.Resource]) -> Iterator[str]:
    """The rows of the table, in the order of the declarations."""
    for attribute in attr.attributes(noun):
        declared = attribute.attr
        if not (declared.show or declared.create or declared.update):
            continue
        since = "" if declared.since == "2.0" else f" Since {declared.since}."
        shown = "" if declared.show else " Never shown."
        cells = [
            f"`{attribute.wire}`",
            words.in_words(attribute.kind.schema()),
            default(attribute),
            sent(attribute),
            f"{declared.doc}{shown}{since}",
        ]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def sent(attribute: attr.Attribute) -> str:
    """When a client may send the attribute."""
    match (attribute.attr.create, attribute.attr.update):
        case (True, True):
            when = "create, update"
        case (True, False):
            when = "create"
        case (False, True):
            when = "update"
        case _:
            return "never"
    return f"{when}; required" if attribute.required and attribute.attr.create else when


def default(attribute: attr.Attribute) -> str:
    """The value an attribute has when a client does not send it; empty where only the server sets it."""
    if attribute.default is dataclasses.MISSING or not attribute.attr.create:
        return ""
    return f"`{json.dumps(attr.jsonable(attribute.default))}`"


def main() -> None:
    """Write every page, and remove those whose object is gone."""
    written = pages()
    (HOME / "objects").mkdir(exist_ok=True)
    for old in (HOME / "objects").glob("*.md"):
        if f"objects/{old.name}" not in written:
            old.unlink()
    for name, contents in written.items():
        (HOME / name).write_text(contents)


if __name__ == "__main__":
    main()
