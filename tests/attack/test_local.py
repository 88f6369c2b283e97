"""What comes over the operator's socket is trusted to mean well, not to be well formed."""

import asyncio

import httpx
import pytest

from tests.attack import town


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Calls to the application of the unix socket."""
    made = town.Town(tmp_path_factory.mktemp("town"))
    _, subnet = made.admin.home()
    port = made.admin.net(
        "port", network_id=made.admin.get(f"/network/v2.0/subnets/{subnet}").json()["subnet"]["network_id"]
    )

    async def ask(method, path, **more):
        transport = httpx.ASGITransport(app=made.served.local, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            return await client.request(method, path, **more)

    yield lambda method, path, **more: asyncio.run(ask(method, path, **more)), port["id"]
    made.database.close()


TARGETS = [
    "netns:../../proc",
    "netns:..",
    "netns:",
    "netns:-x",
    "netns:a\nb",
    "pid:0",
    "pid:-1",
    "pid:1;id",
    "file:x",
    "",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_port_is_plugged_into_no_path(local, target):
    ask, port = local
    reply = ask("POST", "/agent/plugs", json={"port": port, "target": target, "device": "eth0"})
    assert reply.status_code == 400


@pytest.mark.parametrize("device", ["lo", "all", "default", "..", "a/b", "eth0\n", "", "a" * 16])
def test_an_interface_gets_no_name_that_is_a_path_or_taken(local, device):
    ask, port = local
    reply = ask("POST", "/agent/plugs", json={"port": port, "target": "netns:x", "device": device})
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/agent/plugs", b"{"),
        ("POST", "/agent/plugs", b"[]"),
        ("POST", "/agent/reports", b"x"),
        ("GET", "/agent/desired?known=x", b""),
        ("GET", "/agent/desired?wait=x", b""),
    ],
)
def test_what_makes_no_sense_is_refused(local, method, path, content):
    ask, _ = local
    assert ask(method, path, content=content).status_code == 400


def test_the_network_does_not_reach_the_operators_socket(tmp_path):
    made = town.Town(tmp_path)
    for path in ("/agent/desired", "/agent/plugs", "/network/../agent/plugs", "//agent/plugs"):
        assert made.admin.get(path).status_code == 404
    made.database.close()
