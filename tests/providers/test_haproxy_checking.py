"""The text of a process that checks members and carries nothing; the real binary takes every one."""

import dataclasses
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import configuration, trees
from vipool.model import healthmonitor
from vipool.providers.haproxy import checking, plan, render, stats
from vipool.providers.nftables import checks

LISTENER, POOL, MONITOR = trees.identifier(2, 1), trees.identifier(3, 1), trees.identifier(5, 1)
LAYOUT = render.Layout(files=20_000)
GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(each.parent.name for each in GOLDEN.glob("*/checks.cfg"))


def picture(*members, protocol="TCP", **monitor):
    whole = trees.load(
        {
            "loadbalancer": {"additional_vips": [{"subnet_id": None, "ip_address": "fd00::b", "port_id": None}]},
            "listeners": [{"id": LISTENER, "protocol": protocol, "protocol_port": 80, "default_pool_id": POOL}],
            "pools": [{"id": POOL, "protocol": protocol, "lb_algorithm": "ROUND_ROBIN"}],
            "members": [
                {"id": trees.identifier(4, at), "pool_id": POOL, "protocol_port": 80, **each}
                for at, each in enumerate(members)
            ],
            "healthmonitors": [
                {"id": MONITOR, "pool_id": POOL, "type": "HTTP", "delay": 5, "timeout": 2, "max_retries": 2, **monitor}
            ],
        }
    )  # fmt: skip
    return checks.handed(whole)


def text(*members, **monitor):
    return checking.render_checks(picture(*members, **monitor), LAYOUT)


def recorded(case):
    return checks.handed(trees.load(json.loads((GOLDEN / case / "tree.json").read_text())))


@pytest.mark.parametrize("case", CASES)
def test_what_checks_the_members_of_a_tree_is_as_recorded(case):
    path = GOLDEN / case / "checks.cfg"
    whole = checking.render_checks(recorded(case), LAYOUT)
    if os.environ.get("VIPOOL_BLESS"):
        path.write_text(whole)
    assert whole == path.read_text()


@configuration.needs_haproxy
@pytest.mark.parametrize("case", CASES)
def test_haproxy_takes_the_recorded_text_without_a_word(tmp_path, case):
    assert configuration.verdict((GOLDEN / case / "checks.cfg").read_text(), tmp_path) == ""


def test_a_member_is_checked_from_the_vip_where_its_monitor_says():
    members = ({"address": "10.0.0.1"}, {"address": "10.0.0.2", "monitor_address": "fd00::9", "monitor_port": 8080})
    one, two = (line.split() for line in text(*members).splitlines() if line.startswith("    server "))
    assert one[2:7] == ["10.0.0.1:80", "weight", "1", "source", "172.16.100.11"]
    assert two[2:7] == ["[fd00::9]:8080", "weight", "1", "source", "[fd00::b]"]


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ({"http_version": 1.0}, ""),
        ({"http_version": 1.1}, r"""hdr Host '%[bc_dst,regsub("^(.*:.*)$","[\1]")]:%[bc_dst_port]'"""),
        ({"http_version": 1.1, "domain_name": "www.example.org"}, "hdr Host www.example.org"),
    ],
    ids=["1.0", "1.1", "named"],
)
def test_a_request_of_http_1_1_names_a_host_the_member_if_no_other(said, host):
    (line,) = (each for each in text({"address": "10.0.0.1"}, **said).splitlines() if "http-check send" in each)
    assert line.partition("ver HTTP/")[2].partition(" ")[2] == host


@pytest.mark.parametrize(("kind", "request_line"), [("HTTPS", True), ("TLS-HELLO", False)])
def test_tls_is_spoken_without_asking_who_the_member_is(kind, request_line):
    whole = text({"address": "10.0.0.1"}, protocol="HTTPS", type=kind)
    assert "check-ssl verify none" in whole
    assert ("option httpchk" in whole) == request_line


def test_nobody_to_check_is_no_process():
    assert text() == ""
    assert checking.render_checks(picture(type="TCP"), LAYOUT) == ""


SERVER = stats.Server(maintenance=False, weight=1)


def test_a_member_comes_and_goes_without_another_process():
    one, two = text({"address": "10.0.0.1"}), text({"address": "10.0.0.1"}, {"address": "10.0.0.2"})
    running = plan.Running(text=one, servers={(f"{POOL}:checks", trees.identifier(4, 0)): SERVER})
    assert isinstance(plan.plan(running, two), plan.Runtime)
    both = dataclasses.replace(
        running, text=two, servers={(f"{POOL}:checks", trees.identifier(4, at)): SERVER for at in range(2)}
    )
    assert isinstance(plan.plan(both, one), plan.Runtime)


@pytest.mark.parametrize("members", [0, 1, 999, 1000, 9_999, 10_000])
def test_there_is_a_file_for_every_check_of_a_thousand_that_may_come(members):
    files = 2 * checking.connections(members, LAYOUT) + members
    assert (members // 1000 + 1) * 1000 <= files + members % 1000
    assert files + checking.FILES_OF_ITS_OWN <= LAYOUT.files


def test_another_incarnation_is_another_process():
    whole = picture({"address": "10.0.0.1"})
    other = whole.replacing(dataclasses.replace(whole.loadbalancer, incarnation=3))
    running = plan.Running(text=checking.render_checks(whole, LAYOUT), servers={})
    assert isinstance(plan.plan(running, checking.render_checks(other, LAYOUT)), plan.Reload)


@st.composite
def monitors(draw):
    kind = draw(st.sampled_from(("HTTP", "HTTPS", "TLS-HELLO")))
    if kind == "TLS-HELLO":
        return {"type": kind}
    version = draw(st.sampled_from((None, 1.0, 1.1)))
    return {
        "type": kind,
        "http_version": version,
        "expected_codes": draw(trees.codes),
        "url_path": "/" + draw(st.text("".join(sorted(set(trees.PATH))), max_size=30)),
        "domain_name": draw(st.none() | st.just("a_b.example.org.")) if version == healthmonitor.HTTP_1_1 else None,
    }


@configuration.needs_haproxy
@given(said=monitors().filter(lambda said: healthmonitor.good_codes(said.get("expected_codes"))))
def test_haproxy_takes_every_monitor_without_a_word(tmp_path_factory, said):
    whole = text({"address": "10.0.0.1"}, {"address": "fd00::9"}, **said)
    assert configuration.verdict(whole, tmp_path_factory.mktemp("checks")) == ""
