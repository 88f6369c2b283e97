"""What listeners and pools refer to: looked at before anything is kept, and refused in Octavia's sentences."""

import pytest

from tests.api import balancing
from tests.service import world
from vipool.model import event

UNREADABLE = (
    "The PKCS12 bundle is unreadable. Please check the PKCS12 bundle validity. In addition, make sure it does not "
    "require a pass phrase. Error: "
)
NAMELESS = "No CN or DNSName(s) found in certificate. The certificate is invalid."
NO_AUTHORITY = (
    "Validation failure: The client authentication CA certificate is invalid. It must be a valid x509 PEM format "
    "certificate. Error: "
)
NO_LIST = "Validation failure: The client authentication certificate revocation list is invalid. It must be a valid "
OTHER_LIST = "Validation failure: The CRL specified is not valid for client certificate authority reference supplied."
NAMED = {**balancing.POOL, "name": "p"}
ENDS_TLS = {"protocol": "TERMINATED_HTTPS", "protocol_port": 443}


@pytest.fixture
def root(cloud):
    return cloud.balancer()["id"]


WRONG = [
    ({"default_tls_container_ref": "gone"}, "Could not retrieve certificate: ['gone']"),
    (
        {"default_tls_container_ref": "gone", "sni_container_refs": ["x", "away", "gone"]},
        "Could not retrieve certificate: ['gone', 'away']",
    ),
    ({"default_tls_container_ref": "broken"}, UNREADABLE),
    ({"default_tls_container_ref": "x", "sni_container_refs": ["nameless"]}, NAMELESS),
    (
        {"default_tls_container_ref": "x", "client_ca_tls_container_ref": "gone"},
        "Could not retrieve certificate: ['gone']",
    ),
    ({"default_tls_container_ref": "x", "client_ca_tls_container_ref": "text"}, NO_AUTHORITY),
    (
        {"default_tls_container_ref": "x", "client_ca_tls_container_ref": "ca", "client_crl_container_ref": "text"},
        NO_LIST,
    ),
    (
        {
            "default_tls_container_ref": "x",
            "client_ca_tls_container_ref": "ca",
            "client_crl_container_ref": "other-crl",
        },
        OTHER_LIST,
    ),
]


@pytest.mark.parametrize(("values", "sentence"), WRONG)
def test_a_listener_with_a_useless_reference_is_refused(cloud, root, values, sentence):
    before = cloud.count(event.Event)
    body = {**ENDS_TLS, **values, "loadbalancer_id": root}
    reply = cloud.call("POST", "/listeners", {"listener": body})
    assert reply.status_code == 400
    assert reply.json()["faultstring"].startswith(sentence)
    assert cloud.get("/listeners")["listeners"] == []
    assert cloud.count(event.Event) == before


@pytest.mark.parametrize(("values", "sentence"), WRONG)
def test_a_listener_does_not_change_to_a_useless_reference(cloud, root, values, sentence):
    front = cloud.listener(root, **ENDS_TLS, default_tls_container_ref="x")
    cloud.settle()
    reply = cloud.call("PUT", f"/listeners/{front['id']}", {"listener": values})
    assert reply.status_code == 400
    assert reply.json()["faultstring"].startswith(sentence)
    kept = cloud.get(f"/listeners/{front['id']}")["listener"]
    assert (kept["default_tls_container_ref"], kept["provisioning_status"]) == ("x", "ACTIVE")


def test_what_is_good_is_kept(cloud, root):
    values = {
        "default_tls_container_ref": "x",
        "sni_container_refs": ["y", "z"],
        "client_ca_tls_container_ref": "ca",
        "client_crl_container_ref": "crl",
        "client_authentication": "MANDATORY",
    }
    front = cloud.listener(root, **ENDS_TLS, **values)
    assert {name: front[name] for name in values} == values


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tls_container_ref": "gone"}, "Could not retrieve certificate: ['gone']"),
        ({"ca_tls_container_ref": "text"}, NO_AUTHORITY),
        ({"ca_tls_container_ref": "ca", "crl_container_ref": "other-crl"}, OTHER_LIST),
    ],
)
def test_a_pool_is_held_to_the_same(cloud, root, values, sentence):
    body = {**balancing.POOL, **values, "loadbalancer_id": root}
    reply = cloud.call("POST", "/pools", {"pool": body})
    assert (reply.status_code, reply.json()["faultstring"][: len(sentence)]) == (400, sentence)


@pytest.mark.parametrize(
    "body",
    [
        {"listeners": [{**ENDS_TLS, "default_tls_container_ref": "gone"}]},
        {"pools": [{**NAMED, "tls_container_ref": "gone"}]},
        {"listeners": [{**balancing.LISTENER, "default_pool": {**NAMED, "tls_container_ref": "gone"}}]},
    ],
)
def test_what_comes_with_a_new_load_balancer_is_looked_at_too(cloud, body):
    reply = cloud.call("POST", "/loadbalancers", {"loadbalancer": {"vip_subnet_id": world.SUBNET, **body}})
    assert (reply.status_code, reply.json()["faultstring"]) == (400, "Could not retrieve certificate: ['gone']")
    assert cloud.get("/loadbalancers")["loadbalancers"] == []


def test_a_rule_that_is_broken_is_told_before_what_a_reference_leads_to(cloud, root):
    body = {**balancing.LISTENER, "default_tls_container_ref": "gone", "loadbalancer_id": root}
    reply = cloud.call("POST", "/listeners", {"listener": body})
    assert "references are not allowed on HTTP" in reply.json()["faultstring"]


def test_a_reference_that_has_gone_does_not_stand_in_the_way_of_other_changes(cloud, root):
    front = cloud.listener(root, **ENDS_TLS, default_tls_container_ref="x")
    cloud.settle()
    del cloud.secrets.certificates["x"]
    assert cloud.change("listener", f"/listeners/{front['id']}", name="n", default_tls_container_ref="x")
    cloud.settle()
    reply = cloud.call("PUT", f"/listeners/{front['id']}", {"listener": {"sni_container_refs": ["x"]}})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("before", "values", "sentence"),
    [
        ({}, {"crl_container_ref": "crl"}, "A CA reference is required to specify a certificate revocation list."),
        (
            {"ca_tls_container_ref": "ca", "crl_container_ref": "crl"},
            {"ca_tls_container_ref": None},
            "A CA reference cannot be removed when a certificate revocation list is present.",
        ),
    ],
)
def test_a_revocation_list_of_a_pool_needs_its_authority(cloud, root, before, values, sentence):
    made = cloud.pool(root, **before)
    cloud.settle()
    reply = cloud.call("PUT", f"/pools/{made['id']}", {"pool": values})
    assert (reply.status_code, reply.json()["faultstring"]) == (400, f"Validation failure: {sentence}")
