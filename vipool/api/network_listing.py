"""Neutron's query language for lists: repeated keys mean any of their values, unknown ones are refused."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from vipool.api import exchange
from vipool.model import attr, faults, types
from vipool.store import listing

PAGING = frozenset({"limit", "marker", "sort_key", "sort_dir", "fields", "page_reverse"})
TAGS = {"tags": "every", "tags-any": "some", "not-tags": "not_every", "not-tags-any": "not_some"}


def parse(cls: type[attr.Resource], call: exchange.Call) -> listing.Query:
    """The query of a list.  Raises faults.BadQuery."""
    names = {each.wire: each for each in attr.attributes(cls) if each.attr.filters}
    names["tenant_id"] = names["project_id"]
    equals: dict[str, tuple[object, ...]] = {}
    contains: dict[str, str] = {}
    for key, value in call.query:
        if key in PAGING or key in TAGS:
            continue
        if key == "fixed_ips" and cls.NOUN.wrapper == "port":
            contains["fixed_ips"] = f'"{value.partition("=")[2]}"'
            continue
        if key not in names:
            raise faults.BadQuery(f"['{key}'] is invalid attribute for filtering")
        name = names[key].name
        equals[name] = (*equals.get(name, ()), _value(names[key], value))
    tags = {field: _words(call, key) for key, field in TAGS.items()}
    texts = frozenset(name for name in equals if isinstance(_kind(cls, name), types.String))
    return listing.Query(
        equals=equals,
        contains=contains,
        ignoring_case=texts,
        tags=listing.Tags(**tags),
        sort=_sort(call, names),
        limit=_limit(call),
        marker=call.asked("marker"),
        reverse=(call.asked("page_reverse") or "").lower() == "true",
    )


def _kind(cls: type[attr.Resource], name: str) -> types.Kind:
    return next(each.kind for each in attr.attributes(cls) if each.name == name)


def _value(attribute: attr.Attribute, text: str) -> object:
    if attribute.kind.storage in {types.Storage.TEXT, types.Storage.JSON}:
        return text
    try:
        return attribute.kind.parse(text)
    except ValueError as error:
        raise faults.BadQuery(f"Invalid input for operation: {attribute.wire}: {error}.") from error


def _words(call: exchange.Call, key: str) -> tuple[str, ...]:
    return tuple(word for name, value in call.query if name == key for word in value.split(",") if word)


def _limit(call: exchange.Call) -> int | None:
    asked = call.asked("limit")
    if asked is None:
        return None
    if not asked.isdigit():
        raise faults.BadQuery(f"Invalid input for limit: '{asked}' should be an integer value of 0 or more.")
    return int(asked) or None


def _sort(call: exchange.Call, names: Mapping[str, attr.Attribute]) -> tuple[tuple[str, bool], ...]:
    keys = [value for key, value in call.query if key == "sort_key"]
    directions = [value for key, value in call.query if key == "sort_dir"] or ["asc"] * len(keys)
    if len(keys) != len(directions):
        raise faults.BadQuery("The number of sort_keys and sort_dirs must be same")
    for key, direction in zip(keys, directions, strict=True):
        if key not in names or direction not in {"asc", "desc"}:
            raise faults.BadQuery(f"'{key}' {direction} is invalid for sorting")
    return tuple((names[key].name, way == "asc") for key, way in zip(keys, directions, strict=True))


def fields(call: exchange.Call, views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The views cut down to the fields that were asked for."""
    wanted = {value for key, value in call.query if key == "fields"}
    if not wanted:
        return list(views)
    return [{key: value for key, value in view.items() if key in wanted} for view in views]


def links(
    call: exchange.Call, cls: type[attr.Resource], query: listing.Query, page: Sequence[attr.Resource]
) -> dict[str, Any]:
    """The paging links of a page, where a limit was asked for."""
    if query.limit is None:
        return {}
    rest = [(key, value) for key, value in call.query if key not in {"marker", "page_reverse"}]
    found = []
    if len(page) >= query.limit:
        found.append({"rel": "next", "href": f"{call.url}?{urlencode([*rest, ('marker', page[-1].id)])}"})
    if page:
        back = urlencode([*rest, ("marker", page[0].id), ("page_reverse", "True")])
        found.append({"rel": "previous", "href": f"{call.url}?{back}"})
    return {cls.NOUN.links_key: found}
