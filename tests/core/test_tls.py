"""The terms of TLS: ciphers, versions and protocols that make sense, and what goes with what."""

import dataclasses

import pytest

from tests.core import test_admit as trees
from vipool.core.rules import check, tls
from vipool.model import deployment, faults, listener, pool

SUITE = "TLS_AES_128_GCM_SHA256"
STRICT = dataclasses.replace(
    deployment.USUAL, prohibited_ciphers=frozenset({"AES128-SHA"}), minimum_tls_version="TLSv1.2"
)


def options(
    ciphers: str | None = None, versions: tuple[str, ...] | None = None, alpn: tuple[str, ...] | None = None
) -> None:
    tls.check_options(ciphers, versions, alpn, STRICT)


@pytest.mark.parametrize(
    "ciphers",
    ["", deployment.CIPHERS, "DEFAULT", "ECDHE+AESGCM:@SECLEVEL=0", "HIGH:!aNULL", f"{SUITE}:!RC4", "NOTHING:ALL"],
)
def test_ciphers_that_select_something_are_let_in(ciphers):
    options(ciphers)


@pytest.mark.parametrize(
    ("ciphers", "sentence"),
    [
        ("A B", "Invalid characters in cipher string"),
        ("HIGH;x", "Invalid characters in cipher string"),
        ("HIGH:AES128-SHA", "prohibited by an administrator: AES128-SHA"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA:HIGH", "Invalid TLS 1.3 ciphers: TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("NOTHING-THAT-IS-KNOWN", "The cipher string NOTHING-THAT-IS-KNOWN selects no cipher"),
        ("AES256-SHA:!AES256-SHA", "selects no cipher"),
        ("!RC4", "selects no cipher"),
        ("@SECLEVEL=1", "selects no cipher"),
        ("HIGH:@SECLEVEL=9", "selects no cipher"),
        (f"{SUITE}:NOTHING", "selects no cipher"),
    ],
)
def test_ciphers_that_select_nothing_are_refused(ciphers, sentence):
    with pytest.raises(faults.Invalid, match=f"Validation failure: .*{sentence}"):
        options(ciphers)


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        ((), "Empty TLS version list"),
        (("TLSv2",), "Invalid TLS versions: TLSv2"),
        (("TLSv1.3", "TLSv1.1"), "Requested TLS versions are less than the minimum: TLSv1.1 < TLSv1.2"),
    ],
)
def test_versions_that_are_none_or_too_old_are_refused(versions, sentence):
    with pytest.raises(faults.Invalid, match=sentence):
        options(versions=versions)


def test_a_list_of_no_protocol_is_refused():
    with pytest.raises(faults.Invalid, match="Empty ALPN protocol list"):
        options(alpn=())
    options(alpn=("h2",), versions=("TLSv1.3",))


ENDING = {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"protocol": "TERMINATED_HTTPS"}, "An SNI or default certificate container reference must be provided for"),
        (
            {"protocol": "PROMETHEUS", "client_ca_tls_container_ref": "ca"},
            "must be provided with a client CA container reference",
        ),
        ({**ENDING, "client_authentication": "OPTIONAL"}, "setting OPTIONAL requires a client CA container reference"),
        ({**ENDING, "client_crl_container_ref": "crl"}, "A client authentication CA reference is required"),
        ({**ENDING, "hsts_preload": True}, "only make sense if hsts_max_age is set as well"),
    ],
)
def test_a_listener_without_what_goes_with_its_tls_is_refused(values, sentence):
    row = trees.row(listener.Listener, "l", **values)
    with pytest.raises(faults.Invalid, match=sentence):
        check.check(trees.root().adding(row), row, deployment.USUAL)


def test_metrics_may_come_over_tls_or_not():
    for values in ({}, {"default_tls_container_ref": "x"}):
        row = trees.row(listener.Listener, "l", protocol="PROMETHEUS", **values)
        check.check(trees.root().adding(row), row, deployment.USUAL)


def test_a_revocation_list_of_members_needs_their_authority():
    row = trees.row(pool.Pool, "p", crl_container_ref="crl")
    with pytest.raises(faults.Invalid, match="A CA certificate reference is required to specify a revocation list"):
        check.check(trees.root(), row, deployment.USUAL)


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ({}, "A CA reference is required to specify a certificate revocation list"),
        (
            {"crl_container_ref": "crl", "ca_tls_container_ref": "ca"},
            "A CA reference cannot be removed when a certificate revocation list is present",
        ),
    ],
)
def test_an_update_may_not_leave_a_revocation_list_without_its_authority(before, sentence):
    row = trees.row(pool.Pool, "p", crl_container_ref="crl")
    with pytest.raises(faults.Invalid, match=sentence):
        tls.check_pool(row, trees.row(pool.Pool, "p", **before), deployment.USUAL)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"protocol": "TCP", "insert_headers": {"X-Real-IP": "true"}},
            "insert-headers is not a valid option for a TCP",
        ),
        ({"insert_headers": {"X-Other": "true"}}, "X-Other.* is not a valid option for insert_headers"),
        (
            {"insert_headers": {"X-SSL-Issuer": "true"}},
            "X-SSL-Issuer.* is not a valid option for HTTP protocol listener",
        ),
    ],
)
def test_headers_that_the_listener_cannot_tell_are_refused(values, sentence):
    row = trees.row(listener.Listener, "l", **values)
    with pytest.raises(faults.Invalid, match=sentence):
        check.check(trees.root().adding(row), row, deployment.USUAL)


@pytest.mark.parametrize(
    ("protocol", "more", "named"),
    [
        ("TERMINATED_HTTPS", {"default_tls_container_ref": "x"}, "TERMINATED_HTTPS"),
        ("PROMETHEUS", {"default_tls_container_ref": "x"}, "PROMETHEUS with TLS"),
    ],
)
def test_an_operator_may_do_without_tls(protocol, more, named):
    without = dataclasses.replace(deployment.USUAL, allow_tls_terminated_listeners=False)
    row = trees.row(listener.Listener, "l", protocol=protocol, **more)
    with pytest.raises(faults.Invalid, match=f"not allowed in this deployment: {named}"):
        check.check(trees.root().adding(row), row, without)


def test_an_operator_may_do_without_metrics():
    without = dataclasses.replace(deployment.USUAL, allow_prometheus_listeners=False)
    row = trees.row(listener.Listener, "l", protocol="PROMETHEUS")
    with pytest.raises(faults.Invalid, match="not allowed in this deployment: PROMETHEUS"):
        check.check(trees.root().adding(row), row, without)
