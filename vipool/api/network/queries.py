"""Neutron's query language for lists: repeated keys mean any of their values, unknown ones are refused."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from vipool.api import exchange
from vipool.cloud.network.embedded import visible
from vipool.model import attr, faults, network, owned, port, types
from vipool.store import listing, session

Noun = type[owned.Owned]
PAGING = frozenset({"limit", "marker", "sort_key", "sort_dir", "fields", "page_reverse"})
TAGS = {"tags": "every", "tags-any": "some", "not-tags": "not_every", "not-tags-any": "not_some"}
FIXED_IPS = "fixed_ips"
GROUPS = "security_groups"
SUBSTRING = "ip_address_substr"


def refused(sentence: str, kind: str = "HTTPBadRequest") -> faults.BadQuery:
    """The refusal of a query."""
    return faults.BadQuery(sentence, kind=kind)


def page(held: session.Session, call: exchange.Call, cls: Noun) -> tuple[listing.Query, tuple[Any, ...]]:
    """The query of a list, and the objects of its page that the caller may see."""
    query = dataclasses.replace(parse(cls, call), any_of=visible.alternatives(held, call.who, cls))
    if cls is network.Network and "shared" in query.equals:
        query = _by_sharing(query, visible.lent(held, call.who))
    if query.marker is not None:
        visible.need(visible.get(held, call.who, cls, query.marker), cls, query.marker)
    if cls is port.Port and (wanted := [value for key, value in call.query if key == FIXED_IPS]):
        query = _by_addresses(held, query, wanted)
    return query, listing.select(held, cls, query)


def _by_sharing(query: listing.Query, lent: tuple[str, ...]) -> listing.Query:
    """The query for networks that are shared with the caller, or are not: by themselves, or by an RBAC policy."""
    asked = set(query.equals["shared"])
    if not lent or asked == {True, False}:
        return query
    rest = {name: values for name, values in query.equals.items() if name != "shared"}
    if asked == {False}:
        return dataclasses.replace(query, without=frozenset(lent))
    ways: tuple[visible.Alternative, ...] = query.any_of or ({},)
    shared: tuple[visible.Alternative, ...] = (*({**way, "shared": (True,)} for way in ways), {"id": lent})
    return dataclasses.replace(query, equals=rest, any_of=shared)


def parse(cls: type[attr.Resource], call: exchange.Call) -> listing.Query:
    """The query of a list, but for addresses and what the caller may see.  Raises faults.BadQuery."""
    names = _filters(cls)
    equals: dict[str, tuple[object, ...]] = {}
    holds: dict[str, tuple[str, ...]] = {}
    for key, value in call.query:
        if key in PAGING or key in TAGS or (cls is port.Port and key == FIXED_IPS):
            continue
        if cls is port.Port and key == GROUPS:
            holds[GROUPS] = (*holds.get(GROUPS, ()), value)
            continue
        if key not in names:
            raise refused(f"['{key}'] is invalid attribute for filtering")
        name = names[key].name
        equals[name] = (*equals.get(name, ()), _value(names[key], value))
    limit = _limit(call)
    texts = {each.name for each in names.values() if isinstance(each.kind, types.String)}
    return listing.Query(
        equals=equals,
        holds=holds,
        ignoring_case=frozenset(texts & equals.keys()),
        tags=listing.Tags(**{field: _words(call, key) for key, field in TAGS.items()}),
        sort=_sort(call, names),
        limit=limit,
        # Without a limit there are no pages.
        marker=None if limit is None else call.asked("marker") or None,
        reverse=(call.asked("page_reverse") or "").lower() in types.TRUE,
    )


def _filters(cls: type[attr.Resource]) -> Mapping[str, attr.Attribute]:
    names = {each.wire: each for each in attr.attributes(cls) if each.attr.filters and each.attr.show}
    return {**names, "tenant_id": names["project_id"]} if "project_id" in names else names


def _value(attribute: attr.Attribute, text: str) -> object:
    if attribute.kind.storage is types.Storage.TEXT:
        # The empty text asks for objects that have none: no gateway, no port.
        return None if text == "" and attribute.default is None else text
    try:
        return attribute.kind.parse(text)
    except ValueError as error:
        raise refused(f"Invalid input for operation: {attribute.wire}: {error}.", "InvalidInput") from error


def _words(call: exchange.Call, key: str) -> tuple[str, ...]:
    return tuple(word for name, value in call.query if name == key for word in value.split(",") if word)


def _limit(call: exchange.Call) -> int | None:
    asked = call.asked("limit")
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 9):
        raise refused(f"Bad limit request: Limit must be an integer 0 or greater and not '{asked}'.", "BadRequest")
    return int(asked) or None


def _sort(call: exchange.Call, names: Mapping[str, attr.Attribute]) -> tuple[tuple[str, bool], ...]:
    keys = [value for key, value in call.query if key == "sort_key"]
    directions = [value for key, value in call.query if key == "sort_dir"]
    if len(keys) != len(directions):
        raise refused("The number of sort_keys and sort_dirs must be same")
    for direction in directions:
        if direction not in {"asc", "desc"}:
            raise refused(f"['{direction}'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
    unknown = [key for key in keys if key not in names]
    if unknown:
        raise refused(f"{unknown} is invalid attribute for sort_keys")
    return tuple((names[key].name, way == "asc") for key, way in zip(keys, directions, strict=True))


def _by_addresses(held: session.Session, query: listing.Query, wanted: Sequence[str]) -> listing.Query:
    """The query for ports with addresses: of several addresses any, of several subnets any, and both."""
    asked: dict[str, tuple[object, ...]] = {}
    parts: list[str] = []
    for text in wanted:
        key, sign, value = text.partition("=")
        if not sign or key not in {"ip_address", "subnet_id", SUBSTRING}:
            raise refused(f"Invalid input for operation: '{text}' is not of the form <key>=[value].", "InvalidInput")
        if key == SUBSTRING:
            parts.append(value)
        else:
            asked[key] = (*asked.get(key, ()), value)
    found = listing.select(held, port.Allocation, listing.Query(equals=asked))
    holders = {each.port_id for each in found if not parts or any(part in each.ip_address for part in parts)}
    among = query.equals.get("id")
    ids = tuple(sorted(holders if among is None else holders.intersection(str(each) for each in among)))
    return dataclasses.replace(query, equals={**query.equals, "id": ids})


def among(call: exchange.Call, shown: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a few views, none of them kept, that the query asks for.  Raises faults.BadQuery."""
    asked: dict[str, set[str]] = {}
    for key, value in call.query:
        if key not in PAGING:
            asked.setdefault(key, set()).add(value.lower())
    known = {name for view in shown for name in view}
    if unknown := [key for key in asked if key not in known]:
        raise refused(f"{unknown} is invalid attribute for filtering")
    found = [view for view in shown if all(str(view.get(key)).lower() in values for key, values in asked.items())]
    return fields(call, found)


def fields(call: exchange.Call, views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The views cut down to the fields that were asked for."""
    wanted = {value for key, value in call.query if key == "fields" and value}
    if not wanted:
        return list(views)
    return [{key: value for key, value in view.items() if key in wanted} for view in views]


def links(
    call: exchange.Call, cls: type[attr.Resource], query: listing.Query, found: Sequence[attr.Resource]
) -> dict[str, Any]:
    """The paging links of a page, where a limit was asked for; the first page has a previous one too, as Neutron's."""
    if query.limit is None or not found:
        return {}
    rest = [(key, value) for key, value in call.query if key not in {"marker", "page_reverse"}]
    said = []
    if len(found) >= query.limit:
        said.append({"rel": "next", "href": _href(call, [*rest, ("marker", found[-1].id)])})
    back = [*rest, ("marker", found[0].id), ("page_reverse", "True")]
    said.append({"rel": "previous", "href": _href(call, back)})
    return {cls.NOUN.links_key: said}


def _href(call: exchange.Call, query: Sequence[tuple[str, str]]) -> str:
    return call.url + "?" + "&".join(f"{quote(key, safe=':')}={quote(value)}" for key, value in query)
