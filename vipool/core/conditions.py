"""What two readings of a namespace mean for its load balancer: the conditions that are there, by name.

A condition begins with its evidence and stays for a while after the last of it, so that what comes and goes every few
seconds is one condition and not a hundred. What the counters mean was found out on Linux 6.18:

- a packet that finds the table full raises `dropped` alone, and where flows without an answer make room for it
  `displaced` instead;
- a flow whose translation finds no free port raises `dropped` and `clashed` together, as do two packets that begin one
  flow at once: what tells them apart is how many ports are taken. The kernel tries some 240 of them, not all, so the
  first fail while a few hundred are still free.

Promises: pure; the first reading of a namespace, or of one made anew, says nothing of what was counted before it.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from vipool.model import condition, spec, vitals

HOLD = 60.0
"""Seconds for which a condition outlasts its last evidence, where that is a counter that rises."""

RECENT = 120.0
"""Seconds after which an address that nobody asks for any more says nothing of whoever has it."""

PATIENCE = 4.0
"""Seconds without an answer after which an address is lost though the kernel asks: it gives up after three, and begins
anew with the next packet, so that under traffic it is nearly always found asking."""

NEARLY, NEARLY_OVER = 0.90, 0.80
"""The share of the table at which it is nearly full, and the share below which it no longer is."""

CROWDED = {True: 0.75, False: 0.98}
"""The share of ports taken at which failures are laid to it, by whether the kernel translates or sockets are counted.

A socket is given any port that is left, so for sockets nothing but the count tells; a translation is tried in vain long
before, so there it takes a failure too.
"""

Key: TypeAlias = tuple[str, str, str]
"""A condition is known by its name, its object and its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A condition, with the moment its evidence was last seen."""

    found: spec.Condition
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one load balancer between two looks: the last reading, and the conditions that are there.

    `unanswered` are the addresses that had no answer, since when without a break.
    """

    reading: vitals.Vitals | None = None
    held: Mapping[Key, Held] = field(default_factory=dict)
    unanswered: Mapping[str, float] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[spec.Condition, ...]:
        """Those that are there, in a fixed order."""
        return tuple(self.held[key].found for key in sorted(self.held))


NOTHING = Standing()
"""The standing of what was never looked at."""


def key(found: spec.Condition) -> Key:
    """What a condition is known by."""
    return found.name, found.object_id, found.address


def judge(before: Standing, seen: vitals.Vitals, item: spec.LoadBalancer, now: float) -> Standing:
    """The standing after a reading, at a moment in seconds of any steady clock."""
    recent = [each for each in seen.neighbours if each.idle < RECENT]
    unanswered = {each.address: before.unanswered.get(each.address, now) for each in recent}
    lost = {each.address for each in recent if not each.asking or now - unanswered[each.address] >= PATIENCE}
    held = {key(each): Held(found=each, at=now) for each in _evident(before, seen, item, lost)}
    if before.held:
        ids = {row.id for row in item.tree.live().rows()}
        asking = {each.address for each in recent if each.asking}
        for known, each in before.held.items():
            if known not in held and each.found.object_id in ids and _outlasts(each, asking, now):
                held[known] = each
    return Standing(reading=seen, held=_without_the_lesser(held), unanswered=unanswered)


def _outlasts(each: Held, asking: set[str], now: float) -> bool:
    """Whether a condition without evidence stays: for a while, or as long as an address is only asked for again."""
    match each.found.name:
        case condition.Name.CONNTRACK_TABLE_FULL | condition.Name.PORTS_EXHAUSTED:
            return now - each.at < HOLD
        case condition.Name.MEMBER_UNREACHABLE | condition.Name.GATEWAY_UNREACHABLE:
            return each.found.address in asking
        case _:
            return False


def _without_the_lesser(held: dict[Key, Held]) -> dict[Key, Held]:
    """A full table is not nearly full as well."""
    full = {name for name, _, _ in held} & {condition.Name.CONNTRACK_TABLE_FULL}
    return {
        known: each
        for known, each in held.items()
        if not full or known[0] != condition.Name.CONNTRACK_TABLE_NEARLY_FULL
    }


def _evident(
    before: Standing, seen: vitals.Vitals, item: spec.LoadBalancer, lost: set[str]
) -> Iterator[spec.Condition]:
    since = _since(before.reading.losses if before.reading else None, seen.losses)
    yield from _table(before, since, seen, item)
    # To go through all members costs more than all else: of most load balancers there is nothing to say.
    if seen.crowds:
        yield from _ports(since, seen, item)
    if lost:
        yield from _neighbours(lost, item)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Since:
    """What was counted between two readings: packets without room, clashes of ports, flows that made room."""

    crowded_out: int = 0
    clashed: int = 0
    displaced: int = 0


def _since(before: vitals.Losses | None, seen: vitals.Losses | None) -> _Since:
    if before is None or seen is None:
        return _Since()
    dropped, clashed = seen.dropped - before.dropped, seen.clashed - before.clashed
    displaced = seen.displaced - before.displaced
    if min(dropped, clashed, displaced) < 0:  # the namespace was made anew
        return _Since()
    return _Since(crowded_out=max(0, dropped - clashed), clashed=clashed, displaced=displaced)


def _table(before: Standing, since: _Since, seen: vitals.Vitals, item: spec.LoadBalancer) -> Iterator[spec.Condition]:
    if not seen.room:
        return
    share = seen.flows / seen.room
    measured = f"{seen.flows} of {seen.room} places are taken"
    # Packets are dropped for other reasons too (malformed ones are): without a crowd the table is not why.
    if share >= 1 or since.displaced or (since.crowded_out and share >= NEARLY_OVER):
        counted = f"; since the last look {since.crowded_out} packets were dropped and {since.displaced} flows ended"
        yield _of_the_whole(condition.Name.CONNTRACK_TABLE_FULL, item, f"{measured}{counted}.")
    elif share >= (NEARLY_OVER if _was_nearly_full(before) else NEARLY):
        yield _of_the_whole(condition.Name.CONNTRACK_TABLE_NEARLY_FULL, item, f"{measured}.")


def _was_nearly_full(before: Standing) -> bool:
    names = {name for name, _, _ in before.held}
    return not names.isdisjoint({condition.Name.CONNTRACK_TABLE_NEARLY_FULL, condition.Name.CONNTRACK_TABLE_FULL})


def _of_the_whole(name: condition.Name, item: spec.LoadBalancer, measured: str, address: str = "") -> spec.Condition:
    return spec.Condition(
        name=name, object_type=condition.About.LOADBALANCER, object_id=item.id, address=address, measured=measured
    )


def _ports(since: _Since, seen: vitals.Vitals, item: spec.LoadBalancer) -> Iterator[spec.Condition]:
    served = item.tree.live()
    transports = {each.id: each.protocol.transport for each in served.pools}
    for crowd in seen.crowds:
        if crowd.count < crowd.room * CROWDED[crowd.translated] or (crowd.translated and not since.clashed):
            continue
        failed = f"; {since.clashed} flows found none since the last look" if crowd.translated else ""
        measured = f"{crowd.count} of {crowd.room} ports of {crowd.source} towards it are taken{failed}."
        for row in served.members:
            end = (transports.get(row.pool_id), _plain(row.address), row.protocol_port)
            if end == (crowd.protocol, crowd.address, crowd.port):
                yield _of_a_member(condition.Name.PORTS_EXHAUSTED, row.id, crowd.source, measured)


def _of_a_member(name: condition.Name, identifier: str, address: str, measured: str) -> spec.Condition:
    return spec.Condition(
        name=name, object_type=condition.About.MEMBER, object_id=identifier, address=address, measured=measured
    )


def _neighbours(lost: set[str], item: spec.LoadBalancer) -> Iterator[spec.Condition]:
    for row in item.tree.live().members:
        address = _plain(row.address)
        if address in lost:
            measured = f"The node asked for {address} in vain."
            yield _of_a_member(condition.Name.MEMBER_UNREACHABLE, row.id, address, measured)
    vip = item.vip
    if vip is not None:
        ways = {_plain(each) for each in (*vip.gateways, *(route.nexthop for route in vip.routes))}
        for address in sorted(ways & lost):
            measured = f"The node asked for {address} in vain."
            yield _of_the_whole(condition.Name.GATEWAY_UNREACHABLE, item, measured, address)


def _plain(address: str) -> str:
    """An address as the kernel's are written here: users' are kept as they typed them."""
    return str(ipaddress.ip_address(address))
