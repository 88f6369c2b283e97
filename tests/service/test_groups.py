"""Security groups of VIP ports: when they filter, what a node is told then, and that it is told at once."""

from typing import Any

import pytest

from tests.service import world
from vipool.cloud.network.embedded import verbs
from vipool.model import loadbalancer, port, securitygroup, spec
from vipool.store import rows

GROUP, RULE, PORT = securitygroup.SecurityGroup, securitygroup.Rule, port.Port
WEB = {"direction": securitygroup.Direction.INGRESS, "protocol": "tcp", "port_range_min": 80, "port_range_max": 80}


class Cloud(world.World):
    """A project with its load balancers, and its network as Neutron's API writes it."""

    def neutron(self, cls: type[Any], **values: Any) -> Any:
        """A new object of the network."""
        with self.database.write() as held:
            whole = {"id": self.new_id(), "project_id": world.PROJECT, **values}
            write = verbs.Write(held=held, who=world.MEMBER, new_id=self.new_id, values=whole, sent=values)
            return verbs.create(cls, write)

    def put(self, cls: type[Any], identifier: str, **values: Any) -> None:
        """A changed object of the network."""
        with self.database.write() as held:
            found = rows.get(held, cls, identifier)
            write = verbs.Write(held=held, who=world.MEMBER, new_id=self.new_id, values=values, sent=values)
            verbs.change(found, write)

    def delete(self, gone: Any) -> None:
        """An object of the network, removed."""
        with self.database.write() as held:
            verbs.remove(held, rows.get(held, type(gone), gone.id))

    def host(self, *groups: str, **values: Any) -> port.Port:
        """A port of somebody on the network, in these groups."""
        made: port.Port = self.neutron(PORT, network_id=world.NETWORK, security_groups=groups, **values)
        return made

    def balancer(self, **body: Any) -> loadbalancer.LoadBalancer:
        """A new load balancer."""
        place = {} if "vip_port_id" in body else {"vip_subnet_id": world.SUBNET}
        return self.writer.create_root(world.POST, {**place, **body}).loadbalancer

    def known(self) -> int:
        """The revision up to which a node knows everything."""
        with self.database.read() as held:
            return held.current()

    def ingress(self, *, known: int = 0) -> tuple[spec.Permit, ...] | None:
        """What a node is told of the one load balancer that it must look at."""
        (item,) = self.balancers(known=known)
        assert item.vip is not None
        return item.vip.ingress


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def web(cloud) -> securitygroup.SecurityGroup:
    made: securitygroup.SecurityGroup = cloud.neutron(GROUP, name="web")
    cloud.neutron(RULE, security_group_id=made.id, **WEB)
    return made


ANYBODY = spec.Permit(version=4, protocol=6, first=80, last=80)


def test_a_port_that_was_made_for_a_load_balancer_without_groups_is_open(cloud):
    cloud.balancer()
    assert cloud.ingress() is None


def test_the_groups_that_a_load_balancer_asks_for_filter(cloud, web):
    cloud.balancer(vip_sg_ids=[web.id])
    assert cloud.ingress() == (ANYBODY,)


def test_groups_that_are_put_on_the_port_later_filter_and_none_at_all_open_it_again(cloud, web):
    made = cloud.balancer()
    known = cloud.known()
    cloud.put(PORT, made.vip_port_id, security_groups=(web.id,))
    assert cloud.ingress(known=known) == (ANYBODY,)
    known = cloud.known()
    cloud.put(PORT, made.vip_port_id, security_groups=())
    assert cloud.ingress(known=known) is None


def test_the_load_balancers_own_update_does_the_same(cloud, web):
    made = cloud.balancer()
    cloud.writer.update_root(world.PUT, made.id, {"vip_sg_ids": [web.id]})
    assert cloud.ingress() == (ANYBODY,)
    cloud.writer.update_root(world.PUT, made.id, {"vip_sg_ids": None})
    assert cloud.ingress() is None


def test_a_users_port_that_merely_has_groups_is_open_until_they_are_set_again(cloud, web):
    own = cloud.host(web.id)
    cloud.balancer(vip_port_id=own.id)
    assert cloud.ingress() is None
    cloud.put(PORT, own.id, name="mine")
    assert cloud.ingress() is None
    known = cloud.known()
    cloud.put(PORT, own.id, security_groups=(web.id,))
    assert cloud.ingress(known=known) == (ANYBODY,)


def test_a_users_port_is_filtered_from_the_start_by_groups_that_the_load_balancer_asks_for(cloud, web):
    own = cloud.host()
    cloud.balancer(vip_port_id=own.id, vip_sg_ids=[web.id])
    assert cloud.ingress() == (ANYBODY,)


def test_a_users_port_is_open_again_for_the_next_load_balancer(cloud, web):
    own = cloud.host()
    made = cloud.balancer(vip_port_id=own.id, vip_sg_ids=[web.id])
    cloud.settle()
    cloud.writer.delete_root(world.DELETE, made.id, cascade=True)
    cloud.settle()
    cloud.balancer(vip_port_id=own.id)
    assert cloud.ingress() is None


def test_groups_without_rules_let_nothing_in(cloud):
    empty = cloud.neutron(GROUP, name="empty")
    cloud.balancer(vip_sg_ids=[empty.id])
    assert cloud.ingress() == ()


def test_without_port_security_nothing_is_filtered(cloud, web):
    made = cloud.balancer(vip_sg_ids=[web.id])
    known = cloud.known()
    cloud.put(PORT, made.vip_port_id, security_groups=(), port_security_enabled=False)
    assert cloud.ingress(known=known) is None


def test_a_rule_that_comes_or_goes_is_told_at_once_and_only_of_who_is_filtered_by_it(cloud, web):
    cloud.balancer(vip_sg_ids=[web.id])
    other = cloud.neutron(GROUP, name="other")
    known = cloud.known()
    cloud.neutron(RULE, security_group_id=other.id, **WEB)
    assert cloud.balancers(known=known) == ()
    rule = cloud.neutron(RULE, security_group_id=web.id, **{**WEB, "protocol": "udp"})
    assert set(cloud.ingress(known=known)) == {ANYBODY, spec.Permit(version=4, protocol=17, first=80, last=80)}
    known = cloud.known()
    cloud.delete(rule)
    assert cloud.ingress(known=known) == (ANYBODY,)


def test_the_generation_of_the_tree_stays_so_that_nothing_is_pending(cloud, web):
    made = cloud.balancer(vip_sg_ids=[web.id])
    cloud.settle()
    cloud.neutron(RULE, security_group_id=web.id, **{**WEB, "protocol": "udp"})
    (item,) = cloud.balancers()
    assert item.generation == made.generation
    assert item.revision > made.revision


def test_a_remote_group_is_the_addresses_of_the_ports_in_it(cloud, web):
    friends = cloud.neutron(GROUP, name="friends")
    cloud.neutron(RULE, security_group_id=web.id, **{**WEB, "protocol": "udp"}, remote_group_id=friends.id)
    cloud.balancer(vip_sg_ids=[web.id])

    def sources(known: int) -> tuple[str, ...] | None:
        (found,) = (each for each in cloud.ingress(known=known) or () if each.protocol == 17)
        return found.sources

    assert sources(0) == ()
    known = cloud.known()
    one = cloud.host(friends.id)
    assert sources(known) == one.addresses
    known = cloud.known()
    two = cloud.host()
    assert cloud.balancers(known=known) == ()
    cloud.put(PORT, two.id, security_groups=(friends.id,))
    assert sources(known) == tuple(sorted({*one.addresses, *two.addresses}))
    known = cloud.known()
    pairs = ({"mac_address": None, "ip_address": "10.9.0.0/24"},)
    cloud.put(PORT, two.id, allowed_address_pairs=pairs)
    assert "10.9.0.0/24" in (sources(known) or ())
    known = cloud.known()
    cloud.delete(two)
    assert sources(known) == one.addresses
    known = cloud.known()
    cloud.put(PORT, one.id, fixed_ips=({"subnet_id": world.SUBNET, "ip_address": "172.16.100.200"},))
    assert sources(known) == ("172.16.100.200",)
    known = cloud.known()
    cloud.put(PORT, one.id, name="renamed")
    assert cloud.balancers(known=known) == ()


def test_a_load_balancer_among_the_remote_ones_is_told_of_too(cloud, web):
    """Two load balancers of one group: what one is reached by changes when the other comes."""
    cloud.neutron(RULE, security_group_id=web.id, **{**WEB, "protocol": "udp"}, remote_group_id=web.id)
    cloud.balancer(vip_sg_ids=[web.id])
    known = cloud.known()
    cloud.balancer(vip_sg_ids=[web.id])
    assert len(cloud.balancers(known=known)) == 2


@pytest.mark.parametrize(
    ("values", "permit"),
    [
        ({"ethertype": "IPv6"}, spec.Permit(version=6)),
        ({"protocol": "icmp"}, spec.Permit(version=4, protocol=1)),
        ({"protocol": "icmp", "ethertype": "IPv6"}, spec.Permit(version=6, protocol=58)),
        ({"protocol": "ipv6-icmp", "ethertype": "IPv6"}, spec.Permit(version=6, protocol=58)),
        (
            {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0},
            spec.Permit(version=4, protocol=1, first=8, last=0),
        ),
        ({"protocol": "112"}, spec.Permit(version=4, protocol=112)),
        ({"protocol": "vrrp"}, spec.Permit(version=4, protocol=112)),
        ({"protocol": "ip"}, spec.Permit(version=4)),
        ({"protocol": "sctp"}, spec.Permit(version=4, protocol=132)),
        ({"remote_ip_prefix": "10.1.2.3/8"}, spec.Permit(version=4, sources=("10.0.0.0/8",))),
    ],
    ids=str,
)
def test_each_rule_is_told_in_numbers(cloud, values, permit):
    group = cloud.neutron(GROUP, name="group")
    cloud.neutron(RULE, security_group_id=group.id, direction=securitygroup.Direction.INGRESS, **values)
    cloud.neutron(RULE, security_group_id=group.id, direction=securitygroup.Direction.EGRESS, protocol="tcp")
    cloud.balancer(vip_sg_ids=[group.id])
    assert cloud.ingress() == (permit,)


def test_only_ports_of_load_balancers_are_filtered(cloud, web):
    host = cloud.host(web.id)
    with cloud.database.read() as held:
        told = cloud.networks.attachment(held, host.id)
    assert told is not None
    assert told.ingress is None
