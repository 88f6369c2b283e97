"""The page for Prometheus of a load balancer that HAProxy and the kernel carry: both are on it."""

from __future__ import annotations

import contextlib
import http.client

import pytest

from tests import exposition
from tests.net import balanced, datagrams
from tests.net.balanced import FLOATING, VIP, WEB1, WEB2
from tests.net.members import Client, Member, eventually
from tests.providers import configuration, trees
from vipool.host import namespaces
from vipool.providers import fake, joined
from vipool.providers.haproxy import engine as connections
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel

pytestmark = configuration.needs_haproxy
UDP, HTTP, METRICS = (trees.identifier(2, at) for at in (1, 2, 3))
BACK, WEBS, ONE, SERVER = trees.identifier(3, 1), trees.identifier(3, 2), trees.identifier(4, 1), trees.identifier(4, 9)


def hand():
    datagrams = kernel.Engine(carried.DATAGRAMS, fake.Checker())
    return joined.Engine(streams=connections.Engine(), datagrams=datagrams)


@pytest.fixture
def engine():
    return hand()


@pytest.fixture
def picture(tmp_path, engine):
    made = balanced.Balanced(tmp_path, {"amphora": engine})
    for name, address in (("web1", WEB1), ("web2", WEB2)):
        made.echo(name, address)
    server = Member("web1", WEB1, 80, name="web").start()
    yield made
    server.stop()
    made.close()


def both(**more):
    """DNS by datagrams, a site by HTTP, and a listener that tells of both."""
    fronts = [
        {"id": UDP, "protocol": "UDP", "protocol_port": 53},
        {"id": METRICS, "protocol": "PROMETHEUS", "protocol_port": 8088, "default_pool_id": None, **more},
    ]
    wanted = balanced.picture(fronts, "UDP", ({"address": WEB1, "protocol_port": 53},))
    made = trees.load(
        {
            "listeners": [{"id": HTTP, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": WEBS}],
            "pools": [{"id": WEBS, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}],
            "members": [{"id": SERVER, "pool_id": WEBS, "address": WEB1, "protocol_port": 80}],
        }
    )
    for row in (*made.listeners, *made.pools, *made.members):
        wanted = wanted.adding(row)
    return wanted


def scrape(path="/metrics"):
    asked = http.client.HTTPConnection(FLOATING, 8088, timeout=10)
    with contextlib.closing(asked):
        namespaces.call("client", asked.connect)
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("content-type")


def page():
    status, body, kind = scrape()
    assert status == 200
    assert kind.startswith("text/plain; version=0.0.4"), "of the node's page, or of HAProxy's own"
    return exposition.families(body)


def test_one_page_tells_of_both_and_of_nothing_else(picture):
    picture.serve(both())
    for _ in range(3):
        datagrams.ask("client", FLOATING)
    with Client("client", FLOATING, 80) as client:
        assert client.get()[0] == 200
    picture.observe()
    found = page()
    assert found["vipool_listener_connections_total"].samples == {f'listener="{UDP}"': 3}
    assert found["vipool_member_connections_total"].samples == {f'pool="{BACK}",member="{ONE}"': 3}
    assert found["vipool_pool_up"].samples == {f'pool="{BACK}"': 1}
    assert found["haproxy_frontend_sessions_total"].samples[f'proxy="{HTTP}"'] == 1
    assert found["haproxy_server_sessions_total"].samples.keys() == {f'proxy="{WEBS}:{HTTP}",server="{SERVER}"'}
    proxies = set(found["haproxy_frontend_sessions_total"].samples)
    assert proxies == {f'proxy="{each}"' for each in (HTTP, METRICS)}
    assert scrape("/")[0] == 404


def test_while_the_node_does_not_answer_haproxys_own_part_is_told_in_the_same_request(picture, engine):
    picture.serve(both())
    eventually(lambda: "vipool_listener_up" in page())
    place = picture.site.hand.place(trees.LOADBALANCER)
    engine.whole.forget(place)
    for _ in range(3):
        found = page()
        assert "vipool_listener_up" not in found
        assert "haproxy_frontend_sessions_total" in found
    picture.again()
    picture.observe()
    eventually(lambda: "vipool_listener_up" in page())


def test_no_connection_is_lost_and_no_process_reloaded_by_being_asked(picture):
    picture.serve(both())
    seen = picture.observe()
    assert picture.again() == ()
    for _ in range(3):
        page()
    assert picture.again() == ()
    after = picture.observe()
    assert after.counters == seen.counters, "who asks for metrics is no traffic of the load balancer's"
    assert after.frontends[METRICS] == "open"


def test_networks_that_are_not_allowed_are_told_nothing(picture):
    picture.serve(both(allowed_cidrs=[f"{WEB2}/32"]))
    with pytest.raises(ConnectionError), Client("client", FLOATING, 8088) as client:
        client.get("/metrics")
    with Client("web2", VIP, 8088) as client:
        assert client.get("/metrics")[0] == 200


def test_a_new_agent_offers_the_page_and_one_that_is_not_asked_for_is_not_offered(picture, engine):
    wanted = both()
    picture.serve(wanted)
    eventually(lambda: "vipool_listener_up" in page())
    front = next(each for each in wanted.listeners if each.id == METRICS)
    picture.serve(wanted.having({"listeners": tuple(each for each in wanted.listeners if each is not front)}))
    place = picture.site.hand.place(trees.LOADBALANCER)
    with pytest.raises(ConnectionRefusedError), Client(place.namespace, "127.0.0.1", joined.METRICS.whole) as client:
        client.get("/metrics")
    again = hand()
    again.rules(place, wanted)
    again.converge(place, wanted)
    again.observe(place, wanted)
    eventually(lambda: "vipool_listener_up" in page())
    again.whole.forget(place)
