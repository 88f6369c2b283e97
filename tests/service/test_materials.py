"""What nodes get of the key manager: the texts that what they serve refers to, and no others."""

import pytest

from tests.service import world
from vipool.cloud.secrets import base
from vipool.model import listener, pool
from vipool.service import materials

FRONT = {
    "protocol": "TERMINATED_HTTPS",
    "protocol_port": 443,
    "default_tls_container_ref": "x",
    "sni_container_refs": ["y"],
    "client_ca_tls_container_ref": "ca",
    "client_crl_container_ref": "crl",
}
BACK = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "tls_container_ref": "z", "ca_tls_container_ref": "ca-again"}


@pytest.fixture
def cloud(tmp_path):
    made = world.World(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def root(cloud):
    return cloud.writer.create_root(world.POST, {"vip_subnet_id": world.SUBNET}).loadbalancer.id


def asked(cloud):
    (item,) = cloud.balancers()
    return item.materials


def make(cloud, root, cls, noun, **values):
    return cloud.writer.create(world.about(noun, "post"), cls, {"loadbalancer_id": root, **values})[1]


def test_a_node_gets_what_listeners_and_pools_refer_to(cloud, root):
    assert asked(cloud) == {}
    make(cloud, root, listener.Listener, "listener", **FRONT)
    plain = make(cloud, root, pool.Pool, "pool", **BACK)
    found = asked(cloud)
    assert set(found) == {"x", "y", "ca", "crl"}
    bundle = cloud.secrets.certificates["x"]
    assert found["x"] == materials.chained(bundle)
    assert found["x"].index(bundle.certificate) < found["x"].index(bundle.private_key)
    assert found["ca"] == cloud.secrets.texts["ca"]
    cloud.writer.update(world.about("pool", "put"), pool.Pool, plain, {"tls_enabled": True})
    assert set(asked(cloud)) == {"x", "y", "z", "ca", "ca-again", "crl"}


def test_no_key_is_in_what_prints_an_item(cloud, root):
    make(cloud, root, listener.Listener, "listener", **FRONT)
    (item,) = cloud.balancers()
    assert "PRIVATE KEY" in item.materials["x"]
    assert "PRIVATE KEY" not in repr(item)


def test_what_is_gone_is_left_out_and_told_to_the_operator(cloud, root, caplog):
    make(cloud, root, listener.Listener, "listener", **FRONT)
    cloud.secrets.certificates["y"] = base.NotRetrieved(["y"], "It was deleted.")
    assert set(asked(cloud)) == {"x", "ca", "crl"}
    assert f"load balancer {root} goes without y" in caplog.text


def test_a_load_balancer_that_is_to_go_needs_nothing(cloud, root):
    make(cloud, root, listener.Listener, "listener", **FRONT)
    cloud.writer.delete_root(world.DELETE, root, cascade=True)
    assert asked(cloud) == {}
