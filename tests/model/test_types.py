"""Kinds of value: what they take, what they keep, and what they refuse in which words."""

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.model import listener, types

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KINDS = (
    types.String(),
    types.String(8, least=2, pattern="[a-z]+"),
    types.Integer(1, 65535),
    types.Integer(),
    types.Number((1.0, 1.1)),
    types.OneOf((301, 302)),
    types.Url(),
    types.Alpn(),
    types.Boolean(),
    types.Uuid(),
    types.IpAddress(),
    types.Cidr(),
    types.Choice(listener.Protocol),
    types.Timestamp(),
    types.ListOf(types.Integer()),
    types.MapOf(types.String()),
    types.Entry({"a": types.Integer(), "b": types.String()}, required=("a",)),
)


def attempt(kind, value):
    """What a kind made of a value, or the sentence it refused it with."""
    try:
        return kind.parse(value), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
@given(value=JSON.filter(lambda value: value is not None))
def test_any_json_is_parsed_or_refused_with_a_sentence(kind, value):
    parsed, sentence = attempt(kind, value)
    assert sentence or kind.parse(parsed) == parsed  # what is kept is accepted again, unchanged


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_every_kind_describes_itself(kind):
    assert set(kind.schema()) & {"type", "anyOf"}


@pytest.mark.parametrize(("sent", "kept"), [("80", 80), (80.5, 80), (" 7 ", 7), (80, 80)])
def test_numbers_come_in_octavias_spellings(sent, kept):
    assert types.Integer(1, 100).parse(sent) == kept


@pytest.mark.parametrize(
    ("kind", "sent", "sentence"),
    [
        (types.Integer(1, 10), 0, "Value should be greater or equal to 1"),
        (types.Integer(1, 10), 11, "Value should be lower or equal to 10"),
        (types.Integer(), "eighty", "invalid literal for int() with base 10: 'eighty'"),
        (types.Integer(), math.nan, "Value should be an integer"),
        (types.Integer(), math.inf, "Value should be an integer"),
        (types.Integer(), True, "Value should be an integer"),
        (types.Integer(), 2**31, "Value should be lower or equal to 2147483647"),
        (types.String(), 5, "Value should be string"),
        (types.String(3), "four", "Value should have a maximum character requirement of 3"),
        (types.String(3, least=2), "a", "Value should have a minimum character requirement of 2"),
        (types.String(pattern="[a-z]+"), "A", "Value should match the pattern [a-z]+"),
        (types.String(pattern="[a-z]+"), "a\n", "Value should match the pattern [a-z]+"),
        (types.String(), "a\x00b", "Value should not contain NUL or unpaired surrogate characters"),
        (types.String(), "\ud800", "Value should not contain NUL or unpaired surrogate characters"),
        (types.Boolean(), "perhaps", "Value should be a boolean"),
        (types.Uuid(), "notuuid", "Value should be UUID format"),
        (types.IpAddress(), "10.0.0.300", "Value should be IPv4 or IPv6 format"),
        (types.IpAddress(), "fe80::1%eth0", "Value should be IPv4 or IPv6 format"),
        (types.Cidr(), "10.0.0.0/33", "Value should be IPv4 or IPv6 CIDR format"),
        (types.Number((1.0, 1.1)), "2.0", "Value should be one of: 1.0, 1.1"),
        (types.ListOf(types.String()), "text", "Value not a valid list: text"),
        (types.MapOf(types.String()), [], "Value not a valid dict: []"),
        (types.Entry({"a": types.Integer()}), {"b": 1}, "Unknown keys: b"),
        (types.Entry({"a": types.Integer()}, required=("a",)), {}, "Key a is mandatory"),
        (types.Timestamp(), "yesterday", "Value should be an ISO 8601 timestamp"),
    ],
)
def test_what_is_refused_is_refused_in_known_words(kind, sent, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the sentence is compared whole)
        kind.parse(sent)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("word", ["true", "T", "yes", "y", "on", "1", 1, True])
def test_many_words_mean_true(word):
    assert types.Boolean().parse(word) is True


@pytest.mark.parametrize("word", ["false", "F", "no", "n", "off", "0", 0, False])
def test_many_words_mean_false(word):
    assert types.Boolean().parse(word) is False


def test_a_uuid_is_kept_in_one_spelling():
    spelled = "{7F8A1D5E-0C44-4C5C-8C58-7C7B7B5B0E11}"
    assert types.Uuid().parse(spelled) == "7f8a1d5e-0c44-4c5c-8c58-7c7b7b5b0e11"
    assert types.Uuid(hexadecimal=True).parse(spelled) == "7f8a1d5e0c444c5c8c587c7b7b5b0e11"


def test_a_network_drops_its_host_bits():
    assert types.Cidr().parse("10.0.0.5/8") == "10.0.0.0/8"
    assert types.Cidr().parse("2001:db8::1") == "2001:db8::1/128"


def test_a_moment_with_a_zone_is_kept_in_utc_without_it():
    kept = types.Timestamp().parse("2026-03-01T12:00:00+02:00")
    assert types.Timestamp().parse(kept) is kept
    assert kept == datetime.datetime(2026, 3, 1, 10, 0)


def test_an_entry_holds_every_key():
    assert types.Entry({"a": types.Integer(), "b": types.String()}).parse({"a": "1"}) == {"a": 1, "b": None}


def test_a_distinct_list_keeps_the_first_of_equals():
    assert types.ListOf(types.String(), distinct=True).parse(["b", "a", "b"]) == ("b", "a")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://user@example.org:8443/a%20b?c=d&e#f",
        "https://[2001:db8::1]:80/",
        "HTTPS://EXAMPLE.ORG/",
    ],
)
def test_a_url_is_kept_as_it_was_typed(url):
    assert types.Url().parse(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "/path",
        "ftp://example.org/",
        "https://",
        "https:///path",
        "https://example.org/a b",
        "https://example.org/\t",
        "https://example.org/\u00e4",
        "https://example.org/%",
        "https://example.org/%zz",
        "https://[::1",
        "https://example.org:port/",
        "https://example.org/" + "x" * 255,
    ],
)
def test_what_is_no_url_is_refused(url):
    assert attempt(types.Url(), url)[1] in (
        "Value must be a valid URL string",
        "Value should have a maximum character requirement of 255",
    )


def test_a_status_is_one_of_a_few_numbers():
    assert types.OneOf((301, 302)).parse("302") == 302
    assert attempt(types.OneOf((301, 302)), 200)[1] == "Value should be one of: 301, 302"


def test_alpn_protocols_are_known_by_their_identification_sequence():
    assert [types.Alpn().parse(each) for each in types.ALPN] == ["h2", "http/1.1", "http/1.0"]
    for each in ("h3", "H2", 2, None):
        assert attempt(types.Alpn(), each)[1] == "Value should be a valid ALPN protocol ID"
