"""A load balancer that is carried by a provider of another package, beside one of vipool's own: seen from outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from vipool_nginx import render

from tests import house
from tests import live as lives
from tests.e2e.conftest import City
from vipool.cli.demo import picture

PATH = "/load-balancer/v2.0/lbaas/loadbalancers"
VIP = "172.16.100.12"
pytestmark = [
    pytest.mark.skipif(not Path(render.MODULE).exists(), reason="nginx with its stream module is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="nginx carries nothing without root"),
]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """The picture, on a vipool that finds the example where pip installed it; and a package that cannot be used."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
    example = str(house.ROOT / "examples/nginx-provider")
    subprocess.run([*pip, "--no-build-isolation", "--no-index", "--target", str(site), example], check=True)
    broken = site / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[vipool.providers]\nbroken = nowhere_to_be_found\n")
    live = lives.Live()
    live.environment["PYTHONPATH"] += f"{os.pathsep}{site}"
    try:
        city = City(live.up())
        yield city.build()
        city.close()
    finally:
        live.end()


def state(city, identifier):
    """The load balancer as its tenant sees it; None when it is gone."""
    found = city.tenant.ask("GET", PATH)["loadbalancers"]
    return next((each for each in found if each["id"] == identifier), None)


def carriers(city, identifier):
    """The names of the processes in the load balancer's namespace."""
    pids = city.live.inside("ip", "netns", "pids", f"qlbaas-{identifier}", check=False).split()
    return {city.live.inside("cat", f"/proc/{pid}/comm", check=False).strip() for pid in pids}


def test_its_traffic_is_carried_by_that_package_until_it_is_deleted(city):
    members = [{"address": address, "protocol_port": 80} for address in picture.WEBS.values()]
    back = {"name": "webs", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members}
    front = {"name": "tcp", "protocol": "TCP", "protocol_port": 80, "default_pool": back}
    where = {"vip_subnet_id": city.site.subnet_id, "vip_address": VIP}
    made = city.tenant.make(PATH, "loadbalancer", provider="nginx", listeners=[front], **where)
    key = made["id"]

    def active():
        return state(city, key)["provisioning_status"] == "ACTIVE"

    lives.within(30, active, "it is ACTIVE")
    assert city.live.ask("web1", VIP, 6)["answers"] == {"web1": 3, "web2": 3}
    assert carriers(city, key) == {"nginx"}
    lives.within(30, lambda: state(city, key)["operating_status"] == "ONLINE", "it is ONLINE")

    def counted():
        return city.tenant.ask("GET", f"{PATH}/{key}/stats")["stats"]["total_connections"] >= 6

    lives.within(30, counted, "its connections are counted")
    assert set(city.answers()["answers"]) == {"web1", "web2"}, "the other one serves as ever"
    city.tenant.ask("DELETE", f"{PATH}/{key}?cascade=true")
    lives.within(30, lambda: state(city, key) is None, "it is gone")
    assert carriers(city, key) == set()


def test_a_package_that_cannot_be_used_is_named_in_both_logs(city):
    for name in ("server", "agent"):
        assert "provider 'broken' of the package broken is left out: loading nowhere_to_be_found." in city.log(name)
