"""The listener: one port of the VIP, and the protocol spoken there."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, parts, types

Timeout = types.Integer(0, 2_073_600_000)


class Protocol(enum.StrEnum):
    """What a listener speaks to clients."""

    TCP = "TCP"
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TERMINATED_HTTPS = "TERMINATED_HTTPS"
    UDP = "UDP"
    SCTP = "SCTP"
    PROMETHEUS = "PROMETHEUS"

    @property
    def transport(self) -> str:
        """The transport protocol whose ports it uses: listeners share a port number only across transports."""
        return self.value if self in {Protocol.UDP, Protocol.SCTP} else "TCP"


class ClientAuthentication(enum.StrEnum):
    """Whether clients must present a certificate."""

    NONE = "NONE"
    OPTIONAL = "OPTIONAL"
    MANDATORY = "MANDATORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener(parts.Part):
    """One listener (Octavia API v2, `listeners`)."""

    NOUN: ClassVar = attr.Noun(wrapper="listener", collection="listeners", title="Listener", argument="listener_")

    loadbalancer_id: Annotated[
        str,
        types.Uuid(),
        attr.Attr(
            doc="The load balancer it belongs to.",
            update=False,
            show=False,
            aliases=("load_balancer_id",),
            indexed=True,
        ),
    ]
    protocol: Annotated[
        Protocol, types.Choice(Protocol), attr.Attr(doc="The protocol spoken to clients.", update=False)
    ]
    protocol_port: Annotated[
        int, types.Integer(1, 65535), attr.Attr(doc="The port of the VIP it listens on.", update=False)
    ]
    name: parts.Name = ""
    description: parts.Description = ""
    connection_limit: Annotated[
        int, types.Integer(-1), attr.Attr(doc="The most connections at a time; -1 for no limit.")
    ] = -1
    default_pool_id: Annotated[
        str | None, types.Uuid(), attr.Attr(doc="The pool that answers, or null.", indexed=True)
    ] = None
    insert_headers: Annotated[
        dict[str, str] | None,
        types.MapOf(types.String()),
        attr.Attr(doc='Headers to add to each request; the value "true" turns one on.', filters=False),
    ] = None
    default_tls_container_ref: Annotated[
        str | None, types.String(), attr.Attr(doc="The certificate.", aliases=("tls_certificate_id",))
    ] = None
    sni_container_refs: Annotated[
        tuple[str, ...], types.ListOf(types.String()), attr.Attr(doc="Certificates for SNI.", filters=False)
    ] = ()
    client_ca_tls_container_ref: Annotated[
        str | None, types.String(), attr.Attr(doc="The CA that client certificates are checked with.", since="2.8")
    ] = None
    client_authentication: Annotated[
        ClientAuthentication,
        types.Choice(ClientAuthentication),
        attr.Attr(doc="Whether clients must present a certificate.", since="2.8"),
    ] = ClientAuthentication.NONE
    client_crl_container_ref: Annotated[
        str | None, types.String(), attr.Attr(doc="The revocation list of client certificates.", since="2.8")
    ] = None
    tls_ciphers: Annotated[str | None, types.String(2048), attr.Attr(doc="The cipher list.", since="2.15")] = None
    tls_versions: Annotated[
        tuple[str, ...] | None,
        types.ListOf(types.String(32)),
        attr.Attr(doc="The TLS versions spoken.", since="2.17", filters=False),
    ] = None
    alpn_protocols: Annotated[
        tuple[str, ...] | None,
        types.ListOf(types.Alpn()),
        attr.Attr(doc="The ALPN protocols offered.", since="2.20", filters=False),
    ] = None
    hsts_max_age: Annotated[
        int | None, types.Integer(0), attr.Attr(doc="Strict-Transport-Security max-age, in seconds.", since="2.27")
    ] = None
    hsts_include_subdomains: Annotated[
        bool, types.Boolean(), attr.Attr(doc="HSTS for subdomains too.", since="2.27")
    ] = False
    hsts_preload: Annotated[bool, types.Boolean(), attr.Attr(doc="HSTS preload.", since="2.27")] = False
    allowed_cidrs: Annotated[
        tuple[str, ...] | None,
        types.ListOf(types.Cidr(), distinct=True),
        attr.Attr(doc="Networks that may connect; null for all.", since="2.12", filters=False),
    ] = None
    timeout_client_data: Annotated[
        int, Timeout, attr.Attr(doc="Client inactivity, in milliseconds.", null=attr.Null.STORE, since="2.1")
    ] = 50_000
    timeout_member_connect: Annotated[
        int, Timeout, attr.Attr(doc="Connecting to a member, in milliseconds.", null=attr.Null.STORE, since="2.1")
    ] = 5_000
    timeout_member_data: Annotated[
        int, Timeout, attr.Attr(doc="Member inactivity, in milliseconds.", null=attr.Null.STORE, since="2.1")
    ] = 50_000
    timeout_tcp_inspect: Annotated[
        int,
        Timeout,
        attr.Attr(doc="Waiting for content to inspect, in milliseconds.", null=attr.Null.STORE, since="2.1"),
    ] = 0
