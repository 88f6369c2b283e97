"""What HAProxy says, parsed."""

import pytest

from tests.providers import trees
from vipool.core import ledger
from vipool.model import spec
from vipool.providers.haproxy import stats

LISTENER, OTHER, POOL = trees.identifier(2, 1), trees.identifier(2, 2), trees.identifier(3, 1)
MEMBER = trees.identifier(4, 1)

STATES = f"""1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
5 {POOL}:{LISTENER} 1 {MEMBER} 172.16.100.9 0 5 3 1 12 8 2 0 6 0 0 0 - 80 - 0 0 - - 0
9 elsewhere 1 {MEMBER} 172.16.100.9 2 0 3 1 12 8 2 0 6 0 0 0 - 80 - 0 0 - - 0
"""
HEADER = "# pxname,svname,scur,slim,stot,bin,bout,ereq,econ,eresp,status,weight,last_chk,"


def test_servers_are_read_with_their_maintenance_and_weight():
    found = stats.states(STATES)
    assert {name: (each.maintenance, each.weight) for name, each in found.items()} == {
        (f"{POOL}:{LISTENER}", MEMBER): (True, 3)
    }


def test_only_health_is_carried_to_the_next_process():
    name = (f"{POOL}:{LISTENER}", MEMBER)
    down = STATES.replace(" 0 5 3 1 ", " 0 4 3 1 ")
    carried = stats.carried(stats.states(down), {name: 9, (f"{POOL}:{OTHER}", MEMBER): 1})
    first, second = carried.splitlines()
    assert first == "1"
    assert second.split()[4:9] == ["172.16.100.9", "0", "0", "9", "9"]


def test_a_server_in_maintenance_has_no_health_to_carry():
    assert stats.carried(stats.states(STATES), {(f"{POOL}:{LISTENER}", MEMBER): 9}) == "1\n"


@pytest.mark.parametrize(
    ("status", "weight", "state"),
    [
        ("UP", 1, "up"),
        ("UP 1/3", 1, "up"),
        ("UP", 0, "drain"),
        ("DRAIN", 1, "drain"),
        ("DOWN", 1, "down"),
        ("DOWN 1/2", 1, "down"),
        ("NOLB", 1, "down"),
        ("MAINT", 1, "maint"),
        ("MAINT (resolution)", 1, "maint"),
        ("no check", 0, "no_check"),
    ],
)
def test_a_servers_status_becomes_one_word(status, weight, state):
    assert stats.server_state({"status": status, "weight": str(weight)}) == state


LINES = [
    HEADER,
    f"{LISTENER},FRONTEND,1,10,5,100,200,1,,,OPEN,,,",
    f'{POOL}:{LISTENER},{MEMBER},2,,5,1,3,,4,5,DOWN,1,"Layer4 refused, twice",',
    f"{POOL}:{LISTENER},BACKEND,0,1,5,1,1,,4,5,DOWN,0,,",
    f"{OTHER},FRONTEND,10,10,5,100,200,,,,OPEN,,,",
    f"{POOL}:{OTHER},{MEMBER},1,,6,1,1,,0,0,UP,1,,",
    f"{POOL}:{OTHER},BACKEND,0,1,5,1,1,,0,0,UP,1,,",
    "local,FRONTEND,0,1,0,0,0,0,,,STOP,,,",
    "exporter,FRONTEND,1,10,5,100,200,1,,,OPEN,,,",
    "metrics,node,2,,5,1,3,,4,5,DOWN,1,Layer4 refused,",
    "metrics,BACKEND,0,1,5,1,1,,4,5,DOWN,0,,",
]


def test_a_pool_of_two_listeners_is_taken_from_the_first():
    seen = stats.observation(stats.rows("\n".join(LINES)))
    assert seen.frontends == {LISTENER: "open", OTHER: "full", "local": "closed"}
    assert seen.backends == {POOL: "down"}
    assert seen.servers == {MEMBER: "down"}


def test_a_member_counts_behind_each_listener_and_what_failed_there_are_its_errors():
    found = stats.counts(stats.rows("\n".join(LINES)))
    mine = {place: each.counters for place, each in found.items() if each.owners == (MEMBER,)}
    assert mine == {
        f"{POOL}:{LISTENER}/{MEMBER}": spec.Counters(
            active_connections=2, bytes_in=1, bytes_out=3, request_errors=9, total_connections=5
        ),
        f"{POOL}:{OTHER}/{MEMBER}": spec.Counters(active_connections=1, bytes_in=1, bytes_out=1, total_connections=6),
    }
    assert {owner for each in found.values() for owner in each.owners} == {LISTENER, OTHER, MEMBER, "local"}
    expected = spec.Counters(active_connections=1, bytes_in=100, bytes_out=200, request_errors=1, total_connections=5)
    assert found[LISTENER] == ledger.Count(owners=(LISTENER,), counters=expected)
