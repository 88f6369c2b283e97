"""Nothing is left out: each route has a policy that is known, each choice a client can make is carried or refused.

Both are asked of the product as `wiring` builds it, so that a new route, choice or provider is covered by being there.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import house
from tests.providers import trees
from vipool import settings, wiring
from vipool.api import exchange, face, local
from vipool.api.identity import policy as identity_policy
from vipool.api.keymanager import policy as keymanager_policy
from vipool.cloud.identity.embedded import catalog
from vipool.core.policy import actions
from vipool.model import attr, caller, faults, healthmonitor, l7policy, l7rule, listener, pool, tree, types
from vipool.providers import base as providers
from vipool.providers.haproxy import capabilities, render
from vipool.providers.nftables import capabilities as datagrams
from vipool.providers.nftables import carried
from vipool.providers.nftables import render as packets

# What each service's rules know. The network's handlers decide by the object; reading and writing is all a route says.
POLICIES = {
    "/load-balancer": set(actions.ACTIONS),
    "/identity": set(identity_policy.RULES),
    "/key-manager": set(keymanager_policy.RULES),
    "/network": {"read", "write"},
}
# What anybody may ask without a token, because that is how one gets a token, or finds out where to ask for one.
OPEN = {
    "/",
    "/docs",
    "/healthcheck",
    "/openapi.json",
    "/vipool",
    "/vipool/v1",
    "/v2",
    "/v2.0",
    "/v3",
    "/v3/auth/tokens",
    "/v3/users/{user_id}/password",
}
NOBODY = caller.Caller(user_id="nobody", project_id="none", roles=frozenset())
PROVIDERS: dict[str, tuple[providers.Capabilities, Callable[[tree.Tree], str]]] = {
    "haproxy": (capabilities.Capabilities(), lambda wanted: render.render(wanted, render.Layout())),
    "nftables": (
        datagrams.Capabilities(carried.WHOLE),
        lambda wanted: packets.render(wanted, part=carried.WHOLE),
    ),
}


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> dict[str, face.Face]:
    state = tmp_path_factory.mktemp("state")
    (state / "admin-password").write_text("a password for this test\n")
    chosen = settings.Settings(state_dir=state, listen=settings.parse_address(settings.DEFAULT_LISTEN), sandboxed=True)
    services = wiring.build_server(chosen, local.News()).services.items()
    return {mount: each.face for mount, each in services if isinstance(each, face.Service)}


def routes(faces: dict[str, face.Face]) -> Iterator[tuple[str, exchange.Route]]:
    for mount, each in faces.items():
        for route in each.routes:
            yield mount, route


def called(mount: str, route: exchange.Route) -> str:
    return f"{route.method} {mount}{route.path} ({route.policy!r})"


def test_every_service_is_here(faces):
    assert set(faces) == set(POLICIES)


def test_every_route_has_a_policy_that_its_service_knows(faces):
    unknown = [
        called(mount, route) for mount, route in routes(faces) if route.token and route.policy not in POLICIES[mount]
    ]
    assert not unknown


def test_access_rules_can_name_every_service_by_its_type(faces):
    mounted = {"/" + own.path.split("/")[1]: own.type for own in catalog.SERVICES}
    assert {mount: each.service for mount, each in faces.items()} == {mount: mounted[mount] for mount in faces}


def test_few_routes_are_open_to_everybody(faces):
    opened = [called(mount, route) for mount, route in routes(faces) if not route.token and route.path not in OPEN]
    assert not opened


def test_who_has_no_role_is_let_in_nowhere_by_the_load_balancing_rules(faces):
    load_balancing = faces["/load-balancer"]
    for route in load_balancing.routes:
        if route.token:
            with pytest.raises(faults.Forbidden):
                load_balancing.allow(route.policy, NOBODY)


def choices() -> Iterator[tuple[type[tree.Child], str, enum.StrEnum]]:
    """Each value a client may choose for an attribute of a load balancer's parts, as an attribute and a value."""
    for noun in tree.FIELDS:
        for attribute in attr.attributes(noun):
            match attribute.kind:
                case types.Choice(options=options):
                    yield from ((noun, attribute.name, option) for option in options)
                case types.Entry(keys={"type": types.Choice(options=options)}):
                    yield from ((noun, attribute.name, option) for option in options)
                case _:
                    pass


def base(around: str) -> tree.Tree:
    """A small tree of listener, pool, member and monitor, all for one protocol."""
    pool_id = trees.identifier(3, 0)
    common = {"pool_id": pool_id}
    return trees.load(
        {
            "listeners": [
                {"id": trees.identifier(2, 0), "protocol": around, "protocol_port": 80, "default_pool_id": pool_id}
            ],
            "pools": [{"id": pool_id, "protocol": around, "lb_algorithm": "ROUND_ROBIN"}],
            "members": [{"id": trees.identifier(4, 0), **common, "address": "172.16.100.9", "protocol_port": 80}],
            "healthmonitors": [
                {"id": trees.identifier(5, 0), **common, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1}
            ],
            "l7policies": [
                {
                    "id": trees.identifier(6, 0),
                    "listener_id": trees.identifier(2, 0),
                    "action": "REJECT",
                    "redirect_pool_id": pool_id,
                    "redirect_url": "http://www.example.org/",
                    "redirect_prefix": "http://www.example.org",
                }
            ]
            if around == "HTTP"
            else [],
            "l7rules": [
                {
                    "id": trees.identifier(7, 0),
                    "l7policy_id": trees.identifier(6, 0),
                    "type": "HEADER",
                    "compare_type": "EQUAL_TO",
                    "key": "CN",
                    "value": "1",
                }
            ],
        }
    )


def bases(able: providers.Capabilities, noun: type[tree.Child], name: str, option: enum.StrEnum) -> Iterator[tree.Tree]:
    """Small trees with the choice in them, one for each protocol that the provider carries."""
    for around in map(base, ("HTTP", "TCP", "UDP", "SCTP")):
        if able.refuse(around) is None:
            value = {"type": option, "cookie_name": "x"} if name == "session_persistence" else option
            for row in around.children(noun)[:1]:
                yield around.replacing(dataclasses.replace(row, **{name: value}))


def test_choices_are_found():
    found = {type(option) for _, _, option in choices()}
    assert {listener.Protocol, pool.Protocol, pool.Algorithm, pool.Persistence, healthmonitor.Type} <= found
    assert {l7policy.Action, l7rule.Type, l7rule.Compare} <= found


def test_every_provider_is_asked():
    packages = {path.parent.name for path in Path(house.ROOT / "vipool/providers").glob("*/capabilities.py")}
    assert packages == set(PROVIDERS)


def test_the_usual_provider_carries_every_protocol_that_one_of_its_halves_carries():
    usual = wiring.providers()["amphora"]
    for around in ("HTTP", "TCP", "UDP", "SCTP"):
        assert usual.refuse(base(around)) is None


def test_the_provider_of_the_kernel_carries_what_needs_no_looking_into():
    kernel = wiring.providers()["nftables"]
    for around in ("TCP", "UDP", "SCTP"):
        assert kernel.refuse(base(around)) is None
    assert kernel.refuse(base("HTTP")) is not None
    assert wiring.engines().keys() == wiring.providers().keys()


@pytest.mark.parametrize(
    ("noun", "name", "option"), list(choices()), ids=lambda each: getattr(each, "value", str(each))
)
@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_every_choice_is_carried_or_refused_by_name(provider, noun, name, option):
    able, rendered = PROVIDERS[provider]
    reasons = []
    for wanted in bases(able, noun, name, option):
        reason = able.refuse(wanted)
        if reason is None:
            assert wanted.members[0].address in rendered(wanted)
            return
        reasons.append(reason)
    assert all(name in reason or option in reason for reason in reasons), reasons
