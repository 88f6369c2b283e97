"""A load balancer's tree as packet rules: full address translation for the listeners that the kernel carries.

A new flow that comes to a listener is given a member as its destination and a VIP as its source; the kernel remembers
it, and translates what follows, both ways, without asking the rules again. One table of ours; what packets put into its
dynamic sets outlasts a new load (`vipool.host.nft`): what was counted, and which member a client has.

- A flow carries the number of its way, which is its listener with its member, as its connection mark: so that one
  look at the mark counts for both. Its first packet carries the member's number as its mark.
- Chains are called `listener_<id>_ip` and `listener_<id>_ip6`, `pool_<id>_ip` and `pool_<id>_ip6`: a flow leaves by a
  member of its own address family.
- Where nobody serves, clients are told so (ICMP). Those that are not allowed are not answered.
- Where TCP is not carried it is not tracked, so that HAProxy's connections cost what they cost without these rules.
- Only what was translated is forwarded: the namespace is no router.

Promises: pure; equal trees give equal text. Nothing of a client's words enters it but parsed addresses, numbers and
checked ids. The tree was accepted by `capabilities` and holds no row that is going.
"""

import functools
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from vipool.core import attach, enabled, numbering, ruleset
from vipool.model import healthmonitor, listener, member, pool, tree, types
from vipool.providers.nftables import carried, chains, least, persistence, rotation, slots, streams

TABLE = "vipool_balance"
COUNTED = ("flows", "inward", "outward")
"""The sets whose elements count by the number of a listener with a member (`ways`): packets of `flows` are flows; bytes
of the others are those of the IP packets that clients sent, and were sent."""

REFUSED = "refused"
"""The sets, one of each family, of the members that told clients of late that nobody is there: address and port."""

# Where the hash begins: a fixed value, so that clients keep their members over a new load and over a reboot.
_SEED = "0x7669706f"
# So many clients are remembered. The kernel makes room for all of them at once: 256 kB.
_CLIENTS = 16384
# How many ways are counted, in steps; the kernel makes 16 bytes of room for each at once.
_ROOM = tuple(1024 << 4 * step for step in range(6))
_REFUSALS = ["size 1024", "flags dynamic,timeout", "timeout 5s"]
# ICMP's and ICMPv6's "port unreachable" (RFC 792; RFC 4443, section 3.1).
_UNREACHABLE = {4: "icmp type 3 icmp code 3", 6: "icmpv6 type 1 icmpv6 code 4"}


Family: TypeAlias = tuple[str, int]
"""The members of one pool that are of one IP version: the pool's id with the version."""

Way: TypeAlias = tuple[str, str]
"""The ids of a listener and of a member behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the rules are written from: the tree, what of it is carried, the numbers of its listeners and members and of
    its ways, and its members by pool and family, with the rotations they make."""

    wanted: tree.Tree
    part: carried.Part
    numbers: Mapping[str, int]
    ways: Mapping[Way, int]
    members: Mapping[Family, Sequence[member.Member]]
    rotations: Mapping[Family, rotation.Rotation]

    def rotation(self, back: pool.Pool, version: int) -> rotation.Rotation:
        """The rotation of a pool's members of one address family."""
        return self.rotations.get((back.id, version), rotation.NOBODY)

    def mark(self, row: listener.Listener | member.Member) -> str:
        """The number of a listener or member, as a mark is written."""
        return f"{self.numbers[row.id]:#010x}"


def render(
    wanted: tree.Tree,
    down: Collection[str] = (),
    part: carried.Part = carried.DATAGRAMS,
    known: chains.Chains | None = None,
) -> str:
    """The rules, or an empty text when nothing of the tree is to be served; `down` are the members not to be used.

    `part` says what else is in the namespace: a tree of datagrams alone may have connections beside it. `known` are the
    chains of the load balancer as they were written last.
    """
    fronts = tuple(enabled.listeners(wanted))
    if not fronts:
        return ""
    plan = _plan(wanted, down, part)
    backs = rotation.backs(wanted)
    lines = [*_memory(plan, fronts, backs), *_untracked(plan), *_entrance(plan, fronts)]
    known = known or chains.Chains()
    for version in _families(wanted):
        lines += [_listener(plan, front, version, known) for front in fronts]
        lines += [_pool(plan, back, version, known) for back in backs if plan.rotation(back, version).serving]
    known.end_round()
    return ruleset.table(TABLE, [*lines, *_refusal(plan, fronts), *_forward(plan, backs), *_exit(plan, backs)])


def _plan(wanted: tree.Tree, down: Collection[str], part: carried.Part) -> Plan:
    members: dict[Family, list[member.Member]] = {}
    for each in wanted.members:
        members.setdefault((each.pool_id, _version(each.address)), []).append(each)
    rotations = {family: rotation.of(found, down) for family, found in members.items()}
    return Plan(
        wanted=wanted,
        part=part,
        numbers=numbers(wanted),
        ways=ways(wanted),
        members=members,
        rotations=rotations,
    )


def numbers(wanted: tree.Tree) -> Mapping[str, int]:
    """The numbers of listeners and members, by id."""
    return numbering.numbers(each.id for each in (*wanted.listeners, *wanted.members))


def ways(wanted: tree.Tree) -> Mapping[Way, int]:
    """The number of each way that a flow can go: the mark that it carries."""
    return wanted.once(_ways)


def _ways(wanted: tree.Tree) -> Mapping[Way, int]:
    found = {
        f"{front.id} {each.id}": (front.id, each.id)
        for front in wanted.listeners
        if front.default_pool_id
        for each in wanted.members_of(front.default_pool_id)
    }
    return {found[name]: number for name, number in numbering.numbers(found).items()}


def turnings(wanted: tree.Tree, down: Collection[str] = ()) -> tuple[least.Turning, ...]:
    """The maps of the rules that follow how many flows each member has, and what each of them needs to know."""
    following = [back for back in rotation.backs(wanted) if back.lb_algorithm is pool.Algorithm.LEAST_CONNECTIONS]
    if not following:
        return ()
    plan = _plan(wanted, down, carried.WHOLE)
    return tuple(found for back in following for found in _turnings(plan, back).values())


def _turnings(plan: Plan, back: pool.Pool) -> Mapping[int, least.Turning]:
    """Those of a pool, by address family: none where it takes turns otherwise, or there is but one member to take."""
    if back.lb_algorithm is not pool.Algorithm.LEAST_CONNECTIONS:
        return {}
    found = {version: plan.rotation(back, version).serving for version in _families(plan.wanted)}
    return {version: _turning(plan, back, version) for version, serving in found.items() if len(serving) > 1}


def _turning(plan: Plan, back: pool.Pool, version: int) -> least.Turning:
    serving = plan.rotation(back, version).serving
    weights = {plan.numbers[each.id]: int(each.weight) for each in serving}
    marks: dict[int, set[int]] = {number: set() for number in weights}
    for front in _fronts(plan, back):
        for each in serving:
            marks[plan.numbers[each.id]].add(plan.ways[front.id, each.id])
    # Whom it is for is part of the name: what is in the map of others must not be used for a moment.
    whom = zlib.crc32(repr(sorted(weights.items())).encode())
    return least.Turning(
        name=f"least_{attach.identifier(back.id)}_{ruleset.IP[version]}_{whom:08x}",
        weights=weights,
        marks={number: frozenset(each) for number, each in marks.items()},
    )


def listener_chain(front: listener.Listener, version: int) -> str:
    """The chain of a listener: as long as it is there, the listener is open to that address family."""
    return f"listener_{attach.identifier(front.id)}_{ruleset.IP[version]}"


def listener_chains(wanted: tree.Tree, front: listener.Listener) -> frozenset[str]:
    """Every chain of a listener."""
    return frozenset(listener_chain(front, version) for version in _families(wanted))


def _families(wanted: tree.Tree) -> tuple[int, ...]:
    """The address families of the VIPs."""
    return wanted.once(_versions)


def _versions(wanted: tree.Tree) -> tuple[int, ...]:
    return tuple(sorted({_version(vip) for vip in wanted.loadbalancer.vips}))


def _version(address: str) -> int:
    return types.address(address).version


@functools.lru_cache(maxsize=16384)
def _spelled(address: str) -> str:
    return str(types.address(address))


def _memory(plan: Plan, fronts: Sequence[listener.Listener], backs: Iterable[pool.Pool]) -> Iterator[str]:
    """The sets that packets fill, and what rules refer to by name."""
    yield from streams.memory(fronts, _families(plan.wanted))
    # With room for ways that went: what has not counted for a day makes room, and is in the ledger by then. In large
    # steps: with another size a set is another, and all that refers to it has to be loaded anew.
    room = next(size for size in _ROOM if size >= 4 * len(plan.ways))
    for name in COUNTED:
        kind = ["type mark", f"size {room}", "flags dynamic,timeout", "timeout 1d", "counter"]
        yield from ruleset.declaration("set", name, kind)
    for front in fronts:
        if front.connection_limit > 0:
            yield from ruleset.declaration("set", _limit(front), ["type mark", "size 16", "flags dynamic"])
    for back in backs:
        for version in _families(plan.wanted):
            if persistence.of(back) and (back.id, version) in plan.members:
                kind = [f"type {ruleset.TYPES[version]} : mark", f"size {_CLIENTS}", "flags dynamic,timeout"]
                yield from ruleset.declaration("map", _clients(back, version), kind)
        for each in _turnings(plan, back).values():
            kind = [f"typeof numgen inc mod {each.size} : meta mark", f"size {each.size}", "flags dynamic"]
            yield from ruleset.declaration("map", each.name, kind)
    for version in _listening(plan, backs):
        kind = [f"type {ruleset.TYPES[version]} . inet_service", *_REFUSALS]
        yield from ruleset.declaration("set", f"{REFUSED}_{ruleset.IP[version]}", kind)


def _listening(plan: Plan, backs: Iterable[pool.Pool]) -> tuple[int, ...]:
    """The families of which it is noted who refuses: all of them where a monitor goes by that."""
    monitors = (enabled.monitor_of(plan.wanted, back.id) for back in backs)
    asked = any(each is not None and each.type is healthmonitor.Type.UDP_CONNECT for each in monitors)
    return _families(plan.wanted) if asked else ()


def _limit(front: listener.Listener) -> str:
    # The limit is part of the name: an element keeps the one it was made with.
    return f"limit_{attach.identifier(front.id)}_{int(front.connection_limit)}"


def _clients(back: pool.Pool, version: int) -> str:
    return f"clients_{attach.identifier(back.id)}_{ruleset.IP[version]}"


def _pool_chain(back: pool.Pool, version: int) -> str:
    return f"pool_{attach.identifier(back.id)}_{ruleset.IP[version]}"


def _transport(row: listener.Listener | pool.Pool) -> str:
    return row.protocol.transport.lower()


def _untracked(plan: Plan) -> Iterator[str]:
    yield from streams.untracked() if "TCP" in plan.part.transports else ruleset.untracked()


def _entrance(plan: Plan, fronts: Sequence[listener.Listener]) -> Iterator[str]:
    """Every VIP with the transport and port of a listener leads to the listener."""
    rules = []
    for version in _families(plan.wanted):
        vips = [_spelled(vip) for vip in plan.wanted.loadbalancer.vips if _version(vip) == version]
        ways = [
            (f"{vip} . {_transport(front)} . {int(front.protocol_port)}", f"goto {listener_chain(front, version)}")
            for vip in vips
            for front in fronts
        ]
        rules.append(f"{ruleset.IP[version]} daddr . meta l4proto . th dport vmap {ruleset.mapping(ways)}")
    yield from ruleset.base("prerouting", "nat hook prerouting priority dstnat", rules)


def _listener(plan: Plan, front: listener.Listener, version: int, known: chains.Chains) -> str:
    back = enabled.pool_of(plan.wanted, front.default_pool_id)
    goal = _pool_chain(back, version) if back is not None and plan.rotation(back, version).serving else None
    name, number = listener_chain(front, version), plan.numbers[front.id]
    write = functools.partial(_listener_lines, plan, front, version, goal)
    return known.written(name, (front, goal, number), write)


def _listener_lines(plan: Plan, front: listener.Listener, version: int, goal: str | None) -> Iterator[str]:
    rules = [*_allowed(front, version)]
    if goal is not None:
        rules += [streams.BEGINS] if streams.carried(front) else []
        rules += [f"ct mark set {plan.mark(front)}", *streams.times(front, version)]
        if front.connection_limit > 0:
            rules.append(f"add @{_limit(front)} {{ ct mark ct count over {int(front.connection_limit)} }} drop")
        rules.append(f"goto {goal}")
    yield from ruleset.chain(listener_chain(front, version), rules)


def _allowed(front: listener.Listener, version: int) -> Iterator[str]:
    """The rule that turns away who is not of an allowed network."""
    if front.allowed_cidrs:
        allowed = ruleset.networks(front.allowed_cidrs, version)
        yield f"{ruleset.IP[version]} saddr != {ruleset.among(allowed)} drop" if allowed else "drop"


def _pool(plan: Plan, back: pool.Pool, version: int, known: chains.Chains) -> str:
    found = plan.rotation(back, version)
    fronts = tuple(_fronts(plan, back))
    numbers = tuple(plan.numbers[each.id] for each in (*fronts, *found.staying))
    ways = tuple(plan.ways[front.id, each.id] for front in fronts for each in found.staying)
    source = back, fronts, found.serving, found.staying, numbers, ways
    return known.written(_pool_chain(back, version), source, functools.partial(_pool_lines, plan, back, version))


def _pool_lines(plan: Plan, back: pool.Pool, version: int) -> Iterator[str]:
    found = plan.rotation(back, version)
    kept = persistence.of(back)
    rules = [*(_chosen(plan, back, version) if kept is None else _remembered(plan, back, version))]
    members = found.staying if kept else found.serving
    ways = (
        (f"{plan.mark(front)} . {plan.mark(each)}", f"{plan.ways[front.id, each.id]:#010x}")
        for front in _fronts(plan, back)
        if front.admin_state_up
        for each in members
    )
    rules += [f"ct mark set ct mark . meta mark map {ruleset.mapping(ways)}", "update @flows { ct mark }"]
    ends = ((plan.mark(each), f"{_spelled(each.address)} . {int(each.protocol_port)}") for each in members)
    rules.append(f"meta l4proto {_transport(back)} dnat {ruleset.IP[version]} to meta mark map {ruleset.mapping(ends)}")
    yield from ruleset.chain(_pool_chain(back, version), rules)


def _fronts(plan: Plan, back: pool.Pool) -> Iterator[listener.Listener]:
    """The listeners whose flows a pool answers."""
    return (each for each in plan.wanted.listeners_of(back.id) if each.default_pool_id == back.id)


def _chosen(plan: Plan, back: pool.Pool, version: int) -> Iterator[str]:
    """The rules that choose: the first way that gives somebody counts."""
    first, *others = _choices(plan, back, version)
    yield f"meta mark set {first}"
    if others:
        here = ruleset.among(plan.mark(each) for each in plan.rotation(back, version).serving)
        yield from (f"meta mark != {here} meta mark set {other}" for other in others)


def _remembered(plan: Plan, back: pool.Pool, version: int) -> Iterator[str]:
    """The rules of a pool that keeps its clients: look, forget who left, choose, remember."""
    kept = persistence.of(back)
    assert kept is not None
    clients, saddr = _clients(back, version), f"{ruleset.IP[version]} saddr{kept.masked(version)}"
    here = ruleset.among(plan.mark(each) for each in plan.rotation(back, version).staying)
    yield f"meta mark set {saddr} map @{clients}"
    # An element that is there keeps its member when it is updated: it has to go first.
    yield f"meta mark != {here} delete @{clients} {{ {saddr} : meta mark }}"
    for choice in _choices(plan, back, version):
        yield f"meta mark != {here} meta mark set {choice}"
    yield f"update @{clients} {{ {saddr} timeout {kept.seconds}s : meta mark }}"


def _choices(plan: Plan, back: pool.Pool, version: int) -> Iterator[str]:
    """How one of the members that serve is chosen: expressions that give its mark, or one before the last nothing."""
    serving = {plan.numbers[each.id]: each for each in plan.rotation(back, version).serving}
    weights = {number: int(each.weight) for number, each in serving.items()}
    marks = {number: plan.mark(each) for number, each in serving.items()}
    if len(marks) == 1:
        yield next(iter(marks.values()))
        return
    saddr = f"{ruleset.IP[version]} saddr"
    match back.lb_algorithm:
        case pool.Algorithm.LEAST_CONNECTIONS:
            # As long as nothing is in the map, because nothing was counted yet, all have their turns.
            turning = _turnings(plan, back)[version]
            yield f"numgen inc mod {turning.size} map @{turning.name}"
            row = slots.turns(weights)
            way = f"numgen inc mod {len(row)}"
        case pool.Algorithm.ROUND_ROBIN:
            row = slots.turns(weights)
            way = f"numgen inc mod {len(row)}"
        case pool.Algorithm.SOURCE_IP:
            row = slots.homes(weights)
            way = f"jhash {saddr} mod {len(row)} seed {_SEED}"
        case pool.Algorithm.SOURCE_IP_PORT:
            row = slots.homes(weights)
            way = f"jhash {saddr} . th sport mod {len(row)} seed {_SEED}"
        case _:
            assert_never(back.lb_algorithm)
    yield f"{way} map {ruleset.mapping((str(slot), marks[number]) for slot, number in enumerate(row))}"


def _refusal(plan: Plan, fronts: Sequence[listener.Listener]) -> Iterator[str]:
    """Nobody in the namespace itself takes what is carried: what was not given to a member is for nobody.

    It must end here, and not with the kernel's own answer, which says the same: the kernel would remember the flow as
    one that is not translated, and never ask the rules again while its client goes on sending.

    A packet that looks into a map at the moment at which another takes its place finds nothing (so seen in Linux 6.18,
    once in some hundred changes at 9,000 connections a second). Where somebody serves its client is not refused:
    nothing is said, and what it sends next is given to a member.
    """
    rules = [rule for version in _families(plan.wanted) for rule in _spared(plan, fronts, version)]
    rules += ["meta l4proto { udp, sctp } ct state new reject with icmpx type port-unreachable"]
    rules += streams.ENDS if "TCP" in plan.part.transports else ()
    yield from ruleset.base("input", "filter hook input priority filter", rules)


def _spared(plan: Plan, fronts: Sequence[listener.Listener], version: int) -> Iterator[str]:
    """The rules that drop what begins a flow at a listener with members that serve."""
    found: dict[str, list[str]] = {}
    for front in fronts:
        back = enabled.pool_of(plan.wanted, front.default_pool_id)
        if back is not None and plan.rotation(back, version).serving:
            begins = streams.BEGINNING if streams.carried(front) else "ct state new"
            found.setdefault(begins, []).append(f"{_transport(front)} . {int(front.protocol_port)}")
    for begins, ends in found.items():
        among = f"meta l4proto . th dport {ruleset.among(ends)}"
        yield f"meta nfproto {ruleset.PROTOCOLS[version]} {among} {begins} drop"


def _forward(plan: Plan, backs: Sequence[pool.Pool]) -> Iterator[str]:
    rules = [
        f"ct state related ct direction reply {_UNREACHABLE[version]} "
        f"update @{REFUSED}_{ruleset.IP[version]} {{ {ruleset.IP[version]} saddr . ct reply proto-src }}"
        for version in _listening(plan, backs)
    ]
    # Every packet passes here: it is counted and let by in one rule. Where there is no room to count, by the last.
    rules += [
        "ct direction original ct status dnat update @inward { ct mark } accept",
        "ct direction reply ct status dnat update @outward { ct mark } accept",
        "ct status dnat accept",
    ]
    if any(back.preserve_client_ip and back.protocol.transport == "TCP" for back in backs):
        rules.append(streams.ASTRAY)
    yield from ruleset.base("forward", "filter hook forward priority filter", rules, policy="drop")


def _sources(plan: Plan, back: pool.Pool, version: int) -> Iterator[tuple[member.Member, str]]:
    """The members of a pool that are of an address family, each with the VIP it is spoken to from."""
    for each in plan.members.get((back.id, version), ()):
        vip = plan.wanted.loadbalancer.source(each.address, each.subnet_id)
        if vip is not None:
            yield each, _spelled(vip)


def _selves(plan: Plan, back: pool.Pool, version: int) -> Iterator[tuple[str, str]]:
    """Each member's address twice, as source and destination, with the VIP."""
    for each, vip in _sources(plan, back, version):
        own = _spelled(each.address)
        yield f"{own} . {own}", vip


def _exit(plan: Plan, backs: Sequence[pool.Pool]) -> Iterator[str]:
    """The VIP that each member is spoken to from, but of pools that preserve the client's address."""
    rules = []
    for version in ruleset.IP:
        ip = ruleset.IP[version]
        hidden = [end for back in backs if not back.preserve_client_ip for end in _sources(plan, back, version)]
        if hidden:
            rules.append(f"snat {ip} to meta mark map {ruleset.mapping((plan.mark(row), vip) for row, vip in hidden)}")
        # One who calls itself would not send what it answers.
        seen = {each: vip for back in backs if back.preserve_client_ip for each, vip in _selves(plan, back, version)}
        if seen:
            rules.append(f"snat {ip} to {ip} saddr . {ip} daddr map {ruleset.mapping(seen.items())}")
        # One whose VIP was not found, at the moment of a change, would be remembered with its client's address: see
        # `_refusal`.
        if hidden:
            marks = [
                plan.mark(each)
                for back in backs
                if back.preserve_client_ip
                for each, _ in _sources(plan, back, version)
            ]
            but = f" meta mark != {ruleset.among(marks)}" if marks else ""
            rules.append(f"ct status dnat meta nfproto {ruleset.PROTOCOLS[version]}{but} drop")
    yield from ruleset.base("postrouting", "nat hook postrouting priority srcnat", rules)
