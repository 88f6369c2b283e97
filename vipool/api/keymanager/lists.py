"""Lists of the Key Manager API: its query language, read into what the store understands, and links between pages.

Unknown arguments are ignored and copied into the links, as in Barbican; the order is that of creation.
"""

import dataclasses
import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from vipool.api import exchange
from vipool.api.keymanager import views
from vipool.cloud.secrets.embedded import finding
from vipool.model import caller, faults, types
from vipool.store import listing, session

PAGE, LONGEST_PAGE = 10, 100
NUMBER = re.compile(r"\s*[+-]?[0-9]{1,12}\s*")
EXACTLY = datetime.timedelta(seconds=1)
# Query arguments -> fields.
SECRET_FILTERS = {"name": "name", "alg": "algorithm", "mode": "mode", "secret_type": "secret_type"}
CONTAINER_FILTERS = {"name": "name", "type": "type"}
SORT_KEYS = frozenset({"created", "expiration", "mode", "name", "secret_type", "status", "updated"})
RELATIONS = {f"{each}:": each for each in listing.Relation}


def secrets(held: session.Session, call: exchange.Call) -> listing.Query:
    """The query for secrets: the project's, or those whose access lists name the caller."""
    equals = dict(_equals(call, SECRET_FILTERS))
    bits = _number(call.asked("bits"), 0)
    if bits > 0:
        equals["bit_length"] = (bits,)
    holds = {}
    if (call.asked("acl_only") or "").lower() in types.TRUE:
        holds["users"] = (call.who.user_id,)
    else:
        equals["project_id"] = (call.who.project_id,)
    bounds = [finding.alive(held.now), *(bound for name in views.MOMENTS for bound in _bounds(call, name))]
    return _paged(call, listing.Query(equals=equals, holds=holds, bounds=tuple(bounds), sort=_sort(call)))


def containers(call: exchange.Call, who: caller.Caller) -> listing.Query:
    """The query for the project's containers."""
    equals = {**dict(_equals(call, CONTAINER_FILTERS)), "project_id": (who.project_id,)}
    return _paged(call, listing.Query(equals=equals, sort=(("created", True),)))


def consumers(call: exchange.Call, of_id: str) -> listing.Query:
    """The query for the consumers of one object."""
    return _paged(call, listing.Query(equals={"of_id": (of_id,)}, sort=(("created", True),)))


def answer(call: exchange.Call, key: str, query: listing.Query, page: Sequence[Any], total: int) -> exchange.Answer:
    """A page, with links to those beside it where there are any."""
    body: dict[str, Any] = {key: list(page), "total": total}
    limit = query.limit or PAGE
    if page and query.offset:
        body["previous"] = _href(call, limit, max(0, query.offset - limit))
    if page and query.offset + limit < total:
        body["next"] = _href(call, limit, query.offset + limit)
    return exchange.Answer(body=body)


def _href(call: exchange.Call, limit: int, offset: int) -> str:
    rest = [(name, value) for name, value in call.query if name not in {"limit", "offset"}]
    return f"{call.url.rstrip('/')}?{urlencode([('limit', limit), ('offset', offset), *rest])}"


def _paged(call: exchange.Call, query: listing.Query) -> listing.Query:
    limit = min(max(1, _number(call.asked("limit"), PAGE)), LONGEST_PAGE)
    offset = max(0, _number(call.asked("offset"), 0))
    return dataclasses.replace(query, limit=limit, offset=offset)


def _number(text: str | None, otherwise: int) -> int:
    """A number, or something else where it is none: Barbican does not refuse it."""
    return int(text) if text is not None and text.isascii() and NUMBER.fullmatch(text) else otherwise


def _equals(call: exchange.Call, filters: Mapping[str, str]) -> Iterator[tuple[str, tuple[object, ...]]]:
    for key, field in filters.items():
        wanted = call.asked(key)
        if wanted:
            # No text that is kept has NUL in it, and PostgreSQL cannot even be asked for one.
            yield field, () if "\x00" in wanted else (wanted,)


def _bounds(call: exchange.Call, name: str) -> Iterator[listing.Bound]:
    """The conditions on a moment: `gt:`, `gte:`, `lt:` or `lte:` before each, or nothing for that very second."""
    for each in (call.asked(name) or "").split(","):
        if not each:
            continue
        relation = next((found for prefix, found in RELATIONS.items() if each.startswith(prefix)), None)
        moment = _moment(each if relation is None else each.partition(":")[2])
        if relation is not None:
            yield listing.Bound(name=name, relation=relation, value=moment)
        else:
            yield listing.Bound(name=name, relation=listing.Relation.AT_LEAST, value=moment)
            yield listing.Bound(name=name, relation=listing.Relation.BELOW, value=moment + EXACTLY)


def _moment(text: str) -> datetime.datetime:
    try:
        found = types.Timestamp().parse(text)
        found + EXACTLY  # the last second of year 9999 has none after it
        return found
    except (ValueError, OverflowError) as error:
        raise _refused() from error


def _sort(call: exchange.Call) -> tuple[tuple[str, bool], ...]:
    found = []
    for each in (call.asked("sort") or "created").split(","):
        key, _, way = each.strip().partition(":")
        if key not in SORT_KEYS or way not in {"", "asc", "desc"}:
            raise _refused()
        found.append((key, way != "desc"))
    # Of equal ones the older comes first.
    return (*found, ("created", True))


def _refused() -> faults.BadQuery:
    return faults.BadQuery(
        "URI provided invalid query string parameters. Moments are ISO 8601, after gt:, gte:, lt: or lte: if need be; "
        f"sort is by {', '.join(sorted(SORT_KEYS))}, each with :asc or :desc behind it if need be."
    )
