"""L7 policies on real requests: which is met, in which order, and what then happens."""

import dataclasses
from typing import Any

import pytest

from tests.net.haproxy.balancer import FIRST, LISTENER, ONE, POOL, SECOND, TWO, Balancer, both, picture
from tests.providers import configuration, trees
from vipool.model import l7policy, tree

pytestmark = configuration.needs_haproxy

OTHER = trees.identifier(3, 2)


def switched(*policies: tuple[dict[str, Any], list[dict[str, Any]]]) -> tree.Tree:
    """The first member is the default pool's, the second that of a pool reached by policies alone."""
    members = ({"address": FIRST}, {"address": SECOND, "pool_id": OTHER})
    wanted = picture(*members, monitor={"type": "TCP"})
    other = dataclasses.replace(wanted.pools[0], id=OTHER)
    monitor = dataclasses.replace(wanted.healthmonitors[0], id=trees.identifier(5, 2), pool_id=OTHER)
    rows: dict[str, list[dict[str, Any]]] = {"l7policies": [], "l7rules": []}
    for at, (policy, rules) in enumerate(policies, 1):
        identifier = trees.identifier(6, at)
        rows["l7policies"].append({"id": identifier, "listener_id": LISTENER, "position": at, **policy})
        rows["l7rules"] += [
            {"id": trees.identifier(7, at * 100 + each), "l7policy_id": identifier, **rule}
            for each, rule in enumerate(rules)
        ]
    made = trees.load(rows)
    wanted = dataclasses.replace(wanted, l7policies=made.l7policies, l7rules=made.l7rules)
    wanted = wanted.adding(other).adding(monitor)
    assert trees.accepted(wanted)
    return wanted


TO_OTHER = {"action": "REDIRECT_TO_POOL", "redirect_pool_id": OTHER}
REJECT = {"action": "REJECT"}


def path(value: str, compare: str = "STARTS_WITH", **more: Any) -> dict[str, Any]:
    return {"type": "PATH", "compare_type": compare, "value": value, **more}


def ask(balancer: Balancer, path: str = "/", headers: str = "", host: str = "x") -> str:
    """Who answers, or with which status HAProxy does."""
    with balancer.client() as client:
        status, body = client.get(path, headers, host=host)
        return body if status == 200 else str(status)


def test_a_pool_behind_a_policy_answers_and_its_members_are_watched(balancer):
    both(balancer)
    wanted = switched((TO_OTHER, [path("/api")]))
    balancer.converge(wanted)
    assert (ask(balancer), ask(balancer, "/api/x"), ask(balancer, "/?/api")) == (ONE, TWO, ONE)
    balancer.awaits(wanted, 1, "up")
    seen = balancer.engine.observe(balancer.place, wanted)
    assert seen is not None
    assert seen.backends == {POOL: "up", OTHER: "up"}
    balancer.members[TWO].stop()
    balancer.awaits(wanted, 1, "down")
    assert (ask(balancer), ask(balancer, "/api/x")) == (ONE, "503")


def test_members_of_a_pool_behind_a_policy_come_and_go_in_place(balancer):
    both(balancer)
    wanted = switched((TO_OTHER, [path("/api")]))
    balancer.converge(wanted.keep(lambda row: row.id != trees.identifier(4, 1)))
    assert ask(balancer, "/api") == "503"
    assert "in place" in balancer.converge(wanted)
    assert ask(balancer, "/api") == TWO


def test_rejects_come_first_then_redirects_then_pools_each_by_position(balancer):
    both(balancer)
    to_pool = {"action": "REDIRECT_TO_POOL", "redirect_pool_id": OTHER}
    first = {"action": "REDIRECT_TO_URL", "redirect_url": "http://first.example/"}
    second = {"action": "REDIRECT_PREFIX", "redirect_prefix": "http://second.example"}
    wanted = switched(
        (to_pool, [path("/a")]),
        (second, [path("/ab")]),
        (first, [path("/abc")]),
        (REJECT, [path("/abcd")]),
    )
    balancer.converge(wanted)
    assert [ask(balancer, each) for each in ("/", "/a", "/ab", "/abc", "/abcd")] == [ONE, TWO, "302", "302", "403"]
    with balancer.client() as client:
        client.get("/abc?q=1")
        assert client.header("location") == "http://second.example/abc?q=1"
    swapped = [
        dataclasses.replace(wanted.l7policies[1], position=3), dataclasses.replace(wanted.l7policies[2], position=2),
    ]  # fmt: skip
    assert "reloaded" in balancer.converge(wanted.replacing(*swapped))
    with balancer.client() as client:
        client.get("/abc?q=1")
        assert client.header("location") == "http://first.example/"


@pytest.mark.parametrize("code", l7policy.CODES)
def test_redirects_have_their_code_and_keep_what_was_typed(balancer, code):
    target = "http://www.example.org/%7Ea/?x=$HOME&y=%25s'[1]#z"
    by_url = {"action": "REDIRECT_TO_URL", "redirect_url": target, "redirect_http_code": code}
    by_prefix = {"action": "REDIRECT_PREFIX", "redirect_prefix": target, "redirect_http_code": code}
    balancer.converge(switched((by_url, [path("/url")]), (by_prefix, [path("/prefix")])))
    with balancer.client() as client:
        assert (client.get("/url/x?y")[0], client.header("location")) == (code, target)
        assert (client.get("/prefix/%41?b=c&d")[0], client.header("location")) == (code, f"{target}/prefix/%41?b=c&d")


def host(value: str, compare: str) -> dict[str, Any]:
    return {"type": "HOST_NAME", "compare_type": compare, "value": value}


def file_type(value: str, compare: str = "EQUAL_TO") -> dict[str, Any]:
    return {"type": "FILE_TYPE", "compare_type": compare, "value": value}


def header(value: str, compare: str) -> dict[str, Any]:
    return {"type": "HEADER", "key": "X-It's", "compare_type": compare, "value": value}


def cookie(value: str, compare: str) -> dict[str, Any]:
    return {"type": "COOKIE", "key": "it's", "compare_type": compare, "value": value}


CERTIFICATE = {"type": "SSL_CONN_HAS_CERT", "compare_type": "EQUAL_TO", "value": "true"}

# A rule; a request that meets it; one that does not. A request is a path, a Host, an X-It's or a Cookie header.
MET = [
    (host("www.Example.org", "EQUAL_TO"), {"host": "WWW.example.ORG"}, {"host": "www.example.org:80"}),
    (host(".example.org", "ENDS_WITH"), {"host": "a.EXAMPLE.org"}, {"host": "example.org"}),
    (host(r"^[a-z]\.example\.", "REGEX"), {"host": "A.example.org"}, {"host": "ab.example.org"}),
    (path("/a", "EQUAL_TO"), {"path": "/a?b"}, {"path": "/A"}),
    (path("/a/", "CONTAINS"), {"path": "/x/a/"}, {"path": "/x/a"}),
    (path(".html", "ENDS_WITH"), {"path": "/a.html?x.y"}, {"path": "/a?b.html"}),
    (path(r"^/(v1|v2)/[^/]+$", "REGEX"), {"path": "/v2/a"}, {"path": "/v2/a/b"}),
    (path(r"(?i)^/API", "REGEX"), {"path": "/api"}, {"path": "/x/api"}),
    (path("/a", invert=True), {"path": "/b"}, {"path": "/ab"}),
    (path("-i", "CONTAINS"), {"path": "/x-i"}, {"path": "/x-I"}),
    (file_type("jpg"), {"path": "/a.jpg?b"}, {"path": "/jpg"}),
    (file_type(".tar.gz"), {"path": "/a.tar.gz"}, {"path": "/a.gz"}),
    (file_type("(jpg|png)$", "REGEX"), {"path": "/a.png"}, {"path": "/a.png.txt"}),
    (header("b", "EQUAL_TO"), {"its": "a, b"}, {"its": "a b"}),
    (header("a,b", "EQUAL_TO"), {"its": "a,b"}, {"its": "a, b"}),
    (header('"$HOME \\ \'#"', "CONTAINS"), {"its": "-$HOME \\ '#-"}, {"its": "/root"}),
    (header("%[src]", "STARTS_WITH"), {"its": "%[src]!"}, {"its": "172.16"}),
    (header(r"^a, \"b'$", "REGEX"), {"its": "a, \"b'"}, {"its": "a, b"}),
    (header("^b$", "REGEX"), {"its": "a, b"}, {"its": "a b"}),
    (header("(a+)+$", "REGEX"), {"its": "baa"}, {"its": "a" * 4000 + "!"}),
    (cookie("a'b", "EQUAL_TO"), {"cookie": "x=y; it's=a'b"}, {"cookie": "it's=a'B"}),
    (cookie("^[0-9]+$", "REGEX"), {"cookie": "it's=12"}, {"cookie": "its=12"}),
    ({**CERTIFICATE, "invert": True}, {}, None),
    (CERTIFICATE, None, {}),
]


def answered(balancer: Balancer, its: str = "", cookie: str = "", **more: str) -> str:
    """Who answers a request with these headers."""
    lines = {"X-IT'S": its, "Cookie": cookie}
    return ask(balancer, headers="".join(f"{name}: {value}\r\n" for name, value in lines.items() if value), **more)


@pytest.mark.parametrize(("rule", "met", "missed"), MET, ids=[each[0]["type"] for each in MET])
def test_a_rule_is_met_by_what_it_says_and_by_nothing_else(balancer, rule, met, missed):
    both(balancer)
    balancer.converge(switched((TO_OTHER, [rule])))
    if met is not None:
        assert answered(balancer, **met) == TWO
    if missed is not None:
        assert answered(balancer, **missed) == ONE


def test_every_rule_of_a_policy_must_hold_and_what_is_disabled_is_not_asked(balancer):
    both(balancer)
    off = path("/never", admin_state_up=False)
    wanted = switched(
        (TO_OTHER, [path("/a"), path("b", "ENDS_WITH", invert=True), off]),
        ({**REJECT, "admin_state_up": False}, [path("/")]),
        (REJECT, [off]),
        (REJECT, []),
    )
    balancer.converge(wanted)
    assert [ask(balancer, each) for each in ("/a", "/ab", "/c")] == [TWO, ONE, ONE]
    disabled = wanted.replacing(dataclasses.replace(wanted.pools[1], admin_state_up=False))
    balancer.converge(disabled)
    assert ask(balancer, "/a") == ONE


def test_fifty_rules_are_one_policy(balancer):
    """HAProxy takes 64 words on a line."""
    both(balancer)
    rules = [path("/a" if each % 2 else "/b", invert=not each % 2) for each in range(50)]
    redirect = {"action": "REDIRECT_TO_URL", "redirect_url": "http://www.example.org/" + "x" * 230}
    balancer.converge(switched((redirect, rules)))
    assert (ask(balancer, "/a"), ask(balancer, "/b")) == ("302", ONE)


def test_a_shared_pool_is_reached_by_policies_of_one_listener_only(balancer):
    both(balancer)
    wanted = switched((TO_OTHER, [path("/a")]))
    second = dataclasses.replace(wanted.listeners[0], id=trees.identifier(2, 2), protocol_port=81)
    balancer.converge(wanted.adding(second))
    with balancer.client(port=81) as client:
        assert client.get("/a") == (200, ONE)
    assert ask(balancer, "/a") == TWO


def test_a_request_is_judged_anew_on_a_kept_connection(balancer):
    both(balancer)
    balancer.converge(switched((TO_OTHER, [path("/a")]), (REJECT, [path("/no")])))
    with balancer.client() as client:
        assert [client.get(each)[1] for each in ("/a", "/", "/a")] == [TWO, ONE, TWO]
        assert client.get("/no")[0] == 403
