"""The packet rules of the kernel's provider: golden cases, each also read by nft itself, and what holds for every tree.

`VIPOOL_BLESS=1` rewrites the golden files; `VIPOOL_FUZZ=N` draws N trees in place of a few.
"""

import copy
import dataclasses
import ipaddress
import json
import os
import re
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.providers import packet_rules, trees
from vipool.model import listener, pool, tree
from vipool.providers import halves
from vipool.providers.nftables import capabilities, carried, persistence, render, rotation, streams

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(each.parent.name for each in GOLDEN.glob("*/tree.json"))
EXAMPLES = int(os.environ.get("VIPOOL_FUZZ", "40"))
CAPABILITIES = capabilities.Capabilities()
WHOLE = capabilities.Capabilities(carried.WHOLE)
DOWN = trees.identifier(4, 1)


def body(case: str) -> dict[str, Any]:
    return json.loads((GOLDEN / case / "tree.json").read_text())


def rendered(case: str) -> str:
    half = halves.datagram(trees.load(body(case)))
    if half is None:
        return ""
    assert CAPABILITIES.refuse(half) is None
    return render.render(half)


@pytest.mark.parametrize("case", CASES)
def test_a_tree_renders_as_recorded(case):
    text, recorded = rendered(case), GOLDEN / case / "ruleset.nft"
    if os.environ.get("VIPOOL_BLESS") and text:
        recorded.write_text(text)
    assert text == (recorded.read_text() if recorded.exists() else "")


@pytest.mark.parametrize("case", sorted(each.parent.name for each in GOLDEN.glob("*/kernel.nft")))
def test_a_tree_that_the_kernel_carries_alone_renders_as_recorded(case):
    wanted, recorded = trees.load(body(case)), GOLDEN / case / "kernel.nft"
    assert WHOLE.refuse(wanted) is None
    text = render.render(wanted, part=carried.WHOLE)
    if os.environ.get("VIPOOL_BLESS"):
        recorded.write_text(text)
    assert text == recorded.read_text()


@packet_rules.needs_nft
@pytest.mark.parametrize("recorded", sorted([*GOLDEN.glob("*/ruleset.nft"), *GOLDEN.glob("*/kernel.nft")]), ids=str)
def test_nft_accepts_the_recorded_text(recorded):
    assert packet_rules.verdict(recorded.read_text()) == ""


@packet_rules.needs_nft
@hypothesis.settings(max_examples=EXAMPLES, database=None)
@hypothesis.given(wanted=trees.datagrams(), down=st.sets(st.integers(0, 3).map(lambda each: trees.identifier(4, each))))
def test_nft_accepts_every_tree_that_is_not_refused(wanted, down):
    hypothesis.assume(CAPABILITIES.refuse(wanted) is None)
    text = render.render(wanted, down)
    if text:
        assert packet_rules.verdict(text) == ""


@packet_rules.needs_nft
@hypothesis.settings(max_examples=EXAMPLES, database=None)
@hypothesis.given(wanted=trees.translated(), down=st.sets(st.integers(0, 3).map(lambda at: trees.identifier(4, at))))
def test_nft_accepts_every_tree_that_the_kernel_carries_alone(wanted, down):
    hypothesis.assume(WHOLE.refuse(wanted) is None)
    text = render.render(wanted, down, carried.WHOLE)
    if text:
        assert packet_rules.verdict(text) == ""
        assert "notrack" not in text.replace(f"meta mark {streams.PRODDING:#010x} notrack", "")


SAFE = re.compile(r"[\s{}@:;,.&<>!=\w/-]*", re.ASCII)


@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(wanted=trees.datagrams(), name=trees.free_text)
def test_nothing_but_addresses_numbers_and_ids_enters_the_rules(wanted, name):
    hypothesis.assume(CAPABILITIES.refuse(wanted) is None)
    hostile = wanted.replacing(*(dataclasses.replace(row, name=name, tags=(name,)) for row in wanted.rows()))
    text = render.render(hostile)
    assert text == render.render(wanted)
    assert SAFE.fullmatch(text)
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("hostile", ['x" ; flush ruleset', "x y", "x}", "", "x\n}"])
def test_an_id_that_could_mean_something_is_never_written(hostile):
    broken = copy.deepcopy(body("datagram-picture"))
    broken["listeners"][0]["id"] = hostile
    with pytest.raises(ValueError, match="cannot be part of a name"):
        render.render(halves.datagram(trees.load(broken)))


@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(wanted=trees.datagrams(), down=st.sets(st.integers(0, 3).map(lambda each: trees.identifier(4, each))))
def test_new_flows_go_to_those_who_serve_and_to_nobody_else(wanted, down):
    hypothesis.assume(CAPABILITIES.refuse(wanted) is None)
    text = render.render(wanted, down)
    for back in rotation.backs(wanted):
        for version in (4, 6):
            chain = chain_of(text, f"pool_{back.id}_{'ip' if version == 4 else 'ip6'}")
            chosen = set(re.findall(r"meta mark set (0x[0-9a-f]{8})$", chain, re.MULTILINE))
            chosen |= set(re.findall(r"(?<=[{,] )\d+ : (0x[0-9a-f]{8})", chain))
            members = [m for m in wanted.members_of(back.id) if ipaddress.ip_address(m.address).version == version]
            serving = rotation.of(members, down).serving
            assert chosen == {f"{render.numbers(wanted)[each.id]:#010x}" for each in serving}
            assert all(each.admin_state_up and each.weight and each.id not in down for each in serving)


def chain_of(text: str, name: str) -> str:
    found = re.search(rf"\tchain {name} {{\n(.*?)\n\t}}", text, re.DOTALL)
    return found.group(1) if found else ""


def picture(*members: dict[str, Any], **back: Any) -> tree.Tree:
    pool_id = trees.identifier(3, 1)
    front = {"id": trees.identifier(2, 1), "protocol": "UDP", "protocol_port": 53, "default_pool_id": pool_id}
    common = {"pool_id": pool_id, "protocol_port": 53}
    return trees.load(
        {
            "listeners": [front],
            "pools": [{"id": pool_id, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN", **back}],
            "members": [{"id": trees.identifier(4, at), **common, **each} for at, each in enumerate(members)],
        }
    )


def choice(wanted: tree.Tree, down: frozenset[str] = frozenset()) -> set[str]:
    """The addresses that new flows may be sent to."""
    text = render.render(wanted, down)
    marks = {f"{render.numbers(wanted)[each.id]:#010x}": each.address for each in wanted.members}
    chain = chain_of(text, f"pool_{trees.identifier(3, 1)}_ip")
    return {address for mark, address in marks.items() if re.search(rf"(: {mark}|set {mark})", chain.split("dnat")[0])}


def test_backups_serve_when_nobody_else_can():
    wanted = picture({"address": "10.0.0.1"}, {"address": "10.0.0.2", "backup": True})
    assert choice(wanted) == {"10.0.0.1"}
    assert choice(wanted, frozenset({trees.identifier(4, 0)})) == {"10.0.0.2"}
    weightless = wanted.replacing(dataclasses.replace(wanted.members[0], weight=0))
    assert choice(weightless) == {"10.0.0.2"}
    assert choice(wanted, frozenset({trees.identifier(4, 0), trees.identifier(4, 1)})) == set()


def test_what_is_disabled_is_not_rendered():
    wanted = picture({"address": "10.0.0.1"})
    assert choice(wanted) == {"10.0.0.1"}
    for below in (wanted.pools[0], wanted.members[0]):
        off = render.render(wanted.replacing(dataclasses.replace(below, admin_state_up=False)))
        assert render.listener_chain(wanted.listeners[0], 4) in off, "the listener is open, and has nobody"
        assert "10.0.0.1 . 53" not in off
    for above in (wanted.listeners[0], wanted.loadbalancer):
        assert render.render(wanted.replacing(dataclasses.replace(above, admin_state_up=False))) == ""


def test_a_listener_has_a_chain_for_each_family_of_the_vips():
    wanted = picture({"address": "10.0.0.1"})
    front = wanted.listeners[0]
    assert render.listener_chains(wanted, front) == {f"listener_{front.id}_ip"}
    both = dataclasses.replace(
        wanted.loadbalancer, additional_vips=({"subnet_id": None, "ip_address": "fd00::b", "port_id": None},)
    )
    chains = render.listener_chains(wanted.replacing(both), front)
    assert chains == {f"listener_{front.id}_ip", f"listener_{front.id}_ip6"}
    assert all(f"chain {each} {{" in render.render(wanted.replacing(both)) for each in chains)


def test_clients_of_no_allowed_network_of_their_family_are_turned_away():
    wanted = picture({"address": "10.0.0.1"})
    both = dataclasses.replace(
        wanted.loadbalancer, additional_vips=({"subnet_id": None, "ip_address": "fd00::b", "port_id": None},)
    )
    front = dataclasses.replace(wanted.listeners[0], allowed_cidrs=("192.0.2.0/24",))
    text = render.render(wanted.replacing(both, front))
    assert chain_of(text, render.listener_chain(front, 4)).startswith("\t\tip saddr != { 192.0.2.0/24 } drop")
    assert chain_of(text, render.listener_chain(front, 6)) == "\t\tdrop"


@hypothesis.given(
    algorithm=st.sampled_from(pool.Algorithm), weights=st.lists(st.integers(1, 256), min_size=1, max_size=5)
)
def test_equal_trees_give_equal_text_and_members_keep_their_numbers(algorithm, weights):
    members = [{"address": f"10.0.0.{at}", "weight": weight} for at, weight in enumerate(weights, 1)]
    wanted = picture(*members, lb_algorithm=algorithm)
    assert render.render(wanted) == render.render(wanted)
    less = wanted.having({"members": wanted.members[:-1]})
    for each in less.members:
        assert render.numbers(less)[each.id] == render.numbers(wanted)[each.id]


@pytest.mark.parametrize(
    ("timeout", "mask", "words"),
    [
        (None, None, None),
        (1, "255.255.254.0", None),
        (2_147_483, "ffff:ffff:ffff:ffff::", None),
        (0, None, "persistence_timeout must be from 1 to 2147483"),
        (-1, None, "persistence_timeout"),
        (2_147_484, None, "persistence_timeout"),
        (None, "255.0.255.0", "255.0.255.0 is no network mask"),
        (None, "0.0.0.0", "is no network mask"),
        (None, "10.0.0.1", "is no network mask"),
    ],
)
def test_what_persistence_cannot_be_is_said(timeout, mask, words):
    said = {"type": "SOURCE_IP", "persistence_timeout": timeout, "persistence_granularity": mask}
    back = picture(session_persistence=said).pools[0]
    assert (persistence.wrong(back) is None) == (words is None)
    assert words is None or words in str(persistence.wrong(back))


def test_a_client_is_its_whole_address_for_six_minutes_unless_the_pool_says_otherwise():
    usual = persistence.of(picture(session_persistence={"type": "SOURCE_IP"}).pools[0])
    assert usual is not None
    assert (usual.seconds, usual.masked(4), usual.masked(6)) == (360, "", "")
    said = {"type": "SOURCE_IP", "persistence_timeout": 5, "persistence_granularity": "ffff:ff00::"}
    other = persistence.of(picture(session_persistence=said).pools[0])
    assert other is not None
    assert (other.seconds, other.masked(4), other.masked(6)) == (5, "", " & ffff:ff00::")
    assert persistence.of(picture().pools[0]) is None


@pytest.mark.parametrize(
    ("client", "member", "seconds"),
    [
        (50_000, 50_000, 50),
        (1, 50_000, 1),
        (60_001, 600_000, 61),
        (0, 0, 50),
        (None, 70_000, 50),
        (2**31 - 1, None, 50),
    ],
)
def test_a_connection_may_be_silent_for_the_shorter_time_and_the_usual_one_stands_for_none(client, member, seconds):
    wanted = picture({"address": "10.0.0.1"})
    front = dataclasses.replace(
        wanted.listeners[0],
        protocol=listener.Protocol.TCP,
        timeout_client_data=client,
        timeout_member_data=member,
    )
    text = render.render(wanted.replacing(front), part=carried.WHOLE)
    assert f"policy = {{ established : {seconds} }}" in text
    assert f'ct timeout set "silence_{seconds}_ip"' in chain_of(text, render.listener_chain(front, 4))


def test_members_see_the_client_where_the_pool_says_so_and_themselves_from_the_vip():
    plain, seen = (picture({"address": "10.0.0.1"}, preserve_client_ip=each) for each in (False, True))
    mark = f"{render.numbers(plain)[trees.identifier(4, 0)]:#010x}"
    assert f"snat ip to meta mark map {{ {mark} : 172.16.100.11 }}" in render.render(plain)
    assert "snat ip to meta mark" not in render.render(seen)
    assert "snat ip to ip saddr . ip daddr map { 10.0.0.1 . 10.0.0.1 : 172.16.100.11 }" in render.render(seen)


def test_connections_begin_with_a_syn_and_datagrams_with_anything():
    wanted = picture({"address": "10.0.0.1"})
    front = wanted.listeners[0]
    connections = wanted.replacing(dataclasses.replace(front, protocol=listener.Protocol.TCP))
    assert streams.BEGINS in chain_of(render.render(connections, part=carried.WHOLE), render.listener_chain(front, 4))
    assert streams.BEGINS not in render.render(wanted, part=carried.WHOLE)


def test_what_only_connections_need_is_not_in_the_rules_of_datagrams():
    text = render.render(picture({"address": "10.0.0.1"}))
    assert "tcp notrack" in text
    assert not any(each in text for each in streams.ENDS)
