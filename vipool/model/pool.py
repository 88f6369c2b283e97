"""The pool: members that answer for a VIP, and how one of them is chosen."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, faults, parts, types


class Protocol(enum.StrEnum):
    """What a pool speaks to its members."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    PROXY = "PROXY"
    PROXYV2 = "PROXYV2"
    UDP = "UDP"
    SCTP = "SCTP"

    @property
    def transport(self) -> str:
        """The transport protocol that members are spoken to over."""
        return self.value if self in {Protocol.UDP, Protocol.SCTP} else "TCP"


class Algorithm(enum.StrEnum):
    """How a member is chosen for a new connection."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_CONNECTIONS = "LEAST_CONNECTIONS"
    SOURCE_IP = "SOURCE_IP"
    SOURCE_IP_PORT = "SOURCE_IP_PORT"


class Persistence(enum.StrEnum):
    """How a client is kept on one member."""

    SOURCE_IP = "SOURCE_IP"
    HTTP_COOKIE = "HTTP_COOKIE"
    APP_COOKIE = "APP_COOKIE"


SESSION_PERSISTENCE = types.Entry(
    {
        "type": types.Choice(Persistence),
        "cookie_name": types.String(255, pattern=r"[^\s,;\\]+"),
        "persistence_timeout": types.Integer(),
        "persistence_granularity": types.IpAddress(),
    }
)


def refuse_untyped(values: Mapping[str, object]) -> None:
    """Refuse the session persistence of a new pool that does not say its type.  Raises faults.MissingAttribute."""
    sent = values.get("session_persistence")
    if isinstance(sent, dict) and sent.get("type") is None:
        raise faults.MissingAttribute("type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(parts.Part):
    """One pool (Octavia API v2, `pools`)."""

    NOUN: ClassVar = attr.Noun(wrapper="pool", collection="pools", title="Pool", argument="pool_")

    loadbalancer_id: Annotated[
        str,
        types.Uuid(),
        attr.Attr(
            doc="The load balancer it belongs to; may be left out when listener_id is given.",
            update=False,
            show=False,
            required=False,
            aliases=("load_balancer_id",),
            indexed=True,
        ),
    ]
    protocol: Annotated[
        Protocol, types.Choice(Protocol), attr.Attr(doc="The protocol spoken to members.", update=False)
    ]
    lb_algorithm: Annotated[
        Algorithm,
        types.Choice(Algorithm),
        attr.Attr(
            doc=(
                "How a member is chosen. Where the kernel carries the traffic, LEAST_CONNECTIONS goes by counts that "
                "are some seconds old."
            )
        ),
    ]
    name: parts.Name = ""
    description: parts.Description = ""
    session_persistence: Annotated[
        dict[str, object] | None,
        SESSION_PERSISTENCE,
        attr.Attr(doc="How a client is kept on one member, or null.", filters=False),
    ] = None
    preserve_client_ip: Annotated[
        bool,
        types.Boolean(),
        attr.Attr(doc="Whether members see the client's own address. Not an attribute of Octavia."),
    ] = False
    tls_enabled: Annotated[bool, types.Boolean(), attr.Attr(doc="Whether members are spoken to over TLS.")] = False
    tls_container_ref: Annotated[
        str | None, types.String(), attr.Attr(doc="The client certificate shown to members.", since="2.8")
    ] = None
    ca_tls_container_ref: Annotated[
        str | None, types.String(), attr.Attr(doc="The CA that members are checked with.", since="2.8")
    ] = None
    crl_container_ref: Annotated[
        str | None, types.String(), attr.Attr(doc="The revocation list of member certificates.", since="2.8")
    ] = None
    tls_ciphers: Annotated[str | None, types.String(2048), attr.Attr(doc="The cipher list.", since="2.15")] = None
    tls_versions: Annotated[
        tuple[str, ...] | None,
        types.ListOf(types.String(32)),
        attr.Attr(doc="The TLS versions spoken to members.", since="2.18", filters=False),
    ] = None
    alpn_protocols: Annotated[
        tuple[str, ...] | None,
        types.ListOf(types.Alpn()),
        attr.Attr(doc="The ALPN protocols offered to members.", since="2.24", filters=False),
    ] = None
