"""The example of a provider: no word of a tenant gets into what nginx and the kernel read, and it stays an example."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from vipool_nginx import capabilities, render

from tests import house
from tests.providers import trees
from vipool.contract import cases
from vipool.model import tree

LINES = 300


def carried(whole: tree.Tree) -> bool:
    return capabilities.Capabilities().refuse(whole) is None


@given(whole=trees.trees() | trees.datagrams(), hostile=st.text(max_size=30))
def test_words_of_tenants_change_nothing(whole, hostile):
    def named(word):
        words = {"name": word, "description": word, "tags": (word,)}
        return whole.having(
            {
                field: tuple(dataclasses.replace(row, **words) for row in getattr(whole, field))
                for field in ("listeners", "pools")
            }
        )

    assert render.configuration(named(hostile)) == render.configuration(named("a"))
    assert render.rules(named(hostile)) == render.rules(named("a"))


def test_an_address_with_a_zone_of_any_words_ends_in_its_bytes_alone():
    whole = cases.CASES["TCP: one member"]
    row = dataclasses.replace(whole.members[0], address="fe80::1%eth0; } daemon off; #")
    text = render.configuration(whole.replacing(row))
    assert "server [fe80::1]:8000 weight=1;" in text
    assert "daemon" not in text


def test_equal_trees_give_equal_text_and_ids_are_not_in_it():
    for whole in filter(carried, cases.CASES.values()):
        text = render.configuration(whole) + render.rules(whole)
        assert text == render.configuration(whole) + render.rules(whole)
        assert not any(row.id in text for row in whole.rows())


def test_it_is_small_enough_to_be_read():
    home = house.ROOT / "examples/nginx-provider"
    files = [*home.rglob("*.py"), home / "pyproject.toml"]
    lines = [line for path in files for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= LINES
