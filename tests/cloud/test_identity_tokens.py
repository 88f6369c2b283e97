"""Sealed tokens, password hashes and the counting of failed logins, each by itself."""

import base64
import datetime

import hypothesis
import pytest
from hypothesis import strategies as st

from vipool.cloud.identity.embedded import grants, guesses, hashes, tokens

KEY = b"k" * 32
OTHER = b"o" * 32
IDS = st.one_of(
    st.uuids().map(lambda each: each.hex), st.text(max_size=60).filter(lambda each: len(each.encode()) < 255)
)
MOMENTS = st.datetimes(min_value=datetime.datetime(1970, 1, 1), max_value=datetime.datetime(2500, 1, 1))
CLAIMS = st.builds(
    tokens.Claims,
    user_id=IDS,
    epoch=st.integers(0, 2**32 - 1),
    methods=st.sets(st.sampled_from(list(tokens.Method))).map(
        lambda some: tuple(m for m in tokens.Method if m in some)
    ),
    kind=st.sampled_from(list(tokens.Kind)),
    scope_id=IDS,
    credential_id=IDS,
    audit_ids=st.lists(IDS, max_size=2).map(tuple),
    issued_at=MOMENTS,
    expires_at=MOMENTS,
)
USUAL = tokens.Claims(
    user_id="0" * 32,
    epoch=1,
    methods=tuple(tokens.Method),
    kind=tokens.Kind.PROJECT,
    scope_id="1" * 32,
    credential_id="2" * 32,
    audit_ids=("a" * 22, "b" * 22),
    issued_at=datetime.datetime(2026, 1, 1, 12, 0, 0, 1),
    expires_at=datetime.datetime(2026, 1, 1, 16, 0, 0, 1),
)


@hypothesis.given(CLAIMS)
def test_a_token_says_what_was_sealed(claims):
    if len(tokens.seal(claims, KEY)) <= 400:
        assert tokens.unseal(tokens.seal(claims, KEY), [OTHER, KEY]) == claims


def test_the_longest_usual_token_is_shorter_than_255_characters():
    assert len(tokens.seal(USUAL, KEY)) < 255


def test_a_token_of_another_key_says_nothing():
    assert tokens.unseal(tokens.seal(USUAL, OTHER), [KEY]) is None


@hypothesis.given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_a_changed_token_says_nothing_new(place, letter):
    token = tokens.seal(USUAL, KEY)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    # The last letter of unpadded base64 holds bits that mean nothing, so it may be written in several ways.
    assert tokens.unseal(changed, [KEY]) in ({None, USUAL} if place == len(token) - 1 or changed == token else {None})


@hypothesis.given(st.text())
def test_any_other_text_says_nothing(text):
    assert tokens.unseal(text, [KEY]) is None


@hypothesis.given(st.binary(max_size=60))
def test_no_short_text_breaks_the_reading(some):
    assert tokens.unseal(base64.urlsafe_b64encode(some).decode().rstrip("="), [KEY]) is None


def test_a_password_matches_its_own_hash_only():
    checks = hashes.Hashes(passes=1, memory_kib=8)
    kept = checks.chosen("right")
    assert checks.matches("right", kept)
    assert not checks.matches("wrong", kept)
    assert not checks.matches("right", None)
    assert not checks.matches("right", "no hash at all")
    assert not checks.matches("x" * (hashes.LONGEST + 1), checks.chosen("x" * hashes.LONGEST))


def test_a_made_secret_matches_its_own_hash_only():
    checks = hashes.Hashes(passes=1, memory_kib=8)
    assert checks.matches("s" * 86, checks.made("s" * 86))
    assert not checks.matches("t" * 86, checks.made("s" * 86))
    assert not checks.is_old(checks.made("s" * 86))


def test_a_hash_of_other_costs_is_old():
    cheap, dear = hashes.Hashes(passes=1, memory_kib=8), hashes.Hashes(passes=2, memory_kib=16)
    kept = cheap.chosen("right")
    assert dear.is_old(kept)
    assert not cheap.is_old(kept)
    assert dear.matches("right", kept)


def test_failures_count_for_one_name_from_one_address_and_for_a_while():
    noon = datetime.datetime(2026, 1, 1, 12)
    failures = guesses.Guesses()
    for _ in range(guesses.MOST):
        assert not failures.too_many("alice", "10.0.0.1", noon)
        failures.failed("alice", "10.0.0.1", noon)
    assert failures.too_many("alice", "10.0.0.1", noon)
    assert not failures.too_many("alice", "10.0.0.2", noon)
    assert not failures.too_many("bob", "10.0.0.1", noon)
    assert not failures.too_many("alice", "10.0.0.1", noon + guesses.WINDOW)
    failures.succeeded("alice", "10.0.0.1", noon)
    assert not failures.too_many("alice", "10.0.0.1", noon)


def test_one_name_cannot_be_guessed_from_everywhere_nor_its_owner_locked_out_of_where_it_was():
    noon = datetime.datetime(2026, 1, 1, 12)
    failures = guesses.Guesses()
    failures.succeeded("alice", "192.0.2.1", noon)
    for number in range(guesses.MOST_OF_NAME):
        assert not failures.too_many("alice", f"10.0.0.{number}", noon)
        failures.failed("alice", f"10.0.0.{number}", noon)
    assert failures.too_many("alice", "10.0.1.1", noon)
    assert not failures.too_many("alice", "192.0.2.1", noon)
    assert not failures.too_many("alice", "10.0.1.1", noon + guesses.WINDOW)
    later = noon + guesses.FAMILIAR
    for number in range(guesses.MOST_OF_NAME):
        failures.failed("alice", f"10.0.0.{number}", later)
    assert failures.too_many("alice", "192.0.2.1", later)


def test_one_address_cannot_guess_at_every_name_nor_lock_out_who_was_there():
    noon = datetime.datetime(2026, 1, 1, 12)
    failures = guesses.Guesses()
    failures.succeeded("alice", "10.0.0.1", noon)
    for number in range(guesses.MOST_FROM_ADDRESS):
        assert not failures.too_many(f"user {number}", "10.0.0.1", noon)
        failures.failed(f"user {number}", "10.0.0.1", noon)
    assert failures.too_many("bob", "10.0.0.1", noon)
    assert not failures.too_many("alice", "10.0.0.1", noon)
    assert not failures.too_many("bob", "10.0.0.2", noon)
    assert not failures.too_many("bob", "10.0.0.1", noon + guesses.WINDOW)


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8::1", "2001:db8::ffff:1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("", "")]
)
def test_all_that_one_host_can_call_itself_counts_as_one_address(one, other):
    noon = datetime.datetime(2026, 1, 1, 12)
    failures = guesses.Guesses()
    for _ in range(guesses.MOST):
        failures.failed("alice", one, noon)
    assert failures.too_many("alice", other, noon)
    assert not failures.too_many("alice", "2001:db8:0:1::1", noon)


def test_a_flood_of_names_does_not_fill_the_memory():
    noon = datetime.datetime(2026, 1, 1, 12)
    failures = guesses.Guesses()
    for number in range(guesses.ROOM + 100):
        failures.failed(str(number), "10.0.0.1", noon)
        failures.succeeded(str(number), "10.0.0.2", noon)
    assert len(failures) <= 2 * guesses.ROOM


@hypothesis.given(st.dictionaries(st.sampled_from("abcde"), st.lists(st.sampled_from("abcde")).map(tuple)))
def test_implied_roles_are_closed_and_end(rules):
    found = grants.implied(rules, ["a"])
    assert found["a"] is None
    for each, prior in found.items():
        assert prior is None or each in rules[prior]
        assert set(rules.get(each, ())) <= found.keys()
