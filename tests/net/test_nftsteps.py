"""From one text of packet rules to the next by what differs: the kernel must hold what it would after the whole."""

from __future__ import annotations

import subprocess

import pytest

from tests.net import churn
from vipool.host import namespaces, nft, nftsteps
from vipool.host import wiring as host
from vipool.model import tree, wiring
from vipool.providers.nftables import carried, render

STEPPED, WHOLE = "qlbaas-stepped", "qlbaas-whole"
FILTER = (
    "table inet vipool_filter {{\n\tchain input {{\n\t\ttype filter hook input priority 5; policy accept;\n{}\t}}\n}}\n"
)


@pytest.fixture(autouse=True)
def _places(marks):
    host.perform([wiring.CreateNamespace(name=name) for name in (STEPPED, WHOLE)], marks=marks)
    yield
    host.perform([wiring.DeleteNamespace(name=name) for name in (STEPPED, WHOLE)], marks=marks)


def rules(wanted: tree.Tree) -> str:
    return render.render(wanted, part=carried.WHOLE)


def handle(table: str) -> str:
    """The table with its number, which another of its name would not have."""
    words = ["ip", "netns", "exec", STEPPED, "nft", "--handle", "list", "tables"]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return next(line for line in said.splitlines() if table in line)


@pytest.mark.parametrize("seed", [1, 2])
def test_changes_at_random_lead_to_what_the_whole_would_be(seed):
    changes, wanted = churn.Changes(seed), churn.begin()
    nft.load(STEPPED, rules(wanted))
    stepped = 0
    for _ in range(60):
        before, (wanted, word) = rules(wanted), changes.next(wanted)
        steps = nftsteps.between(before, rules(wanted))
        nft.load(STEPPED, rules(wanted), steps=steps)
        nft.load(WHOLE, "")
        nft.load(WHOLE, rules(wanted))
        assert sorted(nft.show(STEPPED).splitlines()) == sorted(nft.show(WHOLE).splitlines()), word
        stepped += bool(steps)
    assert stepped > 30


def loaded(text: str, memory: dict[str, str], marks) -> None:
    host.perform([wiring.LoadRuleset(namespace=STEPPED, text=text)], marks=marks, loaded=memory)
    assert namespaces.call(STEPPED, nft.fingerprint_here) == wiring.fingerprint(text)


def test_what_does_not_differ_is_left_alone(marks):
    memory: dict[str, str] = {}
    first, second = FILTER.format(""), FILTER.format("\t\ttcp dport 81 drop\n")
    balanced = rules(churn.begin())
    loaded(first + balanced, memory, marks)
    before = [handle(each) for each in ("vipool_filter", render.TABLE)]
    loaded(second + balanced, memory, marks)
    assert [handle(each) for each in ("vipool_filter", render.TABLE)] == before
    assert "tcp dport 81 drop" in nft.show(STEPPED)
    loaded(balanced, memory, marks)
    assert nft.tables(STEPPED) == (("inet", render.TABLE),)
    assert handle(render.TABLE) == before[1]
    loaded("", memory, marks)
    assert nft.tables(STEPPED) == ()


@pytest.mark.parametrize("spoiled", ["flush chain inet vipool_filter input", "delete table inet vipool_filter"])
def test_what_somebody_took_away_is_there_again_after_the_next_change(marks, spoiled):
    memory: dict[str, str] = {}
    loaded(FILTER.format("\t\ttcp dport 81 drop\n"), memory, marks)
    subprocess.run(["ip", "netns", "exec", STEPPED, "nft", spoiled], check=True)
    loaded(FILTER.format("\t\ttcp dport 82 drop\n"), memory, marks)
    assert "tcp dport 82 drop" in nft.show(STEPPED)


def test_a_chain_that_is_gone_is_put_back_with_all_the_rest(marks):
    """The steps are refused then, since they name it."""
    memory: dict[str, str] = {}
    more = "\tchain more {{\n\t\t{}\n\t}}\n}}\n"
    loaded(FILTER.format("")[:-2] + more.format("tcp dport 81 drop"), memory, marks)
    subprocess.run(["ip", "netns", "exec", STEPPED, "nft", "delete chain inet vipool_filter more"], check=True)
    loaded(FILTER.format("")[:-2] + more.format("tcp dport 82 drop"), memory, marks)
    assert "tcp dport 82 drop" in nft.show(STEPPED)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", FILTER.format("")),
        (FILTER.format(""), ""),
        (FILTER.format(""), FILTER.format("")),
        (FILTER.format(""), FILTER.format("").replace("priority 5", "priority 6")),
        (FILTER.format(""), "table inet vipool_filter { chain input { } }\n"),
        (FILTER.format(""), FILTER.format("") + "add table ip vipool_x { }\n"),
    ],
    ids=["from nothing", "to nothing", "the same", "another hook", "another hand", "a command"],
)
def test_of_what_is_not_near_or_not_understood_nothing_is_said(before, after):
    assert nftsteps.between(before, after) == ""
