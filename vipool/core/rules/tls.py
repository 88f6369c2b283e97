"""The rules of TLS for listeners and pools: which ciphers, versions and certificates make sense where.

What stands behind a reference is not looked at here: a service asks the key manager.
"""

import re
import ssl
from collections.abc import Sequence

from vipool.model import deployment, faults, listener, pool

Front = listener.Protocol
CIPHER_CHARACTERS = re.compile(r"[A-Za-z0-9+!:@=_.-]*")
# RFC 8446, appendix B.4: all that TLS 1.3 has. OpenSSL takes them apart from the ciphers of older versions.
SUITES = frozenset(
    {
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_SHA256",
        "TLS_AES_128_CCM_8_SHA256",
    }
)
ENDING_TLS = frozenset({Front.TERMINATED_HTTPS, Front.PROMETHEUS})


def invalid(sentence: str) -> faults.Invalid:
    """A refusal in the form of Octavia's validation failures."""
    return faults.Invalid(f"Validation failure: {sentence}")


def references(row: listener.Listener) -> tuple[str, ...]:
    """The certificates a listener shows to clients, the default first."""
    return tuple(each for each in (row.default_tls_container_ref, *row.sni_container_refs) if each)


def check_listener(row: listener.Listener, allowed: deployment.Deployment) -> None:
    """Refuse a listener whose TLS makes no sense."""
    _check_references(row)
    _check_clients(row)
    _check_hsts(row)
    check_options(row.tls_ciphers, row.tls_versions, row.alpn_protocols, allowed)


def check_options(
    ciphers: str | None,
    versions: Sequence[str] | None,
    alpn: Sequence[str] | None,
    allowed: deployment.Deployment,
) -> None:
    """Refuse ciphers, versions and ALPN protocols that do not exist, or that the operator forbids."""
    if ciphers is not None:
        _check_ciphers(ciphers, allowed)
    if versions is not None:
        _check_versions(versions, allowed)
    if alpn is not None and not alpn:
        raise invalid(
            "Empty ALPN protocol list. Either specify at least one ALPN protocol or remove this parameter to use the "
            "default."
        )


def _check_ciphers(ciphers: str, allowed: deployment.Deployment) -> None:
    if not CIPHER_CHARACTERS.fullmatch(ciphers):
        raise invalid("Invalid characters in cipher string. Only alphanumeric, -, +, !, :, @, =, _, and . are allowed.")
    forbidden = sorted(set(ciphers.split(":")) & allowed.prohibited_ciphers)
    if forbidden:
        raise invalid(f"The following ciphers have been prohibited by an administrator: {', '.join(forbidden)}")
    _check_selection(ciphers)


def _check_selection(ciphers: str) -> None:
    items = [each for each in ciphers.split(":") if each]
    unknown = [each for each in items if each.startswith("TLS_") and each not in SUITES]
    if unknown:
        raise invalid(f"Invalid TLS 1.3 ciphers: {', '.join(unknown)}. Known are {', '.join(sorted(SUITES))}.")
    older = [each for each in items if each not in SUITES]
    suffice = len(older) < len(items) or not items
    if not (selects(older) if any(map(chooses, older)) else suffice):
        raise invalid(f"The cipher string {ciphers} selects no cipher.")


def chooses(item: str) -> bool:
    """Whether an item of a cipher string adds ciphers: it does not remove, move or rank (openssl-ciphers(1))."""
    return not item.startswith(("!", "-", "+", "@"))


def selects(items: Sequence[str]) -> bool:
    """Whether any cipher of TLS 1.2 or older comes of these items. OpenSSL alone knows its language: it is asked, as
    `re` is about expressions."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(":".join(items))
    except ssl.SSLError:
        return False
    return True


def _check_versions(versions: Sequence[str], allowed: deployment.Deployment) -> None:
    if not versions:
        raise invalid(
            "Empty TLS version list. Either specify at least one TLS version or remove this parameter to use the "
            "default."
        )
    unknown = [each for each in versions if each not in deployment.TLS_VERSIONS]
    if unknown:
        raise invalid(f"Invalid TLS versions: {', '.join(unknown)}")
    least = allowed.minimum_tls_version
    rank = deployment.TLS_VERSIONS.index
    low = [each for each in versions if least is not None and rank(each) < rank(least)]
    if low:
        raise invalid(f"Requested TLS versions are less than the minimum: {', '.join(low)} < {least}")


def _check_references(row: listener.Listener) -> None:
    others = (row.client_ca_tls_container_ref, row.client_crl_container_ref)
    if row.protocol not in ENDING_TLS and (references(row) or any(others)):
        if row.protocol in {Front.UDP, Front.SCTP}:
            raise invalid(f"{row.protocol} protocol listener does not support TLS.")
        raise invalid(f"Certificate container references are not allowed on {row.protocol} protocol listeners.")
    if row.protocol is Front.TERMINATED_HTTPS and not references(row):
        raise invalid(
            "An SNI or default certificate container reference must be provided for TERMINATED_HTTPS protocol "
            "listeners."
        )


def _check_clients(row: listener.Listener) -> None:
    authority = row.client_ca_tls_container_ref
    if authority and not references(row):
        raise invalid(
            "An SNI or default certificate container reference must be provided with a client CA container reference."
        )
    if row.client_authentication is not listener.ClientAuthentication.NONE and not authority:
        raise invalid(
            f"Client authentication setting {row.client_authentication} requires a client CA container reference."
        )
    if row.client_crl_container_ref and not authority:
        raise invalid(
            "A client authentication CA reference is required to specify a client authentication revocation list."
        )


def _check_hsts(row: listener.Listener) -> None:
    more = row.hsts_include_subdomains or row.hsts_preload
    if (row.hsts_max_age is not None or more) and row.protocol is not Front.TERMINATED_HTTPS:
        raise invalid("The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol.")
    if more and row.hsts_max_age is None:
        raise invalid(
            "HSTS configuration options hsts_include_subdomains and hsts_preload only make sense if hsts_max_age is "
            "set as well."
        )


def check_pool(row: pool.Pool, before: pool.Pool | None, allowed: deployment.Deployment) -> None:
    """Refuse a pool whose TLS to members makes no sense; ``before`` is the pool it changes."""
    check_options(row.tls_ciphers, row.tls_versions, row.alpn_protocols, allowed)
    if not row.crl_container_ref or row.ca_tls_container_ref:
        return
    if before is None:
        raise invalid("A CA certificate reference is required to specify a revocation list.")
    if before.ca_tls_container_ref:
        raise invalid("A CA reference cannot be removed when a certificate revocation list is present.")
    raise invalid("A CA reference is required to specify a certificate revocation list.")
