"""Lists of the Identity API: its query language, read into what the store understands.

Unknown arguments are ignored and a repeated one must hold for each of its values, as in Keystone.  ``limit`` and
``marker`` cut; the order is by id.
"""

from collections.abc import Mapping

from vipool.api import exchange
from vipool.api.identity import views
from vipool.model import attr, faults, types
from vipool.store import listing, session

TAGS = {"tags": "every", "tags-any": "some", "not-tags": "not_every", "not-tags-any": "not_some"}
# Keystone compares names as its database does: without regard to case.
IGNORING_CASE = frozenset({"name"})
# What may follow the name of an attribute, with the part of the query it is; whether case counts is up to the database.
COMPARATORS = {
    f"__{case}{word}": part
    for case in ("", "i")
    for word, part in (("contains", "contains"), ("startswith", "begins"), ("endswith", "ends"))
}


def answer(
    call: exchange.Call,
    held: session.Session,
    cls: type[attr.Resource],
    only: Mapping[str, tuple[object, ...]] | None = None,
) -> exchange.Answer:
    """The list of a noun as the query asks for it; ``only`` gives for attributes the values that may be seen."""
    page, after = select(call, held, cls, only)
    return views.many(call, cls.NOUN.collection, [views.noun(call, each) for each in page], after=after)


def select(
    call: exchange.Call,
    held: session.Session,
    cls: type[attr.R],
    only: Mapping[str, tuple[object, ...]] | None = None,
) -> tuple[tuple[attr.R, ...], str | None]:
    """One page and, where more follows, the id it ends with."""
    limit = _limit(call)
    query = _query(call, cls, only or {}, None if limit is None else limit + 1)
    found = listing.select(held, cls, query)
    if limit is None or len(found) <= limit:
        return found, None
    return found[:limit], found[limit - 1].id


def _query(
    call: exchange.Call, cls: type[attr.Resource], only: Mapping[str, tuple[object, ...]], limit: int | None
) -> listing.Query:
    equals: dict[str, tuple[object, ...]] = {}
    parts: dict[str, dict[str, str]] = {}
    for attribute in attr.attributes(cls):
        if not attribute.attr.filters or not attribute.attr.show:
            continue
        wanted = {_value(attribute, value) for name, value in call.query if name == attribute.wire}
        if wanted:
            # Different values of one attribute cannot all be so: nothing matches.
            equals[attribute.name] = tuple(wanted) if len(wanted) == 1 else ()
        for comparator, part in COMPARATORS.items() if attribute.kind.storage is types.Storage.TEXT else ():
            if text := call.asked(attribute.wire + comparator):
                parts.setdefault(part, {})[attribute.name] = text.replace("\x00", "")
    for name, values in only.items():
        # What the query asks for narrows what the caller may see, never widens it.
        equals[name] = tuple(value for value in values if name not in equals or value in equals[name])
    return listing.Query(
        equals=equals,
        contains=parts.get("contains", {}),
        begins=parts.get("begins", {}),
        ends=parts.get("ends", {}),
        ignoring_case=IGNORING_CASE & equals.keys(),
        tags=_tags(call) if "tags" in attr.by_wire(cls) else listing.Tags(),
        limit=limit,
        marker=call.asked("marker") or None,
    )


def _value(attribute: attr.Attribute, text: str) -> object:
    try:
        parsed = attribute.kind.parse(text)
    except ValueError as problem:
        raise faults.BadAttribute(attribute.wire, text, str(problem)) from problem
    return parsed.lower() if attribute.name in IGNORING_CASE else parsed


def _tags(call: exchange.Call) -> listing.Tags:
    asked = {TAGS[name]: tuple(value.split(",")) for name, value in call.query if name in TAGS}
    return listing.Tags(**asked)


def _limit(call: exchange.Call) -> int | None:
    text = call.asked("limit")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise faults.BadQuery(f"limit is '{text}': give a number of objects.")
    return int(text) or None


def switch(call: exchange.Call, name: str) -> bool:
    """A yes or no argument: there without a value, or with any but 0."""
    value = call.asked(name)
    return value is not None and value.lower() not in {"0", "false"}
