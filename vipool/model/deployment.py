"""What a deployment allows, and what it assumes where a user does not say: the operator's choices about load balancers.

A value: `vipool.settings` reads it, the rules and defaults of `vipool.core` are given it.  The names of the choices,
and their values where nobody chooses, are Octavia's (its configuration reference, sections api_settings, networking
and quotas).
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

# The OWASP cipher suite B, in OpenSSL's names, TLS 1.3 first: Octavia's default_listener_ciphers.
CIPHERS = ":".join(
    (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
        "DHE-RSA-CHACHA20-POLY1305",
    )
)
# Oldest first: a minimum refuses what stands before it.
TLS_VERSIONS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
UNLIMITED = -1


class Immutable(enum.StrEnum):
    """What happens to a write while another one of the same load balancer is under way."""

    ACCEPT = "accept"  # it is taken, and realised together with the other
    CONFLICT = "conflict"  # it is refused with 409, as Octavia does


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What TLS listeners, or pools that speak TLS, get where a user does not say."""

    ciphers: Annotated[str, "The ciphers, in OpenSSL's names."] = CIPHERS
    versions: Annotated[tuple[str, ...], "The versions of TLS."] = ("TLSv1.2", "TLSv1.3")
    alpn: Annotated[tuple[str, ...], "The protocols offered by ALPN, the best first."] = ("h2", "http/1.1", "http/1.0")


USUAL_TLS = Tls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The choices, each with what it means."""

    immutable: Annotated[
        Immutable,
        "What happens to a write while another one of the same load balancer is under way: `accept` takes it, "
        "`conflict` answers 409 as Octavia does.",
    ] = Immutable.ACCEPT
    default_provider: Annotated[str, "The provider of load balancers whose user names none."] = "amphora"
    allow_vip_port_id: Annotated[bool, "Whether users may name the port of a VIP."] = True
    allow_vip_network_id: Annotated[bool, "Whether users may name the network of a VIP."] = True
    allow_vip_subnet_id: Annotated[bool, "Whether users may name the subnet of a VIP."] = True
    valid_vip_networks: Annotated[
        frozenset[str],
        "The networks that VIPs may be on; any where it is empty. An availability zone may say otherwise.",
    ] = frozenset()
    allow_tls_terminated_listeners: Annotated[bool, "Whether listeners may end TLS."] = True
    allow_prometheus_listeners: Annotated[bool, "Whether listeners may serve metrics."] = True
    allow_ping_health_monitors: Annotated[bool, "Whether monitors may ping."] = True
    listener_tls: Annotated[Tls, "What listeners that end TLS get where a user does not say."] = USUAL_TLS
    pool_tls: Annotated[Tls, "What pools that speak TLS get where a user does not say."] = USUAL_TLS
    prohibited_ciphers: Annotated[frozenset[str], "Ciphers that nobody may name."] = frozenset()
    minimum_tls_version: Annotated[
        str | None, "The oldest version of TLS that may be named; any where it is not set."
    ] = None
    timeout_client_data: Annotated[int, "How long a client may be silent, in milliseconds."] = 50_000
    timeout_member_connect: Annotated[int, "How long connecting to a member may take, in milliseconds."] = 5_000
    timeout_member_data: Annotated[int, "How long a member may be silent, in milliseconds."] = 50_000
    timeout_tcp_inspect: Annotated[int, "How long to wait for content to inspect, in milliseconds."] = 0
    udp_connect_min_interval: Annotated[int, "The shortest delay of UDP-CONNECT monitors, in seconds."] = 3
    reserved_ips: Annotated[frozenset[str], "Addresses that no member may have."] = frozenset({"169.254.169.254"})
    look_milliseconds: Annotated[
        int,
        "How long a look at an object that is PENDING waits for it to be realised, in milliseconds; 0 answers at once.",
    ] = 250
    history_days: Annotated[int, "For how many days the history of writes is kept; 0 keeps it for ever."] = 365
    pagination_max_limit: Annotated[int, "The longest page of a list."] = 1_000
    quotas: Annotated[
        Mapping[str, int],
        "How many objects of a kind a project may have that nobody gave another limit; -1 is no limit.",
    ] = field(default_factory=dict)


USUAL = Deployment()
"""What holds where nobody chose."""
