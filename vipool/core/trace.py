"""The steps a request really took, told in the order and the words of the classic picture.

`tell` takes what was captured on a journey and gives a `Trace`: numbered steps with real addresses and times, the
member that answered and how it was chosen, or where the request was lost. With a floating IP in front there are ten
steps, whether a proxy carries the request or the kernel rewrites its packets. Pure: it captures and prints nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from vipool.core import journey, loss, sightings
from vipool.model import packet

_IN, _OUT = packet.Direction.IN, packet.Direction.OUT
_Place = journey.Place


class Leg(enum.StrEnum):
    """Which half of the way a step belongs to."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `at` is in nanoseconds since the request left (or first showed itself); None where nobody could watch.

    `source` and `destination` are those of the packet as it was at `hop`; `carries` is "SYN" or "data".
    """

    number: int
    leg: Leg
    hop: str
    sentence: str
    at: int | None = None
    source: str = ""
    destination: str = ""
    carries: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One request. Durations are in nanoseconds; `duration` is None without an answer. `answer` is its first line.

    `member` is what answered, or was asked last, and `why` how it was chosen. `opened` is how long the connection took;
    datagrams need none.
    """

    target: str
    client: str
    steps: tuple[Step, ...]
    loss: loss.Loss | None
    member: str = ""
    why: str = ""
    answer: str = ""
    opened: int | None = None
    duration: int | None = None
    notes: tuple[str, ...] = ()
    protocol: packet.Protocol = packet.Protocol.TCP

    @property
    def answered(self) -> bool:
        """Whether the client's request was answered."""
        return self.loss is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A step that should have been: `packet` is None when it was not seen at `station`."""

    leg: Leg
    station: sightings.Station
    packet: packet.Packet | None
    sentence: str


def tell(evidence: sightings.Evidence, ask: sightings.Ask) -> Trace:
    """The trace of the first request that fits."""
    seen = sightings.gather(evidence, ask)
    way = evidence.journey
    drafts = list(_request_drafts(evidence, seen)) + list(_answer_drafts(evidence, seen))
    lost = loss.find(evidence, seen)
    notes = [*_notes(evidence, seen)]
    if lost is not None and ask.answered:
        # The client knows better than a capture that was cut short, or that missed a hop.
        notes.append(f"Not everything was seen: {lost.sentence}")
        lost = None
    if lost is not None and ask.fault:
        notes.append(f"The client was told: {ask.fault}.")
    member = way.member_at(seen.sent.receiver) if seen.sent else None
    steps = tuple(_steps(evidence, drafts, _start(seen)))
    last = next((step.at for step in reversed(steps) if step.leg is Leg.ANSWER and step.at is not None), None)
    return Trace(
        target=packet.endpoint(*way.target),
        client=packet.endpoint(*seen.opening.sender) if seen.opening else "",
        steps=steps,
        loss=lost,
        member=member.label if member else "",
        why=way.why,
        answer=loss.first_line(seen.returned),
        opened=_opened(evidence, seen),
        duration=last,
        notes=tuple(notes),
        protocol=way.protocol,
    )


def _start(seen: sightings.Sightings) -> int:
    return seen.probe.at if seen.probe else 0


def _request_drafts(evidence: sightings.Evidence, seen: sightings.Sightings) -> Iterator[_Draft]:
    way, gate, probe = evidence.journey, evidence.journey.gate, seen.probe
    what = "The request" if probe is None or not probe.opens else "The SYN"

    def draft(place: str, direction: packet.Direction, found: packet.Packet | None, sentence: str) -> _Draft:
        return _Draft(leg=Leg.REQUEST, station=(place, direction), packet=found, sentence=sentence)

    if gate is not None:
        entered, left = (_Place.OUTSIDE, _IN), (gate.inner_hop, _OUT)
        yield draft(*entered, evidence.same(probe, entered), f"{what} reaches the router,")
        turned = f"sets the destination to the VIP {way.vip}." if gate.translates else "forwards it to the VIP."
        yield draft(*left, evidence.same(probe, left), f"which {turned}")
    elif way.client is not None:
        departed = evidence.same(probe, (_Place.CLIENT, _OUT))
        yield draft(_Place.CLIENT, _OUT, departed, f"{what} leaves the client for the VIP.")
    yield draft(_Place.BALANCER, _IN, seen.arrived, _choice(evidence, seen))
    sent = seen.sent
    if sent is None:
        return
    member = way.member_at(sent.receiver)
    name = (member.name or member.address) if member else sent.destination
    yield draft(_Place.BALANCER, _OUT, sent, _turn(evidence, seen, sent))
    hop = member.hop if member else ""
    yield draft(hop, _IN, evidence.same(sent, (hop, _IN)), f"and {name} receives it.")


def _turn(evidence: sightings.Evidence, seen: sightings.Sightings, sent: packet.Packet) -> str:
    """What the balancer makes of the source."""
    way = evidence.journey
    port = ""
    if seen.in_place and seen.arrived is not None:
        kept = sent.sport == seen.arrived.sport
        port = ", keeping the port" if kept else ", on another port as the client's is taken"
    if seen.client_kept:
        return f"It leaves the client's address as the source{port},"
    if sent.source in way.vips:
        return f"It makes {_vip(way, sent)} the source{port}, so that the answer comes back to it,"
    return f"It makes {sent.source} the source{port},"


def _vip(way: journey.Journey, sent: packet.Packet) -> str:
    """What to call the VIP that a member is spoken to from."""
    return "the VIP" if sent.source == way.vip else f"its VIP {sent.source}"


def _choice(evidence: sightings.Evidence, seen: sightings.Sightings) -> str:
    """What the balancer makes of the request."""
    it = "The load balancer there" if evidence.journey.gate else "The load balancer"
    if seen.sent is not None:
        member = evidence.journey.member_at(seen.sent.receiver)
        why = f" ({evidence.journey.why})" if evidence.journey.why else ""
        label = member.label if member else packet.endpoint(*seen.sent.receiver)
        return f"{it} picks {label}{why} and makes it the destination."
    if seen.returned is not None:
        return f"{it} takes it, and answers by itself."
    return f"{it} receives it."


def _answer_drafts(evidence: sightings.Evidence, seen: sightings.Sightings) -> Iterator[_Draft]:
    way, gate, returned = evidence.journey, evidence.journey.gate, seen.returned

    def draft(place: str, direction: packet.Direction, found: packet.Packet | None, sentence: str) -> _Draft:
        return _Draft(leg=Leg.ANSWER, station=(place, direction), packet=found, sentence=sentence)

    if seen.answer is not None:
        member = way.member_at(seen.answer.sender)
        name = (member.name or member.address) if member else seen.answer.source
        hop = member.hop if member else ""
        left = evidence.same(seen.answer, (hop, _OUT))
        whom = "the client, by way of the load balancer" if seen.client_kept else "the VIP"
        if left is not None:
            yield draft(hop, _OUT, left, f"{name} answers {whom}.")
        else:
            yield draft(_Place.BALANCER, _IN, seen.answer, f"{name} answers {whom}.")
    if returned is None:
        return
    turned = "The load balancer makes the client the destination and the VIP the source,"
    if seen.client_kept:
        turned = "The load balancer leaves the client as the destination and makes the VIP the source,"
    own = "The load balancer answers the client by itself, with the VIP as the source,"
    yield draft(_Place.BALANCER, _OUT, returned, turned if seen.answer else own)
    if gate is not None:
        entered, left_station = (gate.inner_hop, _IN), (_Place.OUTSIDE, _OUT)
        yield draft(*entered, evidence.same(returned, entered), "sends it to the router,")
        restored = f"which restores the source {way.asked}," if gate.translates else "which forwards it,"
        yield draft(*left_station, evidence.same(returned, left_station), restored)
    if way.client is not None:
        yield draft(_Place.CLIENT, _IN, evidence.same(returned, (_Place.CLIENT, _IN)), "and the client has it.")


def _steps(evidence: sightings.Evidence, drafts: list[_Draft], start: int) -> Iterator[Step]:
    """The drafts that happened, up to the first that should have been seen on its leg and was not."""
    missed: set[Leg] = set()
    number = 0
    for each in drafts:
        if each.leg in missed or (each.packet is None and each.station[0] in evidence.watched):
            missed.add(each.leg)
            continue
        number += 1
        found = each.packet
        if found is None:
            yield Step(number=number, leg=each.leg, hop=each.station[0], sentence=each.sentence)
            continue
        yield Step(
            number=number,
            leg=each.leg,
            hop=each.station[0],
            sentence=each.sentence,
            at=found.at - start,
            source=packet.endpoint(*found.sender),
            destination=packet.endpoint(*found.receiver),
            carries="data" if found.speaks else "SYN",
        )


def _opened(evidence: sightings.Evidence, seen: sightings.Sightings) -> int | None:
    """How long the connection took to open, at the first place that was watched."""
    opening = seen.opening
    if opening is None or not opening.opens:
        return None
    for each in evidence.reply(opening, evidence.backward[-1]):
        if each.accepts:
            return each.at - opening.at
    return None


def _notes(evidence: sightings.Evidence, seen: sightings.Sightings) -> Iterator[str]:
    hidden = [f"{device} ({hop})" for hop, device in evidence.journey.devices if hop not in evidence.watched]
    if hidden:
        yield f"Not watched, as there is no such device on this machine: {', '.join(hidden)}."
    if evidence.full:
        yield "There was so much traffic that not every packet was captured."
    if seen.answer is not None:
        yield from (f"Before that: {each}" for each in loss.tried(evidence, seen))
        proxied = evidence.journey.protocol is packet.Protocol.TCP and not seen.in_place
        if proxied and not any(each.sender == seen.sent.sender for each in seen.attempts if seen.sent):
            yield "The load balancer used a connection to the member that was open already."
