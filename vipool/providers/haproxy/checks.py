"""Health monitors as lines of a backend and as words of its servers.

Promises: pure. PING monitors write nothing: the agent pings (`vipool.providers.haproxy.ping`).
"""

from collections.abc import Iterator

from vipool.model import healthmonitor, member, pool
from vipool.providers.haproxy import tokens

Type = healthmonitor.Type
MEMBER = r"""%[bc_dst,regsub("^(.*:.*)$","[\1]")]:%[bc_dst_port]"""
"""The end that is checked, as a host: HTTP/1.1 must name one (RFC 9112, section 3.2), and HAProxy names none itself."""

PROXIED = frozenset({pool.Protocol.PROXY, pool.Protocol.PROXYV2})


def lines(monitor: healthmonitor.HealthMonitor | None, back: pool.Pool) -> Iterator[str]:
    """The lines of a backend whose members are checked."""
    if monitor is None:
        return
    yield tokens.line("timeout", "check", f"{monitor.timeout}s")
    if monitor.type.speaks_http:
        yield from _request(monitor)
    elif monitor.type is Type.TCP and back.tls_enabled:
        # A check of a member that is spoken to over TLS would shake hands.
        yield tokens.line("option", "tcp-check")
        yield tokens.line("tcp-check", "connect")


def _request(monitor: healthmonitor.HealthMonitor) -> Iterator[str]:
    version = f"HTTP/{monitor.http_version or 1.0:.1f}"
    send: list[tokens.Word] = ["meth", str(monitor.http_method or "GET"), "uri", monitor.url_path or "/"]
    send += ["ver", version]
    if monitor.http_version == healthmonitor.HTTP_1_1:
        send += ["hdr", "Host", tokens.literal(monitor.domain_name) if monitor.domain_name else MEMBER]
    yield tokens.line("option", "httpchk")
    yield tokens.line("http-check", "send", *send)
    yield tokens.line("http-check", "expect", "status", expected(monitor.expected_codes or "200"))


def expected(codes: str) -> str:
    """The good answers as HAProxy lists them. Raises ValueError when they are not numbers."""
    if "-" in codes:
        first, last = (int(each) for each in codes.split("-"))
        return f"{first}-{last}"
    return ",".join(str(int(each)) for each in codes.split(","))


def words(each: member.Member, back: pool.Pool, monitor: healthmonitor.HealthMonitor | None) -> Iterator[tokens.Word]:
    """The words of a server that is checked.

    What a check has in common with the traffic is said again: a server that comes at run time does not infer it
    (management guide, `add server`). A check that goes elsewhere has nothing in common with it.
    """
    if monitor is None or monitor.type is Type.PING:
        return
    elsewhere = bool(each.monitor_address or each.monitor_port)
    yield "check"
    yield from ("inter", f"{monitor.delay}s", "rise", monitor.max_retries, "fall", monitor.max_retries_down)
    if monitor.type in {Type.HTTPS, Type.TLS_HELLO} or (
        monitor.type is Type.HTTP and back.tls_enabled and not elsewhere
    ):
        yield "check-ssl"
        if not back.tls_enabled:
            yield from ("verify", "none")
        elif monitor.type.speaks_http and back.alpn_protocols:
            yield from ("check-alpn", ",".join(back.alpn_protocols))
    if back.protocol in PROXIED and not elsewhere:
        yield "check-send-proxy"
    if each.monitor_address:
        yield from ("addr", tokens.host(each.monitor_address))
    if each.monitor_port:
        yield from ("port", each.monitor_port)
