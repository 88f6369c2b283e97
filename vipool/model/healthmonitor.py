"""The health monitor: how the members of a pool are checked."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, faults, parts, types


class Type(enum.StrEnum):
    """The kind of check."""

    PING = "PING"
    TCP = "TCP"
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TLS_HELLO = "TLS-HELLO"
    UDP_CONNECT = "UDP-CONNECT"
    SCTP = "SCTP"

    @property
    def speaks_http(self) -> bool:
        """Whether the check is an HTTP request."""
        return self in {Type.HTTP, Type.HTTPS}


class Method(enum.StrEnum):
    """The HTTP method of a check."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    DELETE = "DELETE"
    TRACE = "TRACE"
    OPTIONS = "OPTIONS"
    CONNECT = "CONNECT"
    PATCH = "PATCH"


HTTP_1_1 = 1.1
# A path as RFC 3986 section 3.3 allows it, with an optional query and fragment, and nothing that could end a token.
URL_PATH = r"/[A-Za-z0-9\-._~%!$&'()*+,;=:@/?#\[\]]*"
CODES = r"([0-9]{3}([ \t]*,[ \t]*[0-9]{3})*)|([0-9]{3}-[0-9]{3})"
# A host name (RFC 1123), with the underscores that people use.
DOMAIN = r"(?=.{1,255}$)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMonitor(parts.Part):
    """One health monitor (Octavia API v2, `healthmonitors`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="healthmonitor", collection="healthmonitors", title="Health Monitor", argument="health_monitor_"
    )

    pool_id: Annotated[
        str, types.Uuid(), attr.Attr(doc="The pool whose members are checked.", update=False, show=False, indexed=True)
    ]
    type: Annotated[Type, types.Choice(Type), attr.Attr(doc="The kind of check.", update=False)]
    delay: Annotated[int, types.Integer(0), attr.Attr(doc="Seconds between checks.")]
    timeout: Annotated[int, types.Integer(0), attr.Attr(doc="Seconds until a check has failed.")]
    max_retries: Annotated[
        int, types.Integer(1, 10), attr.Attr(doc="Good checks until a member is up.", aliases=("rise_threshold",))
    ]
    name: parts.Name = ""
    max_retries_down: Annotated[
        int, types.Integer(1, 10), attr.Attr(doc="Bad checks until a member is down.", aliases=("fall_threshold",))
    ] = 3
    http_method: Annotated[Method | None, types.Choice(Method), attr.Attr(doc="The method of an HTTP check (GET).")] = (
        None
    )
    url_path: Annotated[
        str | None, types.String(2048, pattern=URL_PATH), attr.Attr(doc="The path of an HTTP check (/).")
    ] = None
    expected_codes: Annotated[
        str | None,
        types.String(64, pattern=CODES),
        attr.Attr(doc="The good answers: a list 200,202 or one range 200-204 (200)."),
    ] = None
    http_version: Annotated[
        float | None, types.Number((1.0, 1.1)), attr.Attr(doc="The HTTP version of the check.", since="2.10")
    ] = None
    domain_name: Annotated[
        str | None,
        types.String(255, least=1, pattern=DOMAIN),
        attr.Attr(doc="The Host header of an HTTP/1.1 check.", since="2.10"),
    ] = None


HTTP_ONLY: dict[str, str] = {"http_method": Method.GET, "url_path": "/", "expected_codes": "200"}


def good_codes(said: str | None) -> frozenset[int]:
    """The answers that ``expected_codes`` calls good; none at all when it says nothing that can be understood."""
    first, dash, last = (said or HTTP_ONLY["expected_codes"]).partition("-")
    try:
        if dash:
            return frozenset(range(int(first), int(last) + 1))
        return frozenset(int(each) for each in first.split(","))
    except ValueError:
        return frozenset()


def complete(kind: Type, values: dict[str, object]) -> dict[str, object]:
    """The values of a new monitor with the defaults of its type.

    HTTP checks have a method, a path and expected codes; other checks may not give them a value.  Raises
    faults.Invalid.
    """
    refuse_http_only(kind, frozenset(name for name, value in values.items() if value is not None))
    if not kind.speaks_http:
        return values
    return {**values, **{name: default for name, default in HTTP_ONLY.items() if values.get(name) is None}}


def restored(kind: Type, values: dict[str, object]) -> dict[str, object]:
    """The changed values of a monitor, in which a null for what an HTTP check must have is its default.

    Other checks may not name it, whatever the value.  Raises faults.Invalid.
    """
    refuse_http_only(kind, frozenset(values))
    return {name: HTTP_ONLY.get(name) if value is None else value for name, value in values.items()}


def refuse_http_only(kind: Type, asked: frozenset[str]) -> None:
    """Refuse what only an HTTP check has.  Raises faults.Invalid."""
    if not kind.speaks_http:
        for name in HTTP_ONLY:
            if name in asked:
                raise faults.Invalid(f"{name} is not a valid option for health monitors of type {kind}")
