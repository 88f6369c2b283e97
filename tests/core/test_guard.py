"""Security groups as packet rules: a golden ruleset, judged by nft itself, and what is never written."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers import packet_rules
from vipool.core import attach, guard, node
from vipool.model import loadbalancer, spec, tree, wiring

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/port.json"))


@pytest.mark.parametrize("case", CASES)
def test_the_rules_are_those_of_the_golden_file(case):
    folder = GOLDEN / case
    item = spec.load_item(json.loads((folder / "port.json").read_text()))
    assert isinstance(item, spec.Plug)
    text = guard.render(item.port.ingress)
    if os.environ.get("VIPOOL_BLESS") == "1":
        (folder / "ruleset.nft").write_text(text)
    assert text == (folder / "ruleset.nft").read_text()


@packet_rules.needs_nft
@pytest.mark.parametrize("case", CASES)
def test_nft_accepts_the_golden_file(case):
    assert packet_rules.verdict((GOLDEN / case / "ruleset.nft").read_text()) == ""


def networks(version: int) -> st.SearchStrategy[tuple[str, ...] | None]:
    one = st.ip_addresses(v=version).flatmap(
        lambda address: st.integers(0, address.max_prefixlen).map(
            lambda length: str(ipaddress.ip_network(f"{address}/{length}", strict=False))
        )
    )
    return st.none() | st.lists(one, max_size=4).map(tuple)


@st.composite
def permits(draw: st.DrawFn) -> spec.Permit:
    version = draw(st.sampled_from((4, 6)))
    protocol = draw(st.none() | st.sampled_from((1, 6, 17, 33, 58, 112, 132, 136)) | st.integers(0, 255))
    most = 255 if protocol in {1, 58} else 65535
    span = draw(st.none() | st.tuples(st.integers(0, most), st.integers(0, most)).map(sorted))
    icmp = protocol in {1, 58}
    first, last = span if span and protocol is not None else (None, None)
    return spec.Permit(
        version=version,
        protocol=protocol,
        first=first,
        last=None if icmp and draw(st.booleans()) else last,
        sources=draw(networks(version)),
    )


@packet_rules.needs_nft
@settings(max_examples=40)
@given(st.lists(permits(), max_size=6))
def test_nft_accepts_whatever_is_permitted(found):
    assert packet_rules.verdict(guard.render(found)) == ""


def test_without_groups_nothing_is_filtered_and_groups_without_rules_let_nothing_in():
    assert guard.render(None) == guard.render(None, tracking=True) == ""
    assert "notrack" in guard.render(())
    assert "notrack" not in guard.render((), tracking=True)
    assert packet_rules.verdict(guard.render((), tracking=True)) == ""
    nothing = guard.render(())
    assert "policy drop" in nothing
    assert guard.render((spec.Permit(version=4, sources=()),)) == nothing
    assert guard.render((spec.Permit(version=4),)) != nothing


def test_the_order_and_number_of_equal_permits_makes_no_second_rule():
    one = spec.Permit(version=4, protocol=6, first=80, last=80)
    assert guard.render((one, one)) == guard.render((one,))


@pytest.mark.parametrize(
    ("permit", "words"),
    [
        (spec.Permit(version=4, sources=("10.0.0.1; flush ruleset",)), "names what is no network"),
        (spec.Permit(version=6, sources=("fe80::% } accept\n}\n}\nflush ruleset\n#/64",)), "names what is no network"),
        (spec.Permit(version=4, protocol=256), "256"),
        (spec.Permit(version=4, protocol=6, first=-1, last=1), "-1"),
        (spec.Permit(version=4, protocol=6, first=1, last=65536), "65536"),
        (spec.Permit(version=4, protocol=1, first=256), "256"),
        (spec.Permit(version=5), "IP version 5"),
    ],
)
def test_what_is_no_network_or_number_is_refused(permit, words):
    with pytest.raises(attach.Unwirable, match=words):
        guard.render((permit,))


SAFE = re.compile(r'[\s{}@:;,.&|()"<>!=\w/-]*', re.ASCII)


TEXT = st.text(max_size=20)


@given(TEXT | TEXT.map("fe80::%{}/64".format), st.sampled_from((4, 6)))
def test_no_text_reaches_the_rules_unless_it_is_a_network(text, version):
    try:
        found = guard.render((spec.Permit(version=version, sources=(text,)),))
    except attach.Unwirable:
        return
    assert SAFE.fullmatch(found)
    assert found.count("{") == found.count("}")


def test_the_namespace_of_a_load_balancer_has_the_filter_of_its_port_before_its_engines_rules():
    segment = spec.Segment(network_id="aaaaaaaa-net")
    root = loadbalancer.LoadBalancer(id="b", project_id="p")
    own = wiring.Rules(ruleset="table inet vipool_x {\n}\n", forwarding=True)
    for ingress in (None, ()):
        port = spec.Attachment(port_id="p", mac="fa:16:3e:00:00:01", segment=segment, ingress=ingress)
        item = spec.LoadBalancer(id="b", revision=1, tree=tree.Tree(loadbalancer=root), vip=port)
        found = node.loadbalancer(item, own)
        assert (found.ruleset, found.forwarding) == (guard.render(ingress) + own.ruleset, True)
        plain = node.namespace(item)
        assert plain is not None
        assert (plain.ruleset, plain.forwarding) == (guard.render(ingress), False)


def test_a_load_balancer_without_a_port_says_so():
    root = loadbalancer.LoadBalancer(id="b", project_id="p")
    with pytest.raises(attach.Unwirable, match="has no VIP port"):
        node.namespace(spec.LoadBalancer(id="b", revision=1, tree=tree.Tree(loadbalancer=root)))
