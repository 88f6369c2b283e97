"""A request is followed through a load balancer whose kernel rewrites its packets: datagrams and connections alike."""

from __future__ import annotations

import contextlib
import threading

import pytest

from tests.net import balanced, datagrams, preserved
from tests.net import scene as scenes
from tests.net.balanced import CLIENT, FLOATING, VIP, VIP6, WEB1, WEB1_6, WEB2
from tests.providers import trees
from vipool.cli import trace as command
from vipool.core import journey, loss
from vipool.host import namespaces
from vipool.providers import fake
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel

FRONT = {"id": trees.identifier(2, 1), "name": "dns", "protocol": "UDP", "protocol_port": 53}
BOTH = ({"address": WEB1, "name": "WEB1"}, {"address": WEB2, "name": "WEB2"})
IN_PLACE = [
    "The request reaches the router,",
    f"which sets the destination to the VIP {VIP}.",
    f"The load balancer there picks WEB1 {WEB1}:53 (round robin) and makes it the destination.",
    "It makes the VIP the source, keeping the port, so that the answer comes back to it,",
    "and WEB1 receives it.",
    "WEB1 answers the VIP.",
    "The load balancer makes the client the destination and the VIP the source,",
    "sends it to the router,",
    f"which restores the source {FLOATING},",
    "and the client has it.",
]


@pytest.fixture
def picture(tmp_path):
    made = balanced.Balanced(tmp_path, {"amphora": kernel.Engine(carried.DATAGRAMS, fake.Checker())})
    yield made
    made.close()


@pytest.fixture
def whole(tmp_path):
    made = preserved.Picture(tmp_path, {"amphora": kernel.Engine(carried.WHOLE, fake.Checker())})
    yield made
    made.close()


@pytest.fixture
def scene(tmp_path):
    with scenes.built(tmp_path) as made:
        yield made


def dns(picture, *members, **front):
    """Have the load balancer carry datagrams to these members."""
    members = tuple({"protocol_port": 53, **each} for each in members)
    picture.serve(balanced.picture([{**FRONT, **front}], "UDP", members))


def ask(picture, target=FLOATING, *, origin=None, protocol=None, **request):
    wanted = command.wish(target, origin, passive=request.get("passive", False), protocol=protocol)
    way = journey.find((*picture.site.items, picture.item), wanted)
    return next(iter(command.run(way, command.Request(**{"seconds": 5.0, **request}), 1)))


def through(scene, target=scenes.FLOATING, *, seconds=5.0, origin=None):
    way = journey.find(scenes.described(("WEB1", scenes.WEB1)), command.wish(target, origin, passive=False))
    return next(iter(command.run(way, command.Request(seconds=seconds), 1)))


def lost(told):
    assert told.loss is not None, told
    return told.loss.where, told.loss.sentence


def test_a_datagram_takes_the_ten_steps_and_keeps_its_port(picture):
    picture.echo("web1", WEB1)
    dns(picture, BOTH[0])
    told = ask(picture)
    assert told.loss is None, told
    client, vip, web1 = told.client, f"{VIP}:53", f"{WEB1}:53"
    turned = f"{VIP}:{client.rpartition(':')[2]}"
    assert [(step.hop, step.source, step.destination) for step in told.steps] == [
        ("router outside", client, f"{FLOATING}:53"),
        ("router inside", client, vip),
        ("load balancer", client, vip),
        ("load balancer", turned, web1),
        (f"member {WEB1}", turned, web1),
        (f"member {WEB1}", web1, turned),
        ("load balancer", vip, client),
        ("router inside", vip, client),
        ("router outside", f"{FLOATING}:53", client),
        ("client", f"{FLOATING}:53", client),
    ]
    assert [step.sentence for step in told.steps] == IN_PLACE
    assert {step.carries for step in told.steps} == {"data"}
    assert (told.answer, told.opened, told.notes) == (f"web1 to {VIP}", None, ())


def test_members_take_turns_also_when_all_that_is_said_is_the_same(picture):
    picture.echo("web1", WEB1)
    picture.echo("web2", WEB2)
    dns(picture, *BOTH)
    enough = threading.Event()

    def crowd():
        while not enough.is_set():
            datagrams.ask("client", FLOATING)

    thread = threading.Thread(target=crowd)
    thread.start()
    told = [ask(picture, payload="?") for _ in range(6)]
    enough.set()
    thread.join()
    assert [each.loss for each in told] == [None] * 6
    for each in told:
        ports = {step.source.rpartition(":")[2] for step in each.steps[:5]}
        assert ports == {each.client.rpartition(":")[2]}
        assert each.answer.split()[0].upper() == each.member.split()[0]


def test_a_datagram_over_ipv6_is_followed_without_a_number(picture):
    picture.echo("web1", WEB1_6, "six")
    dns(picture, {"address": WEB1_6, "name": "WEB1"})
    told = ask(picture, f"[{VIP6}]", origin="client")
    assert told.loss is None, told
    assert len(told.steps) == 10
    assert "keeping the port" in told.steps[3].sentence
    assert told.answer == f"six to {VIP6}"


def test_a_neighbours_datagram_that_somebody_else_sends_is_waited_for(picture):
    picture.echo("web1", WEB1)
    dns(picture, BOTH[0])
    results = []
    watching = threading.Thread(
        target=lambda: results.append(ask(picture, VIP, origin="web2", passive=True, seconds=20))
    )
    watching.start()
    while watching.is_alive():  # asked again until the captures are open
        datagrams.ask("web2", VIP)
    watching.join()
    (told,) = results
    assert told.loss is None, told
    assert [step.hop for step in told.steps] == [
        "client", "load balancer", "load balancer", f"member {WEB1}", f"member {WEB1}", "load balancer", "client",
    ]  # fmt: skip


def test_an_answer_that_is_an_empty_datagram_is_one(picture):
    server = namespaces.call("web1", lambda: datagrams.udp(WEB1))
    server.bind((WEB1, 53))
    dns(picture, BOTH[0])

    def answer():
        _, peer = server.recvfrom(4096)
        server.sendto(b"", peer)

    thread = threading.Thread(target=answer)
    thread.start()
    told = ask(picture)
    thread.join()
    server.close()
    assert told.loss is None, told
    assert (len(told.steps), told.notes) == (10, ())
    assert told.answer == ""


def test_a_member_where_nobody_listens_is_named(picture):
    dns(picture, BOTH[0])
    told = ask(picture)
    assert lost(told) == (
        loss.Where.BALANCER_TO_MEMBER,
        f"WEB1 {WEB1}:53 answered “port unreachable” (ICMP): nothing listens there.",
    )
    assert [step.sentence for step in told.steps] == IN_PLACE[:5]
    assert told.notes == ("The client was told: connection refused.",)


def test_a_member_that_says_nothing_is_named(picture):
    server = namespaces.call("web1", lambda: datagrams.udp(WEB1))
    server.bind((WEB1, 53))
    with contextlib.closing(server):
        dns(picture, BOTH[0])
        where, sentence = lost(ask(picture, seconds=0.5))
    assert where == loss.Where.MEMBER
    assert sentence.startswith(f"WEB1 {WEB1}:53 received the request, and no answer came:")


def test_a_member_that_is_not_there_is_named(picture):
    dns(picture, {"address": "172.16.100.99"})
    assert lost(ask(picture, seconds=1)) == (
        loss.Where.BALANCER_TO_MEMBER,
        "The load balancer asked who has 172.16.100.99, and nobody answered.",
    )


def test_a_listener_whose_members_do_not_serve_is_named(picture):
    dns(picture, {**BOTH[0], "weight": 0})
    assert lost(ask(picture)) == (
        loss.Where.BALANCER,
        "The load balancer answered “port unreachable” (ICMP) for UDP port 53: no member of listener dns serves.",
    )


def test_a_port_without_a_listener_is_named(picture):
    dns(picture, BOTH[0])
    assert lost(ask(picture, f"{FLOATING}:54", protocol=command.Protocol.UDP)) == (
        loss.Where.BALANCER,
        "The load balancer answered “port unreachable” (ICMP) for UDP port 54: it has no listener there.",
    )


def test_who_is_not_allowed_is_told_so(picture):
    dns(picture, BOTH[0], allowed_cidrs=["192.0.2.0/24"])
    assert lost(ask(picture, seconds=0.5)) == (
        loss.Where.BALANCER,
        "The load balancer received the request, passed it to no member and answered nothing."
        f" Listener dns allows only 192.0.2.0/24, and {CLIENT} is in none of these.",
    )


def test_a_listener_at_its_limit_is_named(picture):
    picture.echo("web1", WEB1)
    dns(picture, BOTH[0], connection_limit=1)
    with datagrams.Client("client", FLOATING) as client:
        client.ask()
        _, sentence = lost(ask(picture, seconds=0.5))
    assert sentence.endswith("answered nothing. Listener dns takes 1 at a time: they may be taken.")


def test_a_connection_whose_client_stays_takes_the_ten_steps(scene):
    scene.serve("web1")
    scene.rewrite(scenes.WEB1, keep_client=True)
    scenes.within("web1", "ip", "route", "replace", "default", "via", scenes.VIP)
    told = through(scene)
    assert told.loss is None, told
    client, vip, web1 = told.client, f"{scenes.VIP}:80", f"{scenes.WEB1}:80"
    assert [(step.hop, step.source, step.destination) for step in told.steps[2:7]] == [
        ("load balancer", client, vip),
        ("load balancer", client, web1),
        ("member 172.16.100.9", client, web1),
        ("member 172.16.100.9", web1, client),
        ("load balancer", vip, client),
    ]
    assert len(told.steps) == 10
    assert [told.steps[at].sentence for at in (3, 5, 6)] == [
        "It leaves the client's address as the source, keeping the port,",
        "WEB1 answers the client, by way of the load balancer.",
        "The load balancer leaves the client as the destination and makes the VIP the source,",
    ]


@pytest.mark.parametrize("preserve", [False, True], ids=["both ends", "the destination"])
def test_a_connection_of_which_the_kernels_provider_rewrites_takes_the_ten_steps(whole, preserve):
    tree = preserved.web({"address": WEB1, "name": "WEB1"}, preserve_client_ip=preserve)
    whole.serve(tree)
    whole.bring_back(tree)
    told = ask(whole)
    assert told.loss is None, told
    client, web1, port = told.client, f"{WEB1}:80", told.client.rpartition(":")[2]
    seen = client if preserve else f"{VIP}:{port}"
    assert [(step.hop, step.source, step.destination) for step in told.steps] == [
        ("router outside", client, f"{FLOATING}:80"),
        ("router inside", client, f"{VIP}:80"),
        ("load balancer", client, f"{VIP}:80"),
        ("load balancer", seen, web1),
        (f"member {WEB1}", seen, web1),
        (f"member {WEB1}", web1, seen),
        ("load balancer", f"{VIP}:80", client),
        ("router inside", f"{VIP}:80", client),
        ("router outside", f"{FLOATING}:80", client),
        ("client", f"{FLOATING}:80", client),
    ]
    assert told.answer == f"web1 to {seen.rpartition(':')[0]}"


def test_an_answer_to_the_clients_own_address_that_goes_round_the_load_balancer_is_named(scene):
    scene.serve("web1")
    scene.rewrite(scenes.WEB1, keep_client=True)
    assert lost(through(scene, seconds=1)) == (
        loss.Where.MEMBER_TO_BALANCER,
        "WEB1 172.16.100.9:80 accepted the connection, and its SYN-ACK never reached the load balancer."
        " It went to the client's own address: the way there must lead through the load balancer.",
    )


def test_a_member_that_refuses_a_connection_passed_on_is_named(scene):
    scene.rewrite(scenes.WEB1)
    told = through(scene)
    assert lost(told) == (
        loss.Where.BALANCER_TO_MEMBER,
        "WEB1 172.16.100.9:80 refused the connection (RST): nothing listens there.",
    )
    assert [step.carries for step in told.steps] == ["SYN"] * 5


def test_a_member_that_keeps_silent_to_a_connection_passed_on_is_named(scene):
    scene.rewrite(scenes.WEB1)
    scene.drop("web1", "tcp dport 80")
    where, sentence = lost(through(scene, seconds=1))
    assert where == loss.Where.BALANCER_TO_MEMBER
    assert sentence.startswith("WEB1 172.16.100.9:80 did not answer: SYN sent ")
    assert sentence.endswith("it arrived there, no answer.")


def test_a_member_that_a_connection_cannot_be_passed_on_to_is_named(scene):
    scenes.within("web1", "ip", "address", "flush", "dev", "web1")
    scene.rewrite(scenes.WEB1)
    assert lost(through(scene, seconds=1)) == (
        loss.Where.BALANCER_TO_MEMBER,
        "The load balancer asked who has 172.16.100.9, and nobody answered.",
    )
