"""One tree for each thing a tenant may ask for: what a provider does not refuse of these it has to carry.

Promises: each keeps the rules that hold for every provider (`vipool.core.rules`), and every attribute that clients may
send has another value than its default in one of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipool.contract import pictures
from vipool.core.rules import pairs
from vipool.model import healthmonitor, l7policy, listener, pool, tree

# What makes a listener end TLS; the certificate is not to be had, so that the listener is left out.
_ENDING = {"default_tls_container_ref": "http://keys/none"}
_HTTP = {"type": "HTTP"}
_FRONTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "a connection limit": ("TCP", {"connection_limit": 100}),
    "a connection limit for datagrams": ("UDP", {"connection_limit": 100}),
    "no connection at all": ("TCP", {"connection_limit": 0}),
    "some clients only": ("TCP", {"allowed_cidrs": ["172.16.100.0/24", "fd00:100::/64"]}),
    "some clients of datagrams only": ("UDP", {"allowed_cidrs": ["172.16.100.0/24", "fd00:100::/64"]}),
    "nobody of IPv6": ("TCP", {"allowed_cidrs": ["10.0.0.0/8"]}),
    "timeouts that differ": (
        "TCP",
        {"timeout_client_data": 1000, "timeout_member_data": 2000, "timeout_member_connect": 3000},
    ),
    "short timeouts": ("UDP", {"timeout_client_data": 700, "timeout_member_data": 700, "timeout_member_connect": 900}),
    "no timeouts": ("TCP", {"timeout_client_data": 0, "timeout_member_data": 0, "timeout_member_connect": 0}),
    "time to look into content": ("TCP", {"timeout_tcp_inspect": 1000}),
    "headers": ("HTTP", {"insert_headers": {"X-Forwarded-For": "true", "X-Forwarded-Port": "true"}}),
    "further certificates": ("TERMINATED_HTTPS", {**_ENDING, "sni_container_refs": ["http://keys/other"]}),
    "clients that show certificates": (
        "TERMINATED_HTTPS",
        {
            **_ENDING,
            "client_ca_tls_container_ref": "http://keys/authority",
            "client_crl_container_ref": "http://keys/revoked",
            "client_authentication": "MANDATORY",
        },
    ),
    "terms of TLS": (
        "TERMINATED_HTTPS",
        {**_ENDING, "tls_ciphers": "HIGH", "tls_versions": ["TLSv1.3"], "alpn_protocols": ["http/1.1"]},
    ),
    "strict transport security": (
        "TERMINATED_HTTPS",
        {**_ENDING, "hsts_max_age": 100, "hsts_include_subdomains": True, "hsts_preload": True},
    ),
    "a listener out of service": ("TCP", {"admin_state_up": False}),
    "a listener for datagrams out of service": ("UDP", {"admin_state_up": False}),
    "a listener without a pool": ("TCP", {"default_pool_id": None}),
    "a listener for datagrams without a pool": ("UDP", {"default_pool_id": None}),
    "words of a tenant": ("TCP", {"name": "a\nb { } ;", "description": "'\"\\ $x #", "tags": ["};", "é"]}),
}  # fmt: skip
_BACKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "clients kept by address": ("TCP", {"session_persistence": {"type": "SOURCE_IP"}}),
    "clients of datagrams kept by address": (
        "UDP",
        {
            "session_persistence": {
                "type": "SOURCE_IP", "persistence_timeout": 60, "persistence_granularity": "255.255.0.0",
            }
        },
    ),
    "clients kept by a cookie": ("HTTP", {"session_persistence": {"type": "HTTP_COOKIE"}}),
    "clients kept by their cookie": ("HTTP", {"session_persistence": {"type": "APP_COOKIE", "cookie_name": "c"}}),
    "members spoken to over TLS": (
        "HTTP",
        {
            "tls_enabled": True, "tls_container_ref": "http://keys/ours", "ca_tls_container_ref": "http://keys/theirs",
            "crl_container_ref": "http://keys/revoked", "tls_ciphers": "HIGH", "tls_versions": ["TLSv1.2"],
            "alpn_protocols": ["http/1.1"],
        },
    ),
    "members that see their clients": ("TCP", {"preserve_client_ip": True}),
    "members that see their clients of datagrams": ("UDP", {"preserve_client_ip": True}),
    "a pool out of service": ("TCP", {"admin_state_up": False}),
    "a pool for datagrams out of service": ("UDP", {"admin_state_up": False}),
}  # fmt: skip
_MEMBERS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "nobody": (),
    "one member": ({},),
    "weights": ({"weight": 256}, {"weight": 3}, {"weight": 0}),
    "a spare member": ({}, {"backup": True}),
    "spare members alone": ({"backup": True},),
    "everybody drained": ({"weight": 0}, {"weight": 0}),
    "a member out of service": ({"admin_state_up": False}, {}),
    "everybody out of service": ({"admin_state_up": False},),
    "members of both families": ({}, {"address": pictures.MEMBERS6[1]}),
    "a member of a subnet": ({"subnet_id": pictures.identifier("subnet")},),
    "members of one address": ({}, {"address": pictures.MEMBERS[0], "protocol_port": 9000}),
    "a hundred members": tuple({"address": f"172.16.101.{last}"} for last in range(1, 101)),
    "checks elsewhere": ({"monitor_address": pictures.MEMBERS[1], "monitor_port": 9000},),
}
_MONITORS: Mapping[str, Mapping[str, Any]] = {
    "patient checks": {"delay": 10, "timeout": 5, "max_retries": 3, "max_retries_down": 4},
    "checks out of service": {"admin_state_up": False},
    "requests as checks": {
        **_HTTP, "http_method": "HEAD", "url_path": "/a?b", "expected_codes": "200-204", "http_version": 1.1,
        "domain_name": "www.example.org",
    },
}  # fmt: skip


def cases() -> Iterator[tuple[str, tree.Tree]]:
    """Each case, with what it asks for in a few words."""
    three: tuple[Mapping[str, Any], ...] = ({}, {}, {})
    for front, backs in pairs.PAIRS.items():
        yield from ((f"{front} to {back}", _ways(front, back)) for back in sorted(backs))
    yield "metrics", pictures.load({"listeners": [pictures.listener("PROMETHEUS", default_pool_id=None)]})
    for name, (speech, values) in _FRONTS.items():
        yield name, pictures.picture(speech, *three, front=values)
    for name, (speech, values) in _BACKS.items():
        yield name, pictures.picture(speech, *three, back=values)
    for speech in ("TCP", "UDP"):
        for algorithm in pool.Algorithm:
            yield f"{speech} by {algorithm}", pictures.picture(speech, *three, back={"lb_algorithm": algorithm})
        yield (
            f"{speech}, spares by hash",
            pictures.picture(speech, {}, {"backup": True}, back={"lb_algorithm": "SOURCE_IP"}),
        )
        for name, members in _MEMBERS.items():
            yield f"{speech}: {name}", pictures.picture(speech, *members, monitor=_elsewhere(members))
        for name, values in _MONITORS.items():
            yield f"{speech}: {name}", pictures.picture(speech, *three, monitor=values)
    for kind in healthmonitor.Type:
        speech = {"UDP-CONNECT": "UDP", "SCTP": "SCTP"}.get(kind, "TCP")
        http = {"http_method": "GET", "url_path": "/", "expected_codes": "200"} if kind.speaks_http else {}
        yield f"checks by {kind}", pictures.picture(speech, *three, monitor={"type": kind, "delay": 4, **http})
    yield from _wholes()
    yield from _policies()


def _ways(front: listener.Protocol, back: pool.Protocol) -> tree.Tree:
    ends = _ENDING if front is listener.Protocol.TERMINATED_HTTPS else {}
    return pictures.picture(front, {}, {}, {}, front=ends, back={"protocol": back})


def _elsewhere(members: tuple[Mapping[str, Any], ...]) -> Mapping[str, Any] | None:
    """A monitor, where the members say something of checks."""
    return {} if any("monitor_port" in each for each in members) else None


def _wholes() -> Iterator[tuple[str, tree.Tree]]:
    yield "nothing", pictures.load({})
    yield "a load balancer out of service", pictures.three("TCP", loadbalancer={"admin_state_up": False})
    yield "a pool without a listener", pictures.three("TCP", listeners=[])
    yield (
        "two listeners of one pool",
        pictures.three("TCP", listeners=[pictures.listener("TCP"), pictures.listener("TCP", 2)]),
    )
    other = pictures.identifier("pool", 2)
    yield (
        "one port number for streams and datagrams",
        pictures.three(
            "TCP",
            listeners=[
                pictures.listener("TCP"),
                pictures.listener("UDP", 2, protocol_port=pictures.PORT, default_pool_id=other),
            ],
            pools=[
                {"id": pictures.POOL, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"},
                {"id": other, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"},
            ],
            members=[pictures.member(0), pictures.member(1, pool_id=other)],
        ),
    )


def _policies() -> Iterator[tuple[str, tree.Tree]]:
    targets: Mapping[l7policy.Action, Mapping[str, Any]] = {
        l7policy.Action.REJECT: {},
        l7policy.Action.REDIRECT_TO_POOL: {"redirect_pool_id": pictures.POOL},
        l7policy.Action.REDIRECT_TO_URL: {"redirect_url": "http://www.example.org/", "redirect_http_code": 301},
        l7policy.Action.REDIRECT_PREFIX: {"redirect_prefix": "http://www.example.org", "redirect_http_code": 302},
    }
    off = {"admin_state_up": False}
    for action, target in targets.items():
        yield f"a policy that says {action}", _policy(action, target, {})
    yield "a policy out of service", _policy(l7policy.Action.REJECT, off, off)


def _policy(action: l7policy.Action, more: Mapping[str, Any], rule: Mapping[str, Any]) -> tree.Tree:
    above = {"id": pictures.identifier("policy"), "listener_id": pictures.LISTENER, "position": 2, "action": action}
    asks = {"type": "HEADER", "key": "X-A", "compare_type": "STARTS_WITH", "value": "b", "invert": True}
    below = {"id": pictures.identifier("rule"), "l7policy_id": above["id"], **asks, **rule}
    return pictures.three("HTTP", l7policies=[{**above, **more}], l7rules=[below])


CASES: Mapping[str, tree.Tree] = dict(cases())
"""Every case, by what it asks for in a few words."""
