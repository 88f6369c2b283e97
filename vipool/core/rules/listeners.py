"""What a listener must be: its pool fits, its headers make sense, its port is free."""

import ipaddress

from vipool.core.rules import pairs, tls
from vipool.model import deployment, faults, listener, tree

Front = listener.Protocol
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


def check(whole: tree.Tree, row: listener.Listener, allowed: deployment.Deployment) -> None:
    """Refuse a listener that breaks a rule."""
    if row.default_pool_id is not None:
        pairs.refuse_childless(row.protocol)
        pairs.check(row.protocol, pairs.pool_named(whole, row.default_pool_id).protocol)
    _check_protocol(row, allowed)
    _check_headers(row)
    tls.check_listener(row, allowed)
    _check_cidrs(whole, row)
    for other in whole.listeners:
        same_port = other.protocol_port == row.protocol_port
        if other.id != row.id and same_port and other.protocol.transport == row.protocol.transport:
            raise faults.Conflict(
                "Another Listener on this Load Balancer is already using protocol "
                f"{other.protocol} and protocol_port {row.protocol_port}"
            )


def _check_protocol(row: listener.Listener, allowed: deployment.Deployment) -> None:
    refused = None
    if row.protocol is Front.TERMINATED_HTTPS and not allowed.allow_tls_terminated_listeners:
        refused = str(row.protocol)
    if row.protocol is Front.PROMETHEUS:
        if not allowed.allow_prometheus_listeners:
            refused = str(row.protocol)
        elif tls.references(row) and not allowed.allow_tls_terminated_listeners:
            refused = f"{row.protocol} with TLS"
    if refused is not None:
        raise faults.Invalid(f"The selected protocol is not allowed in this deployment: {refused}")


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


def _check_cidrs(whole: tree.Tree, row: listener.Listener) -> None:
    root = whole.loadbalancer
    if row.allowed_cidrs and root.vip_sg_ids:
        raise faults.Invalid("Validation failure: Allowed CIDRs are not allowed when using custom VIP Security Groups.")
    known = list(root.vips)
    families = {ipaddress.ip_address(vip).version for vip in known}
    for cidr in row.allowed_cidrs or ():
        if ipaddress.ip_network(cidr).version not in families:
            raise faults.Invalid(
                f"Validation failure: CIDR {cidr} IP version incompatible with all VIPs {known} IP version."
            )
