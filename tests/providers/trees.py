"""Trees for the tests of providers: read from short JSON, or drawn by Hypothesis within what clients may send."""

import dataclasses
import functools
import string
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.core import drawn_expressions
from tests.providers import certificates
from vipool.core.rules import check, pairs, policies
from vipool.model import (
    attr,
    deployment,
    faults,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    tree,
    types,
)
from vipool.providers import base, refusals
from vipool.providers.haproxy import capabilities, pem, render, served
from vipool.providers.nftables import capabilities as datagram_capabilities

LOADBALANCER = "10000000-0000-4000-8000-000000000001"
# What references of drawn and golden trees stand for.
CERTIFICATES, AUTHORITIES, REVOCATIONS = ("first", "second", "http://keys/3?a=b c"), ("authority",), ("revoked",)
HEADERS = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-IP", "X-Client-IP", "X-Forwarded-IP")
FROM_CERTIFICATE = (
    "X-SSL-Client-Verify", "X-SSL-Client-Has-Cert", "X-SSL-Client-DN", "X-SSL-Client-CN", "X-SSL-Issuer",
    "X-SSL-Client-SHA1", "X-SSL-Client-Not-Before", "X-SSL-Client-Not-After",
)  # fmt: skip
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


def accepted(wanted: tree.Tree) -> bool:
    """Whether a client can have the tree: every row keeps the rules, and HAProxy can carry the whole."""
    try:
        for row in wanted.rows():
            if not isinstance(row, loadbalancer.LoadBalancer):
                check.check(wanted, row, deployment.USUAL)
    except faults.Refusal:
        return False
    return capabilities.Capabilities().refuse(wanted) is None


def fitting(front: listener.Protocol, pools: Sequence[pool.Pool]) -> list[str]:
    """The pools that may stand behind a listener."""
    return [each.id for each in pools if each.protocol in pairs.PAIRS[front]]


@functools.cache
def materials() -> dict[str, str]:
    """A text for each reference, made once."""
    authority = certificates.Authority()
    issued = {each: authority.issue(f"www{at}.example.org") for at, each in enumerate(CERTIFICATES)}
    texts = {each: made.pem for each, made in issued.items()}
    return {**texts, "authority": authority.pem, "revoked": authority.revocations(issued["second"])}


def rendered(
    wanted: tree.Tree, layout: render.Layout, ports: base.Ports | None = None
) -> tuple[str, tuple[pem.File, ...]]:
    """The text of a tree all of whose references can be had, and the files beside it."""
    files = pem.files(wanted, materials())
    return render.render(wanted, layout, files, ports), files


cipher_lists = st.one_of(
    st.none(),
    st.sampled_from((deployment.CIPHERS, "TLS_AES_128_GCM_SHA256", "ECDHE+AESGCM:!aNULL:@SECLEVEL=1", "HIGH:-AES+SHA")),
    st.lists(st.sampled_from((*deployment.CIPHERS.split(":"), "!RC4", "AES128-SHA", "NOTHING")), max_size=5).map(
        ":".join
    ),
)
version_lists = st.none() | st.lists(st.sampled_from(deployment.TLS_VERSIONS), min_size=1, max_size=4).map(tuple)
protocol_lists = st.none() | st.lists(st.sampled_from(types.ALPN), min_size=1, max_size=3).map(tuple)


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """The terms of TLS."""
    return {
        "tls_ciphers": draw(cipher_lists), "tls_versions": draw(version_lists), "alpn_protocols": draw(protocol_lists)
    }  # fmt: skip


@st.composite
def ended(draw: st.DrawFn, protocol: listener.Protocol) -> dict[str, Any]:
    """How a listener ends TLS."""
    default = draw(st.none() | st.sampled_from(CERTIFICATES))
    further = draw(st.lists(st.sampled_from(CERTIFICATES), min_size=0 if default else 1, max_size=3))
    asks = draw(st.sampled_from(listener.ClientAuthentication))
    age = draw(st.none() | st.integers(0, 2**31)) if protocol is listener.Protocol.TERMINATED_HTTPS else None
    authority = "authority" if asks is not listener.ClientAuthentication.NONE or draw(st.booleans()) else None
    return {
        "default_tls_container_ref": default,
        "sni_container_refs": tuple(further),
        "client_authentication": asks,
        "client_ca_tls_container_ref": authority,
        "client_crl_container_ref": "revoked" if authority and draw(st.booleans()) else None,
        "hsts_max_age": age,
        "hsts_include_subdomains": age is not None and draw(st.booleans()),
        "hsts_preload": age is not None and draw(st.booleans()),
        **draw(terms()),
    }


@st.composite
def spoken(draw: st.DrawFn) -> dict[str, Any]:
    """How a pool speaks TLS to its members, or does not."""
    authority = draw(st.none() | st.just("authority"))
    return {
        "tls_enabled": draw(st.booleans()),
        "tls_container_ref": draw(st.none() | st.sampled_from(CERTIFICATES)),
        "ca_tls_container_ref": authority,
        "crl_container_ref": "revoked" if authority and draw(st.booleans()) else None,
        **draw(terms()),
    }


SPEAKING_HTTP = frozenset({listener.Protocol.HTTP, listener.Protocol.TERMINATED_HTTPS})
ENDING_TLS = frozenset({listener.Protocol.TERMINATED_HTTPS, listener.Protocol.PROMETHEUS})
SERVED = tuple(served.MODES)


@st.composite
def listeners(draw: st.DrawFn, number: int, pools: Sequence[pool.Pool]) -> listener.Listener:
    """One listener on a port of its own, answered by one of the pools that may, or by none."""
    protocol = draw(st.sampled_from(SERVED))
    made = draw(some_listener(number, protocol, [None, *fitting(protocol, pools)]))
    if protocol is listener.Protocol.PROMETHEUS and draw(st.booleans()):
        return made
    return made.having(draw(ended(protocol))) if protocol in ENDING_TLS else made


def some_listener(
    number: int, protocol: listener.Protocol, choices: list[str | None]
) -> st.SearchStrategy[listener.Listener]:
    """One listener of a protocol."""
    names = HEADERS + (FROM_CERTIFICATE if protocol is listener.Protocol.TERMINATED_HTTPS else ())
    headers = st.dictionaries(st.sampled_from(names), st.sampled_from(("true", "TRUE", "no")))
    return st.builds(
        listener.Listener,
        **common(2, number),
        description=free_text,
        protocol=st.just(protocol),
        protocol_port=st.just(1000 + number),
        connection_limit=st.one_of(st.just(-1), st.integers(0, 2**40)),
        default_pool_id=st.sampled_from(choices),
        insert_headers=st.none() | headers if protocol in SPEAKING_HTTP else st.none(),
        allowed_cidrs=st.none() | st.lists(st.ip_addresses(v=4).map(str), max_size=3).map(tuple),
        timeout_client_data=milliseconds,
        timeout_member_connect=milliseconds,
        timeout_member_data=milliseconds,
        timeout_tcp_inspect=milliseconds,
    )


keys = st.text("ab-_.'!#$%&*+^`|~", min_size=1, max_size=12)


def kept_by(kind: str) -> dict[str, object]:
    """Session persistence that needs no name."""
    return {"type": kind, "cookie_name": None}


def named(cookie: str) -> dict[str, object]:
    """Session persistence by the application's cookie."""
    return {"type": "APP_COOKIE", "cookie_name": cookie}


@st.composite
def pools(draw: st.DrawFn, number: int) -> pool.Pool:
    """One pool."""
    made = st.builds(
        pool.Pool,
        **common(3, number),
        description=free_text,
        protocol=st.sampled_from(list(pool.Protocol)[:5]),
        lb_algorithm=st.sampled_from(pool.Algorithm),
        session_persistence=st.none() | st.sampled_from(("SOURCE_IP", "HTTP_COOKIE")).map(kept_by) | keys.map(named),
    )
    return draw(made).having(draw(spoken()))


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


HOSTILE = "ab/'\\#$%{}[]();&,.=*?+|^~`-"
visible = st.text(HOSTILE, min_size=1, max_size=30) | st.sampled_from(("-i", "-m", "--", ".tar.gz", '"', 'a"b'))
quoted = st.text(HOSTILE + " ", min_size=1, max_size=30).map(lambda text: f'"{text}"')
cookies = st.text("ab/'#$%{}[]()&.=*?+|^~`-", min_size=1, max_size=30)
Type, Compare = l7rule.Type, l7rule.Compare


def compared(kind: l7rule.Type) -> st.SearchStrategy[tuple[l7rule.Compare, str]]:
    """How a rule of a type compares, and with what."""
    if kind is Type.SSL_CONN_HAS_CERT:
        return st.tuples(st.just(Compare.EQUAL_TO), st.sampled_from(("true", "TRUE")))
    if kind is Type.SSL_VERIFY_RESULT:
        return st.tuples(st.just(Compare.EQUAL_TO), st.text("0123456789", min_size=1, max_size=9))
    plain = [Compare.EQUAL_TO] if kind is Type.FILE_TYPE else [each for each in Compare if each is not Compare.REGEX]
    texts = cookies if kind is Type.COOKIE else visible | quoted
    regular = st.tuples(st.just(Compare.REGEX), drawn_expressions.sound | drawn_expressions.rubbish)
    return st.tuples(st.sampled_from(plain), texts) | regular


def admitted(rule: l7rule.L7Rule) -> bool:
    """Whether a rule by itself would be let in."""
    above = l7policy.L7Policy(
        id=rule.l7policy_id, project_id="p", loadbalancer_id=LOADBALANCER, listener_id="", action=l7policy.Action.REJECT
    )
    whole = load({}).adding(above)
    try:
        policies.check_rule(whole, rule)
    except faults.Refusal:
        return False
    return True


@st.composite
def _rules(draw: st.DrawFn, number: int, policy: int) -> l7rule.L7Rule:
    kind = draw(st.sampled_from(Type))
    compare, value = draw(compared(kind))
    key = {Type.HEADER: keys, Type.COOKIE: keys, Type.SSL_DN_FIELD: st.sampled_from(("CN", "OU", "x-1"))}.get(kind)
    made = st.builds(
        l7rule.L7Rule,
        **{name: strategy for name, strategy in common(7, number).items() if name != "name"},
        l7policy_id=st.just(identifier(6, policy)),
        type=st.just(kind),
        compare_type=st.just(compare),
        key=st.none() if key is None else key,
        value=st.just(value),
        invert=st.booleans(),
    )
    return draw(made)


def rules(number: int, policy: int) -> st.SearchStrategy[l7rule.L7Rule]:
    """One rule of a policy that a client can make."""
    return _rules(number, policy).filter(admitted)


urls = st.text("abc/?'$%&#[]=;", max_size=40).map(lambda text: "https://x.example/" + text.replace("%", "%2F"))


@st.composite
def switching(draw: st.DrawFn, front: listener.Listener, pools: Sequence[pool.Pool], number: int) -> list[Any]:
    """The policies of a listener with their rules, in no order."""
    found: list[Any] = []
    for at in range(draw(st.integers(0, 3)) if front.protocol in SPEAKING_HTTP else 0):
        targets = fitting(front.protocol, pools)
        action = draw(st.sampled_from([each for each in l7policy.Action if targets or each != "REDIRECT_TO_POOL"]))
        made = st.builds(
            l7policy.L7Policy,
            **common(6, number + at),
            listener_id=st.just(front.id),
            action=st.just(action),
            position=st.just(at + 1),
            redirect_pool_id=st.sampled_from(targets) if action == "REDIRECT_TO_POOL" else st.none(),
            redirect_url=urls if action == "REDIRECT_TO_URL" else st.none(),
            redirect_prefix=urls if action == "REDIRECT_PREFIX" else st.none(),
            redirect_http_code=st.none() | st.sampled_from(l7policy.CODES),
        )
        found.append(draw(made))
        for each in range(draw(st.integers(0, 3))):
            found.append(draw(rules((number + at) * 10 + each, number + at)))
    return found


def further_vips() -> st.SearchStrategy[tuple[dict[str, str | None], ...]]:
    """Additional VIPs of either family, each in a subnet of its own."""
    entry = st.fixed_dictionaries({"subnet_id": subnets, "ip_address": addresses, "port_id": st.none()})
    return st.lists(entry, max_size=2, unique_by=lambda each: each["ip_address"]).map(tuple)


@st.composite
def trees(draw: st.DrawFn) -> tree.Tree:
    """A tree as clients can make it: any of it may be refused by a provider."""
    back = tuple(draw(pools(each)) for each in range(draw(st.integers(0, 3))))
    fronts = tuple(draw(listeners(each, back)) for each in range(draw(st.integers(0, 3))))
    switches = [row for at, each in enumerate(fronts) for row in draw(switching(each, back, 10 * at))]
    address = draw(addresses)
    root = loadbalancer.LoadBalancer(
        id=LOADBALANCER,
        project_id="p",
        name=draw(free_text),
        vip_address=address,
        vip_subnet_id=draw(subnets),
        additional_vips=draw(further_vips()),
    )
    if ":" in address:
        fronts = tuple(dataclasses.replace(each, allowed_cidrs=None) for each in fronts)
    return tree.Tree(
        loadbalancer=root,
        listeners=fronts,
        pools=back,
        members=tuple(draw(members(each, len(back))) for each in range(draw(st.integers(0, 4)) if back else 0)),
        healthmonitors=tuple(draw(monitors(each)) for each in range(len(back)) if draw(st.booleans())),
        l7policies=tuple(each for each in switches if isinstance(each, l7policy.L7Policy)),
        l7rules=tuple(each for each in switches if isinstance(each, l7rule.L7Rule)),
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


def _without_the_rest(row: tree.Child) -> Any:
    """The row with what the kernel does not carry left out."""
    unknown = refusals.unknown(row, datagram_capabilities.CARRIED)
    return dataclasses.replace(row, **{each.name: each.default for each in unknown})


def as_carried(draw: st.DrawFn, whole: tree.Tree, kinds: tuple[str, ...] = ("UDP", "SCTP")) -> tree.Tree:
    """The tree without its policies, and with its listeners, pools and monitors made such as the kernel carries."""
    whole = whole.having({"l7policies": (), "l7rules": ()})
    speech = {each.id: draw(st.sampled_from(kinds)) for each in whole.pools}
    backs = [
        dataclasses.replace(
            _without_the_rest(each),
            protocol=pool.Protocol(speech[each.id]),
            lb_algorithm=draw(st.sampled_from(pool.Algorithm)),
            session_persistence=draw(st.none() | kept),
            preserve_client_ip=draw(st.booleans()),
        )
        for each in whole.pools
    ]
    fronts = [
        dataclasses.replace(
            _without_the_rest(each),
            protocol=listener.Protocol(speech.get(each.default_pool_id or "", kinds[0])),
            connection_limit=draw(st.sampled_from((-1, 0, 1, 10**6))),
        )
        for each in whole.listeners
    ]
    checked = (healthmonitor.Type.UDP_CONNECT, healthmonitor.Type.SCTP, healthmonitor.Type.TCP, healthmonitor.Type.HTTP)
    monitors = [
        dataclasses.replace(
            each,
            type=draw(st.sampled_from(checked)),
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
    return as_carried(draw, draw(trees()))


@st.composite
def translated(draw: st.DrawFn) -> tree.Tree:
    """A tree of TCP, HTTPS, UDP and SCTP listeners as clients can make it: any of it may be refused by a provider."""
    return as_carried(draw, draw(trees()), ("TCP", "HTTPS", "UDP", "SCTP"))
