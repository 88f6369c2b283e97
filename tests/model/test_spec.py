"""What is sent between server and node arrives as it was sent: values, through JSON, and back."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import trees
from vipool.model import spec

words = st.text(max_size=12)
routes = st.builds(spec.Route, destination=words, nexthop=words)
segments = st.builds(spec.Segment, network_id=words, mtu=st.integers(68, 9000), flat=st.none() | words)


def tuples(of: st.SearchStrategy) -> st.SearchStrategy:
    """Short tuples."""
    return st.lists(of, max_size=2).map(tuple)


permits = st.builds(
    spec.Permit,
    version=st.sampled_from((4, 6)),
    protocol=st.none() | st.integers(0, 255),
    first=st.none() | st.integers(0, 65535),
    last=st.none() | st.integers(0, 65535),
    sources=st.none() | tuples(words),
)
attachments = st.builds(
    spec.Attachment,
    ingress=st.none() | tuples(permits),
    port_id=words,
    mac=words,
    segment=segments,
    addresses=tuples(words),
    gateways=tuples(words),
    routes=tuples(routes),
)
heads = {"id": words, "revision": st.integers(0), "absent": st.booleans()}
items = st.one_of(
    st.builds(spec.Network, **heads, segment=segments),
    st.builds(spec.Plug, **heads, port=attachments, target=words, device=words),
    st.builds(
        spec.Router,
        **heads,
        enabled=st.booleans(),
        interfaces=tuples(attachments),
        gateway=st.none() | attachments,
        snat=st.booleans(),
        floating_ips=tuples(st.builds(spec.FloatingIp, id=words, external=words, internal=words)),
        routes=tuples(routes),
    ),
    st.builds(
        spec.LoadBalancer,
        **heads,
        tree=trees.trees(),
        vip=st.none() | attachments,
        materials=st.dictionaries(words, words, max_size=2),
    ),
)
states = st.dictionaries(words, words, max_size=2)
observations = st.builds(
    spec.Observation,
    frontends=states,
    backends=states,
    servers=states,
    counters=st.dictionaries(words, st.builds(spec.Counters, bytes_in=st.integers(0)), max_size=2),
)
reports = st.builds(
    spec.Report,
    kind=st.sampled_from(sorted(spec.KINDS)),
    id=words,
    revision=st.integers(0),
    generation=st.integers(0),
    fault=st.none() | words,
    gone=st.booleans(),
    observation=st.none() | observations,
)


def through_json(value: object) -> dict[str, Any]:
    """What the other side reads."""
    found: dict[str, Any] = json.loads(json.dumps(spec.dump(value)))
    return found


@given(st.builds(spec.Desired, revision=st.integers(0), complete=st.booleans(), items=tuples(items)))
def test_what_is_desired_arrives_as_it_was_sent(desired):
    assert spec.load_desired(through_json(desired)) == desired


@given(st.builds(spec.Desired, revision=st.integers(0), complete=st.booleans(), items=tuples(items)))
def test_an_outline_makes_the_text_that_a_dump_makes(desired):
    assert orjson.dumps(spec.outline(desired), default=dict) == orjson.dumps(spec.dump(desired))


@given(reports)
def test_a_report_arrives_as_it_was_sent(report):
    assert spec.load_report(through_json(report)) == report


def test_a_port_of_an_older_server_is_not_filtered():
    item = spec.Plug(
        id="p",
        revision=1,
        port=spec.Attachment(port_id="p", mac="", segment=spec.Segment(network_id="n"), ingress=()),
        target="netns:x",
        device="eth0",
    )
    body = through_json(item)
    assert spec.load_item(body) == item
    del body["port"]["ingress"]
    older = spec.load_item(body)
    assert isinstance(older, spec.Plug)
    assert older.port.ingress is None


def test_an_item_of_a_newer_server_is_refused_by_name():
    with pytest.raises(ValueError, match="'tunnel'"):
        spec.load_item({"kind": "tunnel", "id": "1", "revision": 1, "absent": False})


@given(trees.trees())
def test_a_load_balancers_generation_is_its_trees(wanted):
    assert spec.LoadBalancer(id="1", revision=1, tree=wanted).generation == wanted.loadbalancer.generation


def test_a_private_key_is_in_no_repr():
    item = spec.LoadBalancer(id="lb", revision=1, tree=trees.load({}), materials={"a reference": "a private key"})
    wanted = spec.Desired(revision=1, complete=True, items=(item,))
    for shown in (repr(item), str(item), f"{item}", repr(wanted)):
        assert "a private key" not in shown
        assert "lb" in shown
