"""Rules that a row must keep by itself, and what a row that is going still allows."""

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
