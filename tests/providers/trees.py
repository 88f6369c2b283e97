"""Trees for the tests of providers: read from short JSON, or drawn by Hypothesis within what clients may send."""

import dataclasses
import string
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from vipool.model import attr, healthmonitor, listener, loadbalancer, member, pool, tree

LOADBALANCER = "10000000-0000-4000-8000-000000000001"
HEADERS = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-IP", "X-Client-IP", "X-Forwarded-IP")
PATH = string.ascii_letters + string.digits + "-._~%!$&'()*+,;=:@/?#[]"


def load(body: Mapping[str, Any]) -> tree.Tree:
    """The tree in a short form: only what differs from the defaults, and a load balancer's id where none is given."""
    top = {"id": LOADBALANCER, "project_id": "p", "vip_address": "172.16.100.11", **body.get("loadbalancer", {})}

    def rows(cls: type[Any]) -> tuple[Any, ...]:
        common = {"project_id": "p", "loadbalancer_id": top["id"]}
        return tuple(attr.load(cls, {**common, **each}) for each in body.get(tree.FIELDS[cls], ()))

    whole = tree.Tree(loadbalancer=attr.load(loadbalancer.LoadBalancer, top))
    return whole.having({field: rows(cls) for cls, field in tree.FIELDS.items()})


def identifier(kind: int, number: int) -> str:
    """A UUID that says what it is of: 2 listener, 3 pool, 4 member, 5 monitor, 6 policy, 7 rule, 8 subnet."""
    return f"{kind}0000000-0000-4000-8000-{number:012d}"


subnets = st.sampled_from((None, *(identifier(8, each) for each in range(3))))
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
free_text = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=40)
codes = st.one_of(
    st.lists(st.integers(100, 599), min_size=1, max_size=4).map(lambda found: " , ".join(map(str, found))),
    st.tuples(st.integers(100, 599), st.integers(100, 599)).map(lambda pair: f"{pair[0]}-{pair[1]}"),
    st.just("٢٠٠"),  # digits to Python's \d, and so to the declared pattern
)
milliseconds = st.one_of(st.just(0), st.integers(1, 2_073_600_000))


def common(kind: int, number: int) -> dict[str, st.SearchStrategy[Any]]:
    """What every row has, hostile names included."""
    return {
        "id": st.just(identifier(kind, number)),
        "project_id": st.just("p"),
        "loadbalancer_id": st.just(LOADBALANCER),
        "name": free_text,
        "tags": st.lists(free_text, max_size=2).map(tuple),
        "admin_state_up": st.sampled_from((True, True, True, False)),
    }


def listeners(number: int, pools: int) -> st.SearchStrategy[listener.Listener]:
    """One listener on a port of its own, answered by one of the pools or by none."""
    choices = [None, *(identifier(3, each) for each in range(pools))]
    return st.builds(
        listener.Listener,
        **common(2, number),
        description=free_text,
        protocol=st.sampled_from(list(listener.Protocol)[:3]),
        protocol_port=st.just(1000 + number),
        connection_limit=st.one_of(st.just(-1), st.integers(0, 2**40)),
        default_pool_id=st.sampled_from(choices),
        insert_headers=st.none() | st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(("true", "TRUE", "no"))),
        allowed_cidrs=st.none() | st.lists(st.ip_addresses().map(str), max_size=3).map(tuple),
        timeout_client_data=milliseconds,
        timeout_member_connect=milliseconds,
        timeout_member_data=milliseconds,
        timeout_tcp_inspect=milliseconds,
    )


def pools(number: int) -> st.SearchStrategy[pool.Pool]:
    """One pool."""
    return st.builds(
        pool.Pool,
        **common(3, number),
        description=free_text,
        protocol=st.sampled_from(list(pool.Protocol)[:5]),
        lb_algorithm=st.sampled_from(list(pool.Algorithm)[:3]),
        session_persistence=st.none() | st.just({"type": "SOURCE_IP", "cookie_name": None}),
    )


def members(number: int, pools: int) -> st.SearchStrategy[member.Member]:
    """One member of one of the pools."""
    return st.builds(
        member.Member,
        **common(4, number),
        pool_id=st.integers(0, pools - 1).map(lambda each: identifier(3, each)),
        address=addresses,
        subnet_id=subnets,
        protocol_port=st.integers(1, 65535),
        weight=st.integers(0, 256),
        backup=st.booleans(),
        monitor_address=st.none() | addresses,
        monitor_port=st.none() | st.integers(1, 65535),
    )


def monitors(number: int) -> st.SearchStrategy[healthmonitor.HealthMonitor]:
    """The monitor of one pool, with the strings that reach a configuration file."""
    return st.builds(
        healthmonitor.HealthMonitor,
        **common(5, number),
        pool_id=st.just(identifier(3, number)),
        type=st.sampled_from(list(healthmonitor.Type)[:5]),
        delay=st.integers(0, 2_200_000),
        timeout=st.integers(0, 2_200_000),
        max_retries=st.integers(1, 10),
        max_retries_down=st.integers(1, 10),
        http_method=st.none() | st.sampled_from(healthmonitor.Method),
        url_path=st.none() | st.text(PATH, max_size=60).map(lambda path: "/" + path),
        expected_codes=st.none() | codes,
        http_version=st.sampled_from((None, 1.0, 1.1)),
        domain_name=st.none() | st.from_regex(healthmonitor.DOMAIN, fullmatch=True),
    )


def further_vips() -> st.SearchStrategy[tuple[dict[str, str | None], ...]]:
    """Additional VIPs of either family, each in a subnet of its own."""
    entry = st.fixed_dictionaries({"subnet_id": subnets, "ip_address": addresses, "port_id": st.none()})
    return st.lists(entry, max_size=2, unique_by=lambda each: each["ip_address"]).map(tuple)


@st.composite
def trees(draw: st.DrawFn) -> tree.Tree:
    """A tree as clients can make it: any of it may be refused by a provider."""
    pool_count = draw(st.integers(0, 3))
    return tree.Tree(
        loadbalancer=loadbalancer.LoadBalancer(
            id=LOADBALANCER,
            project_id="p",
            name=draw(free_text),
            vip_address=draw(addresses),
            vip_subnet_id=draw(subnets),
            additional_vips=draw(further_vips()),
        ),
        listeners=tuple(draw(listeners(each, pool_count)) for each in range(draw(st.integers(0, 3)))),
        pools=tuple(draw(pools(each)) for each in range(pool_count)),
        members=tuple(draw(members(each, pool_count)) for each in range(draw(st.integers(0, 4)) if pool_count else 0)),
        healthmonitors=tuple(draw(monitors(each)) for each in range(pool_count) if draw(st.booleans())),
    )


masks = st.sampled_from(("255.255.255.0", "255.0.0.0", "ffff:ffff::", "255.255.255.255", "255.0.255.0"))
kept = st.fixed_dictionaries(
    {
        "type": st.just("SOURCE_IP"),
        "cookie_name": st.none(),
        "persistence_timeout": st.none() | st.integers(1, 2**22),
        "persistence_granularity": st.none() | masks,
    }
)


def as_datagrams(draw: st.DrawFn, whole: tree.Tree) -> tree.Tree:
    """The tree with its listeners, pools and monitors made such as datagrams have."""
    speech = {each.id: draw(st.sampled_from(("UDP", "SCTP"))) for each in whole.pools}
    backs = [
        dataclasses.replace(
            each,
            protocol=pool.Protocol(speech[each.id]),
            lb_algorithm=draw(st.sampled_from(pool.Algorithm)),
            session_persistence=draw(st.none() | kept),
        )
        for each in whole.pools
    ]
    fronts = [
        dataclasses.replace(
            each,
            protocol=listener.Protocol(speech.get(each.default_pool_id or "", "UDP")),
            insert_headers=None,
            connection_limit=draw(st.sampled_from((-1, 0, 1, 10**6))),
        )
        for each in whole.listeners
    ]
    kinds = (healthmonitor.Type.UDP_CONNECT, healthmonitor.Type.SCTP, healthmonitor.Type.TCP, healthmonitor.Type.HTTP)
    monitors = [
        dataclasses.replace(
            each,
            type=draw(st.sampled_from(kinds)),
            delay=draw(st.integers(1, 100_000)),
            timeout=draw(st.integers(1, 100)),
            domain_name=None,
        )
        for each in whole.healthmonitors
    ]
    return whole.replacing(*fronts, *backs, *monitors)


@st.composite
def datagrams(draw: st.DrawFn) -> tree.Tree:
    """A tree of UDP and SCTP listeners as clients can make it: any of it may be refused by a provider."""
    return as_datagrams(draw, draw(trees()))
