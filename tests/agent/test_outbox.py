"""Reports wait until they have arrived, and only the last word on an item waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vipool.agent import observe, outbox, pace
from vipool.model import spec

SEEN = spec.Observation(frontends={"l": "open"}, backends={}, servers={}, counters={})


def report(revision=1, *, fault=None, gone=False, observation=None, identifier="a"):
    return spec.Report(
        kind="loadbalancer", id=identifier, revision=revision, fault=fault, gone=gone, observation=observation
    )


def after(*reports):
    box = outbox.Outbox()
    for each in reports:
        box.put(each)
    return box.take()


def test_what_was_taken_no_longer_waits():
    box = outbox.Outbox()
    box.put(report())
    assert box.take() == (report(),)
    assert box.take() == ()


def test_success_makes_an_older_failure_void():
    assert after(report(1, fault="no"), report(1)) == (report(1),)
    assert after(report(1, fault="no"), report(2)) == (report(2),)


def test_a_failure_stands_beside_the_observation_of_the_last_good_state():
    failed, seen = report(2, fault="no"), report(1, observation=SEEN)
    assert after(failed, seen) == (failed, seen)


def test_gone_is_the_last_word():
    assert after(report(1, observation=SEEN), report(2, fault="no"), report(3, gone=True)) == (report(3, gone=True),)


def test_what_was_seen_is_still_told_with_a_later_word_on_the_same_revision():
    assert after(report(1, observation=SEEN), report(1)) == (report(1, observation=SEEN),)
    assert after(report(1, observation=SEEN), report(2)) == (report(2),)


def test_what_came_meanwhile_wins_over_what_failed():
    box = outbox.Outbox()
    box.put(report(1, fault="no"))
    taken = box.take()
    box.put(report(2))
    box.restore(taken)
    assert box.take() == (report(2),)


def test_even_nothing_is_delivered_again_after_a_failure():
    box = outbox.Outbox()
    box.wake()
    assert box.wait(0)
    box.restore(box.take())
    assert box.wait(0)


def test_an_empty_box_is_waited_for():
    assert not outbox.Outbox().wait(0)


reports = st.builds(
    report,
    st.integers(1, 3),
    fault=st.sampled_from((None, "no")),
    observation=st.sampled_from((None, SEEN)),
    identifier=st.sampled_from("ab"),
)


@given(st.lists(reports, max_size=8), st.integers(0, 8))
def test_a_delivery_that_fails_changes_nothing(several, when):
    several.sort(key=lambda each: each.revision)
    box = outbox.Outbox()
    for each in several[:when]:
        box.put(each)
    taken = box.take()
    for each in several[when:]:
        box.put(each)
    box.restore(taken)
    assert set(map(str, box.take())) == set(map(str, after(*several)))


def test_states_are_news_and_counters_after_a_while():
    counted = spec.Observation(
        frontends={"l": "open"}, backends={}, servers={}, counters={"l": spec.Counters(bytes_in=1)}
    )
    full = spec.Observation(frontends={"l": "full"}, backends={}, servers={}, counters={})
    told = observe.Told(observation=SEEN, at=100.0)
    assert observe.is_news(None, SEEN, 100.0)
    assert not observe.is_news(told, SEEN, 1000.0)
    assert observe.is_news(told, full, 100.0)
    assert not observe.is_news(told, counted, 100.0 + pace.COUNTERS - 0.1)
    assert observe.is_news(told, counted, 100.0 + pace.COUNTERS)


@given(st.integers(0, 5000))
def test_delays_grow_up_to_a_bound(failures):
    assert pace.RETRY[0] <= pace.delay(pace.RETRY, failures) <= pace.delay(pace.RETRY, failures + 1) <= pace.RETRY[1]


@given(st.text(), st.floats(1, 1000))
def test_periods_are_spread_by_a_quarter(identifier, period):
    assert period <= pace.spread(period, identifier) <= period * 1.25


@given(st.integers(1, 100_000), st.floats(0, 0.1))
def test_portions_cover_all_within_an_interval(count, cost):
    rounds = pace.interval(count, cost) / pace.WATCH
    assert pace.portion(count, cost) * rounds >= count
