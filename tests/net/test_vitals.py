"""Named conditions from real faults on real packets, in the namespaces of load balancers of both providers.

The limit of the table of flows is the machine's and stays what it is: the table of the namespace is filled up to it,
as conntrack(8) would, and what then becomes of packets is the kernel's own doing.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.net import balanced, making, talkers
from tests.net.balanced import VIP, WEB1, WEB1_6
from tests.net.members import eventually
from tests.providers import configuration, trees
from vipool.core import conditions
from vipool.host import namespaces
from vipool.host import vitals as signs
from vipool.model import condition, vitals
from vipool.providers import fake, joined
from vipool.providers.haproxy import engine as connections
from vipool.providers.nftables import carried
from vipool.providers.nftables import engine as kernel

NOBODY, NOBODY_6 = "172.16.100.99", "fd00:100::99"
MEMBER = trees.identifier(4, 1)
LARGEST = 1 << 18
"""The largest table that is filled here: a quarter of a million flows take some seconds."""
Name = condition.Name


class Patient:
    """A load balancer that is looked at again and again, as the agent does."""

    def __init__(self, picture: balanced.Balanced) -> None:
        self.picture = picture
        self._standing = conditions.NOTHING
        self._skipped = 0.0

    def look(self, *, after: float = 0.0) -> list[tuple[str, str, str]]:
        """The conditions that are there, now or so many seconds later."""
        assert self.picture.item is not None
        self._skipped += after
        question = vitals.Question(before=self._standing.reading, busy=True)
        (reading,) = self.picture.site.hand.ground.vital_signs({self.picture.namespace: question}).found.values()
        self._standing = conditions.judge(self._standing, reading, self.picture.item, time.monotonic() + self._skipped)
        return [conditions.key(each) for each in self._standing.conditions]

    @property
    def measured(self) -> list[str]:
        """What was measured, in words."""
        return [each.measured for each in self._standing.conditions]


ENGINES = {
    "kernel": lambda: {"amphora": kernel.Engine(carried.WHOLE, fake.Checker())},
    "haproxy": lambda: {
        "amphora": joined.Engine(
            streams=connections.Engine(), datagrams=kernel.Engine(carried.DATAGRAMS, fake.Checker())
        )
    },
}
EVERY = [pytest.param("kernel"), pytest.param("haproxy", marks=configuration.needs_haproxy)]


@pytest.fixture
def patient(tmp_path, request):
    made = balanced.Balanced(tmp_path, ENGINES[request.param]())
    yield Patient(made)
    made.close()


def knock(namespace: str, address: str) -> None:
    """Ask for a connection, and do not wait for long."""

    def work() -> None:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
            client.settimeout(0.2)
            with contextlib.suppress(OSError):
                client.connect((address, 80))
                client.send(b"?\n")
                client.recv(1)

    namespaces.call(namespace, work)


def run(*words: str) -> None:
    subprocess.run(words, check=True)


@pytest.mark.parametrize("patient", EVERY, indirect=True)
@pytest.mark.parametrize(("vip", "nobody"), [(VIP, NOBODY), (balanced.VIP6, NOBODY_6)])
def test_a_member_whose_address_nobody_has_is_unreachable(patient, vip, nobody):
    patient.picture.serve(balanced.tcp({"address": nobody}, {"address": WEB1 if ":" not in nobody else WEB1_6}))
    assert patient.look() == []

    def asked() -> bool:
        knock("web1", vip)
        return bool(patient.look())

    eventually(asked, 10)
    assert patient.look() == [(Name.MEMBER_UNREACHABLE, MEMBER, nobody)]
    assert patient.measured == [f"The node asked for {nobody} in vain."]


@pytest.mark.parametrize("patient", ["kernel"], indirect=True)
def test_it_ends_when_somebody_has_the_address(patient):
    patient.picture.serve(balanced.tcp({"address": NOBODY}))

    def asked() -> bool:
        knock("web1", VIP)
        return bool(patient.look())

    eventually(asked, 10)
    run("ip", "-n", "web2", "address", "add", f"{NOBODY}/24", "dev", "eth0")
    eventually(lambda: not asked(), 10)


@pytest.mark.parametrize("patient", ["kernel"], indirect=True)
def test_a_router_that_is_not_there_is_an_unreachable_gateway(patient):
    picture = patient.picture
    picture.serve(balanced.tcp({"address": "10.77.0.1"}))
    run("ip", "-n", picture.router_namespace, "address", "delete", "172.16.100.1/24", "dev", inner(picture))

    def asked() -> bool:
        knock("web1", VIP)
        return bool(patient.look())

    eventually(asked, 10)
    assert patient.look() == [(Name.GATEWAY_UNREACHABLE, trees.LOADBALANCER, "172.16.100.1")]


def inner(picture: balanced.Balanced) -> str:
    """The device of the router that has the gateway's address."""
    said = subprocess.run(
        ["ip", "-n", picture.router_namespace, "-brief", "address", "show", "to", "172.16.100.1/32"],
        check=True,
        capture_output=True,
        text=True,
    )
    return said.stdout.split("@")[0].split()[0]


@pytest.mark.parametrize("patient", ["kernel"], indirect=True)
def test_a_member_to_which_no_port_of_the_vip_is_left_is_told(patient):
    picture = patient.picture
    server = talkers.Talker("web1", WEB1, "web1").start()
    picture.serve(balanced.tcp({"address": WEB1}))
    assert talkers.ask("web2", VIP).startswith("web1")
    assert patient.look() == []
    ports = range(1024, 65536)
    # One of them was the connection's above.
    making.make(picture.namespace, making.translated(making.TCP, VIP, (WEB1, 80), ports))
    assert patient.look() == [], "nobody has missed a port yet"
    knock("web2", VIP)
    assert patient.look() == [(Name.PORTS_EXHAUSTED, MEMBER, VIP)]
    (measured,) = patient.measured
    assert measured.startswith(f"{len(ports)} of {len(ports)} ports of {VIP} towards it are taken; ")
    assert patient.look(after=conditions.HOLD - 10) == [(Name.PORTS_EXHAUSTED, MEMBER, VIP)]
    assert patient.look(after=10) == []
    server.stop()


@configuration.needs_haproxy
@pytest.mark.parametrize("patient", ["haproxy"], indirect=True)
def test_haproxy_runs_out_of_ports_towards_a_member(patient):
    picture = patient.picture
    server = talkers.Talker("web1", WEB1, "web1").start()
    picture.serve(balanced.tcp({"address": WEB1}))
    narrow = ["sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40099"]
    run("ip", "netns", "exec", picture.namespace, *narrow)
    with contextlib.ExitStack() as held:
        for _ in range(100):
            held.enter_context(talkers.Connection("web2", VIP)).ask()
        assert patient.look() == [(Name.PORTS_EXHAUSTED, MEMBER, VIP)]
        assert patient.measured == [f"100 of 100 ports of {VIP} towards it are taken."]
        with pytest.raises(ConnectionError), talkers.Connection("web2", VIP) as more:
            more.ask()
    server.stop()


@pytest.mark.parametrize("patient", ["kernel"], indirect=True)
def test_a_table_that_fills_is_told_before_and_when_it_is_full(patient):
    picture = patient.picture
    server = talkers.Talker("web1", WEB1, "web1").start()
    picture.serve(balanced.tcp({"address": WEB1}))
    most = int(Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text())
    if not 0 < most <= LARGEST:
        pytest.skip(f"the machine's table holds {most} flows: too many to make")
    assert patient.look() == []
    making.make(picture.namespace, making.unrelated(0, most * 92 // 100))
    assert patient.look() == [(Name.CONNTRACK_TABLE_NEARLY_FULL, trees.LOADBALANCER, "")]
    assert talkers.ask("web2", VIP).startswith("web1"), "what is only nearly full takes connections"
    assert not making.make(picture.namespace, making.unrelated(most * 92 // 100, most + 1))
    with pytest.raises(TimeoutError):
        talkers.ask("web2", VIP, patience=0.5)
    assert patient.look() == [(Name.CONNTRACK_TABLE_FULL, trees.LOADBALANCER, "")]
    (measured,) = patient.measured
    assert measured.startswith(f"{most} of {most} places are taken; since the last look ")
    assert " 0 packets were dropped" not in measured
    run("ip", "netns", "exec", picture.namespace, "conntrack", "-F")
    assert talkers.ask("web2", VIP).startswith("web1")
    assert patient.look(after=conditions.HOLD) == []
    server.stop()


@pytest.mark.parametrize("patient", ["kernel"], indirect=True)
def test_a_namespace_that_is_not_there_is_left_out_of_a_round(patient):
    patient.picture.serve(balanced.tcp({"address": WEB1}))
    nothing = vitals.Question()
    found = signs.read({"qlbaas-nowhere": nothing, patient.picture.namespace: nothing})
    assert set(found.found) == {patient.picture.namespace}
    assert found.cost > 0
    assert found.found[patient.picture.namespace].room > 0
