"""Addresses: taken from the pools of subnets, given back, never given twice."""

import ipaddress
from collections.abc import Iterable, Mapping

from vipool.core import address
from vipool.model import faults, port, subnet
from vipool.store import rows, session

Wanted = tuple[str | None, str | None]


def pools(of: subnet.Subnet) -> tuple[address.Range, ...]:
    """The allocation pools of a subnet as numbers."""
    return tuple(
        (int(ipaddress.ip_address(each["start"])), int(ipaddress.ip_address(each["end"])))
        for each in of.allocation_pools
    )


def used(held: session.Session, subnet_id: str) -> set[int]:
    """The addresses of a subnet that ports have."""
    found = rows.find(held, port.Allocation, subnet_id=subnet_id)
    return {int(ipaddress.ip_address(each.ip_address)) for each in found}


def choose(
    held: session.Session, subnets: tuple[subnet.Subnet, ...], wanted: tuple[Wanted, ...]
) -> tuple[Mapping[str, str], ...]:
    """The addresses for a port on a network with these subnets; they are not taken yet.

    None at all asks for one of each family.  Raises faults.Conflict when one is taken or all are, faults.Invalid when
    one does not fit.
    """
    if not wanted:
        return _defaults(held, subnets)
    chosen: list[Mapping[str, str]] = []
    for subnet_id, literal in wanted:
        mine = {int(ipaddress.ip_address(each["ip_address"])) for each in chosen}
        chosen.append(_one(held, subnets, subnet_id, literal, mine))
    return tuple(chosen)


def _defaults(held: session.Session, subnets: tuple[subnet.Subnet, ...]) -> tuple[Mapping[str, str], ...]:
    found: list[Mapping[str, str]] = []
    for version in (4, 6):
        family = [each for each in subnets if each.ip_version == version]
        free = next((entry for each in family if (entry := _free(held, each, set())) is not None), None)
        if family and free is None:
            raise exhausted(family[0].network_id)
        if free is not None:
            found.append(free)
    return tuple(found)


def _one(
    held: session.Session,
    subnets: tuple[subnet.Subnet, ...],
    subnet_id: str | None,
    literal: str | None,
    mine: set[int],
) -> Mapping[str, str]:
    among = [each for each in subnets if subnet_id is None or each.id == subnet_id]
    if subnet_id is not None and not among:
        raise faults.Invalid(f"Failed to create port: subnet {subnet_id} is not on this network.", kind="InvalidInput")
    if literal is None:
        free = next((entry for each in among if (entry := _free(held, each, mine)) is not None), None)
        if free is None:
            raise exhausted(among[0].network_id if among else "of the port")
        return free
    parsed = ipaddress.ip_address(literal)
    around = next((each for each in among if address.usable(ipaddress.ip_network(each.cidr), parsed)), None)
    if around is None:
        kind = "InvalidIpForNetwork" if subnet_id is None else "InvalidIpForSubnet"
        raise faults.Invalid(f"IP address {literal} is not a valid IP for the specified subnet.", kind=kind)
    spelled = parsed.compressed
    if int(parsed) in mine or rows.get(held, port.Allocation, key(around.id, spelled)) is not None:
        raise taken(spelled, around.id)
    return {"subnet_id": around.id, "ip_address": spelled}


def _free(held: session.Session, of: subnet.Subnet, mine: set[int]) -> Mapping[str, str] | None:
    number = address.first_free(pools(of), used(held, of.id) | mine)
    return None if number is None else {"subnet_id": of.id, "ip_address": address.spell(of.ip_version, number)}


def key(subnet_id: str, spelled: str) -> str:
    """The id of an allocation."""
    return f"{subnet_id}/{spelled}"


def take(held: session.Session, network_id: str, port_id: str, fixed: Iterable[Mapping[str, str]]) -> None:
    """Take addresses for a port."""
    rows.add(
        held,
        *(
            port.Allocation(
                id=key(each["subnet_id"], each["ip_address"]),
                network_id=network_id,
                subnet_id=each["subnet_id"],
                ip_address=each["ip_address"],
                port_id=port_id,
            )
            for each in fixed
        ),
    )


def give_back(held: session.Session, fixed: Iterable[Mapping[str, str]]) -> None:
    """Give addresses back."""
    rows.remove(held, port.Allocation, *(key(each["subnet_id"], each["ip_address"]) for each in fixed))


def taken(literal: str, subnet_id: str) -> faults.Conflict:
    """The refusal of an address that somebody has."""
    return faults.Conflict(
        f"IP address {literal} already allocated in subnet {subnet_id}", kind="IpAddressAlreadyAllocated"
    )


def exhausted(network_id: str) -> faults.Conflict:
    """The refusal when no address is left."""
    return faults.Conflict(
        f"No more IP addresses available on network {network_id}: add a subnet, or delete ports.",
        kind="IpAddressGenerationFailure",
    )
