"""Payloads at rest: sealed under a key that the database does not hold, bound to their secret; keys change."""

import itertools
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api import keymanager_cloud
from vipool import settings, wiring
from vipool.cloud.secrets.embedded import rotation, vault
from vipool.host import errors
from vipool.model import faults, payload
from vipool.store import rows

OLD, NEW, OTHER = (bytes([each]) * 32 for each in range(3))
ONE, TWO = (f"00000000-0000-4000-8000-00000000000{each}" for each in (1, 2))


def opening(*keys):
    """A vault with these keys, the newest first."""
    numbers = itertools.count(1)
    return vault.Vault(keys, lambda size: next(numbers).to_bytes(size, "big"))


@given(st.binary(max_size=500))
def test_what_is_sealed_opens_again(clear):
    kept = opening(NEW).seal(ONE, clear)
    assert opening(NEW).open(kept) == clear
    assert clear not in kept.sealed.encode() or len(clear) < 4


def test_the_same_payload_is_sealed_otherwise_each_time():
    sealing = opening(NEW)
    assert sealing.seal(ONE, b"x").sealed != sealing.seal(ONE, b"x").sealed


def test_the_newest_key_seals_and_all_of_them_open():
    kept = opening(OLD).seal(ONE, b"x")
    both = opening(NEW, OLD)
    assert both.open(kept) == b"x"
    again = both.seal(ONE, b"x")
    assert again.key_id == both.newest != kept.key_id
    assert opening(NEW).open(again) == b"x"


@pytest.mark.parametrize("change", ["id", "byte", "cut", "garbage", "key"])
def test_what_was_tampered_with_is_refused_in_words(change, caplog):
    kept = opening(NEW).seal(ONE, b"a payload")
    sealed = kept.sealed
    changed = {
        "id": kept.having({"id": TWO}),
        "byte": kept.having({"sealed": sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]}),
        "cut": kept.having({"sealed": ""}),
        "garbage": kept.having({"sealed": "no base64: é"}),
        "key": opening(OTHER).seal(ONE, b"a payload").having({"key_id": kept.key_id}),
    }[change]
    with pytest.raises(faults.Unavailable, match="what is kept of it was changed") as caught:
        opening(NEW).open(changed)
    assert caught.value.status == 503
    assert "its row was changed by other means" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_lost_key_is_named_in_the_log_and_refused_in_words(caplog):
    kept = opening(OLD).seal(ONE, b"a payload")
    with pytest.raises(faults.Unavailable, match="the key it is sealed with is missing"):
        opening(NEW).open(kept)
    assert kept.key_id in caplog.text


def test_a_key_has_its_length():
    for keys in ((), (b"short",), (NEW, b"x" * 33)):
        with pytest.raises(ValueError, match="32 bytes"):
            vault.Vault(keys, bytes)


def test_a_key_file_is_read_as_it_was_written():
    assert vault.read_keys(vault.write_keys((NEW, OLD)).encode()) == (NEW, OLD)
    assert vault.read_keys(b"\n" + vault.write_keys((NEW,)).encode() + b"  \n") == (NEW,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there is no key in it"),
        (b"\n\n", "there is no key in it"),
        (b"not base64!", "line 1 is not base64"),
        (b"\xff" * 32, "line 1 is not base64"),
        (vault.write_keys((NEW,)).encode() + b"QUJD\n", "line 2 holds 3 bytes: a key has 32"),
    ],
)
def test_a_file_of_no_keys_is_refused_without_repeating_it(content, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        vault.read_keys(content)
    assert "QUJD" not in str(caught.value)


# --- changing the key -------------------------------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path):
    made = keymanager_cloud.Cloud(tmp_path / "keys.db")
    yield made
    made.close()


def sealed_with(keys):
    with keys.database.read() as held:
        return set(rows.column(held, payload.Payload, "key_id"))


def test_a_new_key_takes_over_what_the_old_one_sealed_and_then_the_old_one_can_go(keys, caplog):
    made = [keys.store(f"text {each}") for each in range(3)]
    both = opening(NEW, keymanager_cloud.KEY)
    with caplog.at_level(logging.INFO):
        assert rotation.renew(keys.database, both) == 3
    assert "3 payloads are sealed under the newest key now." in caplog.text
    assert sealed_with(keys) == {both.newest}
    assert rotation.renew(keys.database, both) == 0
    with keys.database.read() as held:
        for each, path in enumerate(made):
            kept = rows.get(held, payload.Payload, path.partition("/")[2])
            assert opening(NEW).open(kept) == f"text {each}".encode()


def test_what_no_key_opens_is_left_and_said(keys, caplog):
    lost = keys.store("lost").partition("/")[2]
    rotation.renew(keys.database, opening(NEW))
    assert "sealed with keys that are missing" in caplog.text
    with keys.database.read() as held:
        assert keys.vault.open(rows.get(held, payload.Payload, lost)) == b"lost"


def test_what_was_changed_does_not_keep_the_rest_from_being_renewed(keys):
    broken, whole = (keys.store("x").partition("/")[2] for _ in range(2))
    with keys.database.write() as held:
        rows.change(held, payload.Payload, broken, {"sealed": "AAAA"})
    assert rotation.renew(keys.database, opening(NEW, keymanager_cloud.KEY)) == 1
    with keys.database.read() as held:
        assert opening(NEW).open(rows.get(held, payload.Payload, whole)) == b"x"


def test_a_payload_whose_key_is_lost_is_refused_over_http_without_a_traceback(keys, caplog):
    made = keys.store("hello")
    with keys.database.write() as held:
        rows.change(held, payload.Payload, made.partition("/")[2], {"key_id": "0" * 16})
    reply = keys.ask("GET", f"{made}/payload", accept="*/*")
    assert (reply.status_code, reply.json()["title"]) == (503, "Service Unavailable")
    assert "the key it is sealed with is missing" in reply.json()["description"]
    assert "Traceback" not in caplog.text
    assert keys.get(made)["status"] == "ACTIVE"
    assert keys.read(keys.store("another")) == b"another"


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def chosen(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    return settings.Settings(state_dir=state, listen=settings.parse_address("127.0.0.1:0"), sandboxed=True)


def test_the_key_is_made_once_and_for_its_owner_alone(chosen, keys):
    first = wiring.open_vault(chosen, keys.database)
    made = chosen.secret_key_file.read_bytes()
    assert chosen.secret_key_file.stat().st_mode & 0o777 == 0o600
    assert len(vault.read_keys(made)) == 1
    assert wiring.open_vault(chosen, keys.database).newest == first.newest
    assert chosen.secret_key_file.read_bytes() == made


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_file_without_keys_stops_the_start_with_a_sentence(chosen, keys, content):
    chosen.secret_key_file.write_bytes(content)
    with pytest.raises(errors.Failed, match=r"reading the keys in .*/secret-key: "):
        wiring.open_vault(chosen, keys.database)


def test_a_file_that_cannot_be_read_stops_the_start_with_a_sentence(chosen, keys):
    chosen.secret_key_file.mkdir()
    with pytest.raises(errors.Failed, match="Is a directory"):
        wiring.open_vault(chosen, keys.database)
