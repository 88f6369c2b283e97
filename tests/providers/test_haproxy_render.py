"""The text HAProxy is given: golden cases, each also read by the real binary, and what holds for every tree.

`VIPOOL_BLESS=1` rewrites the golden files; `VIPOOL_FUZZ=N` draws N trees in place of a few.
"""

import copy
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.providers import configuration, trees
from vipool.model import pool
from vipool.providers import halves, joined
from vipool.providers.haproxy import capabilities, pem, render, switching, tokens

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(each.parent.name for each in GOLDEN.glob("*/tree.json"))
EXAMPLES = int(os.environ.get("VIPOOL_FUZZ", "40"))
LAYOUT = render.Layout(files=20_000)
CAPABILITIES = capabilities.Capabilities()


def body(case: str) -> dict[str, Any]:
    return json.loads((GOLDEN / case / "tree.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_a_tree_renders_as_recorded(case):
    whole = trees.load(body(case))
    wanted = halves.stream(whole)
    assert CAPABILITIES.refuse(wanted) is None
    able = pem.readable(wanted, trees.materials())
    text = recordable(*trees.rendered(able, LAYOUT, joined.ports(whole)))
    recorded = GOLDEN / case / "haproxy.cfg"
    if os.environ.get("VIPOOL_BLESS"):
        recorded.write_text(text)
    assert text == recorded.read_text()


def recordable(text: str, files: Sequence[pem.File]) -> str:
    """The text with a name in place of each digest: certificates are made anew each time."""
    for each in files:
        text = text.replace(each.digest, "digest")
    return text


@configuration.needs_haproxy
@pytest.mark.parametrize("case", [each for each in CASES if (GOLDEN / each / "haproxy.cfg").read_text()])
def test_haproxy_accepts_the_recorded_text(case, tmp_path):
    files = pem.files(pem.readable(trees.load(body(case)), trees.materials()), trees.materials())
    assert configuration.verdict((GOLDEN / case / "haproxy.cfg").read_text(), tmp_path, files) == ""


@configuration.needs_haproxy
@hypothesis.settings(
    max_examples=EXAMPLES, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], database=None
)
@hypothesis.given(wanted=trees.trees())
def test_haproxy_accepts_every_tree_that_is_not_refused(wanted, tmp_path):
    hypothesis.assume(trees.accepted(wanted))
    text, files = trees.rendered(wanted, LAYOUT)
    if text:
        assert configuration.verdict(text, tmp_path, files) == ""


@configuration.needs_haproxy
@hypothesis.settings(
    max_examples=EXAMPLES, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], database=None
)
@hypothesis.given(rules=st.lists(trees.rules(1, 1), min_size=10, max_size=30))
def test_haproxy_accepts_every_rule_that_is_let_in(rules, tmp_path):
    wanted = trees.load(body("l7-skipped"))
    rules = [
        dataclasses.replace(each, id=trees.identifier(7, at), admin_state_up=True) for at, each in enumerate(rules)
    ]
    policy = dataclasses.replace(wanted.l7policies[0], id=trees.identifier(6, 1), admin_state_up=True)
    wanted = dataclasses.replace(wanted, l7policies=(policy,), l7rules=tuple(rules))
    text = render.render(wanted, LAYOUT)
    assert text.count("    acl ") >= len(rules)
    assert configuration.verdict(text, tmp_path) == ""


@hypothesis.given(rule=trees.rules(1, 1))
def test_a_rule_is_one_line_with_the_words_it_was_given(rule):
    """The key is one argument of one fetch, and the value the last word, whatever is in them."""
    for words in switching.tests(rule):
        read = configuration.words(tokens.line("acl", rule.id, *words))
        assert read == ["acl", rule.id, *map(str, words)]
        if "(" in read[2]:
            fetch, _, argument = read[2].removesuffix(")").partition("(")
            assert fetch in {"req.hdr", "req.fhdr", "req.cook", "ssl_c_s_dn"}
            assert configuration.words(argument) == ["host" if rule.type == "HOST_NAME" else rule.key]
        if rule.compare_type == "REGEX":
            assert read[-2:] == ["--", f"(*LIMIT_MATCH={switching.STEPS}){rule.value}"]
        elif not rule.type.startswith("SSL_") or rule.key:
            inner = rule.value[1:-1] if len(rule.value) > 1 and rule.value[0] == rule.value[-1] == '"' else rule.value
            assert read[-2:] == ["--", f".{inner.removeprefix('.')}" if rule.type == "FILE_TYPE" else inner]


@hypothesis.given(url=trees.urls, action=st.sampled_from(("REDIRECT_TO_URL", "REDIRECT_PREFIX")))
def test_a_redirection_is_one_word_and_holds_no_variable(url, action):
    case = body("l7-everything")
    for row in case["l7policies"]:
        row.update(action=action, redirect_url=url, redirect_prefix=url, redirect_pool_id=None)
    text = render.render(trees.load(case), LAYOUT)
    found = [configuration.words(line) for line in text.splitlines() if " redirect " in line]
    assert len(found) == len(case["l7policies"])
    for words in found:
        assert words[:3] == ["http-request", "redirect", "code"]
        assert words[5].replace("%%", "%") == url
        assert "%" not in words[5].replace("%%", "")
        assert words[6] == "if"


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
