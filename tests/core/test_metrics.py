"""The page for Prometheus: well formed whatever the tree, and what it says."""

from hypothesis import given
from hypothesis import strategies as st

from tests import exposition as reader
from tests.providers import trees
from vipool.core import metrics
from vipool.model import spec
from vipool.providers import base, fake

PLACE = base.Place(namespace="n", directory="d")
FRONT, BACK, ONE, TWO = (trees.identifier(kind, at) for kind, at in ((2, 1), (3, 1), (4, 1), (4, 2)))


def picture():
    return trees.load(
        {
            "listeners": [{"id": FRONT, "protocol": "UDP", "protocol_port": 53, "default_pool_id": BACK}],
            "pools": [{"id": BACK, "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN"}],
            "members": [
                {"id": each, "pool_id": BACK, "address": "10.0.0.1", "protocol_port": port}
                for each, port in ((ONE, 53), (TWO, 54))
            ],
        }
    )


@given(trees.datagrams(), st.integers(0, 2**62))
def test_every_page_is_well_formed_and_tells_of_everything_that_is_seen(wanted, count):
    engine = fake.Engine()
    engine.converge(PLACE, wanted)
    engine.counters = {row.id: spec.Counters(bytes_in=count) for row in wanted.rows()}
    seen = engine.observe(PLACE, wanted)
    text = metrics.page(wanted, seen)
    found = reader.families(text) if text else {}
    told = {sample for family in found.values() for sample in family.samples}
    assert len(told) == (0 if seen is None else len(seen.frontends) + len(seen.backends) + len(seen.servers))


def test_counters_are_those_of_the_objects_and_a_pool_has_as_many_connections_as_its_members():
    wanted = picture()
    seen = spec.Observation(
        frontends={FRONT: "open"},
        backends={BACK: "down"},
        servers={ONE: "down", TWO: "drain"},
        counters={FRONT: spec.Counters(active_connections=3, total_connections=9, bytes_in=100, bytes_out=200)},
        members={ONE: spec.Counters(bytes_in=30), TWO: spec.Counters(bytes_in=70, active_connections=3)},
    )
    found = {name: family.samples for name, family in reader.families(metrics.page(wanted, seen)).items()}
    one, two = (f'pool="{BACK}",member="{each}"' for each in (ONE, TWO))
    assert found["vipool_listener_up"] == {f'listener="{FRONT}"': 1}
    assert found["vipool_listener_current_connections"] == {f'listener="{FRONT}"': 3}
    assert found["vipool_listener_connections_total"] == {f'listener="{FRONT}"': 9}
    assert found["vipool_listener_bytes_out_total"] == {f'listener="{FRONT}"': 200}
    assert found["vipool_pool_up"] == {f'pool="{BACK}"': 0}
    assert found["vipool_pool_current_connections"] == {f'pool="{BACK}"': 3}
    assert not [name for name in found if name.startswith("vipool_pool") and name.endswith("_total")]
    assert found["vipool_member_up"] == {one: 0, two: 1}
    assert found["vipool_member_bytes_in_total"] == {one: 30, two: 70}


def test_where_nothing_runs_there_is_nothing_to_tell():
    assert metrics.page(picture(), None) == ""
