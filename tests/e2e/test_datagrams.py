"""UDP, security groups and a second VIP, asked for through the API and tried with packets."""

import json
import os
import signal
import sys
from concurrent import futures

import pytest

from tests import live as lives
from vipool.cli.demo import picture

BALANCING, NETWORK = "/load-balancer/v2.0/lbaas", "/network/v2.0"
MONITOR = {"type": "UDP-CONNECT", "delay": 3, "timeout": 1, "max_retries": 1, "max_retries_down": 1}


def ask(city, netns, address, count=4):
    """Who answers so many flows."""
    words = (sys.executable, "-m", "tests.e2e.dns", "ask", address, "53", str(count))
    return json.loads(city.live.inside(*words, netns=netns))


def serve(city, name, address):
    """Have a host answer on port 53; returns the program."""
    words = (sys.executable, "-m", "tests.e2e.dns", "serve", name, address, "53")
    program = city.live.begin(*words, netns=name)
    listening = ("ss", "-Hlun", "src", "=", f"{address}:53")
    lives.within(15, lambda: city.live.inside(*listening, netns=name).strip(), f"{name} listens")
    return program


def states(city):
    """The operating states of the load balancer, and of the members of the UDP pool, by name."""
    found = city.tenant.ask("GET", f"{BALANCING}/loadbalancers/{city.balancer.id}/status")["statuses"]["loadbalancer"]
    pools = [pool for front in found["listeners"] if front["name"] == "dns" for pool in front["pools"]]
    members = {each["name"]: each["operating_status"] for pool in pools for each in pool["members"]}
    return found["operating_status"], members


@pytest.fixture(scope="module")
def dns(city):
    """The picture with a UDP listener beside the other, and its servers."""
    servers = {name: serve(city, name, address) for name, address in picture.WEBS.items()}
    front = city.tenant.make(
        f"{BALANCING}/listeners",
        "listener",
        name="dns",
        protocol="UDP",
        protocol_port=53,
        loadbalancer_id=city.balancer.id,
    )
    back = city.tenant.make(
        f"{BALANCING}/pools", "pool", protocol="UDP", lb_algorithm="ROUND_ROBIN", listener_id=front["id"]
    )
    members = [{"name": name, "address": address, "protocol_port": 53} for name, address in picture.WEBS.items()]
    city.tenant.ask("PUT", f"{BALANCING}/pools/{back['id']}/members", {"members": members})
    city.tenant.make(f"{BALANCING}/healthmonitors", "healthmonitor", pool_id=back["id"], **MONITOR)
    city.settled()
    yield servers, front["id"]
    for name, each in servers.items():
        kill(city, name)
        each.communicate(timeout=10)


def kill(city, name):
    """End the server of a host, from within: out here only the way into the sandbox is seen."""
    for pid in city.live.inside("ip", "netns", "pids", name).split():
        if "tests.e2e.dns" in city.live.inside("cat", f"/proc/{pid}/cmdline", check=False):
            city.live.inside("kill", "-KILL", pid, check=False)


def counted(city, listener):
    """How many flows each member behind a listener had, by name."""
    pool = city.tenant.ask("GET", f"{BALANCING}/listeners/{listener}")["listener"]["default_pool_id"]
    members = city.tenant.ask("GET", f"{BALANCING}/pools/{pool}/members")["members"]
    path = f"/load-balancer/vipool/v1/pools/{pool}/members"
    return {
        each["name"]: city.tenant.ask("GET", f"{path}/{each['id']}/stats")["stats"]["total_connections"]
        for each in members
    }


def test_datagrams_are_balanced_checked_and_counted(city, dns):
    servers, listener = dns
    assert ask(city, "client", city.floating) == {"web1": 2, "web2": 2}
    lives.within(15, lambda: states(city) == ("ONLINE", {"web1": "ONLINE", "web2": "ONLINE"}), "all are ONLINE")
    kill(city, "web1")
    lives.within(20, lambda: states(city) == ("DEGRADED", {"web1": "ERROR", "web2": "ONLINE"}), "web1 is in ERROR")
    assert ask(city, "client", city.floating) == {"web2": 4}
    servers["web1"].communicate()
    servers["web1"] = serve(city, "web1", picture.WEBS["web1"])
    lives.within(20, lambda: states(city)[1]["web1"] == "ONLINE", "web1 is back")
    assert ask(city, "client", city.floating) == {"web1": 2, "web2": 2}
    path = f"{BALANCING}/listeners/{listener}/stats"
    lives.within(15, lambda: city.tenant.ask("GET", path)["stats"]["total_connections"] == 12, "12 flows are counted")
    assert sorted(counted(city, listener).values()) == [4, 8]
    assert city.answers()["answers"] == {"web1": 2, "web2": 2}, "connections are balanced beside them"


def test_a_killed_agent_leaves_datagrams_flowing_and_its_successor_touches_nothing(city, dns):
    agent, said = city.agent(), len(city.log())
    rules = city.live.inside("nft", "list", "tables", netns=f"qlbaas-{city.balancer.id}")
    os.kill(agent, signal.SIGKILL)
    assert ask(city, "client", city.floating) == {"web1": 2, "web2": 2}
    lives.within(20, lambda: city.agent() not in (None, agent), "a new agent")
    city.tenant.ask("PUT", f"{BALANCING}/loadbalancers/{city.balancer.id}", {"loadbalancer": {"name": "renamed"}})
    city.settled()
    assert "loaded packet rules" not in city.log()[said:]
    assert ask(city, "client", city.floating) == {"web1": 2, "web2": 2}
    assert city.live.inside("nft", "list", "tables", netns=f"qlbaas-{city.balancer.id}") == rules


def test_groups_on_the_vip_port_filter_connections_and_datagrams_alike(city, dns):
    group = city.tenant.make(f"{NETWORK}/security-groups", "security_group", name="vip")["id"]
    friends = city.tenant.make(f"{NETWORK}/security-groups", "security_group", name="friends")["id"]
    port = f"{NETWORK}/ports/{city.balancer.vip_port_id}"

    def permit(protocol, number, **source):
        values = {"direction": "ingress", "protocol": protocol, "port_range_min": number, "port_range_max": number}
        made = city.tenant.make(
            f"{NETWORK}/security-group-rules", "security_group_rule", security_group_id=group, **values, **source
        )
        return f"{NETWORK}/security-group-rules/{made['id']}"

    def reached():
        """Whether the client, and the neighbour web2, reach the two listeners; all ask at once: most wait in vain."""
        with futures.ThreadPoolExecutor() as crowd:
            asked = [
                (crowd.submit(city.live.ask, who, address, 1), crowd.submit(ask, city, who, address, 1))
                for who, address in (("client", city.floating), ("web2", picture.VIP))
            ]
            return tuple(
                found for web, name in asked for found in (bool(web.result()["answers"]), "nobody" not in name.result())
            )

    def become(*wanted):
        lives.within(20, lambda: reached() == wanted, f"who is reached is {wanted}")

    assert reached() == (True, True, True, True)
    city.tenant.ask("PUT", port, {"port": {"security_groups": [group]}})
    become(False, False, False, False)
    web = permit("tcp", 80, remote_ip_prefix=f"{picture.CLIENT}/32")
    become(True, False, False, False)
    permit("udp", 53, remote_group_id=friends)
    become(True, False, False, False)
    neighbour = f"{NETWORK}/ports/{city.site.ports['web2']}"
    city.tenant.ask("PUT", neighbour, {"port": {"security_groups": [friends]}})
    become(True, False, False, True)
    city.tenant.ask("DELETE", web)
    become(False, False, False, True)
    assert city.root()["provisioning_status"] == "ACTIVE"
    city.tenant.ask("PUT", port, {"port": {"security_groups": []}})
    become(True, True, True, True)


def test_a_load_balancer_with_two_vips_answers_over_ipv6_too(city, dns):
    network = city.tenant.ask("GET", f"{NETWORK}/subnets/{city.site.subnet_id}")["subnet"]["network_id"]
    six = city.tenant.make(f"{NETWORK}/subnets", "subnet", network_id=network, ip_version=6, cidr="fd00:100::/64")
    members = [{"address": address, "protocol_port": 80} for address in picture.WEBS.values()]
    made = city.tenant.make(
        f"{BALANCING}/loadbalancers",
        "loadbalancer",
        name="two",
        vip_subnet_id=city.site.subnet_id,
        additional_vips=[{"subnet_id": six["id"], "ip_address": "fd00:100::b"}],
        listeners=[
            {
                "protocol": "HTTP",
                "protocol_port": 80,
                "default_pool": {
                    "name": "webs",
                    "protocol": "HTTP",
                    "lb_algorithm": "ROUND_ROBIN",
                    "members": members,
                },
            }
        ],
    )
    where = f"{BALANCING}/loadbalancers/{made['id']}"

    def active():
        return city.tenant.ask("GET", where)["loadbalancer"]["provisioning_status"] == "ACTIVE"

    lives.within(30, active, "it is ACTIVE")
    city.live.inside("ip", "address", "add", "fd00:100::a/64", "dev", "eth0", "nodad", netns="web2")
    for address in (made["vip_address"], "fd00:100::b"):
        assert city.live.ask("web2", address, 4)["answers"] == {"web1": 2, "web2": 2}
    city.tenant.ask("DELETE", f"{where}?cascade=true")
