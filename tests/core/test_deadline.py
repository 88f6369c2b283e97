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
    assert deadline.overdue(again, 30.0, heard=0.0) == {"a": 3}
    assert deadline.overdue(again, 29.0, heard=0.0) == {}


def test_a_node_that_is_busy_is_given_longer_than_a_silent_one():
    waits = {"a": deadline.Wait(progress=status.Progress(generation=1), since=0.0)}
    assert deadline.overdue(waits, 31.0, heard=2.0) == {}
    assert deadline.overdue(waits, 299.0, heard=298.0) == {}
    assert deadline.overdue(waits, 300.0, heard=299.0) == {"a": 1}


def test_a_node_has_spoken_when_somebody_waits_no_more_or_has_come_further():
    waits = {"a": deadline.Wait(progress=status.Progress(generation=2, settled=1), since=0.0)}
    assert deadline.spoken(waits, {})
    assert deadline.spoken(waits, {"a": status.Progress(generation=3, settled=2)})
    assert not deadline.spoken(waits, {"a": status.Progress(generation=3, settled=1), "b": status.Progress()})
    assert not deadline.spoken({}, {"b": status.Progress()})
