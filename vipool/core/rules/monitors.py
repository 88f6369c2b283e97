"""What a health monitor must be: its pool is there, has no other, and can be checked in this way."""

from vipool.core.rules import pairs
from vipool.model import deployment, faults, healthmonitor, tree

Type = healthmonitor.Type
DATAGRAM_ONLY = frozenset({Type.UDP_CONNECT, Type.SCTP})
ON_DATAGRAM = DATAGRAM_ONLY | {Type.TCP, Type.HTTP}


def check(whole: tree.Tree, row: healthmonitor.HealthMonitor, allowed: deployment.Deployment) -> None:
    """Refuse a monitor that breaks a rule."""
    back = pairs.pool_above(whole, row.pool_id)
    other = whole.monitor_of(row.pool_id)
    if other is not None and other.id != row.id and not other.dying:
        raise faults.Conflict("This pool already has a health monitor")
    if row.type is Type.PING and not allowed.allow_ping_health_monitors:
        raise faults.Invalid(f"The selected type is not allowed in this deployment: {row.type}")
    if back.protocol in pairs.DATAGRAM and row.type not in ON_DATAGRAM:
        raise faults.Invalid(
            f"Validation failure: The associated pool protocol is {back.protocol}, so only a "
            "UDP-CONNECT/SCTP/TCP/HTTP health monitor is supported."
        )
    if back.protocol not in pairs.DATAGRAM and row.type in DATAGRAM_ONLY:
        raise faults.Invalid(f"Validation failure: The {row.type} type is only supported for pools of type UDP/SCTP.")
    _check_pace(row, allowed)
    _check_name(row)


def _check_pace(row: healthmonitor.HealthMonitor, allowed: deployment.Deployment) -> None:
    least = allowed.udp_connect_min_interval
    if row.type is Type.UDP_CONNECT and row.delay < least:
        raise faults.Invalid(
            f"Validation failure: The request delay value {row.delay} should be larger than {least} for UDP-CONNECT "
            "health monitor type."
        )


def _check_name(row: healthmonitor.HealthMonitor) -> None:
    if row.domain_name is None:
        return
    if row.http_version is None:
        raise faults.Invalid("Validation failure: 'http_version' must be specified when 'domain_name' is provided.")
    if row.http_version != healthmonitor.HTTP_1_1:
        raise faults.Invalid(
            f"http_version {row.http_version} is not a valid option for health monitors HTTP 1.1 domain name health "
            "check"
        )
