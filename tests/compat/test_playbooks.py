"""Playbooks with Ansible's modules of `openstack.cloud`: applied once they make all, applied again they do nothing."""

import pytest

from tests.compat import ansible, passes

pytestmark = pytest.mark.skipif(not ansible.INSTALLED, reason=ansible.MISSING)


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return passes.Passes("ansible")


@pytest.fixture(scope="module")
def applied(rehearsal, noted):
    """What became of the playbooks."""
    found = rehearsal.result(timeout=600)
    assert [each.failed for each in found] == [()] * len(found)
    for each in found:
        for what in ansible.exercised(each):
            noted.note(what)
    names = ("room", "room again", "shop", "shop again", "shop changed", "gone", "gone again", "page")
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("name", ["room", "shop", "gone", "page"])
def test_a_playbook_changes_all_that_it_names(applied, name):
    assert applied[name].unchanged == ()
    assert list(applied[name].changed) == [task["name"] for task in applied[name].tasks]


@pytest.mark.parametrize("name", ["room", "shop", "gone"])
def test_the_same_playbook_again_changes_nothing(applied, name):
    again = applied[f"{name} again"]
    assert again.changed == ()
    once = [task["name"] for task in applied[name].tasks if task.get("tags") == "once"]
    assert [task for task in applied[name].changed if task not in once] == list(again.unchanged)


def test_other_values_change_what_can_be_changed(applied):
    before, after = applied["shop"], applied["shop changed"]
    assert after.unchanged == ("Its addresses",)
    for told, noun, attribute, values in (
        ("web", "load_balancer", "description", ("first", "second")),
        ("listener", "listener", "timeout_member_data", (50000, 60000)),
        ("pool", "pool", "lb_algorithm", ("ROUND_ROBIN", "LEAST_CONNECTIONS")),
        ("monitor", "health_monitor", "timeout", (2, 3)),
    ):
        assert tuple(each.told[told][noun][attribute] for each in (before, after)) == values
    for each, weight in ((before, 1), (after, 2)):
        assert [one["member"]["weight"] for one in each.told["members"]["results"]] == [weight, weight]


def test_what_modules_wait_for_is_so_when_they_return(applied):
    told = applied["shop"].told
    assert told["by_port"]["load_balancer"]["provisioning_status"] == "ACTIVE"
    assert told["pool"]["pool"]["provisioning_status"] == "ACTIVE"
    assert {one["member"]["provisioning_status"] for one in told["members"]["results"]} == {"ACTIVE"}
    assert told["web"]["load_balancer"]["vip_address"] == "10.61.0.100"
    assert told["web"]["floating_ip"]["fixed_ip_address"] == "10.61.0.100"


def test_what_passed_before_passes_still(noted, applied):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
