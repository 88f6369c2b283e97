"""The way of each kind of object there and back: the least that makes it, what goes with what, what becomes of it."""

import ipaddress
import json
from collections.abc import Mapping

from hypothesis import strategies as st

from tests.api import drawing
from tests.api.drawing import Said
from tests.api.trips import Child, Ground, Sent, Strategy, Trip, Values, chosen, exactly, given, kind_of
from tests.service import world
from vipool.core.rules import listeners, pairs
from vipool.model import (
    deployment,
    flavor,
    healthmonitor,
    l7policy,
    l7rule,
    listener,
    loadbalancer,
    member,
    pool,
    zone,
)
from vipool.providers.haproxy import capabilities

Front, Back = listener.Protocol, pool.Protocol
# Certificates by reference; whoever reads them must find these.
CONTAINERS = st.sampled_from(["x", "y", "z"])
AUTHORITIES = st.sampled_from(["ca", "ca-again"])
REVOCATIONS = st.sampled_from(["crl", "crl-again"])
VERSIONS = st.lists(st.sampled_from(deployment.TLS_VERSIONS), min_size=1, max_size=3)
CIPHERS = st.from_regex(r"\A[A-Za-z0-9+!:@=_.-]{1,40}\Z")
USUAL_TLS = {
    "tls_ciphers": deployment.CIPHERS,
    "tls_versions": ["TLSv1.2", "TLSv1.3"],
    "alpn_protocols": ["h2", "http/1.1", "http/1.0"],
}
TIMEOUTS = {
    "timeout_client_data": 50_000,
    "timeout_member_connect": 5_000,
    "timeout_member_data": 50_000,
    "timeout_tcp_inspect": 0,
}
TOKENS = st.from_regex(r"\A[A-Za-z0-9!#$&'*+.^_`|~-]{1,20}\Z")


class Balancer(Trip):
    """Load balancers: the VIP in the ways in which it can be asked for."""

    __slots__ = ()

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        inside = st.integers(20, 200).map(lambda last: f"10.0.0.{last}")
        by_subnet = given(vip_subnet_id=exactly(world.SMALL))
        by_network = given(vip_network_id=exactly(world.NETWORK))
        with_address = given(vip_subnet_id=exactly(world.SMALL), vip_address=drawing.same(inside))
        by_both = given(vip_subnet_id=exactly(world.SMALL), vip_network_id=exactly(world.NETWORK))
        return by_subnet | by_network | with_address | by_both

    def special(self) -> Mapping[str, Strategy | None]:
        return {
            **dict.fromkeys(("vip_port_id", "vip_address", "vip_subnet_id", "vip_network_id")),
            "vip_qos_policy_id": exactly(self.ground.qos),
            "vip_sg_ids": drawing.same(st.lists(st.just(self.ground.group), max_size=1)),
            "additional_vips": exactly([]),
            "provider": chosen(["amphora", "haproxy"]),
            "flavor_id": exactly(self.ground.flavor),
            "availability_zone": exactly(self.ground.zone),
        }


class Listener(Child):
    """Listeners: what they may have depends on their protocol."""

    __slots__ = ()

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        own = given(
            loadbalancer_id=exactly(self.ground.root),
            protocol=chosen([each.value for each in Front]),
            protocol_port=kind_of(self.cls, "protocol_port").filter(lambda port: port.kept != 65535),
        )
        certified = {"default_tls_container_ref": Said(sent="x", kept="x")}
        return own.map(lambda body: body | (certified if body["protocol"].kept == "TERMINATED_HTTPS" else {}))

    def special(self) -> Mapping[str, Strategy | None]:
        names = st.sampled_from(sorted(listeners.FORWARDED | listeners.FROM_CERTIFICATE))
        return {
            "default_pool_id": chosen(list(self.ground.pools.values())),
            "insert_headers": drawing.same(
                st.dictionaries(names, st.sampled_from(["true", "True", "false"]), max_size=2)
            ),
            "default_tls_container_ref": drawing.same(CONTAINERS),
            "sni_container_refs": drawing.same(st.lists(CONTAINERS, max_size=2)),
            "client_ca_tls_container_ref": drawing.same(AUTHORITIES),
            "client_crl_container_ref": drawing.same(REVOCATIONS),
            "tls_ciphers": drawing.same(CIPHERS),
            "tls_versions": drawing.same(VERSIONS),
        }

    def settle(self, kept: Values, sent: Sent, before: Values | None) -> Values:
        found = {**kept, "insert_headers": kept["insert_headers"] or {}, "allowed_cidrs": kept["allowed_cidrs"] or None}
        found |= {name: usual for name, usual in TIMEOUTS.items() if kept[name] is None}
        nulls = [name for name in USUAL_TLS if kept[name] is None]
        if before is not None:
            nulls = [name for name in nulls if name in sent]
        elif kept["protocol"] != "TERMINATED_HTTPS":
            nulls = []
        return {**found, **{name: USUAL_TLS[name] for name in nulls}}


class Pool(Child):
    """Pools, and how clients are kept on a member."""

    __slots__ = ()

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        return given(
            loadbalancer_id=exactly(self.ground.root),
            protocol=chosen([each.value for each in Back]),
            lb_algorithm=kind_of(self.cls, "lb_algorithm"),
        )

    def special(self) -> Mapping[str, Strategy | None]:
        return {
            "session_persistence": persistence(),
            "tls_ciphers": drawing.same(CIPHERS),
            "tls_versions": drawing.same(VERSIONS),
            "tls_container_ref": drawing.same(CONTAINERS),
            "ca_tls_container_ref": drawing.same(AUTHORITIES),
            "crl_container_ref": drawing.same(REVOCATIONS),
        }

    def settle(self, kept: Values, sent: Sent, before: Values | None) -> Values:
        nulls = [name for name in USUAL_TLS if kept[name] is None]
        if before is not None:
            nulls = [name for name in nulls if name in sent and name != "alpn_protocols"]
        elif not kept["tls_enabled"]:
            nulls = []
        found = {**kept, **{name: USUAL_TLS[name] for name in nulls}}
        keeping = found["session_persistence"]
        if keeping and keeping["type"] is None and before is not None:  # the type that it had
            found["session_persistence"] = {**keeping, "type": before["session_persistence"]["type"]}
        return found


def persistence() -> st.SearchStrategy[Said]:
    """Session persistence in the forms that make sense, some of them without the type that is there already."""
    datagram = {
        "persistence_timeout": st.integers(-(2**31), 2**31 - 1),
        "persistence_granularity": st.ip_addresses().map(str),
    }
    forms = (
        st.just({"type": "SOURCE_IP"})
        | st.just({"type": "HTTP_COOKIE"})
        | st.fixed_dictionaries({"type": st.just("APP_COOKIE"), "cookie_name": TOKENS})
        | st.fixed_dictionaries({"type": st.just("SOURCE_IP")}, optional=datagram)
        | st.fixed_dictionaries({}, optional={"cookie_name": TOKENS, **datagram})
    )
    keys = ("type", "cookie_name", "persistence_timeout", "persistence_granularity")
    return forms.map(lambda form: Said(sent=form, kept={key: form.get(key) for key in keys}))


class Member(Child):
    """Members: anywhere a server can be."""

    __slots__ = ()

    @property
    def path(self) -> str:
        return f"/pools/{self.parents['pool_id']}/members"

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        places = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "203.0.113.0/24", "fd00::/8", "2001:db8::/32")]
        found = st.sampled_from(places).flatmap(lambda place: st.ip_addresses(network=place))
        typed = found.flatmap(drawing.spellings_of_address)
        return given(address=drawing.same(typed), protocol_port=kind_of(self.cls, "protocol_port"))

    def special(self) -> Mapping[str, Strategy | None]:
        return {"subnet_id": chosen([world.SUBNET, world.SMALL])}


class Monitor(Child):
    """Health monitors: what they may have depends on their type."""

    __slots__ = ()

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        pools = self.ground.pools
        types = [(each.value, pools[Back.UDP if each.value in {"UDP-CONNECT", "SCTP"} else Back.HTTP])
                 for each in healthmonitor.Type]  # fmt: skip
        paced = given(**{name: kind_of(self.cls, name) for name in ("delay", "timeout", "max_retries")})
        return st.tuples(st.sampled_from(types), paced).map(
            lambda found: {
                "type": Said(sent=found[0][0], kept=found[0][0]),
                "pool_id": Said(sent=found[0][1], kept=found[0][1]),
                **found[1],
            }
        )

    def settle(self, kept: Values, sent: Sent, before: Values | None) -> Values:
        if kept["type"] not in {"HTTP", "HTTPS"}:
            return kept
        usual = {"http_method": "GET", "url_path": "/", "expected_codes": "200"}
        return {**kept, **{name: value for name, value in usual.items() if kept[name] is None}}


TARGETS = {
    "REDIRECT_TO_URL": "redirect_url",
    "REDIRECT_TO_POOL": "redirect_pool_id",
    "REDIRECT_PREFIX": "redirect_prefix",
}


class Policy(Child):
    """L7 policies: what they do, and where that leads."""

    __slots__ = ()

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        return self.acting().map(
            lambda body: {"listener_id": Said(sent=self.ground.front, kept=self.ground.front), **body}
        )

    def acting(self) -> st.SearchStrategy[dict[str, Said]]:
        """An action, with where it leads."""
        pools = [self.ground.pools[each] for each in sorted(pairs.PAIRS[Front.HTTP])]
        return (
            given(action=exactly("REJECT"))
            | given(action=exactly("REDIRECT_TO_POOL"), redirect_pool_id=chosen(pools))
            | given(action=exactly("REDIRECT_TO_URL"), redirect_url=kind_of(self.cls, "redirect_url"))
            | given(action=exactly("REDIRECT_PREFIX"), redirect_prefix=kind_of(self.cls, "redirect_prefix"))
        )

    def special(self) -> Mapping[str, Strategy | None]:
        pools = [self.ground.pools[each] for each in sorted(pairs.PAIRS[Front.HTTP])]
        return {"redirect_pool_id": chosen(pools), "action": exactly("REJECT")}

    def settle(self, kept: Values, sent: Sent, before: Values | None) -> Values:
        """A target that is given decides the action, and the others are forgotten; positions are counted from 1."""
        found = {**kept, "position": min(kept["position"], 2)}  # there is one other
        given_targets = [name for name in TARGETS.values() if name in sent and sent[name].sent is not None]
        action = sent["action"].sent if "action" in sent else None
        if action == "REJECT":
            found |= dict.fromkeys(TARGETS.values())
        elif given_targets:
            named = TARGETS.get(action or "")
            leading = named if named in given_targets else given_targets[-1]
            found |= {name: None for name in TARGETS.values() if name != leading}
            found["action"] = next(action for action, name in TARGETS.items() if name == leading)
        if found["action"] in {"REDIRECT_TO_URL", "REDIRECT_PREFIX"} and found["redirect_http_code"] is None:
            found["redirect_http_code"] = 302
        if found["action"] == "REDIRECT_TO_POOL":
            found["redirect_http_code"] = None
        return found


class Rule(Child):
    """L7 rules: each type has comparisons, keys and values of its own."""

    __slots__ = ()

    @property
    def path(self) -> str:
        return f"/l7policies/{self.parents['l7policy_id']}/rules"

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        visible = st.from_regex(r"\A[!-~]{1,30}\Z")
        plain = ["STARTS_WITH", "ENDS_WITH", "CONTAINS", "EQUAL_TO"]
        token, value = drawing.same(TOKENS), drawing.same(visible)
        cookie = drawing.same(st.from_regex(r"\A[A-Za-z0-9!#$%&()*+./:<=>?@^_{|}~-]{1,20}\Z"))
        field = drawing.same(st.from_regex(r"\A[a-zA-Z][A-Za-z0-9-]{0,9}\Z"))
        number = drawing.same(st.integers(0, 999).map(str))
        true = chosen(["True", "TRUE", "true"])

        def rule(kind: str, compare: list[str], value: Strategy, **more: Strategy) -> Strategy:
            return given(type=exactly(kind), compare_type=chosen(compare), value=value, **more)

        return (
            rule("HOST_NAME", plain, value)
            | rule("PATH", plain, value)
            | rule("PATH", ["REGEX"], chosen(["^/a.*$", "(a|b)+", "[0-9]"]))
            | rule("FILE_TYPE", ["EQUAL_TO"], value)
            | rule("HEADER", plain, value, key=token)
            | rule("COOKIE", plain, cookie, key=token)
            | rule("SSL_CONN_HAS_CERT", ["EQUAL_TO"], true)
            | rule("SSL_VERIFY_RESULT", ["EQUAL_TO"], number)
            | rule("SSL_DN_FIELD", plain, value, key=field)
        )


class Named(Trip):
    """Flavors and availability zones: made by administrators, each with a name of its own."""

    __slots__ = ()

    @property
    def path(self) -> str:
        return "/flavors" if self.cls is flavor.Flavor else "/availabilityzones"

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        noun = self.cls.NOUN.wrapper
        profile = self.ground.profiles["flavorprofile" if self.cls is flavor.Flavor else "availability_zone_profile"]
        names = kind_of(self.cls, "name").filter(lambda name: name.kept != "usual")
        return given(**{"name": names, f"{noun}_profile_id": exactly(profile)})

    def special(self) -> Mapping[str, Strategy | None]:
        return {"name": kind_of(self.cls, "name").filter(lambda name: name.kept != "usual")}


class Profile(Trip):
    """Profiles: what a provider offers, as text."""

    __slots__ = ()

    @property
    def path(self) -> str:
        return "/flavorprofiles" if self.cls is flavor.Profile else "/availabilityzoneprofiles"

    def _data(self) -> tuple[str, st.SearchStrategy[Said]]:
        flavors = self.cls is flavor.Profile
        offers = capabilities.FLAVORS if flavors else capabilities.ZONES
        values = {key: drawing.said(each.kind).map(lambda said: said.sent) for key, each in offers.items()}
        texts = st.fixed_dictionaries({}, optional=values).map(json.dumps).filter(lambda text: len(text) <= 4096)
        return "flavor_data" if flavors else "availability_zone_data", drawing.same(texts)

    def least(self) -> st.SearchStrategy[dict[str, Said]]:
        name, values = self._data()
        providers = chosen(["amphora", "haproxy"])
        return given(**{"name": kind_of(self.cls, "name"), "provider_name": providers, name: values})

    def special(self) -> Mapping[str, Strategy | None]:
        name, values = self._data()
        return {name: values, "provider_name": chosen(["amphora", "haproxy"])}


def every(ground: Ground) -> dict[str, Trip]:
    """The ways of all kinds, by the name of the kind in a body."""
    found = [
        Balancer(ground=ground, cls=loadbalancer.LoadBalancer),
        Listener(ground=ground, cls=listener.Listener),
        Pool(ground=ground, cls=pool.Pool),
        Member(ground=ground, cls=member.Member, parents={"pool_id": ground.pools[Back.HTTP]}),
        Monitor(ground=ground, cls=healthmonitor.HealthMonitor),
        Policy(ground=ground, cls=l7policy.L7Policy),
        Rule(ground=ground, cls=l7rule.L7Rule, parents={"l7policy_id": ground.policy}),
        Named(ground=ground, cls=flavor.Flavor, who="admin"),
        Profile(ground=ground, cls=flavor.Profile, who="admin"),
        Named(ground=ground, cls=zone.Zone, who="admin"),
        Profile(ground=ground, cls=zone.Profile, who="admin"),
    ]
    return {each.cls.NOUN.wrapper: each for each in found}
