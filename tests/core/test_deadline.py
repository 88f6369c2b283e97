"""Who has waited too long: the arithmetic, with a clock that is a number."""

from vipool.core import deadline
from vipool.model import status


def test_who_is_no_longer_behind_is_forgotten():
    wait = deadline.Wait(progress=status.Progress(generation=2, settled=1), since=0.0)
    assert deadline.follow({"a": wait}, {}, 5.0) == {}
    again = deadline.follow({"a": wait}, {"a": status.Progress(generation=3, settled=1)}, 5.0)
    assert (again["a"].since, again["a"].progress.generation) == (0.0, 3)
    moved = deadline.follow({"a": wait}, {"a": status.Progress(generation=3, settled=2)}, 5.0)
    assert moved["a"].since == 5.0
    assert deadline.overdue(again, 30.0) == {"a": 3}
    assert deadline.overdue(again, 29.0) == {}
