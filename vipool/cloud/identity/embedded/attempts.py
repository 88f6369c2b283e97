"""What somebody presents in order to log in: proofs, a scope, and where it came from.  Values only."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A user, project or domain as somebody names it: by id, or by name in a domain."""

    id: str | None = None
    name: str | None = None
    domain: "Ref | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """A user and its password; None where none was given."""

    user: Ref
    password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A token got earlier."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An application credential, by id, or by name and user."""

    id: str | None = None
    name: str | None = None
    user: Ref | None = None
    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anywhere:
    """No scope was asked for: the user's default project, if that can be had, else none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """No scope is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InProject:
    """A project."""

    project: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class InDomain:
    """A domain."""

    domain: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class InSystem:
    """The whole system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTrust:
    """The project of a trust, as the one whom it names."""

    id: str


Proof: TypeAlias = Password | Held | Key
Scope: TypeAlias = Anywhere | Nowhere | InProject | InDomain | InSystem | ByTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Everything a login request says, and where it came from."""

    proofs: tuple[Proof, ...]
    scope: Scope
    address: str = ""
