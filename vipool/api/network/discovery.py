"""What clients look at before they ask for anything: the version, the extensions, and lists that are always empty."""

from collections.abc import Iterator
from typing import Any

from vipool.api import exchange

# What clients may rely on, in Neutron's aliases: alias, name, when it came to Neutron.
EXTENSIONS = (
    ("agent", "Agents", "2013-02-03"),
    ("allowed-address-pairs", "Allowed Address Pairs", "2013-07-23"),
    ("binding", "Port Binding", "2014-02-03"),
    ("empty-string-filtering", "Filters for Empty Text", "2018-05-01"),
    ("ext-gw-mode", "Source NAT Switch of Router Gateways", "2013-03-28"),
    ("external-net", "External Networks", "2013-01-14"),
    ("extraroute", "Routes of Routers", "2013-02-01"),
    ("filter-validation", "Refusal of Unknown Filters", "2018-03-21"),
    ("fip-port-details", "Port Details of Floating IPs", "2018-04-09"),
    ("floating-ip-distributed", "Floating IPs", "2017-11-30"),
    ("ip-substring-filtering", "Filters for Parts of Addresses", "2017-11-28"),
    ("net-mtu", "MTU of Networks", "2015-03-25"),
    ("net-mtu-writable", "MTU That Can Be Set", "2017-07-12"),
    ("network-ip-availability", "Availability of Addresses", "2015-09-24"),
    ("pagination", "Pages", "2016-06-12"),
    ("port-security", "Port Security", "2012-07-23"),
    ("port-security-groups-filtering", "Filters for Security Groups", "2018-01-09"),
    ("project-id", "Projects", "2016-09-09"),
    ("provider", "Provider Networks", "2012-09-07"),
    ("qos", "QoS Policies", "2015-06-08"),
    ("quota_details", "Quota Use", "2017-02-10"),
    ("quotas", "Quotas", "2012-07-29"),
    ("revision-if-match", "Updates If Unchanged", "2016-12-11"),
    ("router", "Routers", "2012-07-20"),
    ("security-group", "Security Groups", "2012-10-05"),
    ("security-groups-normalized-cidr", "Canonical Prefixes in Rules", "2019-11-28"),
    ("sorting", "Order", "2016-06-12"),
    ("standard-attr-description", "Descriptions", "2016-02-10"),
    ("standard-attr-revisions", "Revision Numbers", "2016-04-11"),
    ("standard-attr-tag", "Tags", "2017-01-01"),
    ("standard-attr-timestamp", "Times", "2016-09-12"),
    ("stateful-security-group", "Stateless Security Groups", "2019-11-26"),
)
# Collections that clients ask for and that are always empty here: path, key.
EMPTY = (
    ("address-groups", "address_groups"),
    ("address-scopes", "address_scopes"),
    ("agents", "agents"),
    ("availability_zones", "availability_zones"),
    ("flavors", "flavors"),
    ("rbac-policies", "rbac_policies"),
    ("subnetpools", "subnetpools"),
    ("trunks", "trunks"),
)


def versions(call: exchange.Call) -> exchange.Answer:
    """GET /: the one version."""
    links = [{"rel": "self", "href": f"{call.mount}/v2.0/"}]
    return exchange.Answer(body={"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})


def resources(call: exchange.Call) -> exchange.Answer:
    """GET /v2.0/: what is here at the least."""
    found = [
        {"name": name, "collection": f"{name}s", "links": [{"rel": "self", "href": f"{call.mount}/v2.0/{name}s"}]}
        for name in ("network", "subnet", "subnetpool", "port")
    ]
    return exchange.Answer(body={"resources": found})


def extensions(call: exchange.Call) -> exchange.Answer:
    """GET extensions."""
    return exchange.Answer(body={"extensions": [_extension(*each) for each in EXTENSIONS]})


def extension(call: exchange.Call) -> exchange.Answer:
    """GET extensions/{alias}; an unknown one has Neutron's other error document."""
    alias = call.parts["alias"].removesuffix(".json")
    found = next((each for each in EXTENSIONS if each[0] == alias), None)
    if found is None:
        sentence = f"The resource could not be found. Extension with alias {alias} does not exist."
        return exchange.Answer(status=404, body={"message": sentence, "code": "404 Not Found", "title": "Not Found"})
    return exchange.Answer(body={"extension": _extension(*found)})


def _extension(alias: str, name: str, day: str) -> dict[str, Any]:
    return {"name": name, "alias": alias, "description": name, "updated": f"{day}T10:00:00-00:00", "links": []}


def _empty(key: str) -> exchange.Handler:
    def handler(call: exchange.Call) -> exchange.Answer:
        return exchange.Answer(body={key: []})

    return handler


def routes() -> Iterator[exchange.Route]:
    """The rows of the table."""
    yield exchange.Route(method="GET", path="/", policy="", handler=versions, token=False)
    for path, handler in (("/", resources), ("/extensions", extensions), ("/extensions/{alias}", extension)):
        yield exchange.Route(method="GET", path=f"/v2.0{path}", policy="read", handler=handler)
    for path, key in EMPTY:
        yield exchange.Route(method="GET", path=f"/v2.0/{path}", policy="read", handler=_empty(key))
