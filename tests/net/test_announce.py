"""Neighbours learn at once where an address is now."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from vipool.announce import arp, base
from vipool.core import wiring as core
from vipool.host import errors, namespaces, observation
from vipool.host import wiring as host
from vipool.model import wiring

ADDRESSES = ("10.0.0.5/24", "2001:db8::5/64")
HOLDER = wiring.Device(name="eth0", mac="fa:16:3e:00:00:01", mtu=1450, tap="tap-a", bridge="brq-a", addresses=ADDRESSES)
WITNESS = replace(HOLDER, mac="fa:16:3e:00:00:09", tap="tap-w", addresses=("10.0.0.9/24", "2001:db8::9/64"))


@pytest.fixture
def witness(marks):
    """A namespace on the same link that knows the addresses under hardware addresses of before."""
    actions = [wiring.EnsureBridge(bridge=wiring.Bridge(name="brq-a"))]
    host.perform([*actions, *core.plan(wiring.Namespace(name="witness", devices=(WITNESS,)), None)], marks=marks)
    for address in ("10.0.0.5", "2001:db8::5"):
        ip("witness", f"neigh replace {address} lladdr fa:16:3e:99:99:99 dev eth0 nud stale")
    yield "witness"
    host.perform([wiring.DeleteNamespace(name=name) for name in namespaces.names()], marks=marks)
    host.perform(core.plan_bridges((), observation.bridges()), marks=marks)


def ip(name: str, command: str) -> str:
    argv = ["ip", "netns", "exec", name, "ip", *command.split()]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("forwarding", [False, True])
def test_a_stale_neighbour_entry_is_corrected_without_being_used(witness, marks, forwarding):
    actions = core.plan(wiring.Namespace(name="holder", devices=(HOLDER,), forwarding=forwarding), None)
    host.perform(actions, marks=marks)
    arp.Announcer().hold(base.claims(actions))
    for address in ("10.0.0.5", "2001:db8::5"):
        assert "lladdr fa:16:3e:00:00:01" in ip(witness, f"neigh show {address}"), address


def test_a_device_that_is_not_there_is_refused_with_a_sentence(witness):
    claim = base.Claim(reference="witness", device="eth7", address="10.0.0.5")
    with pytest.raises(errors.Missing, match="there is no device eth7 in the namespace witness"):
        arp.Announcer().hold((claim,))
    with pytest.raises(errors.Failed, match=r"announcing 10\.0\.0\.5 on eth7 of witness: No such device"):
        arp.announce((claim,))


def test_a_device_that_does_not_come_up_is_refused_in_time(witness):
    ip(witness, "link set eth0 down")
    with pytest.raises(errors.Failed, match="waiting for eth0 of witness: not up within"):
        observation.await_carrying("witness", "eth0", seconds=0.05)
