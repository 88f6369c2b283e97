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


def turned(case, change):
    """The trace of a recording whose packets are changed one by one; None leaves one out."""
    evidence, ask = load(case)
    packets = tuple(each for each in map(change, evidence.packets) if each is not None)
    return trace.tell(dataclasses.replace(evidence, packets=packets), dataclasses.replace(ask, answered=False))


def beyond(each):
    """Whether it passes between load balancer and member, over IPv4."""
    return each.protocol is not packet.Protocol.NEIGHBOUR and {each.source, each.destination} == {
        "172.16.100.11",
        "172.16.100.10",
    }


def on_another_port(each):
    """As it is when the client's port is in use towards that member."""
    if not beyond(each):
        return each
    return dataclasses.replace(each, **({"dport": 1025} if each.sport == 53 else {"sport": 1025}))


def test_a_port_that_is_taken_is_not_kept():
    found = turned("datagram", on_another_port)
    assert found.answered
    assert len(found.steps) == 10
    sentence = (
        "It makes the VIP the source, on another port as the client's is taken, so that the answer comes back to it,"
    )
    assert found.steps[3].sentence == sentence


def test_a_proxy_of_datagrams_is_followed_by_what_they_carry():
    found = turned("datagram", lambda each: dataclasses.replace(on_another_port(each), sequence=0))
    assert found.answered, found.loss
    assert found.steps[3].sentence == "It makes the VIP the source, so that the answer comes back to it,"
    assert found.notes == ()


def test_other_clients_datagrams_that_say_the_same_are_not_taken_for_this_one():
    evidence, ask = load("datagram")
    theirs = tuple(
        dataclasses.replace(each, at=each.at - 1, sport=9, destination="172.16.100.9", sequence=1)
        for each in evidence.packets
        if (each.source, each.destination) == ("172.16.100.11", "172.16.100.10") and each.sport != 53
    )
    assert theirs
    both = tuple(sorted((*evidence.packets, *theirs), key=lambda each: each.at))
    found = trace.tell(dataclasses.replace(evidence, packets=both), ask)
    assert found.member == "WEB2 172.16.100.10:53"


def datagram(keep, *more, case="datagram", **changes):
    """Where and how the recorded datagram is lost without some packets."""
    return lost(keep, *more, case=case, **changes)


def answering(each):
    return each.payload.startswith(b"web2")


def about(hop, direction, **more):
    """An error message about the recorded datagram as it was between load balancer and member."""
    port = load("datagram")[1].port
    return seen(hop, direction, sport=port, dport=53, about="172.16.100.10", **more)


def test_a_member_that_routers_or_packet_filters_keep_datagrams_from():
    routed = about(journey.Place.BALANCER, IN, source="172.16.100.1", note="host unreachable")
    assert datagram(lambda each: not answering(each), routed) == (
        loss.Where.BALANCER_TO_MEMBER,
        "WEB2 172.16.100.10:53 cannot be reached: 172.16.100.1 answered “host unreachable” (ICMP).",
    )
    filtered = about(journey.Place.BALANCER, IN, source="172.16.100.10", note="host prohibited")
    assert datagram(lambda each: not answering(each), filtered) == (
        loss.Where.BALANCER_TO_MEMBER,
        "WEB2 172.16.100.10:53 answered “host prohibited” (ICMP): it takes no such packets.",
    )
    others = dataclasses.replace(routed, sport=9)
    assert datagram(lambda each: not answering(each), others)[0] == loss.Where.MEMBER


def test_a_datagram_lost_before_the_member_and_an_answer_lost_after_it():
    member = "member 172.16.100.10"
    assert datagram(lambda each: not answering(each) and not (each.hop == member and each.length)) == (
        loss.Where.BALANCER_TO_MEMBER,
        "The request left the load balancer for WEB2 172.16.100.10:53 and never reached it.",
    )
    assert datagram(lambda each: not answering(each) or each.hop == member) == (
        loss.Where.MEMBER_TO_BALANCER,
        "WEB2 172.16.100.10:53 answered, and its answer never reached the load balancer.",
    )
    unwatched = load("datagram")[0].watched - {member}
    assert datagram(lambda each: not answering(each) and each.hop != member, watched=unwatched) == (
        loss.Where.MEMBER,
        "The request went to WEB2 172.16.100.10:53, and no answer came: there are datagrams that get none.",
    )


def test_a_load_balancer_that_knows_no_way_to_a_member():
    port = load("datagram")[1].port
    report = {"sport": port, "dport": 53, "about": "172.16.100.11", "note": "host unreachable"}
    refused = seen(journey.Place.BALANCER, OUT, source="172.16.100.11", **report)
    assert datagram(lambda each: not answering(each) and not beyond(each), refused) == (
        loss.Where.BALANCER,
        "The load balancer received the request, passed it to no member and answered “host unreachable” (ICMP).",
    )


def test_a_load_balancer_that_answers_datagrams_by_itself_is_no_loss():
    found = told(lambda each: not beyond(each), case="datagram")
    assert found.answered
    assert (found.member, found.answer) == ("", "web2 to 172.16.100.11")
    assert found.steps[3].sentence.startswith("The load balancer answers the client by itself")


def test_a_syn_ack_that_the_load_balancer_keeps():
    assert lost(
        lambda each: not each.length and not (each.accepts and out(each)) and packet.Flag.FIN not in each.flags,
        case="in-place",
    ) == (
        loss.Where.BALANCER,
        "The load balancer has the member's SYN-ACK and did not pass it on to the client.",
    )


def test_a_client_that_opens_a_connection_passed_on_and_says_nothing():
    sentence = "The connection was opened, and the client sent nothing."
    assert lost(lambda each: each.opens or each.accepts, case="in-place") == (loss.Where.CLIENT, sentence)


def test_an_answer_to_a_clients_own_address_says_why_it_may_have_gone_astray():
    def keep(each):
        ends = each.length or packet.Flag.FIN in each.flags
        return not (ends and each.sport == 80) or each.hop == MEMBER

    where, sentence = lost(keep, case="client-kept")
    assert where == loss.Where.MEMBER_TO_BALANCER
    assert sentence.endswith("It went to the client's own address: the way there must lead through the load balancer.")


def test_what_a_listener_is_set_to_is_told_where_it_says_nothing():
    limited = way(limit=2, listener="http")
    assert lost(forward, journey=limited) == (
        loss.Where.BALANCER,
        "The SYN reached the load balancer, which answered nothing on port 80."
        " Listener http takes 2 at a time: they may be taken.",
    )
    closed = way(limit=2, allowed=("192.0.2.0/24", "2001:db8::/32"), listener="http")
    assert lost(forward, journey=closed)[1].endswith(
        " Listener http allows only 192.0.2.0/24, 2001:db8::/32, and 10.10.10.4 is in none of these."
    )
    assert lost(forward, journey=way(allowed=("10.0.0.0/8",)))[1].endswith("on port 80.")


def test_datagrams_without_a_number_are_told_apart_by_their_ports():
    evidence, ask = load("datagram-ipv6")
    theirs = tuple(
        dataclasses.replace(each, at=each.at - 10, sport=9)
        for each in evidence.packets
        if each.dport == 53 and each.length
    )
    both = tuple(sorted((*evidence.packets, *theirs), key=lambda each: each.at))
    assert trace.tell(dataclasses.replace(evidence, packets=both), ask) == trace.tell(evidence, ask)


def test_a_member_that_a_connection_passed_on_waits_for():
    balancer = journey.Place.BALANCER
    asked = question(balancer, "172.16.100.11", "172.16.100.9")
    assert lost(forward, asked) == (
        loss.Where.BALANCER_TO_MEMBER,
        "The load balancer asked who has 172.16.100.9, and nobody answered.",
    )
    gateway = question(balancer, "172.16.100.11", "172.16.100.1")
    assert lost(forward, asked, gateway)[0] == loss.Where.BALANCER_TO_ROUTER, "a check may ask for the member"


def test_a_health_check_is_not_taken_for_a_connection_that_nobody_granted():
    evidence, _ = load("picture")
    checks = [each for each in evidence.packets if out(each) and each.dport == 80 and (each.opens or each.length)]
    assert [each.opens for each in checks] == [True, False]
    found = told(forward, *(dataclasses.replace(each, payload=b"OPTIONS / HTTP/1.0") for each in checks))
    assert found.member == ""
    assert found.steps[-1].sentence == "The load balancer there receives it."


def test_a_clients_address_may_stay_and_its_port_not():
    def change(each):
        ends = {"172.16.100.9", "10.10.10.4"}
        if {each.source, each.destination} != ends:
            return each
        return dataclasses.replace(each, **({"dport": 1025} if each.source == "172.16.100.9" else {"sport": 1025}))

    found = turned("client-kept", change)
    assert found.answered
    sentence = "It leaves the client's address as the source, on another port as the client's is taken,"
    assert found.steps[3].sentence == sentence
