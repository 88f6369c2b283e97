"""`kill -9` of each process, with requests under way: traffic goes on, and what comes back touches nothing right."""

import contextlib
import json
import os
import signal
import sys

import pytest

from tests import live as lives
from tests.e2e import conftest
from vipool.cli.demo import cloud

DID_SOMETHING = ("made the", "plugged", "unplugged", "added", "removed", "started", "reloaded", "stopped", "loaded")


@contextlib.contextmanager
def load(city, seconds=3.0):
    """Twenty new connections a second from the client while the body runs; none of them may fail."""
    words = (sys.executable, "-m", "vipool.cli.demo.ask", city.floating, "80", str(int(seconds * 20)), str(seconds))
    asking = city.live.begin(*words, netns="client")
    lives.within(10, lambda: asking.poll() is not None or city.live.inside("ip", "netns", "pids", "client"), "asks")
    yield
    found = json.loads(asking.communicate(timeout=60)[0])
    assert found["failures"] == []
    assert sum(found["answers"].values()) == int(seconds * 20)


def kill(pid):
    """End a process at once."""
    assert pid
    os.kill(pid, signal.SIGKILL)


def test_a_killed_server_is_back_and_no_request_failed(city):
    haproxy, server = city.haproxy, city.live.pid("server")
    with load(city):
        kill(server)
        lives.within(20, lambda: city.live.pid("server") not in (None, server), "a new server")
        lives.within(20, city.answers_api, "the API answers")
    assert city.haproxy == haproxy


def test_a_killed_agent_is_back_and_touches_nothing(city):
    haproxy, agent, said = city.haproxy, city.agent(), len(city.log())
    with load(city):
        kill(agent)
        lives.within(20, lambda: city.agent() not in (None, agent), "a new agent")
        city.tenant.ask("PUT", weight_of(city, "web1"), {"member": {"weight": 5}})
        city.settled()
    assert city.haproxy == haproxy
    done = [line for line in city.log()[said:].splitlines() if any(words in line for words in DID_SOMETHING)]
    assert done == []
    city.tenant.ask("PUT", weight_of(city, "web1"), {"member": {"weight": 1}})
    city.settled()


def weight_of(city, name):
    """Where a member is."""
    return f"/load-balancer/v2.0/lbaas/pools/{city.balancer.pool_id}/members/{city.balancer.members[name]}"


def test_a_killed_haproxy_is_back_within_a_second_or_little_more(city):
    haproxy = city.haproxy
    began = lives.time.monotonic()
    city.live.inside("kill", "-KILL", str(haproxy))
    lives.within(5, lambda: city.haproxy not in (None, haproxy), "a new HAProxy")
    city.serves(5)
    assert lives.time.monotonic() - began < 3  # The promise is one second; this also starts programs, on any machine.
    lives.within(15, lambda: city.answers(4)["answers"] == {"web1": 2, "web2": 2}, "both members answer again")


def test_traffic_outlives_vipool_up_and_the_next_takes_over(city):
    haproxy, holder = city.haproxy, city.live.holder
    server, agent = city.live.pid("server"), city.agent()
    with load(city):
        city.live.process.kill()
        city.live.process.communicate(timeout=30)
        lives.within(30, lambda: not conftest.alive(server) and not conftest.alive(agent), "the children end")
    with load(city):
        said = len(city.log())
        city.live.up()
        city.sign_in()
        city.settled()
    assert city.haproxy == haproxy
    assert city.live.holder == holder
    assert "HAProxy" not in city.log()[said:]


def test_what_was_written_while_the_agent_was_dead_is_made_so(city):
    kill(city.agent())
    city.tenant.ask("PUT", weight_of(city, "web1"), {"member": {"weight": 0}})
    city.settled()
    assert set(city.answers(6)["answers"]) == {"web2"}
    city.tenant.ask("PUT", weight_of(city, "web1"), {"member": {"weight": 1}})
    city.settled()


@pytest.mark.parametrize("victims", [("server", "agent"), ("agent", "haproxy"), ("server", "agent", "haproxy")])
def test_several_may_die_at_once(city, victims):
    pids = {"server": city.live.pid("server"), "agent": city.agent()}
    for name in victims:
        if name == "haproxy":
            city.live.inside("kill", "-KILL", str(city.haproxy))
        else:
            kill(pids[name])
    lives.within(20, city.answers_api, "the API answers")
    lives.within(20, lambda: city.haproxy, "HAProxy")
    city.serves()
    city.settled()


def test_a_reboot_is_recovered_by_the_next_start(city):
    city.live.process.kill()
    city.live.process.communicate(timeout=30)
    holder = city.live.holder
    kill(holder.pid)
    lives.within(10, lambda: not city.live.holder, "the sandbox ends")
    city.live.up()
    city.sign_in()
    city.people(plugged=True)
    city.serves(30)
    assert city.settled()["provisioning_status"] == "ACTIVE"
    assert city.live.holder != holder


def test_deleting_leaves_no_orphan(city):
    agent = city.agent()
    city.tenant.ask("DELETE", f"/load-balancer/v2.0/lbaas/loadbalancers/{city.balancer.id}?cascade=true")
    kill(agent)
    for each in city.admin.ask("GET", "/network/v2.0/floatingips")["floatingips"]:
        city.admin.ask("DELETE", f"/network/v2.0/floatingips/{each['id']}")
    for name in (city.ground.client_port, *city.site.ports.values()):
        city.live.run("port detach", name)
        city.admin.ask("DELETE", f"/network/v2.0/ports/{name}")
    for router in city.admin.ask("GET", "/network/v2.0/routers")["routers"]:
        where = f"/network/v2.0/routers/{router['id']}"
        city.admin.ask("PUT", f"{where}/remove_router_interface", {"subnet_id": city.site.subnet_id})
        city.admin.ask("DELETE", where)
    for network in city.admin.ask("GET", "/network/v2.0/networks")["networks"]:
        lives.within(10, lambda network=network: deleted(city, network["id"]), "the network is deleted")
    for trace in ("qlbaas-", "qrouter-"):
        lives.within(20, lambda trace=trace: trace not in city.live.inside("ip", "netns", "list"), f"no {trace}")
    devices = ("brq", "tap", "qr-", "qg-")
    lives.within(20, lambda: not any(name in city.live.inside("ip", "-o", "link") for name in devices), "no device")
    assert "haproxy" not in city.live.inside("ps", "-eo", "comm").replace("haproxy <defunct>", "")
    assert not list((city.live.state_dir / "loadbalancers").iterdir())
    assert not list((city.live.state_dir / "namespaces").iterdir())


def deleted(city, network_id):
    """Delete a network, which is refused as long as somebody's port is on it; whether it is gone."""
    try:
        city.admin.ask("DELETE", f"/network/v2.0/networks/{network_id}")
    except cloud.Refused as refusal:
        if "409" not in str(refusal):
            raise
        return False
    return True
