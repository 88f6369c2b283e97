"""What a member must be: its pool is there, its address may be used, and no other member has it."""

import functools
import ipaddress
from collections.abc import Sequence

from vipool.core.rules import pairs
from vipool.model import deployment, faults, member, tree

BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def check(whole: tree.Tree, members: Sequence[member.Member], allowed: deployment.Deployment) -> None:
    """Refuse members of one pool of which one breaks a rule."""
    new = {each.id for each in members}
    pool_id = members[0].pool_id
    pairs.pool_above(whole, pool_id)
    reserved = frozenset(map(ipaddress.ip_address, allowed.reserved_ips))
    taken = {endpoint(each) for each in whole.members_of(pool_id) if not each.dying and each.id not in new}
    for row in members:
        if not _may_be_member(row.address, reserved):
            raise faults.Invalid(f"{row.address} is not a valid option for member address")
        if row.request_sriov and not whole.loadbalancer.flavor.get("allow_member_sriov"):
            raise faults.Invalid("The load balancer flavor does not allow SR-IOV member ports.")
        if endpoint(row) in taken:
            raise faults.Conflict(
                f"Another member on this pool is already using ip {row.address} on protocol_port {row.protocol_port}"
            )
        taken.add(endpoint(row))


def _may_be_member(literal: str, reserved: frozenset[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    """Whether an address is one that a server can have, seen from the load balancer, in whatever spelling.

    Octavia refuses reserved addresses alone; the others would be accepted there and never work.
    """
    found = ipaddress.ip_address(literal)
    plain = getattr(found, "ipv4_mapped", None) or found
    if plain in reserved or plain == BROADCAST:
        return False
    if plain.is_loopback or plain.is_unspecified or plain.is_multicast:
        return False
    # IPv4 link-local servers can be on the member's network; IPv6 ones need a zone, which no member has.
    return not (plain.version == 6 and plain.is_link_local)


def endpoint(row: member.Member) -> tuple[str, int]:
    """Where a member answers, in the one spelling of its address."""
    return _spelling(row.address), row.protocol_port


@functools.lru_cache(maxsize=10_000)
def _spelling(literal: str) -> str:
    """The one spelling of an address; remembered, since each new member is compared with all there are."""
    return ipaddress.ip_address(literal).compressed
