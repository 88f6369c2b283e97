"""What nodes are told of networks, routers and plugs, and what becomes of what they say."""

import datetime

import pytest

from tests.service import world
from vipool.cloud.network import base, embedded
from vipool.cloud.network.embedded import floating, making, plugs, routers, segments, subnetting
from vipool.model import device, faults, floatingip, network, plug, port, router, spec, subnet
from vipool.store import rows, session

ADMIN = world.person(world.PROJECT, "admin", "member", "reader")
USE = base.Use(device_id="lb-1", device_owner=device.LOAD_BALANCER)
NOON = datetime.datetime(2026, 11, 23, 12, 0)


class Plane:
    """An inside and an outside network, a router between them, a port and its floating IP."""

    def __init__(self, database: session.Database) -> None:
        self.database = database
        self.new_id = world.identifiers()
        self.service = embedded.Network(new_id=self.new_id)
        with database.write() as held:
            self.inside = self.add_subnet(held, "172.16.100.0/24")
            self.outside = self.add_subnet(held, "203.0.113.0/24", external=True)
            draft = router.Router(
                id=self.new_id(),
                project_id=world.PROJECT,
                external_gateway_info={
                    "network_id": self.outside.network_id,
                    "enable_snat": None,
                    "external_fixed_ips": None,
                },
            )
            self.router = routers.create(held, ADMIN, draft, self.new_id)
            routers.add_interface(held, ADMIN, self.router, {"subnet_id": self.inside.id}, self.new_id)
            wanted = port.Request(network_id=self.inside.network_id, project_id=world.PROJECT, name="web")
            self.port = self.service.create_port(held, ADMIN, wanted)
            values = {
                "id": self.new_id(),
                "project_id": world.PROJECT,
                "floating_network_id": self.outside.network_id,
                "port_id": self.port.id,
            }
            self.floating = floating.create(held, ADMIN, values, self.new_id)

    def add_subnet(self, held: session.Session, cidr: str, *, external: bool = False) -> subnet.Subnet:
        on = network.Network(id=self.new_id(), project_id=world.PROJECT, external=external)
        segments.create_network(held, on)
        values = {"id": self.new_id(), "network_id": on.id, "ip_version": 4, "cidr": cidr}
        return subnetting.create(held, ADMIN, values, gateway_given=False)

    def pull(self, since: int = 0) -> tuple[spec.Item, ...]:
        with self.database.read() as held:
            return self.service.items(held, since=since)

    def revision(self) -> int:
        with self.database.read() as held:
            return held.current()

    def pulled_router(self, since: int = 0) -> spec.Router:
        (found,) = (each for each in self.pull(since) if isinstance(each, spec.Router))
        return found

    def report(self, item: spec.Item, *, fault: str | None = None, gone: bool = False, late: int = 0) -> None:
        kind = spec.dump(item)["kind"]
        told = spec.Report(kind=kind, id=item.id, revision=item.revision - late, fault=fault, gone=gone)
        with self.database.write() as held:
            self.service.settle(held, [told])


@pytest.fixture
def plane(tmp_path):
    path = tmp_path / "state.db"
    path.write_bytes(world.empty_store())
    database = session.Database(session.sqlite_url(path), clock=lambda: NOON)
    yield Plane(database)
    database.close()


def test_a_node_that_knows_nothing_is_told_of_every_network_then_of_routers(plane):
    kinds = [type(each) for each in plane.pull()]
    assert kinds == [spec.Network, spec.Network, spec.Router]


def test_a_router_is_told_with_its_interface_gateway_and_floating_ips(plane):
    told = plane.pulled_router()
    assert [each.addresses for each in told.interfaces] == [("172.16.100.1/24",)]
    assert told.gateway is not None
    assert told.gateway.addresses == ("203.0.113.2/24",)
    assert told.gateway.gateways == ("203.0.113.1",)
    assert told.snat
    assert [(each.external, each.internal) for each in told.floating_ips] == [("203.0.113.3", "172.16.100.2")]


def test_a_node_that_knows_everything_is_told_nothing(plane):
    assert plane.pull(plane.revision()) == ()


def test_a_router_is_told_again_when_its_floating_ip_leaves(plane):
    known = plane.revision()
    with plane.database.write() as held:
        floating.remove(held, plane.floating)
    told = plane.pulled_router(known)
    assert told.floating_ips == ()


def test_a_router_is_told_again_when_the_port_behind_its_floating_ip_goes(plane):
    known = plane.revision()
    with plane.database.write() as held:
        making.remove(held, plane.port)
    assert plane.pulled_router(known).floating_ips == ()
    with plane.database.read() as held:
        freed = rows.get(held, floatingip.FloatingIp, plane.floating.id)
    assert freed is not None
    assert (freed.port_id, freed.router_id, freed.status) == (None, None, "DOWN")


def test_a_router_is_told_again_when_the_gateway_of_its_outside_subnet_moves(plane):
    known = plane.revision()
    with plane.database.write() as held:
        subnetting.change(held, plane.outside, {"gateway_ip": None})
    gateway = plane.pulled_router(known).gateway
    assert gateway is not None
    assert gateway.gateways == ()


@pytest.mark.parametrize("first", [0, 1])
def test_a_port_in_two_subnets_leaves_by_the_gateway_of_its_first_address(plane, first):
    with plane.database.write() as held:
        values = {"id": plane.new_id(), "network_id": plane.inside.network_id, "ip_version": 4, "cidr": "10.9.0.0/24"}
        both = (plane.inside, subnetting.create(held, ADMIN, values, gateway_given=False))
        ordered = both[:: 1 if first == 0 else -1]
        wanted = port.Request(network_id=plane.inside.network_id, fixed_ips=tuple((each.id, None) for each in ordered))
        made = plane.service.create_port(held, ADMIN, wanted)
        told = plane.service.attachment(held, made.id)
    assert told is not None
    assert told.gateways == tuple(each.gateway_ip for each in ordered)
    assert [each.rpartition("/")[0] for each in told.addresses] == list(made.addresses)


def test_a_removed_network_is_told_as_absent_until_its_node_says_that_it_is_gone(plane):
    with plane.database.write() as held:
        lone = plane.add_subnet(held, "10.9.0.0/24").network_id
    known = plane.revision()
    with plane.database.write() as held:
        found = rows.get(held, network.Network, lone)
        assert found is not None
        segments.remove_network(held, found)
    (told,) = plane.pull(known)
    assert (told.id, told.absent) == (lone, True)
    plane.report(told, gone=True, late=1)
    assert plane.pull(known) == (told,), "an older word says nothing of this removal"
    plane.report(told, gone=True)
    assert plane.pull(known) == ()


def test_a_removed_router_is_told_as_absent_and_takes_its_gateway_along(plane):
    known = plane.revision()
    with plane.database.write() as held:
        floating.remove(held, plane.floating)
        present = rows.get(held, router.Router, plane.router.id)
        assert present is not None
        routers.remove_interface(held, present, {"subnet_id": plane.inside.id})
        routers.remove(held, present)
        assert rows.find(held, port.Port, device_id=plane.router.id) == ()
    told = plane.pulled_router(known)
    assert told.absent


def test_a_realised_router_makes_its_ports_and_floating_ips_active(plane):
    plane.report(plane.pulled_router())
    with plane.database.read() as held:
        inside = rows.find(held, port.Port, device_id=plane.router.id)
        assert {each.status for each in inside} == {"ACTIVE"}
        assert [each.status for each in rows.find(held, floatingip.FloatingIp)] == ["ACTIVE"]


def test_a_router_that_failed_says_why_and_its_floating_ips_are_down(plane):
    plane.report(plane.pulled_router())
    plane.report(plane.pulled_router(), fault="no bridge br0 on this host")
    with plane.database.read() as held:
        (found,) = rows.find(held, router.Router)
        assert (found.status, found.fault) == ("ERROR", "no bridge br0 on this host")
        assert [each.status for each in rows.find(held, floatingip.FloatingIp)] == ["DOWN"]


def test_a_late_report_of_a_router_changes_nothing(plane):
    plane.report(plane.pulled_router(), fault="too early", late=1)
    with plane.database.read() as held:
        assert rows.find(held, router.Router)[0].fault is None


def test_a_network_whose_bridge_is_missing_says_so_until_it_is_there(plane):
    told = plane.pull()[0]
    for fault, status in (("no bridge br-ex on this host", "ERROR"), (None, "ACTIVE")):
        plane.report(told, fault=fault)
        with plane.database.read() as held:
            found = rows.get(held, network.Network, told.id)
        assert found is not None
        assert (found.fault, found.status) == (fault, status)


def test_a_plugged_port_is_told_and_becomes_active_when_it_is_in(plane):
    with plane.database.write() as held:
        plugs.attach(held, plugs.find_port(held, "web"), "netns:web1", "eth0")
    (told,) = (each for each in plane.pull() if isinstance(each, spec.Plug))
    assert (told.target, told.device, told.port.addresses) == ("netns:web1", "eth0", ("172.16.100.2/24",))
    assert told.port.gateways == ("172.16.100.1",)
    plane.report(told)
    with plane.database.read() as held:
        kept = rows.get(held, plug.Plug, plane.port.id)
        plugged = rows.get(held, port.Port, plane.port.id)
    assert kept is not None
    assert plugged is not None
    assert (kept.realised, plugged.status) == (True, "ACTIVE")


def test_a_detached_port_is_told_as_absent(plane):
    with plane.database.write() as held:
        plugs.attach(held, plane.port, "pid:4711", "eth0")
    known = plane.revision()
    with plane.database.write() as held:
        plugs.detach(held, plane.port)
    (told,) = plane.pull(known)
    assert isinstance(told, spec.Plug)
    assert told.absent


def test_a_port_that_goes_is_unplugged(plane):
    with plane.database.write() as held:
        plugs.attach(held, plane.port, "netns:web1", "eth0")
    known = plane.revision()
    with plane.database.write() as held:
        making.remove(held, plane.port)
    assert [each.absent for each in plane.pull(known) if isinstance(each, spec.Plug)] == [True]


@pytest.mark.parametrize(
    "target", ["web1", "netns:", "netns:a b", "netns:../x", "netns:..", "netns:-x", "pid:0", "pid:x", "pid:1\n"]
)
def test_a_place_that_is_none_is_refused(plane, target):
    with pytest.raises(faults.Invalid, match="no place"), plane.database.write() as held:
        plugs.attach(held, plane.port, target, "eth0")


@pytest.mark.parametrize("device", ["", "lo", ".", "a/b", "sixteen-letters-", "eth 0"])
def test_a_name_that_no_interface_can_have_is_refused(plane, device):
    with pytest.raises(faults.Invalid, match="no name for an interface"), plane.database.write() as held:
        plugs.attach(held, plane.port, "netns:web1", device)


def test_a_port_is_plugged_once(plane):
    with plane.database.write() as held:
        plugs.attach(held, plane.port, "netns:web1", "eth0")
        with pytest.raises(faults.Conflict, match="already"):
            plugs.attach(held, plane.port, "netns:web2", "eth0")


def test_a_routers_port_is_not_plugged(plane):
    with plane.database.write() as held:
        (inside,) = rows.find(held, port.Port, device_owner="network:router_interface")
        with pytest.raises(faults.Conflict, match="is used by"):
            plugs.attach(held, inside, "netns:web1", "eth0")


def test_a_name_that_two_ports_have_is_no_port(plane):
    with plane.database.write() as held:
        plane.service.create_port(held, ADMIN, port.Request(network_id=plane.inside.network_id, name="web"))
        with pytest.raises(faults.Conflict, match="2 ports"):
            plugs.find_port(held, "web")
        with pytest.raises(faults.NotFound):
            plugs.find_port(held, "")


def test_a_plugged_port_becomes_neither_a_vip_nor_a_routers(plane):
    with plane.database.write() as held:
        plugs.attach(held, plane.port, "netns:web1", "eth0")
        with pytest.raises(faults.Conflict, match="plugged"):
            plane.service.bind_port(held, plane.port.id, USE)
        with pytest.raises(faults.Conflict, match="in use"):
            routers.add_interface(held, ADMIN, plane.router, {"port_id": plane.port.id}, plane.new_id)


def test_a_users_port_is_given_back_and_our_own_removed(plane):
    with plane.database.write() as held:
        plane.service.bind_port(held, plane.port.id, USE)
        plane.service.release_port(held, plane.port.id, delete=False)
        given_back = rows.get(held, port.Port, plane.port.id)
        assert given_back is not None
        assert (given_back.device_id, given_back.device_owner) == ("", "")
        plane.service.release_port(held, plane.port.id, delete=True)
        assert rows.get(held, port.Port, plane.port.id) is None
        plane.service.release_port(held, plane.port.id, delete=True)
