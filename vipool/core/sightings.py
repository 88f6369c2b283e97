"""Which of the captured packets belong to one request, and where each of them was seen.

A packet keeps its TCP sequence number through every translation, and a datagram what it carries, so that the same one
is found at the next hop whatever its addresses are there; across a load balancer too whose kernel rewrites packets in
place. A proxy ends the connection and opens another: across it the request is recognised by its first bytes. Pure:
packets in, the packets of one request out. Does not say what their absence means: `core.loss` does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vipool.core import journey
from vipool.model import packet

_IN, _OUT = packet.Direction.IN, packet.Direction.OUT
_MOST_ATTEMPTS = 200
"""Connections to members that are looked at: on a busy load balancer most of them are other clients'."""

Station = tuple[str, packet.Direction]
"""A hop, and whether a packet goes into its machine or comes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The request to look for: the client's port and bytes that only this request has, where they are known.

    `answered` says that the client has an answer, whatever was captured; `fault` is what it was told instead.
    """

    port: int = 0
    token: bytes = b""
    answered: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a capture gave: packets in order of time, and the hops where it could look.

    `full` says that more packets passed than it could keep.
    """

    journey: journey.Journey
    packets: tuple[packet.Packet, ...]
    watched: frozenset[str]
    full: bool = False

    def at(self, station: Station) -> Iterable[packet.Packet]:
        """The packets of one station in order of time."""
        return (each for each in self.packets if (each.hop, each.direction) == station)

    def same(self, original: packet.Packet | None, station: Station) -> packet.Packet | None:
        """The first sighting of that very packet at a station, whatever its addresses are there."""
        if original is None:
            return None
        return next((each for each in self.at(station) if _same(each, original)), None)

    def reply(self, original: packet.Packet, station: Station, *, since: int = 0) -> Iterable[packet.Packet]:
        """The packets of the opposite direction of a connection, at a station of the same hop, since it was there.

        At one hop the kernel's times are in the order of cause and effect. So what came before is another's answer,
        when a connection is used again and again.
        """
        ends = (original.protocol, original.receiver, original.sender)
        after = max(since, original.at)
        found = (each for each in self.at(station) if each.at >= after)
        return (each for each in found if (each.protocol, each.sender, each.receiver) == ends)

    def report(self, original: packet.Packet, station: Station) -> packet.Packet | None:
        """The first error message (ICMP) about that very flow at a station of the same hop, since it was there."""
        about = (original.sport, *original.receiver)
        for each in self.at(station):
            if each.note and each.at >= original.at and (each.sport, each.about, each.dport) == about:
                return each
        return None

    @property
    def forward(self) -> tuple[Station, ...]:
        """The stations that were watched on the way from the client to the balancer."""
        gate = self.journey.gate
        inner = [(gate.inner_hop, _OUT)] if gate else []
        outer: list[Station] = [(journey.Place.OUTSIDE, _IN)] if gate else []
        stations: list[Station] = [(journey.Place.CLIENT, _OUT), *outer, *inner, (journey.Place.BALANCER, _IN)]
        return tuple(each for each in stations if each[0] in self.watched)

    @property
    def backward(self) -> tuple[Station, ...]:
        """The stations that were watched on the way from the balancer back to the client."""
        return tuple((hop, _OUT if direction is _IN else _IN) for hop, direction in reversed(self.forward))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """One request as it was seen.

    `opening` is the packet that begins the connection (or the first of a connection that was open before), `request`
    the first with data; `arrived` is the later of the two at the balancer. `sent` is the request on its way to a
    member, `answer` the member's first data at the balancer, `returned` the balancer's first data to the client.
    `attempts` are the connections asked of members meanwhile: those of a proxy, or the client's own passed on.
    """

    opening: packet.Packet | None = None
    request: packet.Packet | None = None
    arrived: packet.Packet | None = None
    sent: packet.Packet | None = None
    answer: packet.Packet | None = None
    returned: packet.Packet | None = None
    attempts: tuple[packet.Packet, ...] = ()

    @property
    def probe(self) -> packet.Packet | None:
        """The packet to follow: the request, or what should have opened the way for it."""
        return self.request or self.opening

    @property
    def in_place(self) -> bool:
        """Whether what went to the member is the packet that came, with other addresses: no proxy made it."""
        return self.sent is not None and self.arrived is not None and _rewritten(self.sent, self.arrived)

    @property
    def client_kept(self) -> bool:
        """Whether the member sees the client's own address: only the destination was rewritten."""
        return self.sent is not None and self.arrived is not None and self.sent.source == self.arrived.source


def gather(evidence: Evidence, ask: Ask) -> Sightings:
    """The packets of the first request that fits."""
    opening = _opening(evidence, ask)
    if opening is None:
        return Sightings()
    request = _request(evidence, opening)
    balancer: Station = (journey.Place.BALANCER, _IN)
    arrived = evidence.same(request or opening, balancer)
    if arrived is None:
        return Sightings(opening=opening, request=request)
    began = evidence.same(opening, balancer) or arrived
    attempts = _attempts(evidence, began)
    sent, answer = _member_side(evidence, arrived, attempts, ask.token)
    returned = _returned(evidence, arrived, answer)
    return Sightings(
        opening=opening,
        request=request,
        arrived=arrived,
        sent=sent,
        answer=answer,
        returned=returned,
        attempts=tuple(each for each in attempts if returned is None or each.at <= returned.at),
    )


def _same(one: packet.Packet, other: packet.Packet) -> bool:
    """Whether it is one packet, seen at two hops. Between machines, one of its ports at most is another there."""
    marks = {packet.Flag.SYN, packet.Flag.RST}
    ports = (one.sport == other.sport, one.dport == other.dport)
    return (
        one.protocol is other.protocol
        and one.sequence == other.sequence
        and one.flags & marks == other.flags & marks
        and bool(one.length) == bool(other.length)
        and (any(ports) if one.sequence else all(ports))
        and (one.protocol is not packet.Protocol.UDP or _reads_as(one, other))
    )


def _reads_as(one: packet.Packet, other: packet.Packet) -> bool:
    # A datagram has a number of 16 bits, and over IPv6 none, so that what it carries must be the same too.
    return (one.length, one.payload) == (other.length, other.payload)


def _rewritten(sent: packet.Packet, arrived: packet.Packet) -> bool:
    """Whether a packet to a member is one that came, whichever port it comes from."""
    if sent.sequence != arrived.sequence:
        return False
    if arrived.protocol is packet.Protocol.TCP:
        return sent.opens == arrived.opens and sent.speaks == arrived.speaks
    return _reads_as(sent, arrived) and (sent.sport == arrived.sport or arrived.sequence > 0)


def _opening(evidence: Evidence, ask: Ask) -> packet.Packet | None:
    """The first sign of the request at the first station that was watched.

    A packet that carries neither SYN nor data is of no use: it belongs to a connection whose request is past.
    """
    if not evidence.forward:
        return None
    station = evidence.forward[0]
    untouched = station in {(journey.Place.CLIENT, _OUT), (journey.Place.OUTSIDE, _IN)}
    address = evidence.journey.asked if untouched else evidence.journey.vip
    target = (address, evidence.journey.port)
    for each in evidence.at(station):
        useful = each.protocol is evidence.journey.protocol and (each.opens or each.speaks)
        if useful and each.receiver == target and ask.port in {0, each.sport}:
            return each
    return None


def _request(evidence: Evidence, opening: packet.Packet) -> packet.Packet | None:
    ends = (opening.sender, opening.receiver)
    for each in evidence.at((opening.hop, opening.direction)):
        ours = each.protocol is opening.protocol and (each.sender, each.receiver) == ends
        if ours and each.speaks and each.at >= opening.at:
            return each
    return None


def _attempts(evidence: Evidence, began: packet.Packet) -> tuple[packet.Packet, ...]:
    """The connections that members were asked for since the request began, repetitions too."""
    towards = (each for each in _towards_members(evidence, began) if each.opens)
    found = tuple(itertools.islice(towards, _MOST_ATTEMPTS))
    # Where the client's own SYN went on, every other is another client's, or a health check's.
    return tuple(each for each in found if _rewritten(each, began)) or found


def _towards_members(evidence: Evidence, since: packet.Packet) -> Iterable[packet.Packet]:
    """What left the balancer for members since the packet came there, over the same protocol."""
    members = {member.endpoint for member in evidence.journey.members}
    for each in evidence.at((journey.Place.BALANCER, _OUT)):
        if each.protocol is since.protocol and each.receiver in members and each.at >= since.at:
            yield each


def _member_side(
    evidence: Evidence, arrived: packet.Packet, attempts: Sequence[packet.Packet], token: bytes
) -> tuple[packet.Packet | None, packet.Packet | None]:
    """The request as it went to a member, and the answer. Of several tries the one that was answered, else the last."""
    whole = list(_tries(evidence, arrived, token))
    # The very packet, if it is among them: others may say the same, to a server of datagrams for instance.
    tries = [each for each in whole if _rewritten(each, arrived)] or whole
    # A request in clear leaves as it came: anything else that goes to a member then is a health check's, and so is what
    # goes to one while the client waits for its connection.
    if not tries and b" HTTP/1." not in arrived.payload and _is_taken(evidence, arrived):
        tries = list(_unrecognised(evidence, attempts))
    balancer: Station = (journey.Place.BALANCER, _IN)
    for each in tries:
        for reply in evidence.reply(each, balancer):
            if reply.speaks:
                return each, reply
    return (tries[-1] if tries else None), None


def _is_taken(evidence: Evidence, arrived: packet.Packet) -> bool:
    """Whether the balancer granted the client its connection."""
    if not arrived.opens:
        return True
    return any(each.accepts for each in evidence.reply(arrived, (journey.Place.BALANCER, _OUT)))


def _tries(evidence: Evidence, arrived: packet.Packet, token: bytes) -> Iterable[packet.Packet]:
    needle = token if token and token in arrived.payload else arrived.payload.split(b"\r\n")[0][:64]
    for each in _towards_members(evidence, arrived):
        if (needle and needle in each.payload) or _rewritten(each, arrived):
            yield each


def _unrecognised(evidence: Evidence, attempts: Sequence[packet.Packet]) -> Iterable[packet.Packet]:
    """What went to members on connections made for this request, when its bytes are not those that came.

    So it is where the balancer ends TLS, or where the server speaks first.
    """
    for attempt in attempts:
        ends = (attempt.sender, attempt.receiver)
        for each in evidence.at((journey.Place.BALANCER, _OUT)):
            if each.length and (each.sender, each.receiver) == ends:
                yield each
                break
        else:
            if any(reply.length for reply in evidence.reply(attempt, (journey.Place.BALANCER, _IN))):
                yield attempt


def _returned(evidence: Evidence, arrived: packet.Packet, answer: packet.Packet | None) -> packet.Packet | None:
    since = answer.at if answer else arrived.at
    replies = evidence.reply(arrived, (journey.Place.BALANCER, _OUT), since=since)
    return next((each for each in replies if each.speaks), None)
