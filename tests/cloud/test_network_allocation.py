"""Addresses through the whole service: whatever is made, moved and removed, no address has two holders."""

import datetime
import ipaddress
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings, stateful
from hypothesis import strategies as st

from tests.service import world
from vipool.cloud.network import embedded
from vipool.cloud.network.embedded import making, segments, subnetting
from vipool.model import faults, network, port, subnet
from vipool.store import rows, session

NOON = datetime.datetime(2026, 11, 23, 12, 0)
# Small blocks, so that they fill up; the last derives addresses from MACs.
BLOCKS = (("10.0.0.0/29", None), ("10.0.1.0/30", None), ("fd00::/126", None), ("fd01::/64", "slaac"))


def open_database(directory: str | Path) -> session.Database:
    path = Path(directory) / "state.db"
    path.write_bytes(world.empty_store())
    return session.Database(session.sqlite_url(path), clock=lambda: NOON)


def make_network(database: session.Database, new_id: Callable[[], str]) -> network.Network:
    with database.write() as held:
        return segments.create_network(held, network.Network(id=new_id(), project_id=world.PROJECT))


class Addresses(stateful.RuleBasedStateMachine):
    """One network with a few small subnets, and ports that come, move and go."""

    ports = stateful.Bundle("ports")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.database = open_database(self.directory.name)
        self.new_id = world.identifiers()
        self.service = embedded.Network(new_id=self.new_id)
        self.network = make_network(self.database, self.new_id)
        self.subnets: list[subnet.Subnet] = []

    def teardown(self) -> None:
        self.database.close()
        self.directory.cleanup()

    @stateful.initialize(count=st.integers(1, len(BLOCKS)))
    def add_subnets(self, count: int) -> None:
        for cidr, mode in BLOCKS[:count]:
            version = ipaddress.ip_network(cidr).version
            values = {
                "id": self.new_id(),
                "network_id": self.network.id,
                "ip_version": version,
                "cidr": cidr,
                "ipv6_ra_mode": mode,
                "ipv6_address_mode": mode,
            }
            with self.database.write() as held:
                self.subnets.append(subnetting.create(held, world.MEMBER, values, gateway_given=False))

    def wanted(self, places: list[tuple[int, int]]) -> tuple[tuple[str | None, str | None], ...]:
        """(which subnet, which address of it or 0 for any) as a request says it."""
        found = []
        for place, offset in places:
            of = self.subnets[place % len(self.subnets)]
            literal = str(of.block.network_address + offset) if offset else None
            found.append((of.id, literal))
        return tuple(found)

    places = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=3)

    @stateful.rule(target=ports, places=places)
    def create(self, places: list[tuple[int, int]]) -> object:
        request = port.Request(network_id=self.network.id, fixed_ips=self.wanted(places), project_id=world.PROJECT)
        return self.attempt(lambda held: self.service.create_port(held, world.MEMBER, request).id)

    @stateful.rule(identifier=ports, places=places)
    def move(self, identifier: str | None, places: list[tuple[int, int]]) -> None:
        wanted = tuple({"subnet_id": one, "ip_address": other} for one, other in self.wanted(places))

        def act(held: session.Session) -> None:
            found = rows.get(held, port.Port, str(identifier))
            if found is not None:
                making.change(held, found, {"fixed_ips": wanted})

        self.attempt(act)

    @stateful.rule(identifier=stateful.consumes(ports))
    def remove(self, identifier: str | None) -> None:
        self.attempt(lambda held: self.service.release_port(held, str(identifier), delete=True))

    def attempt(self, act: Callable[[session.Session], object]) -> object:
        """Do it, or be refused with nothing changed: the invariants below would see a half of it."""
        try:
            with self.database.write() as held:
                return act(held)
        except (faults.Conflict, faults.Invalid):
            return None

    @stateful.invariant()
    def every_address_has_one_holder_and_counts_match(self) -> None:
        with self.database.read() as held:
            held_by_ports = [
                (each.id, one["subnet_id"], one["ip_address"])
                for each in rows.find(held, port.Port)
                for one in each.fixed_ips
            ]
            allocated = {(one.port_id, one.subnet_id, one.ip_address) for one in rows.find(held, port.Allocation)}
            assert sorted(held_by_ports) == sorted(allocated)
            taken = [(subnet_id, address) for _, subnet_id, address in held_by_ports]
            assert len(taken) == len(set(taken))
            for of in self.subnets:
                self.check_subnet(held, of, [address for subnet_id, address in taken if subnet_id == of.id])

    def check_subnet(self, held: session.Session, of: subnet.Subnet, taken: list[str]) -> None:
        assert all(ipaddress.ip_address(each) in of.block for each in taken)
        total = in_pools = 0
        for pool in of.allocation_pools:
            first, last = (int(ipaddress.ip_address(pool[key])) for key in ("start", "end"))
            total += last - first + 1
            in_pools += sum(first <= int(ipaddress.ip_address(each)) <= last for each in taken)
        assert self.service.free_addresses(held, of.id) == total - in_pools


TestAddresses = Addresses.TestCase
TestAddresses.settings = settings(max_examples=40, stateful_step_count=25)


@pytest.fixture
def database(tmp_path):
    made = open_database(tmp_path)
    yield made
    made.close()


def test_the_store_itself_refuses_an_address_twice(database):
    made = [
        port.Allocation(id=name, network_id="n", subnet_id="s", port_id=name, ip_address="10.0.0.1")
        for name in ("one", "two")
    ]
    with pytest.raises(sa.exc.IntegrityError), database.write() as held:
        rows.add(held, *made)


def test_the_store_itself_refuses_a_mac_twice_on_a_network(database):
    made = [port.Port(id=name, network_id="n", mac_address="fa:16:3e:00:00:01") for name in ("one", "two")]
    with pytest.raises(sa.exc.IntegrityError), database.write() as held:
        rows.add(held, *made)


def test_ports_get_the_lowest_addresses_and_those_given_back_first(database):
    new_id = world.identifiers()
    service = embedded.Network(new_id=new_id)
    on = make_network(database, new_id)
    values = {"id": new_id(), "network_id": on.id, "ip_version": 4, "cidr": "10.0.0.0/8"}
    request = port.Request(network_id=on.id, project_id=world.PROJECT)
    with database.write() as held:
        subnetting.create(held, world.MEMBER, values, gateway_given=False)
        made = [service.create_port(held, world.MEMBER, request) for _ in range(3)]
        assert [each.addresses for each in made] == [("10.0.0.2",), ("10.0.0.3",), ("10.0.0.4",)]
        service.release_port(held, made[1].id, delete=True)
        assert service.create_port(held, world.MEMBER, request).addresses == ("10.0.0.3",)
        assert service.free_addresses(held, str(values["id"])) == 2**24 - 3 - 3
