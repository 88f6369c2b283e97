"""Where a request was lost, and why, as far as packets tell.

`find` walks the way of a request from the client to the member and back and stops at the first place that it did not
leave. It names the last place where the packet was and what was seen there instead: a refusal, silence, a question for
an address that nobody answered. Pure. It guesses nothing from configuration that the packets do not show.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from vipool.core import journey, sightings
from vipool.model import packet

_IN, _OUT = packet.Direction.IN, packet.Direction.OUT
_Place = journey.Place

_REACTION = 100_000_000
"""Nanoseconds after which a member that said nothing is called silent, once the request was answered elsewhere."""

_NOBODY_LISTENS = "port unreachable"
"""The error message of a host where nobody takes what comes to a port (RFC 1122 section 4.1.3.1)."""


class Where(enum.StrEnum):
    """The part of the way on which a request was lost."""

    CLIENT = "client"
    CLIENT_TO_ROUTER = "client to router"
    CLIENT_TO_BALANCER = "client to load balancer"
    ROUTER = "router"
    ROUTER_TO_BALANCER = "router to load balancer"
    BALANCER = "load balancer"
    BALANCER_TO_MEMBER = "load balancer to member"
    MEMBER = "member"
    MEMBER_TO_BALANCER = "member to load balancer"
    BALANCER_TO_ROUTER = "load balancer to router"
    WAY_BACK = "way back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Where it was lost, and a sentence that says what was seen there."""

    where: Where
    sentence: str


def find(evidence: sightings.Evidence, seen: sightings.Sightings) -> Loss | None:
    """The loss, or None for a request that was answered as far as could be watched."""
    if seen.opening is None or seen.probe is None:
        return _nothing_asked(evidence)
    if seen.arrived is None:
        return _towards_balancer(evidence, seen.probe)
    if seen.request is None and seen.returned is None:
        passed = _passed_on(evidence, seen, seen.sent) if seen.sent and seen.in_place else None
        return passed or _handshake(evidence, seen, seen.arrived)
    datagram = seen.arrived.protocol is packet.Protocol.UDP
    if seen.sent is None:
        kept = _datagram_kept if datagram else _no_member
        return kept(evidence, seen, seen.arrived)
    if seen.answer is None:
        unanswered = _datagram_unanswered if datagram else _member_silent
        return unanswered(evidence, seen, seen.sent)
    if seen.returned is None:
        sentence = "The load balancer has the member's answer and did not pass it on to the client."
        return Loss(where=Where.BALANCER, sentence=sentence)
    return _way_back(evidence, seen.returned, "answer")


def tried(evidence: sightings.Evidence, seen: sightings.Sightings) -> tuple[str, ...]:
    """What became of the members that were asked in vain before, in sentences."""
    used = seen.sent.sender if seen.sent else None
    wasted = [each for each in seen.attempts if each.sender != used and _patience(evidence, seen, each)]
    sentences = (_attempt(evidence, endpoint, wasted) for endpoint in dict.fromkeys(each.receiver for each in wasted))
    return tuple(each for each in sentences if each)


def _patience(evidence: sightings.Evidence, seen: sightings.Sightings, attempt: packet.Packet) -> bool:
    """Whether the member had the time to react: on a busy load balancer another client's attempt may just be made."""
    if seen.returned is None or seen.returned.at - attempt.at > _REACTION:
        return True
    return any(each.resets for each in evidence.reply(attempt, (_Place.BALANCER, _IN)))


def _nothing_asked(evidence: sightings.Evidence) -> Loss:
    asked = packet.endpoint(*evidence.journey.target)
    if evidence.forward and evidence.forward[0][0] == _Place.CLIENT:
        question = _unanswered(evidence, (_Place.CLIENT, _OUT), [evidence.journey.asked])
        if question:
            gate = evidence.journey.gate
            holder = "no router holds it" if gate else "nobody on its network holds it"
            where = Where.CLIENT_TO_ROUTER if gate else Where.CLIENT_TO_BALANCER
            return Loss(where=where, sentence=f"The client asked who has {question}, and nobody answered: {holder}.")
        return Loss(where=Where.CLIENT, sentence=f"No packet for {asked} left the client.")
    return Loss(where=Where.CLIENT, sentence=f"No request for {asked} came by.")


def _towards_balancer(evidence: sightings.Evidence, probe: packet.Packet) -> Loss:
    """The probe never came to the balancer: between which two stations was it lost?"""
    last, where = probe, evidence.forward[0]
    for station in evidence.forward[1:]:
        found = evidence.same(probe, station)
        if found is None:
            return _between(evidence, last, where, station)
        last, where = found, station
    what = _name(last)
    sentence = f"{what} was seen at the {where[0]}, and where it went from there could not be watched."
    return Loss(where=Where.ROUTER_TO_BALANCER, sentence=sentence)


def _between(
    evidence: sightings.Evidence, last: packet.Packet, here: sightings.Station, following: sightings.Station
) -> Loss:
    gate = evidence.journey.gate
    what, towards = _name(last), packet.endpoint(*last.receiver)
    if here == (_Place.OUTSIDE, _IN) and gate is not None:
        return _inside_router(evidence, last)
    if here[0] == _Place.CLIENT and gate is not None:
        sentence = f"{what} left the client for {towards} and never reached the router."
        return Loss(where=Where.CLIENT_TO_ROUTER, sentence=sentence)
    if here[0] == _Place.CLIENT:
        sentence = f"{what} left the client for {towards} and never reached the load balancer."
        return Loss(where=Where.CLIENT_TO_BALANCER, sentence=sentence)
    sentence = f"{what} left the router towards {towards} and never reached the {following[0]}."
    return Loss(where=Where.ROUTER_TO_BALANCER, sentence=sentence)


def _inside_router(evidence: sightings.Evidence, last: packet.Packet) -> Loss:
    """The router took the packet and did not pass it on."""
    gate, asked, vip = evidence.journey.gate, evidence.journey.asked, evidence.journey.vip
    assert gate is not None
    question = _unanswered(evidence, (gate.inner_hop, _OUT), [vip])
    if question:
        sentence = f"The router asked who has {question}, and nobody answered: it is not on that network."
        return Loss(where=Where.ROUTER_TO_BALANCER, sentence=sentence)
    back: sightings.Station = (_Place.OUTSIDE, _OUT)
    refused = next((each for each in evidence.reply(last, back) if each.resets), None)
    report = next((each for each in evidence.at(back) if each.note and each.about in {asked, vip}), None)
    name = _name(last)
    if refused is not None and gate.translates:
        reason = f"the router itself answered RST: it has no floating IP for {asked}, so the address was its own"
    elif refused is not None:
        reason = "the router answered RST"
    elif report is not None:
        reason = f"the router answered “{report.note}” (ICMP) for {report.about}"
        reason += f": it has no floating IP for {asked}" if gate.translates and report.about == asked else ""
    elif gate.translates:
        reason = f"never left on the other side: the router has no floating IP for {asked}, or its rules drop it"
    else:
        reason = f"never left on the other side: the router has no route to {asked}, or its rules drop it"
    joint = " and " if reason.startswith("never") else ", and "
    return Loss(where=Where.ROUTER, sentence=f"{name} reached the router{joint}{reason}.")


def _handshake(evidence: sightings.Evidence, seen: sightings.Sightings, arrived: packet.Packet) -> Loss:
    """The SYN came to the balancer, and no data ever did."""
    port = evidence.journey.port
    replies = list(evidence.reply(arrived, (_Place.BALANCER, _OUT)))
    accepted = next((each for each in replies if each.accepts), None)
    if accepted is not None:
        back = _way_back(evidence, accepted, "SYN-ACK")
        return back or Loss(where=Where.CLIENT, sentence="The connection was opened, and the client sent nothing.")
    if any(each.resets for each in replies):
        listener = evidence.journey.listener
        if listener is None:
            sentence = f"The load balancer has no listener on port {port}: it answered RST."
        else:
            sentence = f"The load balancer answered RST: nothing accepts on port {port}, listener {listener} or not."
        return Loss(where=Where.BALANCER, sentence=sentence)
    questions = _questions(evidence, (_Place.BALANCER, _OUT))
    members = {each.address for each in evidence.journey.members} - {arrived.source}
    gates = [each for each in questions if each not in members]
    if gates:
        asked = arrived.source if arrived.source in gates else gates[0]
        sentence = f"The load balancer cannot answer: it asked who has {asked}, its way back, and nobody answered."
        return Loss(where=Where.BALANCER_TO_ROUTER, sentence=sentence)
    if questions:
        return Loss(where=Where.BALANCER_TO_MEMBER, sentence=_nobody_has(questions[0]))
    sentence = f"The SYN reached the load balancer, which answered nothing on port {port}."
    return Loss(where=Where.BALANCER, sentence=sentence + _turned_away(evidence, arrived))


def _nobody_has(address: str) -> str:
    return f"The load balancer asked who has {address}, and nobody answered."


def _turned_away(evidence: sightings.Evidence, arrived: packet.Packet) -> str:
    """Why the listener may not have let it in, as far as what it is set to tells; empty when it does not."""
    way = evidence.journey
    source = ipaddress.ip_address(arrived.source)
    if way.allowed and not any(source in ipaddress.ip_network(each, strict=False) for each in way.allowed):
        return f" Listener {way.listener} allows only {', '.join(way.allowed)}, and {source} is in none of these."
    if way.limit >= 0:
        return f" Listener {way.listener} takes {way.limit} at a time: they may be taken."
    return ""


def _passed_on(evidence: sightings.Evidence, seen: sightings.Sightings, sent: packet.Packet) -> Loss | None:
    """The client's own SYN went on to a member; None where the SYN-ACK that came back went on to the client."""
    if seen.arrived and any(each.accepts for each in evidence.reply(seen.arrived, (_Place.BALANCER, _OUT))):
        return None
    label, hop = _whom(evidence, sent)
    refusal = _attempt(evidence, sent.receiver, seen.attempts)
    if not refusal:
        sentence = "The load balancer has the member's SYN-ACK and did not pass it on to the client."
        return Loss(where=Where.BALANCER, sentence=sentence)
    if any(each.accepts for each in evidence.reply(sent, (hop, _OUT))):
        return _strayed(seen, f"{label} accepted the connection, and its SYN-ACK never reached the load balancer.")
    return Loss(where=Where.BALANCER_TO_MEMBER, sentence=refusal)


def _strayed(seen: sightings.Sightings, sentence: str) -> Loss:
    """What a member answered did not come to the balancer: why not, where it was for the client itself."""
    why = " It went to the client's own address: the way there must lead through the load balancer."
    return Loss(where=Where.MEMBER_TO_BALANCER, sentence=sentence + (why if seen.client_kept else ""))


def _whom(evidence: sightings.Evidence, sent: packet.Packet) -> tuple[str, str]:
    """What to call the member that a packet goes to, and its hop."""
    member = evidence.journey.member_at(sent.receiver)
    return (member.label, member.hop) if member else (packet.endpoint(*sent.receiver), "")


def _no_member(evidence: sightings.Evidence, seen: sightings.Sightings, arrived: packet.Packet) -> Loss | None:
    """The balancer took the request, and no member received it."""
    reasons = tried(evidence, seen)
    members = [each.address for each in evidence.journey.members]
    question = _unanswered(evidence, (_Place.BALANCER, _OUT), members)
    if question in members:
        reasons += (_nobody_has(question),)
    where = Where.BALANCER_TO_MEMBER if reasons else Where.BALANCER
    returned = seen.returned
    if returned is None:
        closed = any(each.resets for each in evidence.reply(arrived, (_Place.BALANCER, _OUT)))
        end = "The load balancer ended the connection." if closed else "The load balancer did not answer the client."
        asked = reasons or ("The load balancer took the request and asked no member.",)
        why = "" if reasons else _turned_away(evidence, arrived)
        return Loss(where=where, sentence=" ".join((*asked, end)) + why)
    line = first_line(returned)
    if not reasons and not is_failure(line):
        return _way_back(evidence, returned, "answer")
    none = "The load balancer asked no member: none is up, or the listener has no pool."
    return Loss(
        where=where, sentence=" ".join((*(reasons or (none,)), f"The load balancer answered by itself: {line}"))
    )


def _member_silent(evidence: sightings.Evidence, seen: sightings.Sightings, sent: packet.Packet) -> Loss:
    """The request left for a member, and the balancer got no answer."""
    label, hop = _whom(evidence, sent)
    own = f" The load balancer answered by itself: {first_line(seen.returned)}" if seen.returned else ""
    replies = list(evidence.reply(sent, (_Place.BALANCER, _IN)))
    if any(each.resets for each in replies):
        return Loss(where=Where.MEMBER, sentence=f"{label} took the request and broke the connection (RST).{own}")
    if any(packet.Flag.FIN in each.flags for each in replies):
        return Loss(where=Where.MEMBER, sentence=f"{label} took the request and closed without an answer.{own}")
    if hop in evidence.watched and evidence.same(sent, (hop, _IN)) is None:
        sentence = f"The request left the load balancer for {label} and never reached it.{own}"
        return Loss(where=Where.BALANCER_TO_MEMBER, sentence=sentence)
    if any(each.length for each in evidence.reply(sent, (hop, _OUT))):
        return _strayed(seen, f"{label} answered, and its answer never reached the load balancer.{own}")
    if not replies:
        sentence = f"The request went to {label}, and nothing came back, not even an acknowledgement.{own}"
        return Loss(where=Where.MEMBER, sentence=sentence)
    return Loss(where=Where.MEMBER, sentence=f"{label} took the request and did not answer in time.{own}")


def _datagram_kept(evidence: sightings.Evidence, seen: sightings.Sightings, arrived: packet.Packet) -> Loss | None:
    """The datagram came to the balancer, and no member received it."""
    way = evidence.journey
    if seen.returned is not None:
        return _way_back(evidence, seen.returned, "answer")
    report = evidence.report(arrived, (_Place.BALANCER, _OUT))
    if report is not None and report.note == _NOBODY_LISTENS:
        reason = f"no member of listener {way.listener} serves" if way.listener else "it has no listener there"
        sentence = f"The load balancer answered “{report.note}” (ICMP) for UDP port {way.port}: {reason}."
        return Loss(where=Where.BALANCER, sentence=sentence)
    members = [each.address for each in way.members]
    question = _unanswered(evidence, (_Place.BALANCER, _OUT), members)
    if question in members:
        return Loss(where=Where.BALANCER_TO_MEMBER, sentence=_nobody_has(question))
    said = f"“{report.note}” (ICMP)" if report else "nothing"
    sentence = f"The load balancer received the request, passed it to no member and answered {said}."
    return Loss(where=Where.BALANCER, sentence=sentence + _turned_away(evidence, arrived))


def _datagram_unanswered(evidence: sightings.Evidence, seen: sightings.Sightings, sent: packet.Packet) -> Loss:
    """The datagram left for a member, and the balancer got no answer."""
    label, hop = _whom(evidence, sent)
    report = evidence.report(sent, (_Place.BALANCER, _IN))
    if report is not None:
        return Loss(where=Where.BALANCER_TO_MEMBER, sentence=_reported(label, sent, report))
    if hop in evidence.watched and evidence.same(sent, (hop, _IN)) is None:
        sentence = f"The request left the load balancer for {label} and never reached it."
        return Loss(where=Where.BALANCER_TO_MEMBER, sentence=sentence)
    if any(each.speaks for each in evidence.reply(sent, (hop, _OUT))):
        return _strayed(seen, f"{label} answered, and its answer never reached the load balancer.")
    arrived = f"{label} received the request" if hop in evidence.watched else f"The request went to {label}"
    return Loss(where=Where.MEMBER, sentence=f"{arrived}, and no answer came: there are datagrams that get none.")


def _reported(label: str, sent: packet.Packet, report: packet.Packet) -> str:
    """What an error message says of a packet that was sent to a member."""
    if report.source != sent.destination:
        return f"{label} cannot be reached: {report.source} answered “{report.note}” (ICMP)."
    reason = "nothing listens there" if report.note == _NOBODY_LISTENS else "it takes no such packets"
    return f"{label} answered “{report.note}” (ICMP): {reason}."


def _way_back(evidence: sightings.Evidence, answer: packet.Packet, what: str) -> Loss | None:
    last = f"The {what} left the load balancer"
    for hop, direction in evidence.backward[1:]:  # the first is where it was found
        found = evidence.same(answer, (hop, direction)) is not None
        if hop == _Place.CLIENT:
            reached, missed = last, "never reached the client"
        elif direction is _IN:
            reached, missed = f"The {what} reached the router", "never reached the router"
        else:
            reached, missed = f"The {what} left the router for the client", "never left it on the other side"
        if not found:
            return Loss(where=Where.WAY_BACK, sentence=f"{last} and {missed}.")
        last = reached
    return None


def _attempt(evidence: sightings.Evidence, endpoint: tuple[str, int], attempts: Iterable[packet.Packet]) -> str:
    """What became of the connections asked of one member; empty for those that were accepted."""
    member = evidence.journey.member_at(endpoint)
    label = member.label if member else packet.endpoint(*endpoint)
    mine = [each for each in attempts if each.receiver == endpoint]
    replies = [reply for each in mine for reply in evidence.reply(each, (_Place.BALANCER, _IN))]
    if any(each.accepts for each in replies):
        return ""
    if any(each.resets for each in replies):
        return f"{label} refused the connection (RST): nothing listens there."
    reports = evidence.at((_Place.BALANCER, _IN))
    report = next((each for each in reports if each.note and each.about == endpoint[0]), None)
    if report is not None:
        return f"{label} cannot be reached: {report.source} answered “{report.note}” (ICMP)."
    times = f"sent {len(mine)} times" if len(mine) > 1 else "sent once"
    if member and member.hop in evidence.watched:
        arrived = any(evidence.same(each, (member.hop, _IN)) for each in mine)
        ending = "it arrived there, no answer" if arrived else "it never arrived there"
    else:
        ending = "no answer"
    return f"{label} did not answer: SYN {times}, {ending}."


def _unanswered(evidence: sightings.Evidence, station: sightings.Station, likely: Iterable[str]) -> str | None:
    """An address that was asked for at a station, and that nobody answered for.

    One of the likely ones where there are several: machines ask for other addresses too.
    """
    questions = _questions(evidence, station)
    return next((each for each in likely if each in questions), questions[0] if questions else None)


def _questions(evidence: sightings.Evidence, station: sightings.Station) -> list[str]:
    """The addresses that were asked for at a station (ARP, neighbour discovery), and that nobody answered for."""
    opposite: sightings.Station = (station[0], _OUT if station[1] is _IN else _IN)
    answered = {
        each.destination
        for each in evidence.at(opposite)
        if each.protocol is packet.Protocol.NEIGHBOUR and not each.asking
    }
    # Who announces an address (RFC 5227 section 3) or looks whether it is free (RFC 4862 section 5.4) is not asking.
    return [
        each.destination
        for each in evidence.at(station)
        if each.protocol is packet.Protocol.NEIGHBOUR and each.asking and each.destination not in answered
        if each.source not in {each.destination, "::", "0.0.0.0"}
    ]


def _name(probe: packet.Packet) -> str:
    return "The SYN" if probe.opens else "The request"


def first_line(answer: packet.Packet | None) -> str:
    """The first line of an answer as text a terminal can show; the length of one that is not text."""
    if answer is None:
        return ""
    line = answer.payload.split(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")
    return line[:120] if line.isprintable() else f"{answer.length} bytes"


def is_failure(line: str) -> bool:
    """Whether it is the status line of a server error (RFC 9110 section 15.6)."""
    words = line.split()
    return len(words) > 1 and words[0].startswith("HTTP/") and words[1].startswith("5")
