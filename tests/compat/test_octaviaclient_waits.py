"""`openstack loadbalancer … --wait`: what it waited for is so when the command ends.

The command looks every three seconds; so everybody here waits at the same time, each for something else.
"""

import contextlib
import dataclasses
from concurrent import futures

import pytest

from tests import live as lives
from tests.compat import offered

BALANCER = "loadbalancer create --name {n} --vip-subnet-id inside"
LISTENER = "loadbalancer listener create --name {n} --protocol HTTP --protocol-port 80 {n}"
POOL = "loadbalancer pool create --name {n} --protocol HTTP --lb-algorithm ROUND_ROBIN --loadbalancer {n}"
POLICY = "loadbalancer l7policy create --name {n} --action REJECT {n}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How one object is made, changed, cleared and deleted; {n} is the name of all that is around it."""

    before: tuple[str, ...] = ()
    create: str
    change: str = "--description d"
    clear: str = "--description"
    parent: str = ""


LIVES = {
    "listener": Life(create="--protocol HTTP --protocol-port 80 {n}"),
    "pool": Life(create="--protocol HTTP --lb-algorithm ROUND_ROBIN --loadbalancer {n}"),
    "member": Life(
        before=(POOL,),
        create="--address 10.7.0.50 --protocol-port 80 {n}",
        change="--weight 2",
        clear="--weight",
        parent="{n}",
    ),
    "healthmonitor": Life(
        before=(POOL,),
        create="--type TCP --delay 1 --timeout 1 --max-retries 1 {n}",
        change="--delay 2",
        clear="--max-retries-down",
    ),
    "l7policy": Life(before=(LISTENER,), create="--action REJECT {n}"),
    "l7rule": Life(
        before=(LISTENER, POLICY),
        create="--type PATH --compare-type EQUAL_TO --value /a {n}",
        change="--value /b",
        clear="--invert",
        parent="{n}",
    ),
}


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-waits")


def active(console, *words):
    """Whether an object is in force, by a command that shows it."""
    return console.get(*words)["provisioning_status"] == "ACTIVE"


def walk(console, noun):
    """Live through the life of one object, waiting for each step."""
    life, command = LIVES[noun], f"loadbalancer {noun}"

    def words(text):
        return text.format(n=noun).split()

    for each in (BALANCER, *life.before):
        first, _, rest = each.partition(" create ")
        console.do(f"{first} create", *words(rest))
    made = console.get(f"{command} create", "--wait", *words(life.create))
    assert made["provisioning_status"] == "ACTIVE"
    named = (*words(life.parent), made["id"])
    console.do(f"{command} set", "--wait", *words(life.change), *named)
    assert active(console, f"{command} show", *named)
    console.do(f"{command} unset", "--wait", *words(life.clear), *named)
    assert active(console, f"{command} show", *named)
    console.do(f"{command} delete", "--wait", *named)
    assert made["id"] not in [each["id"] for each in console.get(f"{command} list", *words(life.parent))]


def walk_balancer(console, operator):
    """The life of a load balancer, failed over in the midst of it."""
    made = console.get("loadbalancer create --name whole --vip-subnet-id inside --wait")
    assert made["provisioning_status"] == "ACTIVE"
    console.do("loadbalancer set", "--wait", "--description", "d", "whole")
    assert active(console, "loadbalancer show", "whole")
    console.do("loadbalancer unset", "--wait", "--description", "whole")
    assert active(console, "loadbalancer show", "whole")
    operator.do("loadbalancer failover", "--wait", "whole")
    assert active(console, "loadbalancer show", "whole")
    console.do("loadbalancer delete", "--wait", "whole")
    assert "whole" not in [each["name"] for each in console.get("loadbalancer list")]


def walk_amphora(operator):
    """An amphora that is configured, then replaced."""
    made = operator.get("loadbalancer create", *BALANCER.format(n="amphora").split()[2:])
    lives.within(10, lambda: active(operator, "loadbalancer show", "amphora"), "it is active")
    (found,) = operator.get("loadbalancer amphora list", "--loadbalancer", made["id"])
    operator.do("loadbalancer amphora configure", "--wait", found["id"])
    assert active(operator, "loadbalancer show", "amphora")
    operator.do("loadbalancer amphora failover", "--wait", found["id"])
    assert active(operator, "loadbalancer show", "amphora")
    operator.do("loadbalancer delete", "--wait", "amphora")


def test_a_command_that_waits_returns_when_it_is_so(member, operator, subnet):
    with contextlib.ExitStack() as ending, futures.ThreadPoolExecutor(max_workers=len(LIVES) + 2) as crew:

        def kept(console):
            return ending.enter_context(contextlib.closing(console))

        walks = [crew.submit(walk, kept(member.another()), noun) for noun in LIVES]
        walks.append(crew.submit(walk_balancer, member, operator))
        walks.append(crew.submit(walk_amphora, kept(operator.another())))
        for each in walks:
            each.result()


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
