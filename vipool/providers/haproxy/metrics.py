"""What a PROMETHEUS listener answers: HAProxy's own metrics, or the page of the whole load balancer they are a part of.

The whole page is offered by the node, on the loopback of the namespace. Promises: pure; while the node does not answer,
clients get HAProxy's own in the same request. Says nothing of what is on either page.
"""

from collections.abc import Iterator

from vipool.providers import base
from vipool.providers.haproxy import tokens

PATH = ("{", "path", "/metrics", "}")
# Milliseconds. Prometheus waits for 10 s, in which there must be time for both.
_CONNECT, _ANSWER = 500, 5_000
_PAGE, _EXPORTER = base.OF_METRICS


def lines(ports: base.Ports | None) -> Iterator[str]:
    """The last lines of the listener's frontend."""
    if ports is None:
        yield tokens.line("http-request", "use-service", "prometheus-exporter", "if", *PATH)
        yield tokens.line("http-request", "return", "status", 404)
    else:
        yield tokens.line("http-request", "return", "status", 404, "unless", *PATH)
        yield tokens.line("default_backend", _PAGE)


def sections(ports: base.Ports) -> Iterator[str]:
    """The sections that the lines lead to."""
    yield tokens.section("frontend", _EXPORTER, _exporter(ports))
    yield tokens.section("backend", _PAGE, _page(ports))


def _exporter(ports: base.Ports) -> Iterator[str]:
    yield tokens.line("mode", "http")
    yield tokens.line("bind", f"127.0.0.1:{ports.part}")
    yield tokens.line("timeout", "client", _ANSWER)
    yield tokens.line("http-request", "use-service", "prometheus-exporter")


def _page(ports: base.Ports) -> Iterator[str]:
    yield tokens.line("mode", "http")
    yield tokens.line("timeout", "connect", _CONNECT)
    yield tokens.line("timeout", "server", _ANSWER)
    yield tokens.line("retry-on", "all-retryable-errors")
    # The first failure takes it out, so that the next try of that same request is the exporter's.
    failing = ("observe", "layer7", "error-limit", 1, "on-error", "mark-down")
    checked = ("check", "inter", "1s", "fall", 1, "rise", 1)
    yield tokens.line("server", "node", f"127.0.0.1:{ports.whole}", *checked, *failing)
    yield tokens.line("server", _EXPORTER, f"127.0.0.1:{ports.part}", "backup")
