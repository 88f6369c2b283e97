"""Octavia's query language for lists: filters, tags, fields, order, pages, and the links to the next one."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from vipool.api import exchange
from vipool.model import attr, faults, types
from vipool.store import listing, rows, session

# The arguments that are no filters, with what each does.
PAGING: Mapping[str, str] = {
    "limit": "The longest page. 0 and `infinite` ask for everything there is, no argument for the server's maximum.",
    "marker": "The id of the last object of the page before this one.",
    "sort": "What to sort by, most important first: attributes, each followed by `:asc` or `:desc`.",
    "sort_key": "What to sort by, most important first: attributes. `sort` comes before it.",
    "sort_dir": "The direction of each attribute in `sort_key`.",
    "fields": "The attributes to show, one in each argument; no argument shows all of them.",
    "page_reverse": "`True` asks for the page that ends before the marker.",
}
TAGS: Mapping[str, str] = {
    "tags": "every",
    "tags-any": "some",
    "not-tags": "not_every",
    "not-tags-any": "not_some",
}
SAME = {"tenant_id": "project_id"}
INVALID = "One or more arguments are either duplicate or invalid"


class Malformed(faults.BadQuery):
    """A paging argument that Octavia refuses before its controllers see it (400)."""


def parse(
    cls: type[attr.Resource], call: exchange.Call, *, most: int, extra: frozenset[str] = frozenset()
) -> listing.Query:
    """The query of a list.  ``most`` is the longest page, ``extra`` names further text filters.

    Raises faults.BadQuery.
    """
    names = filters(cls)
    equals: dict[str, tuple[object, ...]] = {}
    paging = [key for key, _ in call.query if key in PAGING and key != "fields"]
    if len(set(paging)) < len(paging):
        raise faults.BadQuery(INVALID)
    tagged = "tags" in attr.by_wire(cls)
    for argument, value in call.query:
        if "\x00" in value:  # no text that is kept has one, and PostgreSQL would stumble over it
            raise faults.BadQuery(f"Invalid value for argument {faults.said(argument)}: it has a NUL character.")
        if argument in PAGING or (argument in TAGS and tagged):
            continue
        key = SAME.get(argument, argument)
        attribute = names.get(key)
        if attribute is None and key not in extra:
            raise faults.BadQuery(INVALID)
        name = key if attribute is None else attribute.name
        if name in equals:
            raise faults.BadQuery(INVALID)
        equals[name] = (value if attribute is None else _value(attribute, value),)
    tags = {field: _words(call, key) for key, field in TAGS.items()}
    return listing.Query(
        equals=equals,
        tags=listing.Tags(**tags),
        sort=_sort(cls, call, extra),
        limit=limit(call, most),
        marker=call.asked("marker") or None,
        reverse=call.asked("page_reverse") == "True",
    )


def filters(cls: type[attr.Resource]) -> dict[str, attr.Attribute]:
    """The attributes a list can be filtered by, under every name they have."""
    found: dict[str, attr.Attribute] = {}
    for attribute in attr.attributes(cls):
        if attribute.attr.filters:
            found.update(dict.fromkeys((attribute.wire, *attribute.attr.aliases), attribute))
    return found


def _value(attribute: attr.Attribute, text: str) -> object:
    """A filter's value; booleans that are none of the known words are false, as Octavia has it."""
    if isinstance(attribute.kind, types.Boolean):
        return text.strip().lower() in types.TRUE
    if attribute.kind.storage in {types.Storage.INTEGER, types.Storage.REAL, types.Storage.DATETIME}:
        try:
            return attribute.kind.parse(text)
        except ValueError as error:
            raise faults.BadQuery(f"Invalid value '{text}' for filter {attribute.wire}. {error}") from error
    return text


def _words(call: exchange.Call, key: str) -> tuple[str, ...]:
    return tuple(word for name, value in call.query if name == key for word in value.split(",") if word)


def limit(call: exchange.Call, most: int) -> int | None:
    """The page size; 0, negative and ``infinite`` mean no limit, no argument the maximum.  Raises faults.BadQuery."""
    asked = call.asked("limit")
    if asked is None:
        return most
    if asked.lower() == "infinite":
        return None
    try:
        number = int(asked)
    except ValueError as error:
        raise Malformed(f"Supplied pagination limit '{asked}' is not valid.") from error
    return min(number, most) if number > 0 else None


def _sort(cls: type[attr.Resource], call: exchange.Call, extra: frozenset[str]) -> tuple[tuple[str, bool], ...]:
    asked = call.asked("sort")
    if asked:
        pairs = [tuple(each.split(":")) for each in asked.split(",")]
        if any(len(pair) > 2 for pair in pairs):
            raise Malformed(f"Supplied sort '{asked}' is not valid.")
        keyed = [(pair[0], pair[1] if len(pair) > 1 else "asc") for pair in pairs]
    else:
        keys = (call.asked("sort_key") or "").split(",") if call.asked("sort_key") else []
        directions = (call.asked("sort_dir") or "").split(",") if call.asked("sort_dir") else []
        keyed = [(key, directions[place] if place < len(directions) else "asc") for place, key in enumerate(keys)]
    sortable = {name: attribute.name for name, attribute in filters(cls).items()}
    order = [_direction(key, direction, sortable, extra) for key, direction in keyed]
    has_birth = any(attribute.name == "created_at" for attribute in attr.attributes(cls))
    if has_birth and all(name != "created_at" for name, _ in order):
        order.append(("created_at", True))
    return tuple(order)


def _direction(key: str, direction: str, sortable: dict[str, str], extra: frozenset[str]) -> tuple[str, bool]:
    if key not in sortable and key not in extra:
        raise faults.BadQuery(f"Supplied sort key '{key}' is not valid.")
    if direction.lower() not in {"asc", "desc"}:
        raise Malformed(f"Supplied sort direction '{direction}' is not valid.")
    return sortable.get(key, key), direction.lower() == "asc"


def fields(call: exchange.Call, views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The views cut down to the fields that were asked for."""
    wanted = {value for key, value in call.query if key == "fields"}
    if not wanted:
        return list(views)
    return [{key: value for key, value in view.items() if key in wanted} for view in views]


def links(call: exchange.Call, query: listing.Query, ids: Sequence[str]) -> list[dict[str, str]]:
    """The links to the next and the previous page; they keep everything else that was asked."""
    if not ids:
        return []
    rest = [(key, value) for key, value in call.query if key not in {"marker", "page_reverse"}]

    def href(marker: str, *, reverse: bool) -> str:
        asked = [*rest, ("marker", marker), *([("page_reverse", "True")] if reverse else [])]
        return f"{call.url}?{urlencode(asked)}"

    found = []
    if query.limit is None or len(ids) >= query.limit:
        found.append({"href": href(ids[-1], reverse=False), "rel": "next"})
    if query.marker is not None:
        found.append({"href": href(ids[0], reverse=True), "rel": "previous"})
    return found


def answer(
    call: exchange.Call,
    query: listing.Query,
    noun: attr.Noun,
    found: Sequence[attr.Resource],
    views: Sequence[dict[str, Any]],
) -> exchange.Answer:
    """A page: the views of what was found, cut down to what was asked for, and the links to the pages beside it."""
    pages = links(call, query, [each.id for each in found])
    return exchange.Answer(body={noun.collection: fields(call, views), noun.links_key: pages})


def within(
    held: session.Session, cls: type[attr.Resource], query: listing.Query, scope: Mapping[str, tuple[object, ...]]
) -> listing.Query:
    """The query of what is in a scope alone.

    A marker that the list may not show is as unknown as any: else its place would tell what it is.
    """
    row = None if query.marker is None else rows.get(held, cls, query.marker)
    if row is not None and any(getattr(row, name) not in values for name, values in scope.items()):
        raise faults.BadQuery(f"Supplied pagination marker '{query.marker}' is not valid.")
    return dataclasses.replace(query, equals={**query.equals, **scope})
