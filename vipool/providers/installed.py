"""Providers that other packages bring, found by the entry points of the group `vipool.providers`.

An entry point's name is the name load balancers ask for; its value is a package with a module `capabilities`, whose
class of that name (capitalised, without arguments) the server asks, and a module `engine`, whose class the agent acts
with (`vipool.providers.base`). Promises: what cannot be used is left out, with a sentence, whatever its package raises;
no name is given to two packages; whoever wants capabilities loads no engine, nor the other way round. Does not log.
"""

import importlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Generic, TypeVar

from vipool.providers import base

GROUP = "vipool.providers"
# What a name may be: it stands in paths of the API, and in a column of 64 characters.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[_Part]):
    """What can be used, by the provider's name; and why the rest cannot, a sentence each."""

    usable: Mapping[str, _Part]
    left_out: tuple[str, ...] = ()


class _Unusable(Exception):
    """The sentence that says why."""


def capabilities(taken: Collection[str]) -> Found[base.Capabilities]:
    """What the providers of other packages can do. `taken` are the names that are vipool's own."""
    return _parts("capabilities", base.Capabilities, taken)


def engines(taken: Collection[str]) -> Found[base.Engine]:
    """What acts for the providers of other packages."""
    return _parts("engine", base.Engine, taken)


def _parts(module: str, protocol: type[Any], taken: Collection[str]) -> Found[Any]:
    usable: dict[str, Any] = {}
    left_out: list[str] = []
    try:
        entries = tuple(metadata.entry_points(group=GROUP))
    except Exception as error:  # noqa: BLE001 - one unreadable package among all that are installed, whoever's it is
        return Found(usable={}, left_out=(f"no provider of another package can be used: {_words(error)}",))
    for entry in entries:
        try:
            _judge(entry, entries, taken)
            usable[entry.name] = _part(entry, module, protocol)
        except _Unusable as reason:
            left_out.append(f"provider {entry.name!r} of the package {_bearer(entry)} is left out: {reason}")
    return Found(usable=usable, left_out=tuple(left_out))


def _judge(entry: metadata.EntryPoint, entries: Iterable[metadata.EntryPoint], taken: Collection[str]) -> None:
    """Refuse a name that is none, or not this package's alone: who carries a load balancer must not be luck."""
    if not NAME.fullmatch(entry.name):
        raise _Unusable("a name is up to 64 lower case letters, digits, dots, hyphens or underscores")
    if entry.name in taken:
        raise _Unusable("the name is that of a provider of vipool's own; give it another")
    others = sorted(_bearer(each) for each in entries if each.name == entry.name and each is not entry)
    if others:
        raise _Unusable(f"{', '.join(others)} has one of that name too; uninstall one of them")


def _part(entry: metadata.EntryPoint, module: str, protocol: type[Any]) -> Any:
    """The object that a package offers, once it is seen to have what the Protocol asks for."""
    where = f"{entry.value}.{module}"
    try:
        made = getattr(importlib.import_module(where), module.capitalize())()
    except (Exception, SystemExit) as error:  # what a stranger's package raises must not end vipool
        raise _Unusable(f"loading {where} ended in {_words(error)}") from error
    wanted = (name for name in {**vars(protocol), **protocol.__annotations__} if not name.startswith("_"))
    missing = sorted(name for name in wanted if not hasattr(made, name))
    if missing:
        raise _Unusable(f"{where}.{module.capitalize()} has no {', '.join(missing)}")
    return made


def _bearer(entry: metadata.EntryPoint) -> str:
    """The name of the package that brings it."""
    return entry.dist.name if entry.dist else "(unknown)"


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
