"""The rules that a row must keep, by itself and against the rest of its tree.

One function a noun, called for every row that is made or changed, whatever the way it came.  The sentences are those
that clients of Octavia know.
"""

import ipaddress
from collections.abc import Sequence
from typing import assert_never

from vipool.model import faults, healthmonitor, listener, member, pool, tree

Front = listener.Protocol
Back = pool.Protocol

# Which pools may stand behind which listener.
PAIRS: dict[Front, frozenset[Back]] = {
    Front.HTTP: frozenset({Back.HTTP, Back.PROXY, Back.PROXYV2}),
    Front.TERMINATED_HTTPS: frozenset({Back.HTTP, Back.PROXY, Back.PROXYV2}),
    Front.HTTPS: frozenset({Back.HTTPS, Back.TCP, Back.PROXY, Back.PROXYV2}),
    Front.TCP: frozenset({Back.HTTP, Back.HTTPS, Back.TCP, Back.PROXY, Back.PROXYV2}),
    Front.UDP: frozenset({Back.UDP}),
    Front.SCTP: frozenset({Back.SCTP}),
    Front.PROMETHEUS: frozenset(),
}
DATAGRAM = frozenset({Back.UDP, Back.SCTP})
DATAGRAM_ONLY = frozenset({healthmonitor.Type.UDP_CONNECT, healthmonitor.Type.SCTP})
ON_DATAGRAM = DATAGRAM_ONLY | {healthmonitor.Type.TCP, healthmonitor.Type.HTTP}
FORWARDED = frozenset(
    {
        "X-Forwarded-For",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "X-Forwarded-IP",
        "X-Client-IP",
        "X-Real-IP",
    }
)
FROM_CERTIFICATE = frozenset(
    {
        "X-SSL-Client-Verify",
        "X-SSL-Client-Has-Cert",
        "X-SSL-Client-DN",
        "X-SSL-Client-CN",
        "X-SSL-Issuer",
        "X-SSL-Client-SHA1",
        "X-SSL-Client-Not-Before",
        "X-SSL-Client-Not-After",
    }
)
# Where clouds answer servers about themselves; no member may be there.
METADATA = ipaddress.IPv4Address("169.254.169.254")
BROADCAST = ipaddress.IPv4Address("255.255.255.255")
# RFC 9110 section 5.6.2: the characters of a token, which a cookie name is.
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def check(whole: tree.Tree, row: tree.Child) -> None:
    """Refuse a row that breaks a rule; the tree may hold its former state under the same id."""
    match row:
        case listener.Listener():
            check_listener(whole, row)
        case pool.Pool():
            check_pool(whole, row)
        case member.Member():
            check_members(whole, (row,))
        case healthmonitor.HealthMonitor():
            check_monitor(whole, row)
        case _:
            assert_never(row)


def check_pair(front: Front, back: Back) -> None:
    """Refuse a pool that cannot stand behind a listener."""
    if front is Front.PROMETHEUS:
        raise faults.Invalid("Protocol PROMETHEUS listeners cannot have child objects.")
    if back not in PAIRS[front]:
        raise faults.Invalid(
            f"Validation failure: The pool protocol '{back}' is invalid while the listener protocol is '{front}'."
        )


def check_listener(whole: tree.Tree, row: listener.Listener) -> None:
    """The pool exists and fits, the headers make sense, and the port is free."""
    if row.default_pool_id is not None:
        back = whole.find(pool.Pool, row.default_pool_id)
        if back is None or back.dying:
            raise faults.not_found("Pool", row.default_pool_id)
        check_pair(row.protocol, back.protocol)
    _check_headers(row)
    _check_certificates(row)
    _check_cidrs(whole, row)
    for other in whole.listeners:
        same_port = other.protocol_port == row.protocol_port
        if other.id != row.id and same_port and other.protocol.transport == row.protocol.transport:
            raise faults.Conflict(
                "Another Listener on this Load Balancer is already using protocol "
                f"{other.protocol} and protocol_port {row.protocol_port}"
            )


def _check_headers(row: listener.Listener) -> None:
    headers = row.insert_headers
    if not headers:
        return
    if row.protocol not in {Front.HTTP, Front.TERMINATED_HTTPS}:
        raise faults.Invalid(f"insert-headers is not a valid option for a {row.protocol} protocol listener.")
    if not set(headers) <= FORWARDED | FROM_CERTIFICATE:
        raise faults.Invalid(f"{list(headers)} is not a valid option for insert_headers")
    ssl = [name for name in headers if name in FROM_CERTIFICATE]
    if ssl and row.protocol is Front.HTTP:
        raise faults.Invalid(f"{ssl} is not a valid option for {row.protocol} protocol listener.")


def _check_certificates(row: listener.Listener) -> None:
    refs = (row.default_tls_container_ref, row.client_ca_tls_container_ref, row.client_crl_container_ref)
    if (any(refs) or row.sni_container_refs) and row.protocol not in {Front.TERMINATED_HTTPS, Front.PROMETHEUS}:
        if row.protocol in {Front.UDP, Front.SCTP}:
            raise faults.Invalid(f"Validation failure: {row.protocol} protocol listener does not support TLS.")
        raise faults.Invalid(
            f"Validation failure: Certificate container references are not allowed on {row.protocol} protocol "
            "listeners."
        )
    strict = row.hsts_max_age is not None or row.hsts_include_subdomains or row.hsts_preload
    if strict and row.protocol is not Front.TERMINATED_HTTPS:
        raise faults.Invalid(
            "Validation failure: The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol."
        )


def _check_cidrs(whole: tree.Tree, row: listener.Listener) -> None:
    root = whole.loadbalancer
    vips = [root.vip_address, *(each["ip_address"] for each in root.additional_vips)]
    known = [vip for vip in vips if vip is not None]
    families = {ipaddress.ip_address(vip).version for vip in known}
    for cidr in row.allowed_cidrs or ():
        if ipaddress.ip_network(cidr).version not in families:
            raise faults.Invalid(
                f"Validation failure: CIDR {cidr} IP version incompatible with all VIPs {known} IP version."
            )


def check_pool(whole: tree.Tree, row: pool.Pool) -> None:
    """Its persistence makes sense, and it still fits the listeners that use it."""
    for front in whole.listeners_of(row.id):
        check_pair(front.protocol, row.protocol)
    if row.session_persistence is not None:
        _check_persistence(row.protocol, row.session_persistence)


def _check_persistence(back: Back, wanted: dict[str, object]) -> None:
    kind, cookie = wanted.get("type"), wanted.get("cookie_name")
    datagram_keys = (wanted.get("persistence_timeout"), wanted.get("persistence_granularity"))
    if kind is None:
        raise faults.Invalid("Validation failure: Invalid session_persistence provided.")
    if back in DATAGRAM and kind != pool.Persistence.SOURCE_IP:
        raise faults.Invalid(
            f"Validation failure: Session persistence of type {kind} is not supported for UDP/SCTP protocol pools."
        )
    if back in DATAGRAM and cookie is not None:
        raise faults.Invalid(
            "Validation failure: session_persistence SOURCE_IP type for UDP and SCTP protocols only accepts: "
            "type, persistence_timeout, persistence_granularity."
        )
    if back not in DATAGRAM and any(value is not None for value in datagram_keys):
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


def check_members(whole: tree.Tree, members: Sequence[member.Member]) -> None:
    """The pool is there, the addresses may be used, and no two members of the pool have the same."""
    new = {each.id for each in members}
    pool_id = members[0].pool_id
    _pool_of(whole, pool_id)
    taken = {endpoint(each) for each in whole.members_of(pool_id) if not each.dying and each.id not in new}
    for row in members:
        if not _may_be_member(row.address):
            raise faults.Invalid(f"{row.address} is not a valid option for member address")
        if row.request_sriov:
            raise faults.Invalid("The load balancer flavor does not allow SR-IOV member ports.")
        if endpoint(row) in taken:
            raise faults.Conflict(
                f"Another member on this pool is already using ip {row.address} on protocol_port {row.protocol_port}"
            )
        taken.add(endpoint(row))


def _may_be_member(literal: str) -> bool:
    """Whether an address is one that a server can have, seen from the load balancer, in whatever spelling.

    Octavia refuses the metadata address alone; the others would be accepted there and never work.
    """
    found = ipaddress.ip_address(literal)
    plain = getattr(found, "ipv4_mapped", None) or found
    if plain in {METADATA, BROADCAST} or plain.is_loopback or plain.is_unspecified or plain.is_multicast:
        return False
    # IPv4 link-local servers can be on the member's network; IPv6 ones need a zone, which no member has.
    return not (plain.version == 6 and plain.is_link_local)


def endpoint(row: member.Member) -> tuple[str, int]:
    """Where a member answers, in the one spelling of its address."""
    return ipaddress.ip_address(row.address).compressed, row.protocol_port


def check_monitor(whole: tree.Tree, row: healthmonitor.HealthMonitor) -> None:
    """The pool is there, has no other monitor, and can be checked in this way."""
    back = _pool_of(whole, row.pool_id)
    other = whole.monitor_of(row.pool_id)
    if other is not None and other.id != row.id and not other.dying:
        raise faults.Conflict("This pool already has a health monitor")
    if back.protocol in DATAGRAM and row.type not in ON_DATAGRAM:
        raise faults.Invalid(
            f"Validation failure: The associated pool protocol is {back.protocol}, so only a "
            "UDP-CONNECT/SCTP/TCP/HTTP health monitor is supported."
        )
    if back.protocol not in DATAGRAM and row.type in DATAGRAM_ONLY:
        raise faults.Invalid(f"Validation failure: The {row.type} type is only supported for pools of type UDP/SCTP.")
    if row.domain_name is not None and row.http_version is None:
        raise faults.Invalid("Validation failure: 'http_version' must be specified when 'domain_name' is provided.")
    if row.domain_name is not None and row.http_version != healthmonitor.HTTP_1_1:
        raise faults.Invalid(
            f"http_version {row.http_version} is not a valid option for health monitors HTTP 1.1 domain name health "
            "check"
        )


def _pool_of(whole: tree.Tree, identifier: str) -> pool.Pool:
    found = whole.find(pool.Pool, identifier)
    if found is None:
        raise faults.not_found("Pool", identifier)
    if found.dying:
        raise faults.Conflict(f"Pool {identifier} is immutable and cannot be updated.")
    return found
