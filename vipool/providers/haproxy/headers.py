"""The headers that members are told of the client, and browsers of the listener.

Promises: pure. A header that is switched on is set, whatever the client sent under its name; `X-Forwarded-For` alone
is added to what is there. Without a certificate of the client those that tell of it are empty, Has-Cert and Verify 0.
"""

from collections.abc import Iterator

from vipool.model import listener
from vipool.providers.haproxy import tls, tokens

# What each header says of a connection, as HAProxy's log format (configuration manual, section 8.2.4).
SAYS = {
    "X-Client-IP": "%[src]",
    "X-Forwarded-IP": "%[src]",
    "X-Forwarded-Port": "%[dst_port]",
    "X-Real-IP": "%[src]",
    "X-SSL-Client-CN": "%[ssl_c_s_dn(CN)]",
    "X-SSL-Client-DN": "%[ssl_c_s_dn]",
    "X-SSL-Client-Has-Cert": "%[ssl_c_used]",
    "X-SSL-Client-Not-After": "%[ssl_c_notafter]",
    "X-SSL-Client-Not-Before": "%[ssl_c_notbefore]",
    "X-SSL-Client-SHA1": "%[ssl_c_sha1,hex]",
    "X-SSL-Client-Verify": "%[ssl_c_verify]",
    "X-SSL-Issuer": "%[ssl_c_i_dn]",
}


def lines(front: listener.Listener) -> Iterator[str]:
    """The lines of a backend that answers for the listener."""
    for header in inserted(front):
        match header:
            case "X-Forwarded-For":
                yield tokens.line("option", "forwardfor")
            case "X-Forwarded-Proto":
                yield tokens.line("http-request", "set-header", header, "https" if tls.ends(front) else "http")
            case _:
                yield tokens.line("http-request", "set-header", header, SAYS[header])


def transport_security(front: listener.Listener) -> Iterator[str]:
    """The line of a frontend that tells browsers to come over TLS only (RFC 6797), whoever answers."""
    if front.hsts_max_age is None:
        return
    said = f"max-age={front.hsts_max_age};"
    if front.hsts_include_subdomains:
        said += " includeSubDomains;"
    if front.hsts_preload:
        said += " preload;"
    yield tokens.line("http-after-response", "set-header", "Strict-Transport-Security", said)


def inserted(front: listener.Listener) -> tuple[str, ...]:
    """The headers that are switched on: those whose value is "true" in any case (OCTAVIA-SPEC 1.2)."""
    return tuple(sorted(key for key, value in (front.insert_headers or {}).items() if value.lower() == "true"))
