"""Regular expressions of L7 rules: what is let in PCRE2 compiles too, and both find the same."""

import re
import warnings

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.core import drawn_expressions, pcre2
from vipool.core.rules import expressions


def let_in(text: str) -> bool:
    """Whether an L7 rule may hold the expression; that Python would warn of it is a failure."""
    if expressions.refuse(text) is not None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError):
            return False
    return True


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
subjects = st.lists(st.one_of(printable, st.text("abcB-.:=/", max_size=12)), min_size=1, max_size=8)


@pcre2.needs_pcre2
@hypothesis.given(text=drawn_expressions.anything, others=subjects, caseless=st.booleans())
def test_what_is_let_in_finds_the_same_in_pcre2(text, others, caseless):
    hypothesis.assume(let_in(text))
    python = re.compile(text, re.IGNORECASE if caseless else 0)
    for subject in [*others, text]:
        if not subject and r"\B" in text:  # Python before 3.14 finds no \B in nothing
            continue
        assert pcre2.found(text, subject, caseless=caseless) == bool(python.search(subject)), subject


REFUSED = [
    r"(a)\1", r"(?P<a>x)(?P=a)", r"(?x)a b", r"(?a)\w", r"(?(1)a|b)", r"(?#x)a", r"\v", "\\u0041", r"\N{DASH}", r"\07",
    r"[[:alpha:]]", r"[:alpha:]", r"[..]", r"[a--b]", r"[a&&b]", r"[\1]", r"a{,3}", r"a{x", r"é", "a\tb",
    r"(?:a{100}){100}", r"a{1001}", r"(?<=(?:a{999}){999})b", r"(?<=(|a){0})b",
    r"(?P<a_name_that_is_longer_than_32_letters>a)",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_only_one_of_them_knows_is_refused(text):
    assert expressions.refuse(text) is not None


LET_IN = [
    r"^/(v1|v2)/.*\.(jpg|png)$", r"(?i)^/api", r"a{2,3}?b", r"[^/]+", r"[]a]", r"[^]a]", r"\Aab\Z", r"\bword\b",
    r"a++b", r"(?>a+)b", r"(?=.*a)(?!b)", r"(?<=ab)c", r"(?<!ab)c", r"(?P<name>a)", r"(?i:a)b", r"(?s-i:a)", r"\x41",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"a|", "(" * 127 + ")" * 127, r"[\]\-a]", r"}", r"]", r"\{a\}",
    r"\.\-\ \_", r"(?:[abc]{10}){90}", r"(?:(?:(?:[abc]|x){0,5}){0,5}){0,5}", "(?:[abc])" * 28,
    "(?:(?:[^abc])|[abc]){143}",
]  # fmt: skip


@pcre2.needs_pcre2
@pytest.mark.parametrize("text", LET_IN)
def test_what_both_know_is_let_in(text):
    assert let_in(text)
    pcre2.found(text, "a subject")
