"""What a deployment allows, and what it assumes where a user does not say: the operator's choices about load balancers.

A value: `vipool.settings` reads it, the rules and defaults of `vipool.core` are given it.  The names of the choices,
and their values where nobody chooses, are Octavia's (its configuration reference, sections api_settings, networking
and quotas).
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """What TLS listeners, or pools, get where a user does not say."""

    ciphers: str = CIPHERS
    versions: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    alpn: tuple[str, ...] = ("h2", "http/1.1", "http/1.0")


USUAL_TLS = Tls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The choices.  ``quotas`` are the limits, by noun, of projects nobody gave others; -1 is no limit.

    Timeouts are in milliseconds; ``udp_connect_min_interval`` in seconds.  ``reserved_ips`` are addresses no member may
    have; ``valid_vip_networks`` the networks VIPs may be on, all where it is empty.
    """

    immutable: Immutable = Immutable.ACCEPT
    default_provider: str = "amphora"
    allow_vip_port_id: bool = True
    allow_vip_network_id: bool = True
    allow_vip_subnet_id: bool = True
    valid_vip_networks: frozenset[str] = frozenset()
    allow_tls_terminated_listeners: bool = True
    allow_prometheus_listeners: bool = True
    allow_ping_health_monitors: bool = True
    listener_tls: Tls = USUAL_TLS
    pool_tls: Tls = USUAL_TLS
    prohibited_ciphers: frozenset[str] = frozenset()
    minimum_tls_version: str | None = None
    timeout_client_data: int = 50_000
    timeout_member_connect: int = 5_000
    timeout_member_data: int = 50_000
    timeout_tcp_inspect: int = 0
    udp_connect_min_interval: int = 3
    reserved_ips: frozenset[str] = frozenset({"169.254.169.254"})
    pagination_max_limit: int = 1_000
    quotas: Mapping[str, int] = field(default_factory=dict)


USUAL = Deployment()
"""What holds where nobody chose."""
