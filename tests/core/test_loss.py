"""Each way to lose a request has its own sentence. Packets of a recorded answer are left out, or others put in."""

from __future__ import annotations

import dataclasses

from tests.core.test_trace import load
from vipool.cli import picture
from vipool.core import journey, loss, sightings, trace
from vipool.model import packet

OUT, IN = packet.Direction.OUT, packet.Direction.IN
MEMBER = "member 172.16.100.9"
LATE = 10**12


def told(keep, *more, case="picture", **changes):
    """The trace of the recording with the packets that are kept and some more."""
    evidence, ask = load(case)
    packets = tuple(each for each in evidence.packets if keep(each)) + more
    changed = dataclasses.replace(evidence, packets=packets, **changes)
    return trace.tell(changed, dataclasses.replace(ask, answered=False))


def lost(keep, *more, **changes):
    found = told(keep, *more, **changes).loss
    assert found is not None
    return found.where, found.sentence


def way(**changes):
    return dataclasses.replace(load("picture")[0].journey, **changes)


def seen(hop, direction, **more):
    values = {"source": "", "destination": "", "protocol": packet.Protocol.ICMP, **more}
    return packet.Packet(at=LATE, hop=hop, direction=direction, **values)


def question(hop, asker, asked):
    return seen(hop, OUT, source=asker, destination=asked, protocol=packet.Protocol.NEIGHBOUR, asking=True)


def forward(each):
    """The SYN on its way to the load balancer, and nothing else."""
    return each.opens and each.sport != 0 and each.dport == 80 and not each.hop.startswith("member") and not out(each)


def out(each):
    return (each.hop, each.direction) == (journey.Place.BALANCER, OUT)


def answer_of_member(each):
    return each.length and each.source == "172.16.100.9"


def test_a_load_balancer_that_says_nothing():
    where, sentence = lost(forward)
    assert (where, sentence) == (
        loss.Where.BALANCER,
        "The SYN reached the load balancer, which answered nothing on port 80.",
    )


def test_a_listener_that_nobody_serves():
    listened = dataclasses.replace(load("no-listener")[0].journey, listener="http")
    where, sentence = lost(lambda _: True, case="no-listener", journey=listened)
    assert where == loss.Where.BALANCER
    assert sentence == "The load balancer answered RST: nothing accepts on port 81, listener http or not."


def test_a_silent_member_that_nobody_watches():
    watched = load("member-silent")[0].watched - {MEMBER}
    _, sentence = lost(lambda _: True, case="member-silent", watched=watched)
    assert sentence.startswith("WEB1 172.16.100.9:80 did not answer: SYN sent 2 times, no answer.")


def test_another_source_than_the_vip_is_told_as_it_is():
    evidence, ask = load("picture")

    def moved(each):
        ends = {"172.16.100.11": "172.16.100.250"}
        if "172.16.100.9" not in (each.source, each.destination):
            return each
        source, destination = ends.get(each.source, each.source), ends.get(each.destination, each.destination)
        return dataclasses.replace(each, source=source, destination=destination)

    found = trace.tell(dataclasses.replace(evidence, packets=tuple(map(moved, evidence.packets))), ask)
    assert found.answered
    assert found.steps[3].sentence == "It makes 172.16.100.250 the source,"


def test_a_load_balancer_without_a_way_back():
    where, sentence = lost(forward, question(journey.Place.BALANCER, "172.16.100.11", "172.16.100.1"))
    assert where == loss.Where.BALANCER_TO_ROUTER
    assert "it asked who has 172.16.100.1, its way back, and nobody answered" in sentence


def test_a_router_that_says_it_cannot():
    def outside(each):
        return forward(each) and each.hop in {journey.Place.CLIENT, journey.Place.OUTSIDE}

    report = seen(journey.Place.OUTSIDE, OUT, source="10.10.10.1", note="host unreachable", about="10.10.10.7")
    where, sentence = lost(outside, report)
    assert where == loss.Where.ROUTER
    assert sentence == (
        "The SYN reached the router, and the router answered “host unreachable” (ICMP) for 10.10.10.7:"
        " it has no floating IP for 10.10.10.7."
    )
    assert lost(outside)[1].endswith("the router has no floating IP for 10.10.10.7, or its rules drop it.")


def test_a_router_that_only_routes_is_not_asked_for_floating_ips():
    def outside(each):
        return forward(each) and each.hop in {journey.Place.CLIENT, journey.Place.OUTSIDE}

    gate = journey.Gate(router_id="r", outside="tapgate", inside="tapdoor", translates=False)
    routed = way(gate=gate)
    assert "has no route to 10.10.10.7" in lost(outside, journey=routed)[1]
    evidence, _ = load("no-floating-ip")
    where, sentence = lost(
        lambda _: True, case="no-floating-ip", journey=dataclasses.replace(evidence.journey, gate=gate)
    )
    assert (where, sentence) == (loss.Where.ROUTER, "The SYN reached the router, and the router answered RST.")


def test_what_nobody_could_watch_is_left_open():
    watched = frozenset({journey.Place.CLIENT, journey.Place.OUTSIDE})
    where, sentence = lost(lambda each: each.hop in watched and forward(each), watched=watched)
    assert where == loss.Where.ROUTER_TO_BALANCER
    assert sentence == "The SYN was seen at the router outside, and where it went from there could not be watched."


def test_a_client_that_opens_and_says_nothing():
    where, sentence = lost(lambda each: each.opens or each.accepts)
    assert (where, sentence) == (loss.Where.CLIENT, "The connection was opened, and the client sent nothing.")


def test_a_member_that_breaks_the_connection():
    evidence, _ = load("picture")
    answer = next(each for each in evidence.packets if answer_of_member(each) and each.hop == journey.Place.BALANCER)
    reset = dataclasses.replace(answer, length=0, payload=b"", flags=frozenset({packet.Flag.RST}))
    where, sentence = lost(lambda each: each.at < answer.at and not answer_of_member(each), reset)
    assert where == loss.Where.MEMBER
    assert sentence == "WEB1 172.16.100.9:80 took the request and broke the connection (RST)."


def test_an_answer_lost_between_member_and_load_balancer():
    evidence, _ = load("picture")
    answer = next(each for each in evidence.packets if answer_of_member(each))
    assert answer.hop == MEMBER
    where, sentence = lost(lambda each: each.at <= answer.at)
    assert where == loss.Where.MEMBER_TO_BALANCER
    assert sentence == "WEB1 172.16.100.9:80 answered, and its answer never reached the load balancer."


def test_a_request_lost_before_the_member():
    evidence, _ = load("picture")
    received = next(each for each in evidence.packets if each.length and each.hop == MEMBER)
    where, sentence = lost(lambda each: each.at < received.at)
    assert where == loss.Where.BALANCER_TO_MEMBER
    assert sentence == "The request left the load balancer for WEB1 172.16.100.9:80 and never reached it."


def test_an_answer_that_the_load_balancer_keeps():
    where, sentence = lost(lambda each: not (out(each) and each.length and each.sport == 80))
    assert where == loss.Where.BALANCER
    assert sentence == "The load balancer has the member's answer and did not pass it on to the client."


def test_a_member_that_a_router_cannot_reach():
    evidence, _ = load("member-silent")
    failed = next(each for each in evidence.packets if out(each) and each.length)
    report = dataclasses.replace(
        seen(journey.Place.BALANCER, IN, source="172.16.100.1", note="host unreachable", about="172.16.100.9"),
        at=failed.at - 1,
    )
    where, sentence = lost(lambda _: True, report, case="member-silent")
    assert where == loss.Where.BALANCER_TO_MEMBER
    assert sentence.startswith(
        "WEB1 172.16.100.9:80 cannot be reached: 172.16.100.1 answered “host unreachable” (ICMP)."
    )


def test_a_load_balancer_that_takes_the_request_and_does_nothing():
    evidence, _ = load("no-members")
    arrived = next(
        each for each in evidence.packets if each.length and (each.hop, each.direction) == (journey.Place.BALANCER, IN)
    )
    assert lost(lambda each: each.at <= arrived.at, case="no-members") == (
        loss.Where.BALANCER,
        "The load balancer took the request and asked no member. The load balancer did not answer the client.",
    )


def test_a_load_balancer_that_answers_for_good_reason_is_no_loss():
    evidence, ask = load("no-members")
    redirected = tuple(
        dataclasses.replace(each, payload=each.payload.replace(b"503 Service Unavailable", b"302 Found"))
        for each in evidence.packets
    )
    found = trace.tell(dataclasses.replace(evidence, packets=redirected), ask)
    assert found.answered
    assert found.answer == "HTTP/1.1 302 Found"
    assert "The load balancer itself answered" in picture.plain(found)
    assert any("answers the client by itself" in step.sentence for step in found.steps)


def scrambled(each):
    """What the load balancer says to the member in other words than it was told."""
    if each.length and each.dport == 80 and each.source == "172.16.100.11":
        return dataclasses.replace(each, payload=b"in clear")
    if each.length and each.dport == 80:
        return dataclasses.replace(each, payload=b"\x16\x03\x01 encrypted")
    return each


def test_a_request_that_leaves_in_other_words_is_found_by_its_connection():
    evidence, ask = load("picture")
    other = dataclasses.replace(evidence, packets=tuple(map(scrambled, evidence.packets)))
    found = trace.tell(other, sightings.Ask(port=ask.port))
    assert found.answered
    assert len(found.steps) == 10
    assert found.member == "WEB1 172.16.100.9:80"


def test_a_server_that_speaks_first_is_followed_from_its_connection():
    evidence, ask = load("tcp-proxy")
    greeting = [each for each in evidence.packets if not (each.length and each.dport == 80)]
    found = trace.tell(dataclasses.replace(evidence, packets=tuple(greeting)), sightings.Ask(port=ask.port))
    assert found.answered, found.loss
    assert found.member == "WEB1 172.16.100.9:80"
    assert {step.carries for step in found.steps[:5]} == {"SYN"}


def test_a_capture_that_was_full_says_so():
    evidence, ask = load("picture")
    found = trace.tell(dataclasses.replace(evidence, full=True), ask)
    assert found.notes == ("There was so much traffic that not every packet was captured.",)


def test_nothing_watched_is_nothing_seen():
    where, sentence = lost(lambda _: False, watched=frozenset())
    assert (where, sentence) == (loss.Where.CLIENT, "No request for 10.10.10.7:80 came by.")


def test_a_narrow_terminal_gets_each_sentence_above_its_addresses():
    evidence, ask = load("picture")
    lines = ["".join(text for text, _ in line) for line in picture.lines(trace.tell(evidence, ask), wide=False)]
    above = lines.index("   5     0.622 ms  and WEB1 receives it.")
    assert lines[above + 1].strip() == "172.16.100.11:51250 → 172.16.100.9:80"
