"""Whatever is asked, the answer is one that the document describes, and never an internal error.

schemathesis makes the requests from the document, good ones and broken ones.  Most identifiers in them are then made
those of objects that exist: else nearly every answer would be that there is no such object.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.api import balancing
from tests.service import world
from vipool.model import (
    amphora,
    attr,
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
from vipool.store import rows

DOCUMENT = "/load-balancer/openapi.json"
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
CONFIG = {
    # What the provider cannot do, and a full disk, are answers too.
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", 501, 507]}},
    # Broken tokens are all refused alike: the tests have callers of their own.
    "generation": {"with-security-parameters": False},
}
# Attributes that name what exists beside the tree: a made-up one would end every request before anything else is seen.
ELSEWHERE = frozenset({"vip_port_id", "vip_qos_policy_id", "vip_sg_ids", "vip_address", "additional_vips", "subnet_id"})
PROFILE = {"provider_name": "amphora"}
NOUNS: Mapping[str, type[attr.Resource]] = {
    "loadbalancers": loadbalancer.LoadBalancer,
    "listeners": listener.Listener,
    "pools": pool.Pool,
    "members": member.Member,
    "healthmonitors": healthmonitor.HealthMonitor,
    "l7policies": l7policy.L7Policy,
    "rules": l7rule.L7Rule,
    "flavors": flavor.Flavor,
    "flavorprofiles": flavor.Profile,
    "availabilityzones": zone.Zone,
    "availabilityzoneprofiles": zone.Profile,
    "amphorae": amphora.Amphora,
}


class Ground:
    """One service for all the examples, and in it one object of every kind."""

    def __init__(self, directory: Path) -> None:
        self.cloud = balancing.Cloud(directory)
        self.cloud.add_subnet(world.NETWORK, world.SMALL, "10.0.0.0/16", first=2, last=250)
        self.schema = schemathesis.openapi.from_asgi(
            DOCUMENT, self.cloud.client.app, config=schemathesis.Config.from_dict(CONFIG)
        )
        self.ids: dict[str, str] = {}
        self.lay()

    def lay(self) -> None:
        """One object of every kind."""
        cloud = self.cloud
        root = cloud.balancer(vip_subnet_id=world.SMALL)["id"]
        front, back = cloud.listener(root)["id"], cloud.pool(root)["id"]
        policy = cloud.make("l7policy", "/l7policies", listener_id=front, action="REJECT")["id"]
        rule = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
        self.ids = {
            "loadbalancers": root,
            "listeners": front,
            "pools": back,
            "members": cloud.member(back)["id"],
            "healthmonitors": cloud.monitor(back)["id"],
            "l7policies": policy,
            "rules": cloud.make("rule", f"/l7policies/{policy}/rules", **rule)["id"],
            "amphorae": cloud.get("/load-balancer/v2/octavia/amphorae", who="admin")["amphorae"][0]["id"],
            "quotas": world.PROJECT,
        }
        for kind, noun, more in (
            ("flavor", "flavor", {"flavor_data": "{}"}),
            ("availabilityzone", "availability_zone", {"availability_zone_data": "{}"}),
        ):
            profile = cloud.make(f"{noun}profile" if kind == "flavor" else f"{noun}_profile", f"/{kind}profiles",
                                 who="admin", name="p", **PROFILE, **more)["id"]  # fmt: skip
            link = {f"{noun}_profile_id": profile}
            made = cloud.make(noun, f"/{kind}s", who="admin", name=cloud.new_id(), **link)
            self.ids |= {f"{kind}profiles": profile, f"{kind}s": made.get("id", made["name"])}
        cloud.settle()

    def mend(self) -> None:
        """What a request took away is there again, and what it made is gone."""
        self.cloud.settle()
        with self.cloud.database.read() as held:
            lost = any(rows.get(held, cls, self.ids[kind]) is None for kind, cls in NOUNS.items())
            others = [each.id for each in rows.find(held, loadbalancer.LoadBalancer)]
        for each in others:
            if lost or each != self.ids["loadbalancers"]:
                self.cloud.call("DELETE", f"/loadbalancers/{each}?cascade=true", who="admin")
        for project in (world.PROJECT, world.OTHER):
            self.cloud.call("DELETE", f"/quotas/{project}", who="admin")
        self.cloud.settle()
        if lost:
            self.lay()

    def references(self) -> Mapping[str, str]:
        """The value that an attribute should mostly have, because something of that name exists."""
        ids = self.ids
        return {
            "loadbalancer_id": ids["loadbalancers"],
            "listener_id": ids["listeners"],
            "pool_id": ids["pools"],
            "default_pool_id": ids["pools"],
            "redirect_pool_id": ids["pools"],
            "l7policy_id": ids["l7policies"],
            "vip_subnet_id": world.SMALL,
            "vip_network_id": world.NETWORK,
            "flavor_id": ids["flavors"],
            "availability_zone": ids["availabilityzones"],
            "flavor_profile_id": ids["flavorprofiles"],
            "availability_zone_profile_id": ids["availabilityzoneprofiles"],
            "provider": "amphora",
            "provider_name": "amphora",
            "flavor_data": "{}",
            "availability_zone_data": "{}",
        }


def planted(value: Any, known: Mapping[str, str], data: st.DataObject) -> Any:
    """A body that mostly refers to what exists."""
    if isinstance(value, list):
        return [planted(each, known, data) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: each for key, each in value.items() if key not in ELSEWHERE or data.draw(RARELY)}
    return {
        key: known[key] if key in known and data.draw(MOSTLY) else planted(each, known, data)
        for key, each in kept.items()
    }


MOSTLY = st.sampled_from([True, True, True, False])
RARELY = st.sampled_from([False, False, False, True])
CALLERS = st.sampled_from(["admin"] * 6 + ["member"] * 3 + ["reader", "nobody", "unknown"])


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with tempfile.TemporaryDirectory() as directory:
        made = Ground(Path(directory))
        yield made
        made.cloud.database.close()


def operations() -> Iterator[tuple[str, str, schemathesis.GenerationMode]]:
    """Every operation of the document by method and path, to be asked well and, where that is possible, badly."""
    with tempfile.TemporaryDirectory() as directory:
        cloud = balancing.Cloud(Path(directory))
        described = cloud.client.get(DOCUMENT).json()["paths"]
        cloud.database.close()
    for path, methods in described.items():
        for method, said in methods.items():
            yield method.upper(), path, schemathesis.GenerationMode.POSITIVE
            if "parameters" in said or "requestBody" in said:
                yield method.upper(), path, schemathesis.GenerationMode.NEGATIVE


def aimed(case: Any, ground: Ground, data: st.DataObject) -> None:
    """Let a request mostly ask for what exists, and for few things at a time."""
    known = ground.references()
    parts = case.path.split("/")
    for name in list(case.path_parameters):
        place = parts.index("{" + name + "}")
        there = known.get(name) or ground.ids.get(parts[place - 1])
        if there is not None and data.draw(MOSTLY):
            case.path_parameters[name] = there
    if isinstance(case.query, dict) and len(case.query) > 2:  # some arguments say the same, and are refused together
        names = data.draw(st.lists(st.sampled_from(sorted(case.query)), max_size=3, unique=True))
        case.query = {name: case.query[name] for name in names}
    if isinstance(case.body, dict | list):
        case.body = planted(case.body, known, data)


EXAMPLES = settings(max_examples=max(settings().max_examples // 16, 3), suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("method", "path", "mode"), list(operations()), ids=str)
@EXAMPLES
@given(data=st.data())
def test_every_answer_is_one_that_the_document_describes(ground, method, path, mode, data):
    operation = ground.schema[path][method]
    case = data.draw(operation.as_strategy(generation_mode=mode))
    aimed(case, ground, data)
    response = case.call(headers={"X-Auth-Token": data.draw(CALLERS)})
    case.validate_response(response, checks=CHECKS)
    if path != "/docs":
        balancing.Cloud.document.check(method, path, Plain(response))
    if method != "GET" and response.status_code < 400:
        ground.mend()


class Plain:
    """An answer in the form in which `tests.api.conformance` reads it."""

    def __init__(self, response: Any) -> None:
        self.status_code = response.status_code
        self.content = response.content or b""
        self.text = response.text
        self.headers = {name.lower(): values[0] for name, values in response.headers.items()}
        self.json = response.json
