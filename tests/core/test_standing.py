"""When a member that is checked is up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import standing


def verdicts(member: standing.Standing, answers: str) -> str:
    """A letter for the verdict after each answer, `g` or `b`."""
    found = ""
    for answer in answers:
        member = member.after(good=answer == "g")
        found += "U" if member.up else "D"
    return found


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("gbbg", "UUDD"),  # two bad ones after a good one bring it down
        ("b", "D"),  # a new member's first answer counts alone
        ("bgggbgb", "DDDUUUU"),  # three good ones bring it back; one bad among good ones does not
        ("bgbggg", "DDDDDU"),  # a bad one among good ones starts the count again
    ],
)
def test_a_row_of_answers_makes_a_verdict(answers, expected):
    assert verdicts(standing.begin(3, 2), answers) == expected


@given(
    rise=st.integers(1, 10),
    fall=st.integers(1, 10),
    up=st.booleans(),
    answers=st.lists(st.sampled_from("gb"), max_size=60).map("".join),
)
def test_a_verdict_changes_only_after_enough_answers_of_one_kind(rise, fall, up, answers):
    said = verdicts(standing.begin(rise, fall, up=up), answers)
    for at in range(1, len(said)):
        if said[at - 1 : at + 1] == "DU":
            assert answers[: at + 1].endswith("g" * rise)
        if said[at - 1 : at + 1] == "UD":
            # Fewer suffice only before the first good one: a new member has no credit.
            assert answers[: at + 1].endswith("b" * fall) or "g" not in answers[: at + 1]
