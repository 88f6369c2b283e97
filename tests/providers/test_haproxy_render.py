"""The text HAProxy is given: golden cases, each also read by the real binary, and what holds for every tree.

`VIPOOL_BLESS=1` rewrites the golden files; `VIPOOL_FUZZ=N` draws N trees in place of a few.
"""

import copy
import json
import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.providers import configuration, trees
from vipool.model import pool
from vipool.providers import halves
from vipool.providers.haproxy import capabilities, render, tokens

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(each.parent.name for each in GOLDEN.glob("*/tree.json"))
EXAMPLES = int(os.environ.get("VIPOOL_FUZZ", "40"))
LAYOUT = render.Layout(files=20_000)
CAPABILITIES = capabilities.Capabilities()


def body(case: str) -> dict[str, Any]:
    return json.loads((GOLDEN / case / "tree.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_a_tree_renders_as_recorded(case):
    wanted = halves.stream(trees.load(body(case)))
    assert CAPABILITIES.refuse(wanted) is None
    text = render.render(wanted, LAYOUT)
    recorded = GOLDEN / case / "haproxy.cfg"
    if os.environ.get("VIPOOL_BLESS"):
        recorded.write_text(text)
    assert text == recorded.read_text()


@configuration.needs_haproxy
@pytest.mark.parametrize("case", [each for each in CASES if (GOLDEN / each / "haproxy.cfg").read_text()])
def test_haproxy_accepts_the_recorded_text(case, tmp_path):
    assert configuration.verdict((GOLDEN / case / "haproxy.cfg").read_text(), tmp_path) == ""


@configuration.needs_haproxy
@hypothesis.settings(
    max_examples=EXAMPLES, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], database=None
)
@hypothesis.given(wanted=trees.trees())
def test_haproxy_accepts_every_tree_that_is_not_refused(wanted, tmp_path):
    hypothesis.assume(CAPABILITIES.refuse(wanted) is None)
    text = render.render(wanted, LAYOUT)
    if text:
        assert configuration.verdict(text, tmp_path) == ""


PATHS = "abc /?'\"\\#$%{}"


@hypothesis.given(
    name=trees.free_text,
    path=st.text(PATHS, max_size=60),
    header=st.dictionaries(st.sampled_from(trees.HEADERS), trees.free_text),
)
def test_no_string_of_a_client_adds_or_moves_a_word(name, path, header):
    """Stricter than the API: the path may hold blanks, quotes and backslashes here."""
    case = body("http-picture")
    hostile = copy.deepcopy(case)
    hostile["loadbalancer"] = {"name": name, "description": name, "tags": [name]}
    for kind in ("listeners", "pools", "members", "healthmonitors"):
        for row in hostile[kind]:
            row.update(name=name, description=name, tags=[name])
    hostile["healthmonitors"][0]["url_path"] = "/" + path
    hostile["listeners"][0]["insert_headers"] = {key: value + "!" for key, value in header.items()}
    plain = render.render(trees.load(case), LAYOUT).splitlines()
    found = render.render(trees.load(hostile), LAYOUT).splitlines()
    for before, after in zip(plain, found, strict=True):
        read = configuration.words(after)
        assert read == ["/" + path if word == "/" else word for word in configuration.words(before)]


@hypothesis.given(st.lists(st.text(min_size=1), min_size=1))
def test_words_are_read_back_as_they_were_written(texts):
    try:
        line = tokens.line(*texts)
    except tokens.Unquotable:
        assert any(ord(letter) < 32 or not letter.isprintable() for text in texts for letter in text)
        return
    assert "\n" not in line
    assert configuration.words(line) == texts


@configuration.needs_haproxy
@hypothesis.settings(
    max_examples=EXAMPLES, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], database=None
)
@hypothesis.given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_haproxy_reads_one_word_whatever_is_quoted(tmp_path, text):
    """The oracle is HAProxy itself: `description` takes any words, so a word too many hides; `setenv` takes pairs."""
    try:
        line = tokens.line("setenv", "VIPOOL_TEST", text)
    except tokens.Unquotable:
        return
    assert configuration.verdict(f"global\n{line}\n", tmp_path) == ""


def test_an_empty_word_is_still_a_word():
    assert configuration.words(tokens.line("a", "", "b")) == ["a", "", "b"]


@pytest.mark.parametrize("hostile", ["x\nbackend evil", "x y", "x/y", ""])
def test_a_name_that_haproxy_would_not_take_is_never_written(hostile):
    with pytest.raises(tokens.Unquotable):
        tokens.name(hostile)


def test_a_disabled_load_balancer_renders_to_nothing():
    listeners = [{"id": trees.identifier(2, 1), "protocol": "TCP", "protocol_port": 80}]
    wanted = trees.load({"loadbalancer": {"admin_state_up": False}, "listeners": listeners})
    assert render.render(wanted, LAYOUT) == ""


def test_a_member_keeps_its_number_when_others_go():
    def numbered(count: int) -> str:
        pool_id = trees.identifier(3, 1)
        wanted = trees.load(
            {
                "listeners": [
                    {"id": trees.identifier(2, 1), "protocol": "TCP", "protocol_port": 80, "default_pool_id": pool_id}
                ],
                "pools": [{"id": pool_id, "protocol": "TCP", "lb_algorithm": pool.Algorithm.SOURCE_IP}],
                "members": [
                    {"id": trees.identifier(4, each), "pool_id": pool_id, "address": "10.0.0.1", "protocol_port": each}
                    for each in range(5, 5 - count, -1)
                ],
            }
        )
        text = render.render(wanted, LAYOUT)
        return next(line for line in text.splitlines() if trees.identifier(4, 5) in line)

    assert numbered(1) == numbered(4)


def test_the_process_runs_as_who_the_node_says():
    wanted = trees.load(body("http-picture"))
    text = render.render(wanted, render.Layout(files=20_000, user=103, group=106))
    assert "    uid 103\n    gid 106\n" in text


def test_what_a_process_may_open_bounds_its_connections():
    wanted = trees.load(body("http-picture"))
    assert render.connections(wanted, render.Layout(files=1 << 20)) == render.MOST_CONNECTIONS
    assert render.connections(wanted, render.Layout(files=20_000)) == 8545
    assert render.connections(wanted, render.Layout(files=100)) == 1


def test_a_section_is_never_called_what_haproxy_would_not_take():
    with pytest.raises(tokens.Unquotable):
        tokens.section("frontend", "x\nbackend evil", [])
