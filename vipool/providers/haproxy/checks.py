"""Health monitors as lines of a backend and as words of its servers.

Promises: pure. PING monitors write nothing: the agent pings (`vipool.providers.haproxy.ping`).
"""

from collections.abc import Iterator

from vipool.model import healthmonitor, member
from vipool.providers.haproxy import tokens

Type = healthmonitor.Type


def lines(monitor: healthmonitor.HealthMonitor | None) -> Iterator[str]:
    """The lines of a backend whose members are checked."""
    if monitor is None:
        return
    yield tokens.line("timeout", "check", f"{monitor.timeout}s")
    if monitor.type.speaks_http:
        yield from _request(monitor)


def _request(monitor: healthmonitor.HealthMonitor) -> Iterator[str]:
    version = f"HTTP/{monitor.http_version or 1.0:.1f}"
    send: list[tokens.Word] = ["meth", str(monitor.http_method or "GET"), "uri", monitor.url_path or "/"]
    send += ["ver", version]
    if monitor.domain_name:
        send += ["hdr", "Host", tokens.literal(monitor.domain_name)]
    yield tokens.line("option", "httpchk")
    yield tokens.line("http-check", "send", *send)
    yield tokens.line("http-check", "expect", "status", expected(monitor.expected_codes or "200"))


def expected(codes: str) -> str:
    """The good answers as HAProxy lists them. Raises ValueError when they are not numbers."""
    if "-" in codes:
        first, last = (int(each) for each in codes.split("-"))
        return f"{first}-{last}"
    return ",".join(str(int(each)) for each in codes.split(","))


def words(each: member.Member, monitor: healthmonitor.HealthMonitor | None) -> Iterator[tokens.Word]:
    """The words of a server that is checked."""
    if monitor is None or monitor.type is Type.PING:
        return
    yield "check"
    yield from ("inter", f"{monitor.delay}s", "rise", monitor.max_retries, "fall", monitor.max_retries_down)
    if monitor.type in {Type.HTTPS, Type.TLS_HELLO}:
        yield from ("check-ssl", "verify", "none")
    if each.monitor_address:
        yield from ("addr", tokens.host(each.monitor_address))
    if each.monitor_port:
        yield from ("port", each.monitor_port)
