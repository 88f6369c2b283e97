"""No body is an internal error, and what is accepted is shown, listed and changed as it was said."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import balancing
from tests.service import world
from vipool.model import attr, healthmonitor, listener, loadbalancer, member, pool, types
from vipool.providers.haproxy import capabilities

NOUNS: tuple[type[attr.Resource], ...] = (
    loadbalancer.LoadBalancer,
    listener.Listener,
    pool.Pool,
    member.Member,
    healthmonitor.HealthMonitor,
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
GARBAGE = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
ADDRESS = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))


def fitting(kind: types.Kind) -> st.SearchStrategy[Any]:
    """Values of a kind, most of them good."""
    match kind:
        case types.String(pattern=None, most=most, least=least):
            letters = st.characters(codec="utf-8", exclude_characters="\x00")
            return st.text(letters, min_size=least, max_size=min(most, 30))
        case types.String(pattern=str() as pattern):
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) < 200)
        case types.Integer(least=least, most=most):
            return st.integers(least, most)
        case types.Number(allowed=allowed):
            return st.sampled_from(allowed)
        case types.Boolean():
            return st.sampled_from([True, False, "yes", "off", 0, 1])
        case types.Choice(options=options):
            return st.sampled_from([option.value for option in options])
        case types.Uuid():
            return st.uuids().map(str)
        case types.IpAddress():
            return ADDRESS
        case types.Cidr():
            return st.ip_addresses(v=4).map(lambda address: f"{address}/24")
        case types.ListOf(item=item):
            return st.lists(fitting(item), max_size=3)
        case types.MapOf(item=item):
            return st.dictionaries(st.sampled_from(["X-Forwarded-For", "X-Nope"]), fitting(item), max_size=2)
        case types.Entry(keys=keys):
            return st.fixed_dictionaries({}, optional={name: fitting(each) for name, each in keys.items()})
        case _:
            return GARBAGE


def bodies(cls: type[attr.Resource], *, update: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies with some of the attributes a request may have, some of their values garbage, some keys unknown."""
    known = {
        each.wire: st.one_of(fitting(each.kind), fitting(each.kind), st.none(), GARBAGE)
        for each in attr.attributes(cls)
        if (each.attr.update if update else each.attr.create)
    }
    more = st.dictionaries(TEXT, GARBAGE, max_size=1)
    return st.tuples(st.fixed_dictionaries({}, optional=known), more).map(lambda pair: {**pair[1], **pair[0]})


@pytest.fixture(scope="module")
def shared() -> Iterator[dict[str, Any]]:
    """One cloud for all the examples, with a tree to refer to; what HAProxy cannot do is refused as in real life."""
    with tempfile.TemporaryDirectory() as directory:
        cloud = balancing.Cloud(Path(directory), {"amphora": capabilities.Capabilities()})
        cloud.add_subnet(world.NETWORK, world.SMALL, "10.0.0.0/16", first=2, last=250)
        root = cloud.balancer()["id"]
        back = cloud.pool(root)["id"]
        yield {"cloud": cloud, "root": root, "back": back, "front": cloud.listener(root)["id"]}
        cloud.database.close()


def skeleton(cls: type[attr.Resource], shared: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where objects of a noun are made, and the least that makes one."""
    cloud, root, back = shared["cloud"], shared["root"], shared["back"]
    if cls is loadbalancer.LoadBalancer:
        return "/loadbalancers", {"vip_subnet_id": world.SMALL}
    if cls is listener.Listener:
        return "/listeners", {**balancing.LISTENER, "protocol_port": 1000, "loadbalancer_id": root}
    if cls is pool.Pool:
        return "/pools", {**balancing.POOL, "loadbalancer_id": root}
    if cls is member.Member:
        return f"/pools/{back}/members", dict(balancing.MEMBER)
    return "/healthmonitors", {**balancing.MONITOR, "pool_id": cloud.pool(root)["id"]}


EXAMPLES = settings(max_examples=settings().max_examples // 2, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("cls", NOUNS, ids=lambda cls: cls.NOUN.wrapper)
@EXAMPLES
@given(data=st.data())
def test_no_body_is_an_internal_error_and_what_is_accepted_is_kept(shared, cls, data):
    cloud, noun = shared["cloud"], cls.NOUN
    path, least = skeleton(cls, shared)
    sent = {**least, **data.draw(bodies(cls, update=False))}
    reply = cloud.call("POST", path, {noun.wrapper: sent})
    assert reply.status_code in {201, 400, 403, 404, 409, 501}, reply.text
    if reply.status_code != 201:
        return
    made = reply.json()[noun.wrapper]
    where = f"{path}/{made['id']}"
    try:
        check_shown(cloud, path, made, noun)
        change = cloud.call("PUT", where, {noun.wrapper: data.draw(bodies(cls, update=True))})
        assert change.status_code in {200, 400, 404, 409, 501}, change.text
        if change.status_code == 200:
            check_shown(cloud, path, change.json()[noun.wrapper], noun)
    finally:
        cloud.call("DELETE", where)
        cloud.settle()
    assert cloud.call("GET", where).status_code == 404


def check_shown(cloud: Any, path: str, made: dict[str, Any], noun: attr.Noun) -> None:
    """An object is shown and listed as a write answered it, and saying what it shows changes nothing."""
    shown = cloud.get(f"{path}/{made['id']}")[noun.wrapper]
    assert shown == made
    assert cloud.get(f"{path}?id={made['id']}")[noun.collection] == [shown]
    cls = next(each for each in NOUNS if each.NOUN is noun)
    again = {each.wire: shown[each.wire] for each in attr.attributes(cls) if each.attr.update and each.wire in shown}
    # A check without HTTP may not even name what only HTTP has.
    again = {name: value for name, value in again.items() if value is not None}
    same = cloud.call("PUT", f"{path}/{made['id']}", {noun.wrapper: again})
    assert same.status_code == 200, same.text
    volatile = {"updated_at", "provisioning_status", "operating_status"}
    kept = {name: value for name, value in same.json()[noun.wrapper].items() if name not in volatile}
    assert kept == {name: value for name, value in shown.items() if name not in volatile}
    made.update(same.json()[noun.wrapper])


@EXAMPLES
@given(garbage=GARBAGE, wrapper=st.sampled_from(["loadbalancer", "listener", "members", "x"]))
def test_no_document_is_an_internal_error(shared, garbage, wrapper):
    cloud = shared["cloud"]
    for body in (garbage, {wrapper: garbage}, {wrapper: {"listeners": garbage, "pools": garbage}}):
        for method, path in (("POST", "/loadbalancers"), ("PUT", f"/pools/{shared['back']}/members")):
            reply = cloud.call(method, path, body)
            assert reply.status_code in {202, 400, 409}, reply.text


ARGUMENTS = st.sampled_from(
    ["limit", "marker", "sort", "sort_key", "sort_dir", "fields", "tags", "name", "id", "created_at", "admin_state_up"]
)


@EXAMPLES
@given(key=TEXT | ARGUMENTS, value=TEXT)
def test_no_query_is_an_internal_error(shared, key, value):
    for path in ("/listeners", "/pools", "/loadbalancers"):
        assert shared["cloud"].call("GET", path, params={key: value}).status_code in {200, 400}
