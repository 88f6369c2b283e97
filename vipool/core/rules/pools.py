"""What a pool must be: its persistence and TLS make sense, and it fits the listeners that use it."""

from collections.abc import Mapping

from vipool.core.rules import pairs, tls
from vipool.model import deployment, faults, pool, tree

# RFC 9110 section 5.6.2: the characters of a token, which a cookie name is.
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def check(whole: tree.Tree, row: pool.Pool, allowed: deployment.Deployment) -> None:
    """Refuse a pool that breaks a rule."""
    for front in whole.listeners_of(row.id):
        pairs.check(front.protocol, row.protocol)
    if row.session_persistence is not None:
        _check_persistence(row.protocol, row.session_persistence)
    tls.check_pool(row, whole.find(pool.Pool, row.id), allowed)


def _check_persistence(back: pool.Protocol, wanted: Mapping[str, object]) -> None:
    kind, cookie = wanted.get("type"), wanted.get("cookie_name")
    datagram_keys = (wanted.get("persistence_timeout"), wanted.get("persistence_granularity"))
    if kind is None:
        raise faults.Invalid("Validation failure: Invalid session_persistence provided.")
    if back in pairs.DATAGRAM and kind != pool.Persistence.SOURCE_IP:
        raise faults.Invalid(
            f"Validation failure: Session persistence of type {kind} is not supported for UDP/SCTP protocol pools."
        )
    if back in pairs.DATAGRAM and cookie is not None:
        raise faults.Invalid(
            "Validation failure: session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: "
            "type, persistence_timeout, persistence_granularity."
        )
    if back not in pairs.DATAGRAM and any(value is not None for value in datagram_keys):
        raise faults.Invalid(
            "Validation failure: persistence_timeout and persistence_granularity is only for UDP and SCTP "
            "protocol pools."
        )
    if kind == pool.Persistence.APP_COOKIE and not cookie:
        raise faults.Invalid(
            'Validation failure: Field "cookie_name" must be specified when using the "APP_COOKIE" session '
            "persistence type."
        )
    if kind != pool.Persistence.APP_COOKIE and cookie is not None:
        raise faults.Invalid(
            'Validation failure: Field "cookie_name" can only be specified with session persistence of type '
            '"APP_COOKIE".'
        )
    if cookie is not None and not set(str(cookie)) <= TOKEN:
        raise faults.Invalid('Validation failure: Supplied "cookie_name" is invalid.')
