"""What the document says of an operation: values that stand on the rows of a face's route table.

They hold what cannot be read from the row itself or from the declarations of ``vipool.model``.  Schemas are JSON
Schema (draft 2020-12) as plain values; ``ref`` names those that the document keeps once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument of a query, one part of a path, or one header.

    An argument whose schema is an array may be repeated, or holds its words between ``commas``.
    """

    name: str
    schema: Schema
    doc: str
    commas: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    ``name`` is its operationId, ``tag`` the group it is shown in.  ``reply`` is the body of success, which comes with
    ``status``; None is an empty answer.  ``refuses`` are the statuses of refusals that are its own, beside those that
    follow from the row (see ``document.refusals``); ``also`` the policy actions it may need beside the row's.
    ``parts`` describes the parts of the path, ``headers`` what it takes beside those that every operation takes.
    """

    name: str
    summary: str
    tag: str
    doc: str = ""
    query: tuple[Parameter, ...] = ()
    body: Schema | None = None
    reply: Schema | None = None
    status: int = 200
    refuses: frozenset[int] = frozenset()
    also: tuple[str, ...] = ()
    parts: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of the answer with one status of refusal: its name in the document, when it is given, and its body.

    ``headers`` are those that only it has, in words.
    """

    name: str
    doc: str
    body: Schema
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the document says of the service as a whole.

    ``server`` is the path it is mounted at, ``tags`` the groups of operations in words, ``schemas`` what ``ref`` names,
    ``forms`` the answers of refusal by status.
    """

    title: str
    version: str
    doc: str
    server: str
    tags: Mapping[str, str]
    schemas: Mapping[str, Schema]
    forms: Mapping[int, Form]


def ref(name: str) -> dict[str, Any]:
    """The schema that the document keeps under this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": items}


def closed(properties: Mapping[str, Schema], required: Sequence[str] | None = None) -> dict[str, Any]:
    """An object with these keys and no others; all of them are there unless ``required`` names fewer."""
    needed = list(properties) if required is None else list(required)
    found: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    return {**found, **({"required": needed} if needed else {}), "additionalProperties": False}


def reply(properties: Mapping[str, Schema], required: Sequence[str] | None = None) -> dict[str, Any]:
    """An object of a reply: clients must expect further keys from later versions."""
    return {key: value for key, value in closed(properties, required).items() if key != "additionalProperties"}
