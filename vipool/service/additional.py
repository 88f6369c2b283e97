"""The further VIPs of a load balancer: one address in each further subnet of the VIP's network, all on one port."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from vipool.model import faults, port
from vipool.service import lookup

Wanted: TypeAlias = tuple[str, str | None]
"""A subnet, and the address in it where one is asked for."""


def wanted(
    entries: Sequence[Mapping[str, str | None]], network_id: str, first: str | None, look: lookup.Lookup
) -> tuple[Wanted, ...]:
    """The further VIPs that are asked for, beside the one in the subnet ``first``.  Raises faults.Invalid."""
    found: list[Wanted] = []
    for entry in entries:
        subnet_id = str(entry["subnet_id"])
        if subnet_id in {first, *(each for each, _ in found)}:
            raise faults.Invalid(
                "Validation failure: Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet."
            )
        on = look.networks.subnet(look.held, look.who, subnet_id)
        if on is None:
            raise faults.Invalid(f"Subnet {subnet_id} not found.")
        if on.network_id != network_id:
            raise faults.Invalid("Validation failure: All VIP subnets must belong to the same network.")
        found.append((subnet_id, entry["ip_address"]))
    return tuple(found)


def placed(entries: Sequence[Wanted], made: port.Port) -> tuple[dict[str, str | None], ...]:
    """The further VIPs as they are on the port.  Raises faults.Invalid for one that a user's own port does not have."""
    found: list[dict[str, str | None]] = []
    for subnet_id, address in entries:
        held = [each["ip_address"] for each in made.fixed_ips if each["subnet_id"] == subnet_id]
        same = [each for each in held if address is None or ipaddress.ip_address(each) == ipaddress.ip_address(address)]
        if not same:
            raise faults.Invalid(
                f"Validation failure: Port {made.id} has no address {address or ''} in subnet {subnet_id}: give it "
                "one, or leave the additional VIP out."
            )
        found.append({"subnet_id": subnet_id, "ip_address": same[0], "port_id": made.id})
    return tuple(found)
