"""What clients look at before they ask for anything: the version, what there is, and what there is none of."""

import functools
from collections.abc import Iterator
from typing import Any

from vipool.api import exchange
from vipool.api.network import extensions, queries
from vipool.model import faults, securitygroup

# Collections that clients ask for and that are always empty here: path, key, and Neutron's refusal of a single one.
EMPTY = (
    ("address-groups", "address_groups", "AddressGroupNotFound"),
    ("address-scopes", "address_scopes", "AddressScopeNotFound"),
    ("agents", "agents", "AgentNotFound"),
    ("availability_zones", "availability_zones", ""),
    ("flavors", "flavors", "FlavorNotFound"),
    ("trunks", "trunks", "TrunkNotFound"),
)
# A router is on one node, so that is the only way to have one.
PROVIDERS = [{"service_type": "L3_ROUTER_NAT", "name": "single_node", "default": False}]


def versions(call: exchange.Call) -> exchange.Answer:
    """GET /: the one version; without the slash, where that is."""
    if not call.url.endswith("/"):
        said = {"code": 302, "title": "Found", "description": None}
        return exchange.Answer(status=302, body=said, headers={"Location": f"{call.url}/"})
    links = [{"rel": "self", "href": f"{call.mount}/v2.0/"}]
    return exchange.Answer(body={"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})


def resources(call: exchange.Call) -> exchange.Answer:
    """GET /v2.0/: what is here at the least."""
    found = [
        {"name": name, "collection": f"{name}s", "links": [{"rel": "self", "href": f"{call.mount}/v2.0/{name}s"}]}
        for name in ("network", "subnet", "subnetpool", "port")
    ]
    return exchange.Answer(body={"resources": found})


def _none(call: exchange.Call, key: str) -> exchange.Answer:
    return exchange.Answer(body={key: []})


def _missing(call: exchange.Call, kind: str) -> exchange.Answer:
    raise faults.NotFound(f"{kind.removesuffix('NotFound')} {call.parts['id']} could not be found.", kind=kind)


def service_providers(call: exchange.Call) -> exchange.Answer:
    """GET service-providers."""
    return exchange.Answer(body={"service_providers": queries.among(call, PROVIDERS)})


def _first_rule(of: securitygroup.FirstRule) -> dict[str, Any]:
    """A rule that new groups begin with, as Neutron shows it."""
    return {
        "id": of.id,
        "ethertype": of.ethertype,
        "direction": str(of.direction),
        "protocol": None,
        "port_range_min": None,
        "port_range_max": None,
        "remote_ip_prefix": None,
        "remote_address_group_id": None,
        # In the place of a group, the group that the rule will belong to.
        "remote_group_id": "PARENT" if of.inward else None,
        "description": "Lets members in" if of.inward else "Lets everything out",
        "used_in_default_sg": True,
        "used_in_non_default_sg": not of.inward,
    }


def first_rules(call: exchange.Call) -> exchange.Answer:
    """GET default-security-group-rules."""
    shown = queries.among(call, [_first_rule(each) for each in securitygroup.FIRST_RULES])
    return exchange.Answer(body={"default_security_group_rules": shown})


def first_rule(call: exchange.Call) -> exchange.Answer:
    """GET default-security-group-rules/{id}."""
    for each in securitygroup.FIRST_RULES:
        if each.id == call.parts["id"]:
            return exchange.Answer(body={"default_security_group_rule": _first_rule(each)})
    return _missing(call, "DefaultSecurityGroupRuleNotFound")


def routes() -> Iterator[exchange.Route]:
    """The rows of the table."""
    yield exchange.Route(method="GET", path="/", policy="", handler=versions, token=False)
    table: list[tuple[str, exchange.Handler]] = [
        ("/", resources),
        ("/extensions", extensions.index),
        ("/extensions/{alias}", extensions.show),
        ("/service-providers", service_providers),
        ("/default-security-group-rules", first_rules),
        ("/default-security-group-rules/{id}", first_rule),
    ]
    for path, key, kind in EMPTY:
        table.append((f"/{path}", functools.partial(_none, key=key)))
        if kind:
            table.append((f"/{path}/{{id}}", functools.partial(_missing, kind=kind)))
    for path, handler in table:
        yield exchange.Route(method="GET", path=f"/v2.0{path}", policy="read", handler=handler)
