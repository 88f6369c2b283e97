"""What a provider offers to flavors and availability zones, and whether what one of them says is among it.

Pure: the offers and what a profile says in, a reason or nothing out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipool.model import types


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that can be chosen: what it is, in words for administrators, and the values it may have."""

    description: str
    kind: types.Kind


def refuse(said: Mapping[str, Any], offers: Mapping[str, Offer]) -> str | None:
    """The reason why what a profile says cannot be had, or None."""
    for key, value in said.items():
        if key not in offers:
            return f"Additional properties are not allowed ({key!r} was unexpected)"
        try:
            offers[key].kind.parse(value)
        except ValueError as error:
            return f"{key} cannot be {value!r}: {error}"
    return None
