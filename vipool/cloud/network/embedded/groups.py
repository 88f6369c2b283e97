"""Security groups and their rules: made, checked, removed; the default group of a project springs into life."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from vipool.cloud.network.embedded import touch, visible
from vipool.model import caller, faults, port, securitygroup, types
from vipool.store import listing, rows, session

NewId = Callable[[], str]
WITH_PORTS = frozenset({"tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "132", "33", "136"})
WITH_TYPES = frozenset({"icmp", "icmpv6", "ipv6-icmp", "1", "58"})
SAME = (
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "normalized_cidr",
    "remote_group_id",
)


def ensure_default(held: session.Session, project_id: str, new_id: NewId) -> securitygroup.SecurityGroup:
    """The project's default group: everything may go out, and its members may reach each other."""
    found = rows.find(held, securitygroup.SecurityGroup, project_id=project_id, name=securitygroup.DEFAULT)
    if found:
        return found[0]
    made = securitygroup.SecurityGroup(
        id=new_id(),
        name=securitygroup.DEFAULT,
        description="Default security group",
        project_id=project_id,
        created_at=held.now,
        updated_at=held.now,
        revision_number=1,
    )
    rows.add(held, made)
    _first_rules(held, made, new_id, remote_group_id=made.id)
    return made


def create(held: session.Session, made: securitygroup.SecurityGroup, new_id: NewId) -> securitygroup.SecurityGroup:
    """A new group, out of which everything may go.  Raises faults.Conflict for the name of the default one."""
    _check_name(made.name)
    kept = made.having({"created_at": held.now, "updated_at": held.now, "revision_number": 1})
    rows.add(held, kept)
    _first_rules(held, kept, new_id)
    return kept


def _check_name(name: str) -> None:
    if name == securitygroup.DEFAULT:
        raise faults.Conflict(
            "Default security group already exists: choose another name.", kind="SecurityGroupDefaultAlreadyExists"
        )


def _first_rules(
    held: session.Session, of: securitygroup.SecurityGroup, new_id: NewId, remote_group_id: str | None = None
) -> None:
    for first in securitygroup.FIRST_RULES:
        if first.inward and remote_group_id is None:
            continue
        made = securitygroup.Rule(
            id=new_id(),
            project_id=of.project_id,
            security_group_id=of.id,
            direction=first.direction,
            ethertype=first.ethertype,
            remote_group_id=remote_group_id if first.inward else None,
            belongs_to_default_sg=remote_group_id is not None,
            created_at=held.now,
            updated_at=held.now,
        )
        rows.add(held, made)


def change(
    held: session.Session, before: securitygroup.SecurityGroup, values: Mapping[str, Any]
) -> securitygroup.SecurityGroup:
    """A changed group.  Raises faults.Conflict for a new name of the default one, or its name for another."""
    name = values.get("name", before.name)
    if name != before.name and before.name == securitygroup.DEFAULT:
        raise faults.Conflict(
            "Updating default security group not allowed: make another group.", kind="SecurityGroupCannotUpdateDefault"
        )
    if name != before.name:
        _check_name(name)
    after = before.having({**values, "updated_at": held.now, "revision_number": before.revision_number + 1})
    rows.put(held, after)
    return after


def remove(held: session.Session, gone: securitygroup.SecurityGroup) -> None:
    """Remove a group with its rules.  Raises faults.Conflict while ports or rules of others name it."""
    used = listing.select(held, port.Port, listing.Query(holds={"security_groups": (gone.id,)}, limit=1))
    named = rows.find(held, securitygroup.Rule, remote_group_id=gone.id)
    if used or any(each.security_group_id != gone.id for each in named):
        raise faults.Conflict(
            f"Security Group {gone.id} in use: take it off its ports and out of other groups' rules first.",
            kind="SecurityGroupInUse",
        )
    rows.remove_where(held, securitygroup.Rule, security_group_id=gone.id)
    rows.remove(held, securitygroup.SecurityGroup, gone.id)


def create_rule(held: session.Session, who: caller.Caller, made: securitygroup.Rule) -> securitygroup.Rule:
    """A new rule.  Raises faults.Invalid for one that makes no sense and faults.Conflict for one that is there."""
    of = _need(held, who, made.security_group_id)
    if made.remote_group_id is not None:
        _need(held, who, made.remote_group_id)
    _check_ports(made)
    prefix = _prefix(made)
    kept = made.having(
        {
            "project_id": of.project_id,
            # A bare address gets its mask; what was given with one stays as it was written.
            "remote_ip_prefix": made.remote_ip_prefix if "/" in (made.remote_ip_prefix or "/") else prefix,
            "normalized_cidr": prefix,
            "belongs_to_default_sg": of.name == securitygroup.DEFAULT,
            "created_at": held.now,
            "updated_at": held.now,
        }
    )
    for each in rows.find(held, securitygroup.Rule, security_group_id=of.id):
        if all(getattr(each, name) == getattr(kept, name) for name in SAME):
            raise faults.Conflict(
                f"Security group rule already exists. Rule id is {each.id}.", kind="SecurityGroupRuleExists"
            )
    rows.add(held, kept)
    touch.groups(held, (of.id,))
    return kept


def remove_rule(held: session.Session, gone: securitygroup.Rule) -> None:
    """Remove a rule, and tell nodes."""
    rows.remove(held, securitygroup.Rule, gone.id)
    touch.groups(held, (gone.security_group_id,))


def _need(held: session.Session, who: caller.Caller, identifier: str) -> securitygroup.SecurityGroup:
    cls = securitygroup.SecurityGroup
    return visible.need(visible.get_own(held, who, cls, identifier), cls, identifier)


def check_groups(held: session.Session, who: caller.Caller, identifiers: tuple[str, ...]) -> None:
    """Refuse groups that are not there or not the caller's."""
    for identifier in identifiers:
        _need(held, who, identifier)


def _check_ports(made: securitygroup.Rule) -> None:
    protocol, least, most = made.protocol, made.port_range_min, made.port_range_max
    if made.ethertype not in {"IPv4", "IPv6"}:
        raise faults.Invalid(
            f"Security group rule for ethertype '{made.ethertype}' not supported: choose IPv4 or IPv6.",
            kind="SecurityGroupRuleInvalidEtherType",
        )
    if (
        protocol is not None
        and protocol not in securitygroup.PROTOCOLS
        and not (protocol.isascii() and protocol.isdigit() and int(protocol) <= 255)
    ):
        raise faults.Invalid(
            f"Security group rule protocol {protocol} not supported: give a number from 0 to 255 or one of "
            f"{', '.join(sorted(securitygroup.PROTOCOLS))}.",
            kind="SecurityGroupRuleInvalidProtocol",
        )
    if least is None and most is None:
        return
    if protocol is None:
        raise faults.Invalid(
            "Must also specify protocol if port range is given.", kind="SecurityGroupProtocolRequiredWithPorts"
        )
    if protocol in WITH_TYPES:
        _check_icmp(least, most)
    elif protocol in WITH_PORTS:
        _check_span(least, most)
    else:
        raise faults.Invalid(
            f"Protocol {protocol} has no ports: leave the range out.", kind="SecurityGroupInvalidProtocolForPort"
        )


def _check_icmp(type_: int | None, code: int | None) -> None:
    if type_ is None:
        raise faults.Invalid(
            f"The ICMP type (port-range-min) is missing: a code ({code}) is one of a type.",
            kind="SecurityGroupMissingIcmpType",
        )
    for what, value in (("type", type_), ("code", code)):
        if value is not None and not 0 <= value <= 255:
            raise faults.Invalid(
                f"Invalid value for ICMP {what}: {value} is not a number from 0 to 255.",
                kind="SecurityGroupInvalidIcmpValue",
            )


def _check_span(least: int | None, most: int | None) -> None:
    for each in (least, most):
        # Port 0 is reserved (RFC 6335, 6), but Neutron's clients may say "from 0".
        if each is not None and not 0 <= each <= 65535:
            raise faults.Invalid(f"Invalid value for port {each}", kind="SecurityGroupInvalidPortValue")
    if least is None or most is None or least > most:
        raise faults.Invalid(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max, and both must be given.",
            kind="SecurityGroupInvalidPortRange",
        )


def _prefix(made: securitygroup.Rule) -> str | None:
    if made.remote_ip_prefix is None:
        return None
    if made.remote_group_id is not None:
        raise faults.Invalid(
            "Only one of remote_ip_prefix or remote_group_id may be provided.",
            kind="SecurityGroupMultipleRemoteEntites",
        )
    try:
        block = ipaddress.ip_network(types.Cidr().parse(made.remote_ip_prefix))
    except ValueError as error:
        raise faults.Invalid(f"Invalid CIDR {made.remote_ip_prefix} given as IP prefix.", kind="InvalidCIDR") from error
    if f"IPv{block.version}" != made.ethertype:
        raise faults.Invalid(
            f"Conflicting value ethertype {made.ethertype} for CIDR {made.remote_ip_prefix}",
            kind="SecurityGroupRuleParameterConflict",
        )
    return str(block)
