"""Tables of vipool.toml that become values: each key is a field of the value, each field says what it may be.

Promises: a key that does not exist, or a value of another kind, is refused with its name and what is needed.
"""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")
WORDS = {str: "a string", bool: "a boolean", int: "a whole number"}


class Unfit(ValueError):
    """A table that makes no sense; the sentence names the key and what is needed."""


def value(cls: type[T], table: Mapping[str, object], where: str) -> T:
    """The value that a table describes; what it leaves out is as the class declares.  Raises Unfit."""
    hints = typing.get_type_hints(cls)
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise Unfit(f"{where}.{unknown[0]} does not exist: {', '.join(known)} do.")
    return cls(**{name: _read(hints[name], given, f"{where}.{name}") for name, given in table.items()})


def _read(kind: Any, given: object, where: str) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _read(next(each for each in inner if each is not type(None)), given, where)
    if origin in (tuple, frozenset):
        return origin(_entries(inner[0], given, where))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(given, dict):
            raise Unfit(f"{where} is {given!r}: a table is needed.")
        return {key: _read(inner[1], each, f"{where}.{key}") for key, each in given.items()}
    if dataclasses.is_dataclass(kind):
        if not isinstance(given, dict):
            raise Unfit(f"{where} is {given!r}: a table is needed.")
        return value(typing.cast("type[Any]", kind), given, where)
    if issubclass(kind, enum.Enum):
        return _option(kind, given, where)
    if type(given) is not kind:
        raise Unfit(f"{where} is {given!r}: {WORDS[kind]} is needed.")
    return given


def _entries(kind: Any, given: object, where: str) -> list[Any]:
    if not isinstance(given, list):
        raise Unfit(f"{where} is {given!r}: a list is needed.")
    return [_read(kind, each, f"{where}[{place}]") for place, each in enumerate(given)]


def _option(kind: type[enum.Enum], given: object, where: str) -> enum.Enum:
    found = next((each for each in kind if each.value == given), None)
    if found is None:
        raise Unfit(f"{where} is {given!r}: one of {', '.join(str(each.value) for each in kind)} is needed.")
    return found
