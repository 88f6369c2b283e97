"""Rules that a row must keep by itself, and what a row that is going still allows."""

import dataclasses

import pytest

from tests.core import test_admit as trees
from vipool.core import admit, terms
from vipool.model import deployment, faults, healthmonitor, l7policy, listener, member, pool

FRONT = listener.Listener


def added(whole, cls, parents=None, **body):
    return admit.create(whole, trees.row(cls, "new", parents, **body), trees.when(whole))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"protocol": "UDP", "default_tls_container_ref": "x"}, "UDP protocol listener does not support TLS."),
        ({"protocol": "SCTP", "client_crl_container_ref": "x"}, "SCTP protocol listener does not support TLS."),
        ({"protocol": "TCP", "sni_container_refs": ["x"]}, "Certificate container references are not allowed on TCP"),
        ({"protocol": "HTTPS", "client_ca_tls_container_ref": "x"}, "references are not allowed on HTTPS"),
        ({"hsts_max_age": 0}, "The HSTS feature can only be used"),
        ({"hsts_preload": True}, "The HSTS feature can only be used"),
    ],
)
def test_certificates_and_hsts_are_for_listeners_that_end_tls(body, sentence):
    with pytest.raises(faults.Invalid, match=sentence):
        added(trees.root(), FRONT, **body)


def test_a_listener_that_ends_tls_may_have_certificates_and_hsts():
    whole = added(trees.root(), FRONT, protocol="TERMINATED_HTTPS", sni_container_refs=["x"], hsts_max_age=5)
    assert whole.listeners[0].hsts_max_age == 5


def test_a_member_with_an_sr_iov_port_is_refused():
    with pytest.raises(faults.Invalid, match="does not allow SR-IOV"):
        added(trees.grown(), member.Member, {"pool_id": "p"}, address="10.0.0.77", request_sriov=True)


def test_a_pool_that_is_going_takes_nothing_more():
    before = trees.grown()
    going = admit.delete(before, pool.Pool, "p", trees.when(before))
    with pytest.raises(faults.Conflict, match="Pool p is immutable"):
        added(going, member.Member, {"pool_id": "p"}, address="10.0.0.77")
    with pytest.raises(faults.NotFound, match="Pool p not found"):
        admit.update(going, FRONT, "l", {"default_pool_id": "p"}, trees.when(going))
    with pytest.raises(faults.Conflict, match="Pool p is immutable"):
        admit.delete(going, pool.Pool, "p", trees.when(going))
    with pytest.raises(faults.NotFound, match="Pool nobody not found"):
        admit.delete(going, pool.Pool, "nobody", trees.when(going))


def test_a_member_of_a_pool_that_is_going_goes_alone():
    before = trees.grown()
    going = admit.delete(before, pool.Pool, "p", trees.when(before))
    failed = going.replacing(going.loadbalancer.having({"failed": going.loadbalancer.generation}))
    again = admit.delete(failed, member.Member, "m1", trees.when(failed))
    assert trees.pending(again) == {"lb", "m1"}
    whole = admit.delete(failed, pool.Pool, "p", trees.when(failed))
    assert trees.pending(whole) >= {"lb", "p", "m1", "m2", "h"}


def test_the_monitor_of_a_pool_is_the_one_that_stays():
    before = trees.grown()
    going = admit.delete(before, healthmonitor.HealthMonitor, "h", trees.when(before))
    assert going.monitor_of("p").dying
    both = added(going, healthmonitor.HealthMonitor, {"pool_id": "p"})
    assert both.monitor_of("p").id == "new"
    with pytest.raises(faults.Conflict, match="already has a health monitor"):
        admit.create(both, trees.row(healthmonitor.HealthMonitor, "third", {"pool_id": "p"}), trees.when(both))
    assert both.monitor_of("nobody") is None


def test_a_load_balancer_whose_deletion_failed_can_be_deleted_again():
    before = trees.grown()
    going = admit.delete_root(before, cascade=True, when=trees.when(before))
    with pytest.raises(faults.Conflict, match="Invalid state PENDING_DELETE of loadbalancer resource lb"):
        terms.deletion(going, trees.NOW, deployment.USUAL)
    failed = going.replacing(going.loadbalancer.having({"failed": going.loadbalancer.generation}))
    assert terms.provisioning(failed.loadbalancer, failed.loadbalancer) == "ERROR"
    when = terms.deletion(failed, trees.NOW, deployment.USUAL)
    again = admit.delete_root(failed, cascade=False, when=when)
    assert terms.provisioning(again.loadbalancer, again.loadbalancer) == "PENDING_DELETE"


ENDS_TLS = {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"protocol": "TERMINATED_HTTPS"}, "An SNI or default certificate container reference must be provided for"),
        ({"protocol": "PROMETHEUS", "client_ca_tls_container_ref": "x"}, "must be provided with a client CA"),
        ({**ENDS_TLS, "client_authentication": "MANDATORY"}, "setting MANDATORY requires a client CA"),
        ({**ENDS_TLS, "client_crl_container_ref": "x"}, "is required to specify a client authentication revocation"),
        ({**ENDS_TLS, "hsts_preload": True}, "only make sense if hsts_max_age is set as well"),
        ({**ENDS_TLS, "tls_ciphers": "a b"}, "Invalid characters in cipher string"),
        ({**ENDS_TLS, "tls_versions": []}, "Empty TLS version list"),
        ({**ENDS_TLS, "tls_versions": ["TLSv9"]}, "Invalid TLS versions: TLSv9"),
        ({**ENDS_TLS, "alpn_protocols": []}, "Empty ALPN protocol list"),
        ({"insert_headers": {"X-SSL-Issuer": "true"}}, "is not a valid option for HTTP protocol listener"),
    ],
)
def test_tls_that_makes_no_sense_is_refused(body, sentence):
    with pytest.raises(faults.Invalid, match=sentence):
        added(trees.root(), FRONT, **body)


def test_tls_that_makes_sense_is_accepted():
    body = {
        **ENDS_TLS,
        "client_ca_tls_container_ref": "ca",
        "client_crl_container_ref": "crl",
        "client_authentication": "OPTIONAL",
        "hsts_max_age": 0,
        "hsts_preload": True,
        "tls_versions": ["TLSv1.2"],
        "alpn_protocols": ["h2"],
        "tls_ciphers": "ECDHE+AESGCM:!aNULL@STRENGTH",
    }
    assert added(trees.root(), FRONT, **body).listeners[0].client_crl_container_ref == "crl"


@pytest.mark.parametrize(
    ("allowed", "cls", "body", "sentence"),
    [
        ({"allow_tls_terminated_listeners": False}, FRONT, ENDS_TLS, "deployment: TERMINATED_HTTPS"),
        ({"allow_prometheus_listeners": False}, FRONT, {"protocol": "PROMETHEUS"}, "deployment: PROMETHEUS"),
        ({"allow_tls_terminated_listeners": False}, FRONT, {**ENDS_TLS, "protocol": "PROMETHEUS"},
         "deployment: PROMETHEUS with TLS"),
        ({"minimum_tls_version": "TLSv1.2"}, FRONT, {**ENDS_TLS, "tls_versions": ["TLSv1.1"]},
         "less than the minimum: TLSv1.1 < TLSv1.2"),
        ({"prohibited_ciphers": frozenset({"BAD", "WORSE"})}, FRONT, {**ENDS_TLS, "tls_ciphers": "WORSE:OK:BAD"},
         "prohibited by an administrator: BAD, WORSE"),
        ({}, pool.Pool, {"crl_container_ref": "x"}, "A CA certificate reference is required"),
    ],
)  # fmt: skip
def test_what_an_operator_forbids_is_refused(allowed, cls, body, sentence):
    whole = trees.root()
    when = dataclasses.replace(trees.when(whole), allowed=deployment.Deployment(**allowed))
    with pytest.raises(faults.Invalid, match=sentence):
        admit.create(whole, trees.row(cls, "new", **body), when)


def test_an_operator_s_word_on_monitors_and_members():
    whole = trees.grown()
    when = dataclasses.replace(
        trees.when(whole), allowed=deployment.Deployment(allow_ping_health_monitors=False, udp_connect_min_interval=4)
    )
    gone = whole.having({"healthmonitors": ()})
    ping = trees.row(healthmonitor.HealthMonitor, "new", {"pool_id": "p"}, type="PING")
    with pytest.raises(faults.Invalid, match="The selected type is not allowed in this deployment: PING"):
        admit.create(gone, ping, when)
    udp = admit.create(whole, trees.row(pool.Pool, "u", protocol="UDP"), trees.when(whole))
    for delay, fits in ((3, False), (4, True)):
        probe = trees.row(healthmonitor.HealthMonitor, "new", {"pool_id": "u"}, type="UDP-CONNECT", delay=delay)
        later = dataclasses.replace(trees.when(udp), allowed=when.allowed)
        if fits:
            assert admit.create(udp, probe, later).healthmonitors[-1].delay == 4
        else:
            with pytest.raises(faults.Invalid, match="should be larger than 4 for UDP-CONNECT"):
                admit.create(udp, probe, later)


def test_groups_of_a_vip_and_allowed_cidrs_exclude_each_other():
    guarded = trees.root(vip_sg_ids=("g",))
    with pytest.raises(faults.Invalid, match="Allowed CIDRs are not allowed when using custom VIP Security Groups"):
        added(guarded, FRONT, allowed_cidrs=["10.0.0.0/8"])
    open_to_some = added(trees.root(), FRONT, allowed_cidrs=["10.0.0.0/8"])
    with pytest.raises(faults.Invalid, match="Allowed CIDRs are not allowed when using custom VIP Security Groups"):
        admit.update_root(open_to_some, {"vip_sg_ids": ("g",)}, trees.when(open_to_some))


def test_a_flavor_lets_members_ask_for_sr_iov_ports():
    whole = trees.root(flavor={"allow_member_sriov": True})
    whole = admit.create(whole, trees.row(pool.Pool, "p"), trees.when(whole))
    grown = added(whole, member.Member, {"pool_id": "p"}, request_sriov=True)
    assert grown.members[0].vnic_type == "direct"


def test_a_failover_changes_nothing_but_the_instances():
    before = trees.grown()
    after = admit.fail_over(before, trees.when(before))
    assert (after.loadbalancer.incarnation, trees.pending(after)) == (1, {"lb"})


def test_a_policy_that_redirects_keeps_the_place_it_leads_to():
    made = l7policy.L7Policy(
        id="new",
        project_id="",
        loadbalancer_id="",
        listener_id="l",
        action=l7policy.Action.REDIRECT_TO_URL,
        redirect_url="http://a.example",
    )
    before = trees.grown()
    whole = admit.create(before, made, trees.when(before))
    with pytest.raises(faults.Invalid, match="Invalid L7 Policy arguments: redirect_url must not be None"):
        admit.update(whole, l7policy.L7Policy, "new", {"redirect_url": None}, trees.when(whole))
    kept = admit.update(whole, l7policy.L7Policy, "new", {"redirect_prefix": None}, trees.when(whole))
    assert kept.find(l7policy.L7Policy, "new").redirect_url == "http://a.example"
