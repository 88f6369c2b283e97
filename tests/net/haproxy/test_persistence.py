"""Clients that are kept on one member: by their address, by our cookie, by the application's."""

import dataclasses
import time

import pytest

from tests.net.haproxy.balancer import CLIENTS, ONE, PAIR, TWO, Balancer, both, changed, picture
from tests.providers import configuration, trees
from vipool.model import tree

pytestmark = configuration.needs_haproxy


def test_source_ip_persistence_survives_a_reload(balancer):
    both(balancer)
    wanted = picture(*PAIR, back={"session_persistence": {"type": "SOURCE_IP"}})
    balancer.converge(wanted)
    with balancer.client(CLIENTS[0]) as client:
        home = client.get()[1]
    balancer.answers(3)
    for _ in range(4):
        with balancer.client(CLIENTS[0]) as client:
            assert client.get()[1] == home
    balancer.converge(wanted.replacing(dataclasses.replace(wanted.listeners[0], timeout_client_data=7000)))
    for _ in range(4):
        with balancer.client(CLIENTS[0]) as client:
            assert client.get()[1] == home


def test_a_client_whose_member_died_is_moved_at_once(balancer):
    both(balancer)
    balancer.converge(picture(*PAIR, back={"session_persistence": {"type": "SOURCE_IP"}}))
    with balancer.client(CLIENTS[0]) as client:
        home = client.get()[1]
    balancer.members[home].stop()
    began = time.monotonic()
    for _ in range(3):
        with balancer.client(CLIENTS[0]) as client:
            assert client.get()[1] in {ONE, TWO} - {home}
    assert time.monotonic() - began < 1


def asked(balancer: Balancer, cookie: str, port: int = 80) -> tuple[str, str | None]:
    """Who answers a request with these cookies, and the cookie that is set, up to its first semicolon."""
    with balancer.client(port=port) as client:
        _, body = client.get(headers=f"Cookie: {cookie}\r\n" if cookie else "")
        given = client.header("set-cookie")
        return body, given.partition(";")[0] if given else None


def reload(balancer: Balancer, wanted: tree.Tree) -> None:
    """Have another process do the same."""
    front = dataclasses.replace(wanted.listeners[0], timeout_client_data=7000)
    assert "reloaded" in balancer.converge(wanted.replacing(front))


def cookie_of(at: int) -> str:
    return f"SRV={trees.identifier(4, at)}"


@pytest.mark.parametrize("front", ["HTTP", "TCP"])
def test_our_cookie_names_the_member_and_nobody_else_sees_it(balancer, front):
    both(balancer)
    for each in balancer.members.values():
        each.adds = "Cache-Control: max-age=60\r\n"
    balancer.converge(picture(*PAIR, front={"protocol": front}, back={"session_persistence": {"type": "HTTP_COOKIE"}}))
    with balancer.client() as client:
        home = client.get()[1]
        given = str(client.header("set-cookie"))
        assert "cache-control: private\r\n" in client.head.lower()
    member = cookie_of([ONE, TWO].index(home))
    assert given == f"{member}; path=/"
    for _ in range(4):
        assert asked(balancer, f"a=b; {member}; c=d") == (home, None)
    heads = balancer.members[home].heads
    assert "cookie: a=b; c=d\r\n" in heads[-1].lower()
    assert not any("SRV=" in each for each in heads)


def test_a_client_with_our_cookie_comes_back_after_a_reload_and_while_its_member_drains(balancer):
    both(balancer)
    wanted = picture(*PAIR, back={"session_persistence": {"type": "HTTP_COOKIE"}})
    balancer.converge(wanted)
    reload(balancer, wanted)
    draining = changed(wanted, 1, weight=0)
    balancer.converge(draining)
    assert [asked(balancer, cookie_of(1))[0] for _ in range(3)] == [TWO] * 3
    assert [asked(balancer, "")[0] for _ in range(3)] == [ONE] * 3
    assert "in place" in balancer.converge(changed(draining, 1, admin_state_up=False))
    assert asked(balancer, cookie_of(1)) == (ONE, cookie_of(0))
    assert asked(balancer, "SRV=nobody") == (ONE, cookie_of(0))


def test_a_member_that_brings_a_cookie_comes_by_a_reload_and_goes_in_place(balancer):
    both(balancer)
    wanted = picture(*PAIR, back={"session_persistence": {"type": "HTTP_COOKIE"}})
    alone = wanted.keep(lambda row: row.id != trees.identifier(4, 1))
    balancer.converge(alone)
    assert "comes with a cookie" in balancer.converge(wanted)
    assert asked(balancer, cookie_of(1)) == (TWO, None)
    assert "in place" in balancer.engine.converge(balancer.place, alone)
    assert asked(balancer, cookie_of(1)) == (ONE, cookie_of(0))


def test_the_cookie_of_the_application_is_remembered_also_by_the_next_process(balancer):
    both(balancer)
    name = "it's$HOME"
    wanted = picture(*PAIR, back={"session_persistence": {"type": "APP_COOKIE", "cookie_name": name}})
    balancer.converge(wanted)
    for each in balancer.members.values():
        each.adds = f"Set-Cookie: {name}=session-of-{each.port}{each.address[-2:]}; path=/\r\n"
    homes = dict(asked(balancer, "")[::-1] for _ in range(2))
    assert set(homes.values()) == {ONE, TWO}
    for _ in range(3):
        for cookie, home in homes.items():
            assert asked(balancer, f"x=y; {cookie}")[0] == home
    reload(balancer, wanted)
    for cookie, home in homes.items():
        assert asked(balancer, str(cookie))[0] == home
    assert {asked(balancer, f"{name}=unknown")[0] for _ in range(2)} == {ONE, TWO}


@pytest.mark.parametrize("kind", [{"type": "HTTP_COOKIE"}, {"type": "APP_COOKIE", "cookie_name": "x"}])
def test_cookies_have_no_effect_where_bytes_are_carried(balancer, kind):
    both(balancer)
    balancer.converge(picture(*PAIR, front={"protocol": "TCP"}, back={"protocol": "TCP", "session_persistence": kind}))
    assert [asked(balancer, cookie_of(0)) for _ in range(4)].count((ONE, None)) == 2
