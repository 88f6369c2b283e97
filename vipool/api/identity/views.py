"""How the Identity API shows things: envelopes, links, pages."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from vipool.api import exchange
from vipool.cloud.identity.embedded import users
from vipool.model import attr, domain, user


def root(call: exchange.Call) -> str:
    """The absolute address of version 3 of the service."""
    return f"{call.mount}/v3"


def linked(call: exchange.Call, path: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its address."""
    return {**shown, "links": {"self": f"{root(call)}/{path}"}}


def noun(call: exchange.Call, found: attr.Resource) -> dict[str, Any]:
    """A noun as lists and replies show it: what clients sent along first."""
    shown = users.show(found) if isinstance(found, user.User) else attr.show(found)
    path = f"{type(found).NOUN.collection}/{found.id}"
    return linked(call, path, {**getattr(found, "extra", {}), **shown})


def as_project(call: exchange.Call, found: domain.Domain) -> dict[str, Any]:
    """A domain as the project that it is, too."""
    shown = attr.show(found)
    within = {"domain_id": None, "parent_id": None, "is_domain": True}
    return linked(call, f"projects/{found.id}", {**found.extra, **shown, **within})


def one(call: exchange.Call, found: attr.Resource, *, status: int = 200) -> exchange.Answer:
    """The reply with one noun."""
    return exchange.Answer(status=status, body={type(found).NOUN.wrapper: noun(call, found)})


def patched(call: exchange.Call, found: attr.Resource) -> exchange.Answer:
    """The reply to a change: projects and users repeat there what clients sent along, under ``extra`` too."""
    shown = noun(call, found)
    if type(found).NOUN.wrapper in {"project", "user"}:
        behind = {name: shown.pop(name) for name in ("options", "links")}
        shown = {**shown, "extra": getattr(found, "extra", {}), **behind}
    return exchange.Answer(body={type(found).NOUN.wrapper: shown})


def many(
    call: exchange.Call, key: str, shown: Sequence[Mapping[str, Any]], *, after: str | None = None
) -> exchange.Answer:
    """The reply with a list; ``after`` is the id with which a cut list ends, so that the next page can be asked for."""
    links = {"next": None if after is None else _next(call, after), "self": _self(call), "previous": None}
    body: dict[str, Any] = {key: list(shown), "links": links}
    return exchange.Answer(body={**body, "truncated": True} if after is not None else body)


def _self(call: exchange.Call) -> str:
    return f"{call.url}?{call.search}" if call.search else call.url


def _next(call: exchange.Call, after: str) -> str:
    kept = [(name, value) for name, value in parse_qsl(call.search, keep_blank_values=True) if name != "marker"]
    return f"{call.url}?{urlencode([*kept, ('marker', after)])}"
