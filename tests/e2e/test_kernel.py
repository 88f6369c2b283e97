"""A load balancer of the kernel's provider, asked for through the API and tried with packets: TCP, and the client's own
address."""

import json
import sys

import pytest

from tests import live as lives
from vipool.cli.demo import picture

BALANCING, NETWORK = "/load-balancer/v2.0/lbaas", "/network/v2.0"


@pytest.fixture(scope="module")
def balancer(city):
    """A load balancer in the kernel with a TCP listener, published at a floating IP; and its pool."""
    address = picture.WEBS["web1"]
    server = city.live.begin(sys.executable, "-m", "tests.e2e.who", "serve", address, "8080", netns="web1")
    listening = ("ss", "-Hltn", "src", "=", f"{address}:8080")
    lives.within(15, lambda: city.live.inside(*listening, netns="web1").strip(), "web1 listens")
    back = {
        "name": "whose",
        "protocol": "TCP",
        "lb_algorithm": "ROUND_ROBIN",
        "members": [{"address": address, "protocol_port": 8080}],
    }
    made = city.tenant.make(
        f"{BALANCING}/loadbalancers",
        "loadbalancer",
        name="fast",
        provider="nftables",
        vip_subnet_id=city.site.subnet_id,
        listeners=[{"protocol": "TCP", "protocol_port": 80, "default_pool": back}],
    )
    values = {"floating_network_id": city.ground.outside_id, "port_id": made["vip_port_id"]}
    floating = city.tenant.make(f"{NETWORK}/floatingips", "floatingip", **values)
    active(city, made["id"])
    yield {**made, "floating": floating["floating_ip_address"]}
    city.tenant.ask("DELETE", f"{BALANCING}/loadbalancers/{made['id']}?cascade=true")
    kill(city)
    server.communicate(timeout=10)


def kill(city):
    """End the server, from within: out here only the way into the sandbox is seen."""
    for pid in city.live.inside("ip", "netns", "pids", "web1").split():
        if "tests.e2e.who" in city.live.inside("cat", f"/proc/{pid}/cmdline", check=False):
            city.live.inside("kill", "-KILL", pid, check=False)


def active(city, identifier):
    where = f"{BALANCING}/loadbalancers/{identifier}"

    def is_active():
        return city.tenant.ask("GET", where)["loadbalancer"]["provisioning_status"] == "ACTIVE"

    lives.within(30, is_active, "it is ACTIVE")


def ask(city, address, count=3):
    words = (sys.executable, "-m", "tests.e2e.who", "ask", address, "80", str(count))
    return set(json.loads(city.live.inside(*words, netns="client")))


def test_connections_are_carried_without_any_process_and_members_see_the_vip_or_the_client(city, balancer):
    where = f"{BALANCING}/loadbalancers/{balancer['id']}"
    lives.within(15, lambda: ask(city, balancer["floating"]) == {balancer["vip_address"]}, "members see the VIP")
    assert city.live.inside("ip", "netns", "pids", f"qlbaas-{balancer['id']}").strip() == ""
    (back,) = city.tenant.ask("GET", where)["loadbalancer"]["pools"]
    path = f"{BALANCING}/pools/{back['id']}"
    city.tenant.ask("PUT", path, {"pool": {"preserve_client_ip": True}})
    active(city, balancer["id"])
    lives.within(15, lambda: ask(city, balancer["floating"]) == {picture.CLIENT}, "members see the client")
    city.tenant.ask("PUT", path, {"pool": {"preserve_client_ip": False}})
    active(city, balancer["id"])
    lives.within(15, lambda: ask(city, balancer["floating"]) == {balancer["vip_address"]}, "members see the VIP again")
