"""Metrics as text: what Prometheus reads back is what was meant."""

import re

from hypothesis import given
from hypothesis import strategies as st

from vipool.core import exposition

LINE = re.compile(r'^vipool_x\{a="((?:[^"\\\n]|\\["\\n])*)"\} (\S+)$')


def gauge(*samples, words="What it is."):
    return exposition.Family(name="vipool_x", help=words, samples=samples)


def test_a_page():
    page = exposition.text([gauge(({"a": "b", "c": "d"}, 1), ({"a": "e"}, 2.5)), gauge(words="None.")])
    assert page == (
        '# HELP vipool_x What it is.\n# TYPE vipool_x gauge\nvipool_x{a="b",c="d"} 1\nvipool_x{a="e"} 2.5\n'
        "# HELP vipool_x None.\n# TYPE vipool_x gauge\n"
    )


@given(st.text(), st.text())
def test_no_word_leaves_its_place(label, words):
    page = exposition.text([gauge(({"a": label}, 1), words=words)])
    about, kind, sample, end = page.split("\n")
    assert (kind, end) == ("# TYPE vipool_x gauge", "")
    assert about.startswith("# HELP vipool_x ")
    found = LINE.match(sample)
    assert found
    assert re.sub(r"\\(.)", lambda each: "\n" if each[1] == "n" else each[1], found[1]) == label
