"""Addresses: chosen from the subnets of a network, taken, given back, never given twice."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vipool.core import address
from vipool.model import faults, port, subnet
from vipool.store import rows, session

Wanted = tuple[str | None, str | None]
Fixed = Mapping[str, str]
# More than any port needs; each costs a look at its subnet.
MOST = 64


def pools(of: subnet.Subnet) -> tuple[address.Range, ...]:
    """The allocation pools of a subnet as numbers."""
    return tuple(
        (int(ipaddress.ip_address(each["start"])), int(ipaddress.ip_address(each["end"])))
        for each in of.allocation_pools
    )


def used(held: session.Session, subnet_id: str) -> set[int]:
    """The addresses of a subnet that ports have."""
    return {address.number(each) for each in rows.column(held, port.Allocation, "ip_address", subnet_id=subnet_id)}


@dataclass(slots=True, kw_only=True)
class Choice:
    """The addresses being chosen for one port with this MAC on a network with these subnets; none is taken yet.

    ``trusted`` ports are routers' and other services': they may name an address where hosts make their own.
    """

    held: session.Session
    network_id: str
    subnets: tuple[subnet.Subnet, ...]
    mac: str
    trusted: bool = False
    chosen: list[Fixed] = field(default_factory=list)
    _used: dict[str, set[int]] = field(default_factory=dict)

    def defaults(self) -> None:
        """One address of each family that the network has.  Raises faults.Conflict when a family is exhausted."""
        for version in (4, 6):
            family = [each for each in self.subnets if each.ip_version == version and not each.derives_addresses]
            if family and not any(self._free(each) for each in family):
                raise exhausted(self.network_id)

    def derived(self) -> None:
        """The addresses that hosts make for themselves, in every subnet where they do."""
        have = {each["subnet_id"] for each in self.chosen}
        for each in self.subnets:
            if each.derives_addresses and each.id not in have:
                self._keep(each, address.from_mac(each.block, self.mac))

    def wanted(self, entries: Iterable[Wanted]) -> None:
        """The addresses asked for.  Raises faults.Conflict, Invalid or NotFound."""
        # Those named come first: else an address left to us could be one that the same port names.
        ordered = sorted(entries, key=lambda entry: entry[1] is None)
        if len(ordered) > MOST:
            raise faults.Invalid(f"A port has at most {MOST} addresses: ask for fewer.", kind="InvalidInput")
        _refuse_repeated([literal for _, literal in ordered if literal is not None])
        for subnet_id, literal in ordered:
            among = self.subnets if subnet_id is None else (self._subnet(subnet_id),)
            if literal is not None:
                self._named(among, subnet_id, ipaddress.ip_address(literal))
            elif subnet_id is None:
                raise faults.Invalid(
                    "Invalid input for operation: IP allocation requires subnet_id or ip_address.", kind="InvalidInput"
                )
            elif among[0].derives_addresses:
                self._keep(among[0], address.from_mac(among[0].block, self.mac))
            elif not self._free(among[0]):
                raise exhausted(self.network_id)

    def _subnet(self, subnet_id: str) -> subnet.Subnet:
        found = next((each for each in self.subnets if each.id == subnet_id), None)
        if found is not None:
            return found
        if rows.get(self.held, subnet.Subnet, subnet_id) is None:
            raise faults.NotFound(f"Subnet {subnet_id} could not be found.", kind="SubnetNotFound")
        raise faults.Invalid(
            f"Invalid input for operation: Subnet {subnet_id} is not on network {self.network_id}: name one that is.",
            kind="InvalidInput",
        )

    def _named(self, among: tuple[subnet.Subnet, ...], subnet_id: str | None, literal: address.Address) -> None:
        around = next((each for each in among if address.usable(each.block, literal)), None)
        if around is None and subnet_id is None:
            raise faults.Invalid(
                f"IP address {literal} is not a valid IP for any of the subnets on the specified network.",
                kind="InvalidIpForNetwork",
            )
        if around is None:
            raise faults.Invalid(
                f"IP address {literal} is not a valid IP for the specified subnet.", kind="InvalidIpForSubnet"
            )
        if around.derives_addresses and not self.trusted:
            raise faults.Invalid(
                f"IPv6 address {literal} cannot be chosen: on subnet {around.id} addresses follow from the MAC.",
                kind="AllocationOnAutoAddressSubnet",
            )
        self._keep(around, str(literal))

    def _free(self, of: subnet.Subnet) -> bool:
        number = address.first_free(pools(of), self._taken(of))
        if number is None:
            return False
        self._keep(of, address.spell(of.ip_version, number))
        return True

    def _taken(self, of: subnet.Subnet) -> set[int]:
        if of.id not in self._used:
            mine = {address.number(each["ip_address"]) for each in self.chosen if each["subnet_id"] == of.id}
            self._used[of.id] = used(self.held, of.id) | mine
        return self._used[of.id]

    def _keep(self, of: subnet.Subnet, spelled: str) -> None:
        fixed = {"subnet_id": of.id, "ip_address": spelled}
        # Asked for this one only: a subnet may have thousands of addresses taken.
        if fixed in self.chosen or rows.get(self.held, port.Allocation, key(fixed)) is not None:
            raise faults.Conflict(
                f"IP address {spelled} already allocated in subnet {of.id}", kind="IpAddressAlreadyAllocated"
            )
        self.chosen.append(fixed)
        if of.id in self._used:
            self._used[of.id].add(address.number(spelled))


def _refuse_repeated(literals: list[str]) -> None:
    parsed = [ipaddress.ip_address(each) for each in literals]
    for place, each in enumerate(parsed):
        if each in parsed[:place]:
            raise faults.Invalid(
                f"Invalid input for fixed_ips. Reason: Duplicate IP address '{each}'.", kind="HTTPBadRequest"
            )


def key(fixed: Fixed) -> str:
    """The id of an allocation."""
    return f"{fixed['subnet_id']}/{fixed['ip_address']}"


def take(held: session.Session, network_id: str, port_id: str, fixed: Iterable[Fixed]) -> None:
    """Take addresses for a port."""
    rows.add(
        held,
        *(
            port.Allocation(
                id=key(each),
                network_id=network_id,
                subnet_id=each["subnet_id"],
                ip_address=each["ip_address"],
                port_id=port_id,
            )
            for each in fixed
        ),
    )


def give_back(held: session.Session, fixed: Iterable[Fixed]) -> None:
    """Give addresses back."""
    rows.remove(held, port.Allocation, *(key(each) for each in fixed))


def exhausted(network_id: str) -> faults.Conflict:
    """The refusal when no address is left."""
    return faults.Conflict(
        f"No more IP addresses available on network {network_id}: add a subnet or a pool, or delete ports.",
        kind="IpAddressGenerationFailure",
    )
