"""JSON Schemas of bodies and replies, read from the declarations of ``vipool.model``.

The schemas give the form in which replies come and clients should send; what parsing forgives beside it (numbers as
text, many words for true) is not repeated in each of them.
"""

import dataclasses
from typing import Any

from vipool.api.openapi import operation
from vipool.model import attr

Properties = dict[str, dict[str, Any]]
NOTHING: frozenset[str] = frozenset()


def or_null(schema: operation.Schema) -> dict[str, Any]:
    """The schema, or null."""
    match schema:
        case {"type": str(kind), "enum": [*options]}:
            return {**schema, "type": [kind, "null"], "enum": [*options, None]}
        case {"type": str(kind)}:
            return {**schema, "type": [kind, "null"]}
        case {"anyOf": [*choices]}:
            return {**schema, "anyOf": [*choices, {"type": "null"}]}
        case _:  # says nothing of its values, or knows null already
            return dict(schema)


def shown(cls: type[attr.Resource]) -> Properties:
    """The attributes that replies show."""
    return {each.wire: _described(each, nullable=each.optional) for each in attr.attributes(cls) if each.attr.show}


def create(cls: type[attr.Resource], *, without: frozenset[str] = NOTHING) -> Properties:
    """The attributes that may be sent when an object is made, each with its default; ``without`` leaves some out."""
    found: Properties = {}
    for each in attr.attributes(cls):
        if each.attr.create and each.wire not in without:
            found[each.wire] = _described(each, nullable=takes_null(each, update=False)) | _default(each)
    return found


def needed(cls: type[attr.Resource], *, without: frozenset[str] = NOTHING) -> list[str]:
    """The attributes that must be sent when an object is made."""
    return [
        each.wire for each in attr.attributes(cls) if each.attr.create and each.required and each.wire not in without
    ]


def update(cls: type[attr.Resource]) -> dict[str, Any]:
    """The body of a change: whatever is not sent stays as it is."""
    found = {
        each.wire: _described(each, nullable=takes_null(each, update=True))
        for each in attr.attributes(cls)
        if each.attr.update
    }
    return operation.closed(found, ())


def takes_null(attribute: attr.Attribute, *, update: bool) -> bool:
    """Whether a client may send null."""
    match attribute.attr.null:
        case attr.Null.DEFAULT:
            return attribute.default is not dataclasses.MISSING
        case attr.Null.KEEP:
            return update or attribute.default is not dataclasses.MISSING
        case attr.Null.REFUSE:
            return False
        case _:  # kept as null, or another value in its place
            return True


def _default(attribute: attr.Attribute) -> dict[str, Any]:
    if attribute.default is dataclasses.MISSING or attribute.required:
        return {}
    value = attr.jsonable(attribute.default)
    return {} if value is None and not takes_null(attribute, update=False) else {"default": value}


def _described(attribute: attr.Attribute, *, nullable: bool) -> dict[str, Any]:
    schema = attribute.kind.schema()
    said = {"description": sentence(attribute)}
    return {**(or_null(schema) if nullable else schema), **said}


def sentence(attribute: attr.Attribute) -> str:
    """What an attribute means, and since which version of the API it exists."""
    since = attribute.attr.since
    return attribute.attr.doc if since == "2.0" else f"{attribute.attr.doc} Since version {since}."


def paragraph(cls: type[Any]) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())
