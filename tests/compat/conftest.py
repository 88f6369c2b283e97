"""One live vipool for all tests of this folder, and the people who use it."""

import concurrent.futures
import contextlib

import pytest

from tests import live as lives
from tests.compat import ansible, passes, terminal


def pytest_collection_modifyitems(items):
    """Let those who look at what became of the playbooks come last: it takes as long as all the others."""
    items.sort(key=lambda item: "applied" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def live():
    """A `vipool up --sandbox`, ended after the last test."""
    vipool = lives.Live()
    try:
        yield vipool.up()
    finally:
        vipool.end()


@pytest.fixture(scope="session", autouse=True)
def rehearsal(request):
    """What becomes of the playbooks, which are applied while other tests run."""
    asked = any("applied" in item.fixturenames for item in request.session.items)
    if not (asked and ansible.INSTALLED):
        yield None
        return
    with concurrent.futures.ThreadPoolExecutor(1) as aside:
        yield aside.submit(ansible.rehearse)


@pytest.fixture(scope="module")
def operator(live, noted):
    """The console of the administrator; what passes is counted as the module says."""
    with (
        contextlib.closing(terminal.administrator(live)) as admin,
        terminal.quick(live, admin, noted) as console,
    ):
        yield console


@pytest.fixture(scope="module")
def member(live, noted):
    """The console of a member of a project that the module has for itself."""
    with (
        terminal.member(live, passes.Passes("nobody"), noted.client) as somebody,
        terminal.quick(live, somebody, noted) as console,
    ):
        yield console


@pytest.fixture(scope="module")
def subnet(member):
    """The name of the member's network and of its subnet, 10.7.0.0/24; its load balancers are removed at the end."""
    member.do("network create", "inside")
    member.do("subnet create", "--network", "inside", "--subnet-range", "10.7.0.0/24", "inside")
    yield "inside"
    for each in member.get("loadbalancer list"):
        member.do("loadbalancer delete", "--cascade", each["id"])
    lives.within(20, lambda: member.get("loadbalancer list") == [], "no load balancer is left")
    for each in member.get("port list"):
        member.do("port delete", each["ID"])
    member.do("network delete", "inside")
