"""Subnet pools: made, changed and removed, and the blocks that subnets take from them."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from vipool.cloud.network.embedded import visible
from vipool.core import address
from vipool.model import caller, faults, subnet, subnetpool, types
from vipool.store import rows, session

# Shortest, longest; by the version of IP.
BOUNDS = {4: (8, 32), 6: (64, 128)}
MOST_PREFIXES = 100
# IPv6 quotas count networks of this length, IPv4 ones addresses.
COUNTED = {4: 32, 6: 64}


def create(held: session.Session, values: Mapping[str, Any]) -> subnetpool.SubnetPool:
    """A new pool.  Raises faults.Invalid, NotFound or Conflict."""
    prefixes = _joined(values["prefixes"])
    version = ipaddress.ip_network(prefixes[0]).version
    least, most = BOUNDS[version]
    shortest = values.get("min_prefixlen", least)
    known = {
        **values,
        "prefixes": prefixes,
        "ip_version": version,
        "min_prefixlen": shortest,
        "max_prefixlen": values.get("max_prefixlen", most),
        "default_prefixlen": values.get("default_prefixlen", shortest),
        "created_at": held.now,
        "updated_at": held.now,
    }
    made = subnetpool.SubnetPool.build(known)
    _check(held, made)
    rows.add(held, made)
    return made


def change(held: session.Session, before: subnetpool.SubnetPool, values: Mapping[str, Any]) -> subnetpool.SubnetPool:
    """A changed pool.  Raises faults.Invalid, NotFound or Conflict."""
    changed = {**values, "updated_at": held.now, "revision_number": before.revision_number + 1}
    if "prefixes" in changed:
        changed["prefixes"] = _joined(changed["prefixes"])
    after = before.having(changed)
    if not all(address.inside(each, after.blocks) for each in before.blocks):
        raise _illegal(f"the prefixes {', '.join(before.prefixes)} must stay: add to them, or make another pool.")
    _check(held, after)
    rows.put(held, after)
    return after


def _illegal(sentence: str) -> faults.Invalid:
    return faults.Invalid(f"Illegal subnetpool update or definition: {sentence}", kind="IllegalSubnetPoolPrefixUpdate")


def _joined(prefixes: Sequence[str]) -> tuple[str, ...]:
    """The prefixes with neighbours joined and repeats left out, in order."""
    if not prefixes:
        raise faults.Invalid("Empty subnet pool prefix list.", kind="EmptySubnetPoolPrefixList")
    if len(prefixes) > MOST_PREFIXES:
        raise _illegal(f"a pool has at most {MOST_PREFIXES} prefixes: join some.")
    four = [each for each in map(ipaddress.ip_network, prefixes) if isinstance(each, ipaddress.IPv4Network)]
    six = [each for each in map(ipaddress.ip_network, prefixes) if isinstance(each, ipaddress.IPv6Network)]
    if four and six:
        raise faults.Invalid("Cannot mix IPv4 and IPv6 prefixes in a subnet pool.", kind="PrefixVersionMismatch")
    return tuple(str(each) for each in (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)))


def _check(held: session.Session, made: subnetpool.SubnetPool) -> None:
    """What holds for a pool whenever it is written."""
    most = BOUNDS[made.ip_version][1]
    if not made.min_prefixlen <= made.default_prefixlen <= made.max_prefixlen <= most:
        raise faults.Invalid(
            f"Illegal prefix bounds: min_prefixlen {made.min_prefixlen}, default_prefixlen {made.default_prefixlen}, "
            f"max_prefixlen {made.max_prefixlen} must be in this order, and at most {most}.",
            kind="IllegalSubnetPoolPrefixBounds",
        )
    if made.address_scope_id is not None:
        raise faults.NotFound(f"Address scope {made.address_scope_id} could not be found.", kind="AddressScopeNotFound")
    if made.is_default:
        for other in rows.find(held, subnetpool.SubnetPool, ip_version=made.ip_version, is_default=True):
            if other.id != made.id:
                raise faults.Invalid(
                    "Invalid input for operation: A default subnetpool for this IP family has already been set: it is "
                    f"{other.id}.",
                    kind="InvalidInput",
                )


def remove(held: session.Session, gone: subnetpool.SubnetPool) -> None:
    """Remove a pool.  Raises faults.Invalid while a subnet comes from it, as Neutron does."""
    if rows.count(held, subnet.Subnet, subnetpool_id=gone.id):
        raise faults.Invalid(
            "Unable to delete subnet pool: Subnet pool has existing allocations.", kind="SubnetPoolDeleteError"
        )
    rows.remove(held, subnetpool.SubnetPool, gone.id)


def default(held: session.Session, version: int) -> subnetpool.SubnetPool | None:
    """The default pool of a version of IP, if there is one."""
    found = rows.find(held, subnetpool.SubnetPool, ip_version=version, is_default=True)
    return found[0] if found else None


def placed(
    held: session.Session, who: caller.Caller, values: dict[str, Any], sent: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a new subnet with the block it takes from a pool; unchanged where none is asked for.

    ``sent`` has what is no attribute of a subnet: ``prefixlen`` and ``use_default_subnetpool``.
    """
    length = _length(sent.get("prefixlen"))
    pool = _pool(held, who, values, sent)
    if pool is None:
        if length is not None:
            raise _bad("prefixlen is for subnets of a pool: name one as subnetpool_id, or give a cidr.")
        return values
    if pool.ip_version != values["ip_version"]:
        raise _bad(f"Cannot allocate IPv{values['ip_version']} subnet from IPv{pool.ip_version} subnet pool.")
    named = values.get("cidr")
    if named and length is not None:
        raise _bad("cidr and prefixlen must not be supplied together.")
    if not named and values.get("allocation_pools"):
        raise _bad("allocation_pools allowed only for specific subnet requests.")
    taken = _taken(held, pool)
    free = address.unused(pool.blocks, [each.block for each in taken])
    block = ipaddress.ip_network(named) if named else None
    if block is None:
        length = pool.default_prefixlen if length is None else length
    _check_length(pool, block.prefixlen if block is not None else length or 0)
    chosen = address.carve(free, length or 0) if block is None else block
    if chosen is None or not address.inside(chosen, free):
        raise faults.Conflict(
            f"Failed to allocate subnet: subnet pool {pool.id} has no room for {named or f'a /{length}'}: name another "
            "block, or add prefixes to the pool.",
            kind="SubnetAllocationError",
        )
    _check_quota(pool, [each for each in taken if each.project_id == values["project_id"]], chosen)
    gateway = {} if named or "gateway_ip" in sent else {"gateway_ip": str(chosen.network_address + 1)}
    return {**values, **gateway, "cidr": str(chosen), "subnetpool_id": pool.id}


def _bad(sentence: str) -> faults.Invalid:
    return faults.Invalid(f"Bad subnets request: {sentence}", kind="BadRequest")


def _length(asked: object) -> int | None:
    if asked is None:
        return None
    try:
        return subnetpool.LENGTH.parse(asked)
    except ValueError as error:
        raise faults.Invalid(f"Invalid input for prefixlen. Reason: {error}.", kind="HTTPBadRequest") from error


def _pool(
    held: session.Session, who: caller.Caller, values: Mapping[str, Any], sent: Mapping[str, Any]
) -> subnetpool.SubnetPool | None:
    """The pool a subnet is to come from.  Raises faults.Invalid or NotFound."""
    identifier = values.get("subnetpool_id")
    if identifier is not None:
        cls = subnetpool.SubnetPool
        return visible.need(visible.get(held, who, cls, identifier), cls, identifier)
    if not _asks_for_default(sent.get("use_default_subnetpool")) or values.get("cidr"):
        return None
    found = default(held, values["ip_version"])
    if found is None:
        raise _bad(f"No default subnetpool found for IPv{values['ip_version']}.")
    return found


def _asks_for_default(asked: object) -> bool:
    try:
        return asked is not None and types.Boolean().parse(asked)
    except ValueError as error:
        raise faults.Invalid(
            f"Invalid input for operation: use_default_subnetpool: {error}.", kind="InvalidInput"
        ) from error


def _taken(held: session.Session, pool: subnetpool.SubnetPool) -> tuple[subnet.Subnet, ...]:
    return rows.find(held, subnet.Subnet, subnetpool_id=pool.id)


def _check_length(pool: subnetpool.SubnetPool, length: int) -> None:
    if length < pool.min_prefixlen:
        raise faults.Invalid(
            f"Unable to allocate subnet with prefix length {length}, minimum allowed prefix is {pool.min_prefixlen}.",
            kind="MinPrefixSubnetAllocationError",
        )
    if length > pool.max_prefixlen:
        raise faults.Invalid(
            f"Unable to allocate subnet with prefix length {length}, maximum allowed prefix is {pool.max_prefixlen}.",
            kind="MaxPrefixSubnetAllocationError",
        )


def _check_quota(pool: subnetpool.SubnetPool, mine: Sequence[subnet.Subnet], wanted: address.Network) -> None:
    if pool.default_quota is None:
        return
    longest = COUNTED[pool.ip_version]
    used = sum(1 << max(0, longest - each.prefixlen) for each in (*(one.block for one in mine), wanted))
    if used > pool.default_quota:
        raise faults.Conflict(
            f"Per-tenant subnet pool prefix quota exceeded: {used} would be taken of {pool.default_quota}.",
            kind="SubnetPoolQuotaExceeded",
        )


def check_affinity(held: session.Session, made: subnet.Subnet) -> None:
    """Refuse a network whose subnets of one version of IP come from different pools, or from one and from none."""
    for other in rows.find(held, subnet.Subnet, network_id=made.network_id, ip_version=made.ip_version):
        if other.subnetpool_id != made.subnetpool_id:
            raise faults.Invalid(
                "Subnets hosted on the same network must be allocated from the same subnet pool.",
                kind="NetworkSubnetPoolAffinityError",
            )
