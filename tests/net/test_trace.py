"""A request is followed through real namespaces, and what swallows it is found."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.net import scene as scenes
from vipool.cli import trace as command
from vipool.core import journey, loss, trace
from vipool.host import namespaces, probe

WEBS = (("WEB1", scenes.WEB1), ("WEB2", scenes.WEB2))


@pytest.fixture
def scene(tmp_path):
    with scenes.built(tmp_path) as made:
        yield made


def lost(told):
    assert told.loss is not None, told
    return told.loss.where, told.loss.sentence


def ask(scene, target=scenes.FLOATING, *, members=WEBS, seconds=5.0, **more):
    way = journey.find(scenes.described(*members), command.wish(target, more.pop("origin", None), passive=False))
    return next(iter(command.run(way, command.Request(seconds=seconds, **more), 1)))


def test_the_ten_steps_of_the_picture(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    told = ask(scene, members=WEBS[:1])
    assert told.loss is None, told
    client, vip, web1 = told.client, f"{scenes.VIP}:80", f"{scenes.WEB1}:80"
    port = told.steps[3].source
    assert [(step.hop, step.source, step.destination) for step in told.steps] == [
        ("router outside", client, "10.10.10.7:80"),
        ("router inside", client, vip),
        ("load balancer", client, vip),
        ("load balancer", port, web1),
        ("member 172.16.100.9", port, web1),
        ("member 172.16.100.9", web1, port),
        ("load balancer", vip, client),
        ("router inside", vip, client),
        ("router outside", "10.10.10.7:80", client),
        ("client", "10.10.10.7:80", client),
    ]
    assert port.startswith("172.16.100.11:")
    times = [step.at for step in told.steps]
    assert times == sorted(times)
    assert told.answer == "HTTP/1.1 200 OK"


def test_each_member_in_turn(scene):
    scene.serve("web1")
    scene.serve("web2")
    scene.balance(scenes.WEB1, scenes.WEB2)
    way = journey.find(scenes.described(*WEBS), command.wish(scenes.FLOATING, None, passive=False))
    told = list(command.run(way, command.Request(seconds=5), 4))
    assert sorted(each.member for each in told) == ["WEB1 172.16.100.9:80"] * 2 + ["WEB2 172.16.100.10:80"] * 2
    assert {len(each.steps) for each in told} == {10}
    assert {each.why for each in told} == {"round robin"}


def test_a_proxy_that_passes_bytes_is_followed_too(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1, mode="tcp")
    told = ask(scene)
    assert told.loss is None
    assert len(told.steps) == 10


def test_a_kernel_that_rewrites_in_place_keeps_the_port(scene):
    scene.serve("web1")
    scene.rewrite(scenes.WEB1)
    told = ask(scene)
    assert told.loss is None, told
    assert len(told.steps) == 10
    assert told.steps[3].source == f"{scenes.VIP}:{told.client.rpartition(':')[2]}"
    assert "keeping the port" in told.steps[3].sentence


def test_a_connection_that_was_open_is_recognised(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    assert ask(scene).notes == ()
    again = ask(scene)
    assert again.loss is None
    assert again.steps[3].source == again.steps[4].source
    assert again.notes == ("The load balancer used a connection to the member that was open already.",)


def test_a_client_in_the_tenants_network_takes_fewer_steps(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    told = ask(scene, scenes.VIP, origin="web2")
    assert told.loss is None, told
    assert [step.hop for step in told.steps] == [
        "client",
        "load balancer",
        "load balancer",
        "member 172.16.100.9",
        "member 172.16.100.9",
        "load balancer",
        "client",
    ]


def test_a_member_that_asks_may_be_answered_by_itself(scene):
    scene.serve("web2")
    scene.balance(scenes.WEB2)
    told = ask(scene, scenes.VIP, origin="web2")
    assert told.loss is None, told
    assert [step.hop for step in told.steps if step.at is not None] == [
        "client",
        "load balancer",
        "load balancer",
        "member 172.16.100.10",
        "member 172.16.100.10",
        "load balancer",
        "client",
    ]


def test_a_client_that_is_nobodys_port_is_watched_from_within(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    way = journey.find(
        [each for each in scenes.described(*WEBS) if each.id != "client"],
        command.wish(scenes.FLOATING, "client", passive=False),
    )
    (told,) = command.run(way, command.Request(seconds=5), 1)
    assert told.loss is None
    assert told.steps[-1].hop == "client"
    assert told.steps[-1].at is not None


def test_somebody_elses_request_is_waited_for(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    way = journey.find(scenes.described(*WEBS), command.wish(scenes.FLOATING, None, passive=True))
    question = probe.Question(
        namespace="client", address=scenes.FLOATING, port=80, payload=b"GET /x HTTP/1.0\r\n\r\n", seconds=5
    )
    results: list[trace.Trace] = []
    watching = threading.Thread(
        target=lambda: results.extend(command.run(way, command.Request(seconds=20, passive=True), 1))
    )
    watching.start()
    while watching.is_alive():  # asked again until the captures are open
        probe.Probe(question).reply()
    watching.join()
    (told,) = results
    assert told.loss is None, told
    assert told.client.startswith("10.10.10.4:")
    assert len(told.steps) == 9


def test_one_request_among_many_is_told_apart(scene):
    scene.serve("web1")
    scene.serve("web2")
    scene.balance(scenes.WEB1, scenes.WEB2)
    enough = threading.Event()
    question = probe.Question(
        namespace="client", address=scenes.FLOATING, port=80, payload=b"GET / HTTP/1.0\r\n\r\n", seconds=5
    )

    def load():
        while not enough.is_set():
            assert probe.Probe(question).reply().answer

    crowd = [threading.Thread(target=load) for _ in range(4)]
    for each in crowd:
        each.start()
    told = [ask(scene) for _ in range(8)]
    enough.set()
    for each in crowd:
        each.join()
    assert [each.loss for each in told] == [None] * 8
    assert [(len(each.steps), each.notes, each.steps) for each in told if len(each.steps) != 10] == []
    assert {note for each in told for note in each.notes if "open already" not in note} == set()
    for each in told:
        assert each.steps[3].source == each.steps[4].source
        assert each.steps[4].at < each.steps[5].at < each.steps[6].at


def test_no_listener_is_named(scene):
    scene.balance(scenes.WEB1)
    told = ask(scene, f"{scenes.FLOATING}:81")
    assert lost(told) == (loss.Where.BALANCER, "The load balancer has no listener on port 81: it answered RST.")
    assert [step.hop for step in told.steps] == ["router outside", "router inside", "load balancer"]
    assert told.notes == ("The client was told: connection refused.",)


def test_a_listener_that_nobody_serves_is_named(scene):
    where, sentence = lost(ask(scene))
    assert where == loss.Where.BALANCER
    assert sentence == "The load balancer answered RST: nothing accepts on port 80, listener http or not."


def test_a_router_without_the_floating_ip_is_named(scene):
    scene.translate(None)
    where, sentence = lost(ask(scene))
    assert where == loss.Where.ROUTER
    assert "it has no floating IP for 10.10.10.7" in sentence


def test_an_address_that_no_router_holds_is_named(scene):
    scenes.within("router", "ip", "address", "delete", f"{scenes.FLOATING}/32", "dev", "gate")
    assert lost(ask(scene, seconds=1)) == (
        loss.Where.CLIENT_TO_ROUTER,
        "The client asked who has 10.10.10.7, and nobody answered: no router holds it.",
    )


def test_a_vip_that_nobody_holds_is_named(scene):
    scenes.within("balancer", "ip", "address", "flush", "dev", "vip")
    assert lost(ask(scene, seconds=1)) == (
        loss.Where.ROUTER_TO_BALANCER,
        "The router asked who has 172.16.100.11, and nobody answered: it is not on that network.",
    )


def test_a_cut_before_the_load_balancer_is_named(scene):
    scene.balance(scenes.WEB1)
    ask(scene)
    scenes.run("ip", "link", "set", "tapvip", "nomaster")  # the router remembers the MAC address
    assert lost(ask(scene, seconds=1)) == (
        loss.Where.ROUTER_TO_BALANCER,
        "The SYN left the router towards 172.16.100.11:80 and never reached the load balancer.",
    )


def test_a_router_that_swallows_the_answer_is_named(scene):
    scene.balance(scenes.WEB1)
    scene.drop("router", f"ip saddr {scenes.VIP}", hook="forward")
    assert lost(ask(scene, seconds=1)) == (
        loss.Where.WAY_BACK,
        "The SYN-ACK reached the router and never left it on the other side.",
    )


def test_a_client_without_a_route_is_named(scene):
    scenes.within("client", "ip", "address", "flush", "dev", "client")
    told = ask(scene)
    assert lost(told) == (loss.Where.CLIENT, "No packet for 10.10.10.7:80 left the client.")
    assert told.notes == ("The client was told: network is unreachable.",)


def test_a_member_that_refuses_is_named(scene):
    scene.balance(scenes.WEB1)
    assert lost(ask(scene)) == (
        loss.Where.BALANCER_TO_MEMBER,
        "WEB1 172.16.100.9:80 refused the connection (RST): nothing listens there."
        " The load balancer answered by itself: HTTP/1.1 503 Service Unavailable",
    )


def test_a_member_that_keeps_silent_is_named(scene):
    scene.drop("web1", "tcp dport 80")
    scene.balance(scenes.WEB1)
    where, sentence = lost(ask(scene))
    assert where == loss.Where.BALANCER_TO_MEMBER
    assert sentence.startswith("WEB1 172.16.100.9:80 did not answer: SYN sent 2 times, it arrived there, no answer.")


def test_a_member_that_is_not_there_is_named(scene):
    scenes.within("web1", "ip", "address", "flush", "dev", "web1")
    scene.balance(scenes.WEB1)
    where, sentence = lost(ask(scene))
    assert where == loss.Where.BALANCER_TO_MEMBER
    assert sentence.startswith("The load balancer asked who has 172.16.100.9, and nobody answered.")


def test_a_member_that_closes_without_an_answer_is_named(scene):
    scene.serve("web1", answer=b"")
    scene.balance(scenes.WEB1, retries=0)
    assert lost(ask(scene)) == (
        loss.Where.MEMBER,
        "WEB1 172.16.100.9:80 took the request and closed without an answer."
        " The load balancer answered by itself: HTTP/1.1 502 Bad Gateway",
    )


def test_a_member_that_does_not_answer_in_time_is_named(scene):
    server = namespaces.call("web1", lambda: socket.create_server(("", 80)))
    with server:
        scene.balance(scenes.WEB1)
        where, sentence = lost(ask(scene))
    assert where == loss.Where.MEMBER
    assert "took the request and did not answer in time" in sentence
    assert "504" in sentence


def test_a_member_that_vanishes_behind_an_open_connection_is_named(scene):
    scene.serve("web1")
    scene.balance(scenes.WEB1)
    ask(scene)
    scene.drop("web1", "tcp dport 80")
    where, sentence = lost(ask(scene))
    assert where == loss.Where.MEMBER
    assert sentence.startswith(
        "The request went to WEB1 172.16.100.9:80, and nothing came back, not even an acknowledgement."
    )


def test_a_load_balancer_without_members_is_named(scene):
    scene.balance()
    where, sentence = lost(ask(scene, members=()))
    assert where == loss.Where.BALANCER
    assert sentence.startswith("The load balancer asked no member")
    assert "503" in sentence


def test_a_second_member_saves_the_request(scene):
    scene.serve("web2")
    scene.balance(scenes.WEB1, scenes.WEB2, retries=2)
    told = [ask(scene), ask(scene)]
    assert [each.member for each in told] == ["WEB2 172.16.100.10:80"] * 2
    assert [each.loss for each in told] == [None, None]
    saved = {note for each in told for note in each.notes if "refused" in note}
    assert saved == {"Before that: WEB1 172.16.100.9:80 refused the connection (RST): nothing listens there."}
