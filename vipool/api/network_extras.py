"""What the network API has beside its objects: discovery, extensions, tags, quotas, availability, and empty lists."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange, network_bodies, network_listing, network_policy
from vipool.cloud.network.embedded import availability, quotas, visible
from vipool.model import faults, network, networkquota, owned, types
from vipool.store import listing, rows, session

Noun = type[owned.Owned]
TAG = types.String(255, least=1)
LIMIT = types.Integer(networkquota.UNLIMITED)
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


def discovery(call: exchange.Call) -> exchange.Answer:
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


def routes(database: session.Database) -> Iterator[exchange.Route]:
    """The rows of the table for all of this."""
    yield exchange.Route(method="GET", path="/", policy="", handler=discovery, token=False)
    yield _get("/", resources)
    yield _get("/extensions", extensions)
    yield _get("/extensions/{alias}", extension)
    for path, key in EMPTY:
        yield _get(f"/{path}", _empty(key))
    kept = Quotas(database=database)
    yield _get("/quotas", kept.index)
    for path in ("/quotas/tenant", "/quotas/project"):
        yield _get(path, kept.own)
    for path, handler in (("", kept.show), ("/default", kept.default), ("/details.json", kept.details)):
        yield _get("/quotas/{project}" + path, handler)
    yield _get("/quotas/{project}/details", kept.details)
    yield exchange.Route(method="PUT", path="/v2.0/quotas/{project}", policy="write", handler=kept.update)
    yield exchange.Route(method="DELETE", path="/v2.0/quotas/{project}", policy="write", handler=kept.reset)
    addresses = Addresses(database=database)
    yield _get("/network-ip-availabilities", addresses.index)
    yield _get("/network-ip-availabilities/{id}", addresses.show)


def _get(path: str, handler: exchange.Handler) -> exchange.Route:
    return exchange.Route(method="GET", path=f"/v2.0{path}", policy="read", handler=handler)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The handlers of quotas."""

    database: session.Database

    def _readable(self, call: exchange.Call) -> str:
        project = call.parts["project"].removesuffix(".json")
        if not call.who.is_admin and not call.who.owns(project):
            raise network_policy.disallowed("get_quota")
        return project

    def _writable(self, call: exchange.Call, rule: str) -> str:
        if not call.who.is_admin:
            raise network_policy.disallowed(rule)
        return call.parts["project"].removesuffix(".json")

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas: the projects whose limits were set."""
        if not call.who.is_admin:
            raise network_policy.disallowed("get_quota")
        with self.database.read() as held:
            found = rows.find(held, networkquota.NetworkQuota)
        shown = [{**each.complete, "project_id": each.id, "tenant_id": each.id} for each in found]
        return exchange.Answer(body={"quotas": shown})

    def own(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/tenant: the caller's project."""
        key = call.path.rpartition("/")[2]
        return exchange.Answer(body={key: {f"{key}_id": call.who.project_id}})

    def show(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}."""
        project = self._readable(call)
        with self.database.read() as held:
            return exchange.Answer(body={"quota": quotas.limits(held, project)})

    def default(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}/default."""
        self._readable(call)
        return exchange.Answer(body={"quota": dict(networkquota.DEFAULTS)})

    def details(self, call: exchange.Call) -> exchange.Answer:
        """GET quotas/{project}/details.json: limits and use."""
        project = self._readable(call)
        with self.database.read() as held:
            found = {
                resource: {"limit": limit, "used": quotas.used(held, project, resource), "reserved": 0}
                for resource, limit in quotas.limits(held, project).items()
            }
        return exchange.Answer(body={"quota": found})

    def update(self, call: exchange.Call) -> exchange.Answer:
        """PUT quotas/{project}."""
        project = self._writable(call, "update_quota")
        body = call.body.get("quota") if isinstance(call.body, dict) else None
        if not isinstance(body, dict):
            raise network_bodies.bad("Unable to find 'quota' in request body")
        ignored = {"force", "check_limit", "tenant_id", "project_id"}
        unknown = [str(key) for key in body if key not in networkquota.DEFAULTS and key not in ignored]
        if unknown:
            raise network_bodies.bad(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
        wanted = {key: _limit(key, value) for key, value in body.items() if key in networkquota.DEFAULTS}
        with self.database.write() as held:
            force = types.Boolean().parse(body["force"]) if "force" in body else False
            return exchange.Answer(body={"quota": quotas.change(held, project, wanted, force=force)})

    def reset(self, call: exchange.Call) -> exchange.Answer:
        """DELETE quotas/{project}: back to the defaults."""
        project = self._writable(call, "delete_quota")
        with self.database.write() as held:
            quotas.reset(held, project)
        return exchange.NOTHING


def _limit(name: str, value: object) -> int:
    try:
        return LIMIT.parse(value)
    except ValueError as error:
        if isinstance(value, int):
            raise network_bodies.bad(
                f"Invalid input for {name}. Reason: '{value}' is too small or too large."
            ) from error
        raise faults.Invalid(
            f"Invalid input for operation: '{value}' is not an integer.", kind="InvalidInput"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The handlers of network-ip-availabilities: for administrators."""

    database: session.Database

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET network-ip-availabilities."""
        if not call.who.is_admin:
            return exchange.Answer(body={"network_ip_availabilities": []})
        names = {"network_id": "id", "network_name": "name", "project_id": "project_id", "tenant_id": "project_id"}
        equals: dict[str, tuple[object, ...]] = {}
        for key, value in call.query:
            if key in names:
                equals[names[key]] = (*equals.get(names[key], ()), value)
        version = call.asked("ip_version")
        with self.database.read() as held:
            found = listing.select(held, network.Network, listing.Query(equals=equals))
            wanted = int(version) if version in {"4", "6"} else None
            shown = [availability.of_network(held, each, wanted) for each in found]
        return _wide({"network_ip_availabilities": network_listing.fields(call, shown)})

    def show(self, call: exchange.Call) -> exchange.Answer:
        """GET network-ip-availabilities/{network}."""
        if not call.who.is_admin:
            raise faults.NotFound("The resource could not be found.", kind="HTTPNotFound")
        identifier = call.parts["id"].removesuffix(".json")
        with self.database.read() as held:
            of = visible.need(rows.get(held, network.Network, identifier), network.Network, identifier)
            return _wide({"network_ip_availability": availability.of_network(held, of)})


def _wide(body: dict[str, Any]) -> exchange.Answer:
    """An answer with numbers beyond 64 bits, which an IPv6 subnet has and orjson does not write."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return exchange.Answer(raw=content, headers={"Content-Type": "application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The handlers of the tags of one kind of object."""

    database: session.Database
    cls: Noun

    def routes(self, base: str) -> Iterator[exchange.Route]:
        """The rows of the table, below the path of the collection."""
        verbs: Mapping[str, Callable[[exchange.Call], exchange.Answer]] = {
            "GET": self.index,
            "PUT": self.replace,
            "POST": self.extend,
            "DELETE": self.clear,
        }
        for method, handler in verbs.items():
            yield exchange.Route(method=method, path=f"{base}/{{id}}/tags", policy="write", handler=handler)
        for method, handler in (("GET", self.check), ("PUT", self.add), ("DELETE", self.remove)):
            yield exchange.Route(method=method, path=f"{base}/{{id}}/tags/{{tag}}", policy="write", handler=handler)

    def _seen(self, held: session.Session, call: exchange.Call) -> Any:
        identifier = call.parts["id"]
        found = visible.get(held, call.who, self.cls, identifier)
        return visible.need(found, self.cls, identifier)

    def _own(self, held: session.Session, call: exchange.Call) -> Any:
        found = visible.need(rows.get(held, self.cls, call.parts["id"]), self.cls, call.parts["id"])
        if not network_policy.owns(call.who, found):
            raise network_policy.disallowed(f"update_{self.cls.NOUN.wrapper}:tags")
        return found

    def _keep(self, held: session.Session, of: Any, tags: tuple[str, ...]) -> None:
        if tags != of.tags:
            values = {"tags": tags, "revision_number": of.revision_number + 1, "updated_at": held.now}
            rows.change(held, self.cls, of.id, values)

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET tags."""
        with self.database.read() as held:
            return exchange.Answer(body={"tags": sorted(self._seen(held, call).tags)})

    def check(self, call: exchange.Call) -> exchange.Answer:
        """GET tags/{tag}."""
        with self.database.read() as held:
            _present(self._seen(held, call).tags, call.parts["tag"])
        return exchange.NOTHING

    def add(self, call: exchange.Call) -> exchange.Answer:
        """PUT tags/{tag}."""
        tag = _tag(call.parts["tag"])
        with self.database.write() as held:
            of = self._own(held, call)
            self._keep(held, of, of.tags if tag in of.tags else (*of.tags, tag))
        return exchange.Answer(status=201, body=None)

    def replace(self, call: exchange.Call) -> exchange.Answer:
        """PUT tags."""
        tags = _tags(call.body)
        with self.database.write() as held:
            self._keep(held, self._own(held, call), tags)
        return exchange.Answer(body={"tags": list(tags)})

    def extend(self, call: exchange.Call) -> exchange.Answer:
        """POST tags."""
        tags = _tags(call.body)
        with self.database.write() as held:
            of = self._own(held, call)
            self._keep(held, of, tuple(dict.fromkeys((*of.tags, *tags))))
        return exchange.Answer(body={"tags": list(tags)})

    def remove(self, call: exchange.Call) -> exchange.Answer:
        """DELETE tags/{tag}."""
        tag = call.parts["tag"]
        with self.database.write() as held:
            of = self._own(held, call)
            _present(of.tags, tag)
            self._keep(held, of, tuple(each for each in of.tags if each != tag))
        return exchange.NOTHING

    def clear(self, call: exchange.Call) -> exchange.Answer:
        """DELETE tags."""
        with self.database.write() as held:
            self._keep(held, self._own(held, call), ())
        return exchange.NOTHING


def _present(tags: tuple[str, ...], tag: str) -> None:
    if tag not in tags:
        raise faults.NotFound(f"Tag {tag} could not be found.", kind="TagNotFound")


def _tags(body: object) -> tuple[str, ...]:
    found = body.get("tags") if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise faults.Invalid("Invalid input for operation: tags must be a list.", kind="InvalidInput")
    parsed = tuple(_tag(each) for each in found)
    if len(set(parsed)) != len(parsed):
        raise faults.Invalid("Invalid input for operation: Duplicate items in the list of tags.", kind="InvalidInput")
    return parsed


def _tag(value: object) -> str:
    try:
        return TAG.parse(value)
    except ValueError as error:
        raise faults.Invalid(f"Invalid input for operation: tag: {error}.", kind="InvalidInput") from error
