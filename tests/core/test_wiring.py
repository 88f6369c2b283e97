"""A plan converges from any state, survives a crash at any action, and is then empty; shown on a pure machine."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipool.core import wiring as core
from vipool.model import wiring

NAME = "qlbaas-1"
MACS = ("fa:16:3e:00:00:01", "FA:16:3E:00:00:02")
ADDRESSES = ("10.0.0.1/24", "10.0.0.2/24", "10.9.0.1/16", "FD00::1/64", "fd00:0::2/64", "2001:db8::1/128")
BY_THE_KERNEL = ("fe80::1/64", "fe80::2/64")
DESTINATIONS = ("0.0.0.0/0", "::/0", "192.0.2.0/24", "2001:db8:1::/48")
GATEWAYS = {"4": ("10.0.0.254", "10.0.0.253"), "6": ("fd00::fe", "FD00::FD")}
RULES = ("", "table inet vipool_a {\n}\n", "table inet vipool_b {\n}\n")


def devices(name, *, addresses, observed):
    kernel = st.sets(st.sampled_from(BY_THE_KERNEL)) if observed else st.just(set())
    return st.builds(
        lambda own, extra, **rest: wiring.Device(name=name, addresses=(*sorted(own), *sorted(extra)), **rest),
        addresses,
        kernel,
        mac=st.sampled_from(MACS),
        mtu=st.sampled_from((1400, 1500)),
        tap=st.sampled_from((f"tap-{name}", "")) if observed else st.just(f"tap-{name}"),
        bridge=st.sampled_from(("brq-a", "brq-b", None)) if observed else st.sampled_from(("brq-a", "brq-b")),
        floating=st.just(()) if observed else st.sampled_from(((), ("10.0.0.2/24",))),
        up=st.booleans() if observed else st.just(True),
    )


@st.composite
def routes(draw, names, *, observed, named=False):
    found = []
    destinations = st.lists(st.sampled_from(DESTINATIONS), max_size=4, unique=not observed)
    for destination in draw(destinations):
        gateway = draw(st.sampled_from((*GATEWAYS["6" if ":" in destination else "4"], None)))
        device = draw(st.sampled_from(names)) if names and (named or not gateway or draw(st.booleans())) else None
        if device or (gateway and not named):
            foreign = observed and draw(st.booleans())
            found.append(wiring.Route(destination=destination, nexthop=gateway, device=device, foreign=foreign))
    return tuple(dict.fromkeys(found))


@st.composite
def states(draw, *, observed, foreign=False):
    names = draw(st.lists(st.sampled_from(("eth0", "eth1", "eth2")), unique=True))
    addresses = st.sets(st.sampled_from(ADDRESSES))
    ruleset = "" if foreign else draw(st.sampled_from(RULES))
    return wiring.Namespace(
        name=NAME,
        path="/proc/1/ns/net" if foreign else None,
        devices=tuple(draw(devices(name, addresses=addresses, observed=observed)) for name in names),
        routes=draw(routes(names, observed=observed, named=observed or foreign)),
        ruleset="" if observed else ruleset,
        fingerprint=wiring.fingerprint(ruleset) if observed else "",
        forwarding=not foreign and draw(st.booleans()),
        foreign=foreign,
    )


class Machine:
    """What a kernel does with actions, as far as plans can tell."""

    def __init__(self, state: wiring.Namespace | None) -> None:
        self.state = wiring.canonical(state) if state else None

    def perform(self, action: wiring.Action) -> None:
        match action:
            case wiring.CreateNamespace():
                self.state = self.state or wiring.Namespace(name=action.name)
            case wiring.DeleteNamespace():
                self.state = None
            case wiring.EnsureBridge() | wiring.DeleteBridge():
                pytest.fail(f"{action} is no action on a namespace")
            case _:
                assert self.state is not None, f"{action} without a namespace"
                assert action.namespace == self.state.reference
                self.state = changed(self.state, action)


def changed(state: wiring.Namespace, action: wiring.Action) -> wiring.Namespace:
    match action:
        case wiring.PlugDevice():
            assert all(device.name != action.device.name for device in state.devices), "the name is taken"
            return replace(state, devices=(*state.devices, replace(action.device, floating=())))
        case wiring.UnplugDevice():
            return replace(
                state,
                devices=tuple(device for device in state.devices if device.name != action.device),
                routes=tuple(route for route in state.routes if route.device != action.device),
            )
        case wiring.SetLink() | wiring.AddAddress() | wiring.RemoveAddress():
            assert action.device in {device.name for device in state.devices}, f"no device for {action}"
            return replace(
                state,
                devices=tuple(
                    device_changed(device, action) if device.name == action.device else device
                    for device in state.devices
                ),
            )
        case wiring.AddRoute():
            device = action.route.device or next((device.name for device in state.devices), None)
            return replace(state, routes=with_route(state.routes, replace(action.route, device=device)))
        case wiring.RemoveRoute():
            return replace(state, routes=tuple(route for route in state.routes if route != action.route))
        case wiring.LoadRuleset():
            return replace(state, fingerprint=wiring.fingerprint(action.text))
        case wiring.SetForwarding():
            return replace(state, forwarding=action.on)
        case _:
            raise AssertionError(action)


def device_changed(
    device: wiring.Device, action: wiring.SetLink | wiring.AddAddress | wiring.RemoveAddress
) -> wiring.Device:
    match action:
        case wiring.SetLink():
            assert action.tap == device.tap
            return replace(
                device,
                mac=action.mac or device.mac,
                mtu=action.mtu or device.mtu,
                bridge=action.bridge or device.bridge,
                up=action.up or device.up,
            )
        case wiring.AddAddress():
            return replace(device, addresses=tuple(sorted({*device.addresses, action.address})))
        case wiring.RemoveAddress():
            return replace(device, addresses=tuple(a for a in device.addresses if a != action.address))
        case _:
            assert_never(action)


def with_route(present: tuple[wiring.Route, ...], route: wiring.Route) -> tuple[wiring.Route, ...]:
    """The kernel's replace: the first route of ours to the same destination gives way, further ones stay."""
    ours = (other for other in present if other.destination == route.destination and not other.foreign)
    first = next(ours, None)
    return tuple(dict.fromkeys((*(other for other in present if other != first), route)))


def is_as_wanted(state: wiring.Namespace | None, desired: wiring.Namespace | None) -> bool:
    """Whether a person would say that this is what was asked for: written without `plan`."""
    if desired is None or state is None:
        return state is desired
    wanted = wiring.canonical(desired)
    found = {device.name: device for device in state.devices}
    if set(found) != {device.name for device in wanted.devices}:
        return False
    for device in wanted.devices:
        have = found[device.name]
        # Addresses in `floating` may be there or not, in both states.
        same = replace(have, addresses=device.addresses, floating=device.floating) == device
        missing = set(device.addresses) - set(have.addresses)
        extra = set(have.addresses) - set(device.addresses) - set(device.floating) - set(BY_THE_KERNEL)
        if not same or missing or extra:
            return False
    ways = {(route.destination, route.nexthop) for route in state.routes}
    return (
        len(ways) == len(wanted.routes)
        and ways == {(route.destination, route.nexthop) for route in wanted.routes}
        and (state.fingerprint, state.forwarding) == (wanted.fingerprint, wanted.forwarding)
    )


@given(desired=st.none() | states(observed=False), observed=st.none() | states(observed=True))
def test_a_plan_leads_to_what_is_desired_and_is_then_empty(desired, observed):
    machine = Machine(observed)
    for action in core.plan(desired, machine.state):
        machine.perform(action)
    assert is_as_wanted(machine.state, desired), machine.state
    assert core.plan(desired, machine.state) == ()


@given(
    desired=st.none() | states(observed=False),
    observed=st.none() | states(observed=True),
    crashes=st.lists(st.integers(0, 8)),
)
def test_a_crash_at_any_action_does_not_change_the_end(desired, observed, crashes):
    machine = Machine(observed)
    for crash in crashes:
        for action in core.plan(desired, machine.state)[:crash]:
            machine.perform(action)
    for action in core.plan(desired, machine.state):
        machine.perform(action)
    assert is_as_wanted(machine.state, desired), machine.state
    assert core.plan(desired, machine.state) == ()


@given(desired=states(observed=False), observed=st.none() | states(observed=True))
def test_an_action_that_changes_in_place_may_be_repeated(desired, observed):
    machine = Machine(observed)
    for action in core.plan(desired, machine.state):
        machine.perform(action)
        if not isinstance(action, wiring.PlugDevice):
            machine.perform(action)
    assert core.plan(desired, machine.state) == ()


@given(desired=st.none() | states(observed=False, foreign=True), observed=states(observed=True, foreign=True))
def test_a_foreign_namespace_is_never_made_deleted_filtered_or_made_a_router(desired, observed):
    machine = Machine(observed)
    for action in core.plan(desired, machine.state):
        assert not isinstance(
            action,
            wiring.CreateNamespace | wiring.DeleteNamespace | wiring.LoadRuleset | wiring.SetForwarding,
        )
        machine.perform(action)
    assert machine.state is not None
    wanted = desired or replace(observed, devices=(), routes=())
    names = {device.name for device in machine.state.devices}
    assert names == {device.name for device in wanted.devices}
    assert core.plan(desired, machine.state) == ()


@given(desired=states(observed=False), observed=states(observed=True))
def test_link_local_and_floating_addresses_are_left_alone(desired, observed):
    floating = {address for device in wiring.canonical(desired).devices for address in device.floating}
    for action in core.plan(desired, observed):
        if isinstance(action, wiring.RemoveAddress):
            assert action.address not in BY_THE_KERNEL
            device = next(d for d in desired.devices if d.name == action.device)
            assert action.address not in device.floating or not floating


DEVICE = wiring.Device(name="eth0", mac=MACS[0], mtu=1500, tap="tap0", bridge="brq", addresses=("10.0.0.1/24",))


def test_packet_rules_come_before_devices_and_forwarding_comes_last():
    desired = wiring.Namespace(name=NAME, devices=(DEVICE,), ruleset=RULES[1], forwarding=True)
    assert [type(action) for action in core.plan(desired, None)] == [
        wiring.CreateNamespace,
        wiring.LoadRuleset,
        wiring.PlugDevice,
        wiring.SetForwarding,
    ]


def test_forwarding_ends_before_packet_rules_go():
    observed = wiring.Namespace(name=NAME, fingerprint=wiring.fingerprint(RULES[1]), forwarding=True)
    assert [type(action) for action in core.plan(wiring.Namespace(name=NAME), observed)] == [
        wiring.SetForwarding,
        wiring.LoadRuleset,
    ]


def test_a_new_address_is_there_before_the_old_one_goes():
    observed = wiring.Namespace(name=NAME, devices=(DEVICE,))
    desired = wiring.Namespace(name=NAME, devices=(replace(DEVICE, addresses=("10.0.0.2/24",)),))
    assert core.plan(desired, observed) == (
        wiring.AddAddress(namespace=NAME, device="eth0", address="10.0.0.2/24"),
        wiring.RemoveAddress(namespace=NAME, device="eth0", address="10.0.0.1/24"),
    )


def test_a_changed_nexthop_is_replaced_and_not_taken_away_first():
    old = wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.254", device="eth0")
    new = wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.253")
    observed = wiring.Namespace(name=NAME, devices=(DEVICE,), routes=(old,))
    desired = wiring.Namespace(name=NAME, devices=(DEVICE,), routes=(new,))
    assert core.plan(desired, observed) == (wiring.AddRoute(namespace=NAME, route=new),)


def test_of_two_stale_routes_one_is_replaced_and_one_removed():
    stale = tuple(
        wiring.Route(destination="0.0.0.0/0", nexthop=nexthop, device="eth0") for nexthop in ("10.0.0.7", "10.0.0.8")
    )
    new = wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.254")
    observed = wiring.Namespace(name=NAME, devices=(DEVICE,), routes=stale)
    assert core.plan(wiring.Namespace(name=NAME, devices=(DEVICE,), routes=(new,)), observed) == (
        wiring.RemoveRoute(namespace=NAME, route=stale[1]),
        wiring.AddRoute(namespace=NAME, route=new),
    )


def test_a_route_of_somebody_else_is_removed_as_ours_does_not_replace_it():
    theirs = wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.7", device="eth0", foreign=True)
    new = wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.254")
    observed = wiring.Namespace(name=NAME, devices=(DEVICE,), routes=(theirs,))
    assert core.plan(wiring.Namespace(name=NAME, devices=(DEVICE,), routes=(new,)), observed) == (
        wiring.RemoveRoute(namespace=NAME, route=theirs),
        wiring.AddRoute(namespace=NAME, route=new),
    )


def test_a_direct_route_comes_before_the_one_that_needs_it():
    direct = wiring.Route(destination="192.0.2.1/32", device="eth0")
    through = wiring.Route(destination="0.0.0.0/0", nexthop="192.0.2.1")
    desired = wiring.Namespace(name=NAME, devices=(DEVICE,), routes=(through, direct))
    added = [action.route for action in core.plan(desired, None) if isinstance(action, wiring.AddRoute)]
    assert added == [direct, through]


def test_spelling_makes_no_difference():
    device = replace(DEVICE, mac=DEVICE.mac.upper(), addresses=("FD00:0::1/64", "10.0.0.1/24"))
    observed = wiring.Namespace(name=NAME, devices=(replace(DEVICE, addresses=("10.0.0.1/24", "fd00::1/64")),))
    assert core.plan(wiring.Namespace(name=NAME, devices=(device,)), observed) == ()


def test_a_route_of_a_foreign_namespace_names_its_device():
    route = wiring.Route(destination="0.0.0.0/0", nexthop="10.0.0.254")
    with pytest.raises(ValueError, match="a route of the foreign namespace container names no device"):
        core.plan(wiring.Namespace(name="container", foreign=True, devices=(DEVICE,), routes=(route,)), None)


def test_routes_through_others_devices_of_a_foreign_namespace_are_left_alone():
    theirs = wiring.Route(destination="192.0.2.0/24", nexthop="10.9.9.9", device="own0")
    unclear = wiring.Route(destination="198.51.100.0/24")
    observed = wiring.Namespace(name="container", foreign=True, devices=(DEVICE,), routes=(theirs, unclear))
    assert core.plan(replace(observed, routes=()), observed) == ()


def test_a_malformed_address_is_refused():
    broken = replace(DEVICE, addresses=("10.0.0.300/24",))
    with pytest.raises(ValueError, match=r"10\.0\.0\.300"):
        core.plan(wiring.Namespace(name=NAME, devices=(broken,)), None)


BRIDGE = wiring.Bridge(name="brq-a", mtu=1450)


@pytest.mark.parametrize(
    "observed",
    [
        (),
        (replace(BRIDGE, mtu=1500),),
        (replace(BRIDGE, alias="", foreign=True),),
    ],
    ids=["absent", "another MTU", "not marked as ours"],
)
def test_a_bridge_that_is_not_as_desired_is_ensured(observed):
    assert core.plan_bridges((BRIDGE,), observed) == (wiring.EnsureBridge(bridge=BRIDGE),)


def test_a_bridge_as_desired_is_left_alone_whatever_else_hangs_on_it():
    assert core.plan_bridges((BRIDGE,), (replace(BRIDGE, ports=("vnet0",)),)) == ()


def test_a_missing_uplink_is_connected():
    desired = replace(BRIDGE, uplink="eth1")
    assert core.plan_bridges((desired,), (BRIDGE,)) == (wiring.EnsureBridge(bridge=desired),)
    assert core.plan_bridges((desired,), (replace(BRIDGE, ports=("eth1", "vnet0")),)) == ()


def test_only_bridges_of_ours_are_deleted():
    theirs = wiring.Bridge(name="docker0", alias="", foreign=True)
    assert core.plan_bridges((), (BRIDGE, theirs)) == (wiring.DeleteBridge(name="brq-a"),)


def test_an_operators_bridge_is_required_and_never_changed():
    physical = wiring.Bridge(name="br-ex", mtu=9000, foreign=True)
    assert core.plan_bridges((physical,), ()) == (wiring.EnsureBridge(bridge=physical),)
    assert core.plan_bridges((physical,), (wiring.Bridge(name="br-ex", alias="", foreign=True),)) == ()
