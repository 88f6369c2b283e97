"""A request is followed through real namespaces, and what swallows it is found."""

from __future__ import annotations

import pytest

from tests.net import scene as scenes
from vipool.cli import trace as command
from vipool.core import journey

WEBS = (("WEB1", scenes.WEB1), ("WEB2", scenes.WEB2))


@pytest.fixture
def scene(tmp_path):
    with scenes.built(tmp_path) as made:
        yield made


def ask(scene, target=scenes.FLOATING, *, members=WEBS, seconds=5.0, **more):
    way = journey.find(scene.items(*members), command.wish(target, more.pop("origin", None), passive=False))
    return next(iter(command.run(way, command.Request(seconds=seconds, **more), 1)))


def hops(told):
    return [(step.hop, step.source.partition(":")[0], step.destination) for step in told.steps]


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
