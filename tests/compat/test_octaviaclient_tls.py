"""`openstack loadbalancer` on TLS, with real certificates in the key manager: every option of listeners and pools."""

import pytest

from tests import certificates
from tests import live as lives
from tests.compat import offered

CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256"
VERSIONS = ("--tls-version", "TLSv1.2", "--tls-version", "TLSv1.3")
PROTOCOLS = ("--alpn-protocol", "h2", "--alpn-protocol", "http/1.1")
HSTS = ("--hsts-max-age", "31536000", "--hsts-include-subdomains", "--hsts-preload")
AUTHENTICATIONS = ("NONE", "OPTIONAL", "MANDATORY")


@pytest.fixture(scope="module")
def noted():
    """What passes."""
    return offered.Walk("octaviaclient-tls")


@pytest.fixture(scope="module")
def kept(member, tmp_path_factory):
    """References in the key manager by what they stand for."""
    root = certificates.authority("Root")
    folder = tmp_path_factory.mktemp("secrets")

    def store(name, content):
        file = folder / name
        file.write_bytes(content)
        return member.get("secret store", "--name", name, "--file", str(file))["Secret href"]

    found = {
        name: store(name, root.issue(f"{name}.example", f"{name}.example").archive(root))
        for name in ("www", "shop", "other", "client")
    }
    found["authority"] = store("authority", root.pem)
    found["revoked"] = store("revoked", root.revoke(7))
    yield found
    for each in found.values():
        member.do("secret delete", each)


@pytest.fixture(scope="module")
def balancer(kept, member, subnet):
    """The load balancer of all listeners."""
    return member.get("loadbalancer create", "--name", "lb", "--vip-subnet-id", subnet)


@pytest.fixture(scope="module")
def web(balancer, kept, member):
    """A listener with every option of TLS."""
    return member.get(
        "loadbalancer listener create",
        *("--name", "web", "--protocol", "TERMINATED_HTTPS", "--protocol-port", "443"),
        *("--default-tls-container-ref", kept["www"]),
        *("--client-ca-tls-container-ref", kept["authority"], "--client-authentication", "MANDATORY"),
        *("--client-crl-container-ref", kept["revoked"], "--tls-ciphers", CIPHERS, *VERSIONS, *PROTOCOLS, *HSTS),
        *("lb", "--sni-container-refs", kept["shop"], kept["other"]),
    )


@pytest.fixture(scope="module")
def pool(balancer, kept, member):
    """A pool with every option of TLS."""
    return member.get(
        "loadbalancer pool create",
        *("--name", "safe", "--protocol", "HTTP", "--lb-algorithm", "ROUND_ROBIN", "--loadbalancer", "lb"),
        *("--enable-tls", "--tls-container-ref", kept["client"], "--ca-tls-container-ref", kept["authority"]),
        *("--crl-container-ref", kept["revoked"], "--tls-ciphers", CIPHERS, *VERSIONS, *PROTOCOLS),
    )


def show(member, noun, name):
    return member.get(f"loadbalancer {noun} show", name)


def serves(member, name):
    """Wait until a listener serves: it would be left out if its certificates could not be had."""

    def online():
        found = show(member, "listener", name)
        return (found["provisioning_status"], found["operating_status"]) == ("ACTIVE", "ONLINE")

    lives.within(20, online, f"{name} serves")


def test_a_listener_ends_tls_with_all_it_can_have(web, kept, member):
    found = show(member, "listener", "web")
    assert found == {
        **found,
        "protocol": "TERMINATED_HTTPS",
        "default_tls_container_ref": kept["www"],
        "client_ca_tls_container_ref": kept["authority"],
        "client_authentication": "MANDATORY",
        "client_crl_container_ref": kept["revoked"],
        "tls_ciphers": CIPHERS,
        "tls_versions": ["TLSv1.2", "TLSv1.3"],
        "alpn_protocols": ["h2", "http/1.1"],
        "hsts_max_age": 31536000,
        "hsts_include_subdomains": True,
        "hsts_preload": True,
    }
    assert set(found["sni_container_refs"]) == {kept["shop"], kept["other"]}
    serves(member, "web")


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
def test_clients_are_asked_who_they_are(web, kept, member, authentication):
    words = ("--client-authentication", authentication)
    member.do("loadbalancer listener set", *words, "web")
    assert show(member, "listener", "web")["client_authentication"] == authentication
    refs = ("--default-tls-container-ref", kept["www"], "--client-ca-tls-container-ref", kept["authority"])
    common = ("--name", "short", "--protocol", "TERMINATED_HTTPS", "--protocol-port", "8443")
    made = member.get("loadbalancer listener create", *common, *refs, *words, "lb")
    assert made["client_authentication"] == authentication
    member.do("loadbalancer listener delete", "short")
    lives.within(10, lambda: not member.get("loadbalancer listener list", "--name", "short"), "it is gone")


def test_the_tls_of_a_listener_is_changed_and_cleared(web, kept, member):
    member.do(
        "loadbalancer listener set",
        *("--default-tls-container-ref", kept["other"], "--client-ca-tls-container-ref", kept["authority"]),
        *("--client-authentication", "OPTIONAL", "--client-crl-container-ref", kept["revoked"]),
        *("--tls-ciphers", "TLS_AES_256_GCM_SHA384", "--tls-version", "TLSv1.3", "--alpn-protocol", "http/1.1"),
        *("--hsts-max-age", "60", "--hsts-include-subdomains", "--hsts-preload"),
        *("web", "--sni-container-refs", kept["shop"]),
    )
    found = show(member, "listener", "web")
    assert found == {
        **found,
        "default_tls_container_ref": kept["other"],
        "sni_container_refs": [kept["shop"]],
        "client_authentication": "OPTIONAL",
        "tls_ciphers": "TLS_AES_256_GCM_SHA384",
        "tls_versions": ["TLSv1.3"],
        "alpn_protocols": ["http/1.1"],
        "hsts_max_age": 60,
    }
    serves(member, "web")
    member.do(
        "loadbalancer listener unset",
        *("--client-authentication", "--client-crl-container-ref", "--client-ca-tls-container-ref", "--tls-ciphers"),
        *("--tls-versions", "--alpn-protocols", "--sni-container-refs"),
        *("--hsts-max-age", "--hsts-include-subdomains", "--hsts-preload", "web"),
    )
    found = show(member, "listener", "web")
    assert found == {
        **found,
        "client_authentication": "NONE",
        "client_ca_tls_container_ref": None,
        "client_crl_container_ref": None,
        "tls_versions": ["TLSv1.2", "TLSv1.3"],
        "alpn_protocols": ["h2", "http/1.1", "http/1.0"],
        "sni_container_refs": [],
        "hsts_max_age": None,
        "hsts_include_subdomains": False,
        "hsts_preload": False,
    }
    assert "ECDHE-RSA-AES128-GCM-SHA256" in found["tls_ciphers"].split(":")
    serves(member, "web")


def test_one_certificate_is_needed(web, kept, member):
    assert "must be provided" in member.refused("loadbalancer listener unset", "--default-tls-container-ref", "web")
    member.do("loadbalancer listener set", "web", "--sni-container-refs", kept["shop"])
    member.do("loadbalancer listener unset", "--default-tls-container-ref", "web")
    assert show(member, "listener", "web")["default_tls_container_ref"] is None
    serves(member, "web")


def test_metrics_are_told_over_tls(kept, balancer, member):
    words = ("--name", "metrics", "--protocol", "PROMETHEUS", "--protocol-port", "9100")
    member.do("loadbalancer listener create", *words, "--default-tls-container-ref", kept["www"], "lb")
    serves(member, "metrics")


def test_a_pool_speaks_tls_with_all_it_can_have(pool, kept, member):
    found = show(member, "pool", "safe")
    assert found == {
        **found,
        "tls_enabled": True,
        "tls_container_ref": kept["client"],
        "ca_tls_container_ref": kept["authority"],
        "crl_container_ref": kept["revoked"],
        "tls_ciphers": CIPHERS,
        "tls_versions": ["TLSv1.2", "TLSv1.3"],
        "alpn_protocols": ["h2", "http/1.1"],
    }


def test_the_tls_of_a_pool_is_changed_and_cleared(pool, kept, member):
    member.do(
        "loadbalancer pool set",
        *("--tls-container-ref", kept["other"], "--ca-tls-container-ref", kept["authority"]),
        *("--crl-container-ref", kept["revoked"], "--tls-ciphers", "TLS_AES_256_GCM_SHA384"),
        *("--tls-version", "TLSv1.3", "--alpn-protocol", "http/1.1", "--enable-tls", "safe"),
    )
    found = show(member, "pool", "safe")
    assert found == {
        **found,
        "tls_container_ref": kept["other"],
        "tls_ciphers": "TLS_AES_256_GCM_SHA384",
        "tls_versions": ["TLSv1.3"],
        "alpn_protocols": ["http/1.1"],
    }
    member.do(
        "loadbalancer pool unset",
        *("--tls-container-ref", "--crl-container-ref", "--ca-tls-container-ref", "--tls-ciphers", "--tls-versions"),
        *("--alpn-protocols", "safe"),
    )
    found = show(member, "pool", "safe")
    assert found == {
        **found,
        "tls_container_ref": None,
        "ca_tls_container_ref": None,
        "crl_container_ref": None,
        "tls_versions": ["TLSv1.2", "TLSv1.3"],
    }
    member.do("loadbalancer pool set", "--disable-tls", "safe")
    assert show(member, "pool", "safe")["tls_enabled"] is False
    words = "--protocol HTTP --lb-algorithm ROUND_ROBIN --loadbalancer lb --disable-tls"
    assert member.get("loadbalancer pool create", *words.split())["tls_enabled"] is False


def test_what_passed_before_passes_still(noted):
    assert noted.missing() == []
    assert noted.unlisted() == [], "run with VIPOOL_BLESS=1 to list them"
