"""Which requests an access rule is about."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import access
from vipool.model import caller

LIST = caller.Access(service="load-balancer", method="GET", path="/v2.0/lbaas/**")


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/v2.0/ports", "/v2.0/ports", True),
        ("/v2.0/ports", "/v2.0/ports/1", False),
        ("/v2.0/ports", "/v2x0/ports", False),
        ("/v2.0/ports/*", "/v2.0/ports/1", True),
        ("/v2.0/ports/*", "/v2.0/ports/", False),
        ("/v2.0/ports/*", "/v2.0/ports/1/tags", False),
        ("/v2.0/ports/{port_id}/tags", "/v2.0/ports/1/tags", True),
        ("/v2.0/ports/{port_id}/tags", "/v2.0/ports/1/2/tags", False),
        ("/v2.0/**", "/v2.0/", True),
        ("/v2.0/**", "/v2.0/a/b", True),
        ("/v2.0/**/tags", "/v2.0/a/b/tags", True),
        ("/v2.0/**/tags", "/v2.0/tags", False),
        ("/**", "/anything", True),
        ("/a{", "/a{", True),
        ("/a.b", "/a\nb", False),
        ("/*", "/a\n", True),
        ("/***", "/a/b", True),
    ],
)
def test_a_pattern_fits_whole_paths(pattern, path, fits):
    assert access.matches(pattern, path) is fits


PATTERN = st.lists(st.sampled_from(["/", "a", "b", "*", "**", "{x}"]), max_size=6).map("".join)


@given(PATTERN, st.text("/ab", max_size=8))
def test_matching_is_what_a_regular_expression_would_find(pattern, path):
    spelled = {"**": ".*"}
    parts = re.findall(r"\{[^{}]*\}|\*\*|.", pattern)
    expression = "".join(spelled.get(p, "[^/]+" if p == "*" or len(p) > 1 else re.escape(p)) for p in parts)
    assert access.matches(pattern, path) == bool(re.fullmatch(expression, path))


def test_no_pattern_takes_longer_than_its_length_times_the_path():
    # As a regular expression this would take until the end of the universe.
    assert not access.matches("/" + "**a" * 40 + "b", "/" + "a" * 1000)


def test_a_path_beyond_all_that_is_served_is_never_permitted():
    assert access.matches("/**", "/" + "a" * (access.LONGEST_PATH - 1))
    assert not access.matches("/**", "/" + "a" * access.LONGEST_PATH)


@pytest.mark.parametrize(
    ("service", "method", "path", "may"),
    [
        ("load-balancer", "GET", "/v2.0/lbaas/loadbalancers", True),
        ("load-balancer", "HEAD", "/v2.0/lbaas/loadbalancers", False),
        ("load-balancer", "POST", "/v2.0/lbaas/loadbalancers", False),
        ("network", "GET", "/v2.0/lbaas/loadbalancers", False),
        ("load-balancer", "GET", "/v2/lbaas/loadbalancers", False),
    ],
)
def test_a_request_needs_a_rule_with_its_service_method_and_path(service, method, path, may):
    assert access.permits([LIST], service, method, [path, f"/load-balancer{path}"]) is may


def test_no_rules_permit_nothing():
    assert not access.permits([], "network", "GET", ["/"])
