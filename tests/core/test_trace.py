"""Recorded packets are told as traces; whatever is missing from them is never told as an answer.

`traces/*.json` are captures of the scene in `tests/net/scene.py`, mostly without bare acknowledgements; beside
each stands what is said about it. `VIPOOL_BLESS=1` rewrites that.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.cli import picture
from vipool.core import journey, loss, sightings, trace
from vipool.model import packet

FOLDER = Path(__file__).parent / "traces"
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))
ANSWERED = (
    "client-kept",
    "datagram",
    "datagram-ipv6",
    "in-place",
    "open-connection",
    "passive",
    "picture",
    "second-member",
    "tcp-proxy",
    "tenants-client",
)
DEFAULTS: tuple[Any, ...] = (0, "", "", "", "", 0, "", 0, [], 0, 0, "", False, "", "")


def load(case: str) -> tuple[sightings.Evidence, sightings.Ask]:
    body = json.loads((FOLDER / f"{case}.json").read_text(encoding="utf-8"))
    ask = sightings.Ask(**{**body["ask"], "token": body["ask"]["token"].encode()})
    evidence = sightings.Evidence(
        journey=way(body["journey"]),
        packets=tuple(revived(row) for row in body["packets"]),
        watched=frozenset(body["watched"]),
    )
    return evidence, ask


def way(body: dict[str, Any]) -> journey.Journey:
    parts = {
        "members": tuple(journey.Backend(**each) for each in body["members"]),
        "gate": journey.Gate(**body["gate"]) if body["gate"] else None,
        "client": journey.Client(**body["client"]) if body["client"] else None,
        "protocol": packet.Protocol(body.get("protocol", "TCP")),
    }
    return journey.Journey(**{**body, **parts})


def revived(row: list[Any]) -> packet.Packet:
    values = [*row, *DEFAULTS[len(row) :]]
    at, hop, direction, protocol, source, sport, destination, dport, flags, sequence, length, payload, *rest = values
    asking, note, about = rest
    return packet.Packet(
        at=at,
        hop=hop,
        direction=packet.Direction(direction),
        protocol=packet.Protocol(protocol),
        source=source,
        sport=sport,
        destination=destination,
        dport=dport,
        flags=frozenset(map(packet.Flag, flags)),
        sequence=sequence,
        length=length,
        payload=payload.encode("latin-1"),
        asking=asking,
        note=note,
        about=about,
    )


@pytest.mark.parametrize("case", CASES)
def test_a_recording_is_told_as_it_was(case):
    told = picture.plain(trace.tell(*load(case))) + "\n"
    expected = FOLDER / f"{case}.txt"
    if os.environ.get("VIPOOL_BLESS") == "1":
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")


def test_the_answered_recordings_are_the_answered_ones():
    assert [case for case in CASES if trace.tell(*load(case)).answered] == list(ANSWERED)


@pytest.mark.parametrize("case", ANSWERED)
def test_a_capture_cut_short_is_a_loss_and_never_an_answer(case):
    evidence, ask = load(case)
    unsure = dataclasses.replace(ask, answered=False)
    whole = trace.tell(evidence, unsure)
    assert whole.duration is not None
    seen = sightings.gather(evidence, unsure)
    assert seen.probe is not None
    end = seen.probe.at + whole.duration
    for kept in range(len([each for each in evidence.packets if each.at < end])):
        part = dataclasses.replace(evidence, packets=evidence.packets[:kept])
        assert not trace.tell(part, unsure).answered, kept


@given(case=st.sampled_from(CASES), data=st.data())
def test_lost_and_doubled_packets_never_confuse_the_order_of_steps(case, data):
    evidence, ask = load(case)
    times = data.draw(st.lists(st.integers(0, 2), min_size=len(evidence.packets), max_size=len(evidence.packets)))
    packets = tuple(each for each, count in zip(evidence.packets, times, strict=True) for _ in range(count))
    told = trace.tell(dataclasses.replace(evidence, packets=packets), dataclasses.replace(ask, answered=False))
    assert [step.number for step in told.steps] == list(range(1, len(told.steps) + 1))
    legs = [step.leg for step in told.steps]
    assert legs == sorted(legs, key=[trace.Leg.REQUEST, trace.Leg.ANSWER].index)
    assert told.answered == (told.loss is None)
    assert told.loss is None or told.loss.sentence.endswith(".") or "answered by itself:" in told.loss.sentence
    assert all(line.isprintable() for line in picture.plain(told).split("\n"))


@given(case=st.sampled_from(ANSWERED), blind=st.sets(st.sampled_from([*journey.Place, "member 172.16.100.9"])))
def test_a_hop_that_nobody_watches_is_no_loss(case, blind):
    evidence, ask = load(case)
    if journey.Place.BALANCER in blind or not evidence.watched - blind:
        return
    less = dataclasses.replace(
        evidence,
        packets=tuple(each for each in evidence.packets if each.hop not in blind),
        watched=evidence.watched - blind,
    )
    told = trace.tell(less, dataclasses.replace(ask, answered=False))
    assert told.answered, told.loss
    whole = trace.tell(evidence, ask)
    assert [step.number for step in told.steps] == [step.number for step in whole.steps]
    assert all(step.at is None for step in told.steps if step.hop in blind)


def test_the_client_knows_better_than_a_capture_that_missed_something():
    evidence, ask = load("picture")
    part = dataclasses.replace(
        evidence,
        packets=tuple(
            each for each in evidence.packets if (each.hop, each.direction.value) != ("load balancer", "out")
        ),
    )
    told = trace.tell(part, dataclasses.replace(ask, answered=True))
    assert told.answered
    assert told.notes[-1].startswith("Not everything was seen: ")


def test_an_answer_of_control_characters_reaches_no_terminal():
    evidence, ask = load("picture")
    hostile = tuple(
        dataclasses.replace(each, payload=b"\x1b]0;owned\x07" + each.payload)
        if each.sport == 80 and each.length
        else each
        for each in evidence.packets
    )
    told = trace.tell(dataclasses.replace(evidence, packets=hostile), ask)
    assert "\x1b" not in picture.plain(told)
    assert told.answer.endswith(" bytes")


def test_the_document_of_a_loss_says_where():
    evidence, ask = load("no-listener")
    document: Any = picture.document(evidence.journey, [trace.tell(evidence, ask)])
    (request,) = document["requests"]
    assert request["answered"] is False
    assert request["loss"]["where"] == loss.Where.BALANCER
    assert json.loads(json.dumps(document)) == document


def test_the_document_of_a_datagram_says_what_it_was_sent_over_and_how_the_packets_were_turned():
    evidence, ask = load("datagram")
    document: Any = picture.document(evidence.journey, [trace.tell(evidence, ask)])
    (request,) = document["requests"]
    assert (request["protocol"], request["opened_ns"], request["answer"]) == ("UDP", None, "web2 to 172.16.100.11")
    assert {step["carries"] for step in request["steps"]} == {"data"}
    assert "keeping the port" in request["steps"][3]["sentence"]
