"""The state machine: what generations say about an object, whatever order reports come in."""

from hypothesis import given
from hypothesis import strategies as st

from vipool.model import status
from vipool.model.status import Progress, Provisioning, Report

GENERATION = st.integers(1, 6)
REPORT = st.builds(Report, generation=GENERATION, fault=st.sampled_from([None, "the disk is full"]))


def told(progress, *reports):
    for report in reports:
        progress = status.settle(progress, report)
    return progress


def shown(progress, *, born=1, touched=1, dying=False):
    return status.provisioning(born=born, touched=touched, dying=dying, progress=progress)


def test_a_new_row_is_pending_create_until_its_generation_is_realised():
    assert shown(Progress(generation=1)) is Provisioning.PENDING_CREATE
    assert shown(told(Progress(generation=1), Report(generation=1))) is Provisioning.ACTIVE


def test_a_changed_row_is_pending_update_and_one_not_realised_yet_is_still_pending_create():
    realised = Progress(generation=2, settled=1)
    assert shown(realised, touched=2) is Provisioning.PENDING_UPDATE
    assert shown(Progress(generation=2), touched=2) is Provisioning.PENDING_CREATE


def test_a_going_row_is_pending_delete_and_gone_once_realised():
    assert shown(Progress(generation=2, settled=1), touched=2, dying=True) is Provisioning.PENDING_DELETE
    assert shown(Progress(generation=2, settled=2), touched=2, dying=True) is Provisioning.DELETED


def test_a_failure_shows_as_error_and_heals_when_the_generation_is_realised_after_all():
    failed = told(Progress(generation=2, settled=1), Report(generation=2, fault="no haproxy"))
    assert shown(failed, touched=2) is Provisioning.ERROR
    assert shown(failed, touched=1) is Provisioning.ACTIVE
    assert shown(told(failed, Report(generation=2)), touched=2) is Provisioning.ACTIVE


def test_a_new_write_after_a_failure_is_pending_again():
    failed = Progress(generation=3, settled=1, failed=2)
    assert shown(failed, touched=3) is Provisioning.PENDING_UPDATE
    assert shown(failed, touched=2) is Provisioning.ERROR


def test_a_failure_of_a_generation_that_was_realised_already_is_old_news():
    assert told(Progress(generation=2, settled=2), Report(generation=2, fault="late")).failed == 0


def test_a_report_of_a_generation_nobody_asked_for_changes_nothing():
    assert told(Progress(generation=1), Report(generation=5)) == Progress(generation=1)


@given(st.lists(REPORT))
def test_the_settled_generation_never_falls_and_never_overtakes(reports):
    progress = Progress(generation=4)
    for report in reports:
        after = status.settle(progress, report)
        assert progress.settled <= after.settled <= after.generation == 4
        progress = after


@given(st.lists(REPORT))
def test_a_doubled_report_changes_nothing(reports):
    once, twice = Progress(generation=4), Progress(generation=4)
    for report in reports:
        once = status.settle(once, report)
        twice = status.settle(status.settle(twice, report), report)
    assert once == twice


@given(st.lists(REPORT), st.randoms())
def test_the_end_is_the_same_in_whatever_order_reports_arrive(reports, random):
    shuffled = list(reports)
    random.shuffle(shuffled)
    assert told(Progress(generation=4), *reports) == told(Progress(generation=4), *shuffled)


@given(st.lists(REPORT), GENERATION, GENERATION, st.booleans())
def test_active_means_realised_and_pending_means_behind(reports, born, touched, dying):
    born, touched = min(born, touched, 4), min(touched, 4)
    progress = told(Progress(generation=4), *reports)
    found = shown(progress, born=born, touched=touched, dying=dying)
    realised = found in {Provisioning.ACTIVE, Provisioning.DELETED}
    assert realised == (progress.settled >= touched)
