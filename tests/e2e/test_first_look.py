"""Whoever looks at what was just written need not look twice."""

import pytest

from tests.e2e import conftest
from vipool.cli.demo import cloud, picture

PREFIX = "/load-balancer/v2.0/lbaas"


def test_the_first_look_after_a_write_sees_it_realised(live):
    live.state_dir.mkdir(mode=0o700)
    # Longer than a busy machine takes, so that one look decides.
    (live.state_dir / "vipool.toml").write_text("[octavia]\nlook_milliseconds = 20000\n")
    city = conftest.City(live.up())
    city.ground = picture.prepare(city.admin)
    city.site = picture.settle(city.admin, city.ground)
    city.balancer = picture.balance(city.admin, city.site)
    root = city.root()
    assert (root["provisioning_status"], root["provisioning_fault"]) == ("ACTIVE", None)
    values = {"loadbalancer_id": root["id"], "protocol": "TCP", "protocol_port": 81}
    made = city.admin.make(f"{PREFIX}/listeners", "listener", **values)
    assert made["provisioning_status"] == "PENDING_CREATE"
    seen = city.admin.ask("GET", f"{PREFIX}/listeners/{made['id']}")["listener"]
    assert (seen["provisioning_status"], seen["operating_status"]) == ("ACTIVE", "ONLINE")
    city.admin.ask("DELETE", f"{PREFIX}/loadbalancers/{root['id']}?cascade=true")
    with pytest.raises(cloud.Refused, match="404"):
        city.root()
    city.close()
