"""The reference page of what an operator may choose about load balancers, from the declarations of those choices."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from vipool.model import deployment

HEAD = """# What users of load balancers may have

The table `octavia` of `vipool.toml`. Everything may be left out. The names are those of Octavia's own configuration
where it has them.

    [octavia]
    immutable = "conflict"
    valid_vip_networks = ["2f9d6a52-6d4e-4d6c-9a35-0f2b0a6a1c11"]

    [octavia.listener_tls]
    versions = ["TLSv1.3"]

    [octavia.quotas]
    loadbalancer = 10

| key | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The text of the page."""
    return HEAD + "".join(f"| `{key}` | {usual} | {meaning} |\n" for key, usual, meaning in rows(deployment.USUAL, ""))


def rows(usual: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
    """The key, the default and the meaning of each choice; those of a table within, one by one."""
    hints = typing.get_type_hints(type(usual), include_extras=True)
    for field in dataclasses.fields(usual):
        value = getattr(usual, field.name)
        meaning = typing.get_args(hints[field.name])[1]
        if dataclasses.is_dataclass(value):
            for key, default, inner in rows(value, f"{prefix}{field.name}."):
                yield key, default, f"{meaning} {inner}"
        else:
            yield prefix + field.name, in_words(value), meaning


def in_words(value: object) -> str:
    """A default as TOML has it."""
    match value:
        case None | Mapping():
            return ""
        case Enum():
            return f'`"{value.value}"`'
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case tuple() | frozenset():
            return "`[" + ", ".join(f'"{each}"' for each in value) + "]`"
        case _:
            return f"`{value}`"
