"""A provider of another package, installed as pip does it: it is listed, can be chosen, and refuses in its words."""

import dataclasses
import subprocess
import sys

import pytest

from tests import house
from tests.api import balancing
from vipool import settings, wiring
from vipool.api import local
from vipool.host import errors
from vipool.model import deployment

EXAMPLE = house.ROOT / "examples/nginx-provider"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example, built and installed into a directory that Python looks into."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    subprocess.run([*pip, *alone, str(EXAMPLE)], check=True, capture_output=True)
    sys.path.append(str(site))
    yield site
    sys.path.remove(str(site))


@pytest.fixture
def cloud(tmp_path, installed):
    made = balancing.Cloud(tmp_path, wiring.providers(), allowed=deployment.Deployment(default_provider="nginx"))
    yield made
    made.database.close()


def test_it_is_listed_with_what_it_says_of_itself(cloud):
    found = {each["name"]: each["description"] for each in cloud.get("/providers", who="root")["providers"]}
    assert found.keys() >= {*wiring.PROVIDERS, "nginx"}
    assert found["nginx"] == "TCP and UDP are carried by the stream module of one nginx per load balancer."


def test_it_carries_what_names_no_provider_where_the_operator_says_so(cloud):
    root = cloud.balancer()
    assert root["provider"] == "nginx"
    assert cloud.listener(root["id"], protocol="TCP", protocol_port=81)["protocol"] == "TCP"


def test_it_refuses_in_its_own_words_and_nothing_is_made(cloud):
    root = cloud.balancer()["id"]
    body = {"listener": {"protocol": "HTTP", "protocol_port": 80, "loadbalancer_id": root}}
    reply = cloud.call("POST", "/listeners", body)
    assert reply.status_code == 501
    assert "protocol HTTP is not carried by nginx; it carries TCP and UDP." in balancing.sentence(reply)
    assert cloud.get("/listeners")["listeners"] == []


def test_without_its_package_a_load_balancer_can_be_seen_and_deleted_and_not_changed(cloud):
    root = cloud.balancer()["id"]
    cloud.settle()
    left = {name: each for name, each in cloud.writer.providers.items() if name != "nginx"}
    cloud.serve(dataclasses.replace(cloud.writer, providers=left))
    reply = cloud.call("PUT", f"/loadbalancers/{root}", {"loadbalancer": {"name": "other"}})
    assert (reply.status_code, balancing.sentence(reply)) == (400, "Provider 'nginx' is not enabled.")
    assert cloud.get(f"/loadbalancers/{root}")["loadbalancer"]["provider"] == "nginx"
    assert cloud.call("DELETE", f"/loadbalancers/{root}").status_code == 204


def test_a_server_starts_with_it_as_the_default_and_not_with_one_that_is_not_there(tmp_path, installed):
    (tmp_path / "admin-password").write_text("a password for this test\n")

    def chosen(name):
        return settings.Settings(
            state_dir=tmp_path,
            listen=settings.parse_address("127.0.0.1:0"),
            sandboxed=True,
            allowed=deployment.Deployment(default_provider=name),
        )

    assert wiring.build_server(chosen("nginx"), local.News()).services
    with pytest.raises(errors.Failed, match=r"there is no provider 'nothing': amphora, .*, nginx are there"):
        wiring.build_server(chosen("nothing"), local.News())


def test_the_node_acts_with_its_engine(installed):
    assert type(wiring.engines()["nginx"]).__module__ == "vipool_nginx.engine"
