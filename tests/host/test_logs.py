"""A line of the log is one line, and says what was logged."""

import io
import logging

from hypothesis import given
from hypothesis import strategies as st

from vipool.host import logs


def logged(words):
    """What a log holds after one sentence."""
    file = io.StringIO()
    handler = logging.StreamHandler(file)
    handler.setFormatter(logs.Lines("%(levelname)s %(name)s: %(message)s"))
    handler.emit(logging.LogRecord("vipool", logging.INFO, "", 0, "refused: %s", (words,), None))
    return file.getvalue()


def test_words_of_tenants_forge_no_line_and_move_no_cursor():
    said = logged("x\n2026-11-23 12:00:00,000 ERROR vipool: all is lost\x1b[2J\u2028\x85")
    assert said == r"INFO vipool: refused: x\n2026-11-23 12:00:00,000 ERROR vipool: all is lost\x1b[2J\u2028\x85" + "\n"


def test_what_can_be_read_is_left_as_it_is():
    assert logged("größer '%s' \\ 名") == "INFO vipool: refused: größer '%s' \\ 名\n"


def test_a_bug_is_shown_with_its_lines():
    try:
        raise ValueError("a bug")
    except ValueError as error:
        record = logging.LogRecord("vipool", 40, "", 0, "broken", (), (type(error), error, error.__traceback__))
    first, *more = logs.Lines("%(message)s").format(record).splitlines()
    assert first == "broken"
    assert more[0] == "Traceback (most recent call last):"
    assert more[-1] == "ValueError: a bug"


@given(st.text())
def test_any_words_make_one_line(words):
    assert len(logged(words).splitlines()) == 1
