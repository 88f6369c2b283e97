"""The wire form: everything that a node is asked to be, as values.

A node pulls ``Desired``: the items that changed since the revision it knows (all of them when it knows none).  An item
is one load balancer, router, network or plugged port; its ``absent`` says that it must go.  Items carry the model's own
nouns, so a new attribute reaches the renderers without being named here.  ``dump`` and ``load`` turn items into JSON
values and back; ``outline`` leaves most of that to who writes the text.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from vipool.model import attr, loadbalancer, tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route beside the connected ones: ``destination`` is a network in CIDR form."""

    destination: str
    nexthop: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A network as a node sees it: one bridge, ``flat`` being the name of an existing bridge of the host."""

    network_id: str
    mtu: int = 1500
    flat: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What may be opened to a port, as one rule of a security group says it.

    ``version`` is that of IP; ``protocol`` its protocol's number, None for all.  ``first`` and ``last`` are the lowest
    and the highest port, or for ICMP the type and the code; None for all.  ``sources`` are networks in CIDR form, None
    for everywhere.
    """

    version: int
    protocol: int | None = None
    first: int | None = None
    last: int | None = None
    sources: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A port as a node must plug it: its addresses are in prefix form (172.16.100.11/24).

    ``ingress`` says all that may be opened to it; with None nothing is filtered.
    """

    port_id: str
    mac: str
    segment: Segment
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    ingress: tuple[Permit, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """One to one translation at a router: ``external`` outside is ``internal`` inside."""

    id: str
    external: str
    internal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What comes to a router from this address, protocol ("tcp") and port goes on to the neighbour ``via``."""

    address: str
    protocol: str
    port: int
    via: str


NO_MATERIALS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """One load balancer to carry: the tree without its dying rows, and the port that holds the VIP.

    ``materials`` are the certificates, authorities and revocation lists that the tree refers to, as PEM texts by
    reference: a certificate with its private key, unencrypted, and what stands between it and its root.  One that could
    not be had is left out.  They are in no repr, so that nothing that prints an item gives a key away.
    """

    id: str
    revision: int
    absent: bool = False
    tree: tree.Tree
    vip: Attachment | None = None
    materials: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def generation(self) -> int:
        """The generation of the tree this item realises."""
        return self.tree.loadbalancer.generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """One router: its inside interfaces, its gateway port, and what it translates."""

    id: str
    revision: int
    absent: bool = False
    enabled: bool = True
    interfaces: tuple[Attachment, ...] = ()
    gateway: Attachment | None = None
    snat: bool = True
    floating_ips: tuple[FloatingIp, ...] = ()
    routes: tuple[Route, ...] = ()
    returns: tuple[Return, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network: it has a bridge as long as it is there."""

    id: str
    revision: int
    absent: bool = False
    segment: Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """One port plugged into a namespace or process that somebody else runs.

    ``target`` is ``netns:NAME`` or ``pid:PID``; ``device`` the name the interface has in there.
    """

    id: str
    revision: int
    absent: bool = False
    port: Attachment
    target: str
    device: str


Item: TypeAlias = LoadBalancer | Router | Network | Plug
KINDS: dict[str, type[Any]] = {
    "network": Network,
    "router": Router,
    "plug": Plug,
    "loadbalancer": LoadBalancer,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What a node must be: items in the order networks, routers, plugs, load balancers.

    ``complete`` means that everything not listed must not exist on the node.
    """

    revision: int
    complete: bool
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a node says about one item.

    ``revision`` is the item's that was realised, or could not be (``fault`` says why); ``generation`` is the tree's.
    ``done`` says in words what was done for it.  ``gone`` confirms an absence.  ``observation`` is what the data plane
    says, where there is one.
    """

    kind: str
    id: str
    revision: int = 0
    generation: int = 0
    fault: str | None = None
    done: str = ""
    gone: bool = False
    observation: "Observation | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Traffic of one listener or member, counted since it was made; ``active_connections`` is of this moment."""

    active_connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    request_errors: int = 0
    total_connections: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a node found wrong: the name as in ``condition.Name``, the object, an address or nothing, what was measured.

    Names that a server does not know are a newer node's.
    """

    name: str
    object_type: str
    object_id: str
    address: str = ""
    measured: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the data plane of one load balancer says: states by object id, in the words of ``State``.

    ``conditions`` are what the node found out beside that; None says that it has not looked, as engines do not.
    """

    frontends: Mapping[str, str]  # listener id -> open | full | closed
    backends: Mapping[str, str]  # pool id -> up | down
    servers: Mapping[str, str]  # member id -> up | down | drain | maint | no_check
    counters: Mapping[str, Counters]  # listener id -> counters
    # member id -> counters; who never had traffic may be left out
    members: Mapping[str, Counters] = field(default_factory=dict)
    conditions: tuple[Condition, ...] | None = None


def dump(value: object) -> Any:
    """Any value of this module as JSON values."""
    match value:
        case _ if type(value) in attr.PLAIN:  # most values, and reports have thousands of them
            return value
        case attr.Resource():
            return attr.dump(value)
        case LoadBalancer() | Router() | Network() | Plug():
            return {"kind": _kind(value), **_fields(value)}
        case tuple() | list():
            return [dump(each) for each in value]
        case Mapping():
            return {key: dump(each) for key, each in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return _fields(value)
        case _:
            return value


def outline(found: Desired) -> dict[str, Any]:
    """What ``dump`` says, with what is inside the items still values, for an encoder that writes them as ``dump`` does.

    orjson does: dataclasses, choices, moments and tuples. For a thousand listeners it takes a fifth of the time.
    """
    return {"revision": found.revision, "complete": found.complete, "items": [_outline(each) for each in found.items]}


def _outline(item: Item) -> dict[str, Any]:
    values = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    return {"kind": _kind(item), **values}


def _kind(item: Item) -> str:
    return next(name for name, cls in KINDS.items() if isinstance(item, cls))


def _fields(value: Any) -> dict[str, Any]:
    return {name: dump(getattr(value, name)) for name in _names(type(value))}


@attr.per_noun
def _names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def load_tree(body: Mapping[str, Any], load: Callable[[type[Any], Mapping[str, Any]], Any] = attr.load) -> tree.Tree:
    """The tree that ``dump`` wrote; ``load`` makes its rows."""
    children = {field: tuple(load(cls, each) for each in body.get(field, ())) for cls, field in tree.FIELDS.items()}
    return tree.Tree(loadbalancer=load(loadbalancer.LoadBalancer, body["loadbalancer"])).having(children)


def load_desired(body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], tree.Tree] = load_tree) -> Desired:
    """The Desired that ``dump`` wrote; ``read`` makes its trees."""
    items = tuple(load_item(each, read) for each in body["items"])
    return Desired(revision=body["revision"], complete=body["complete"], items=items)


def load_item(body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], tree.Tree] = load_tree) -> Item:
    """The item that ``dump`` wrote; ``read`` makes its tree."""
    head = {name: body[name] for name in ("id", "revision", "absent")}
    match body["kind"]:
        case "loadbalancer":
            vip = body["vip"]
            return LoadBalancer(
                **head,
                tree=read(body["tree"]),
                vip=_attachment(vip) if vip else None,
                materials=body["materials"],
            )
        case "router":
            gateway = body["gateway"]
            return Router(
                **head,
                enabled=body["enabled"],
                interfaces=tuple(_attachment(each) for each in body["interfaces"]),
                gateway=_attachment(gateway) if gateway else None,
                snat=body["snat"],
                floating_ips=tuple(FloatingIp(**each) for each in body["floating_ips"]),
                routes=tuple(Route(**each) for each in body["routes"]),
                # What is remembered of routers that go may be older than these are.
                returns=tuple(Return(**each) for each in body.get("returns", ())),
            )
        case "network":
            return Network(**head, segment=Segment(**body["segment"]))
        case "plug":
            return Plug(**head, port=_attachment(body["port"]), target=body["target"], device=body["device"])
        case unknown:
            raise ValueError(f"an item of unknown kind {unknown!r}: the server is newer than this agent")


def _attachment(body: Mapping[str, Any]) -> Attachment:
    ingress = body.get("ingress")
    return Attachment(
        port_id=body["port_id"],
        mac=body["mac"],
        segment=Segment(**body["segment"]),
        addresses=tuple(body["addresses"]),
        gateways=tuple(body["gateways"]),
        routes=tuple(Route(**each) for each in body["routes"]),
        ingress=None if ingress is None else tuple(map(_permit, ingress)),
    )


def _permit(body: Mapping[str, Any]) -> Permit:
    sources = body["sources"]
    return Permit(**{**body, "sources": None if sources is None else tuple(sources)})


def load_report(body: Mapping[str, Any]) -> Report:
    """The report that ``dump`` wrote."""
    seen = body.get("observation")
    observation = None
    if seen is not None:
        counted = {
            name: {key: Counters(**each) for key, each in seen.get(name, {}).items()}
            for name in ("counters", "members")
        }
        found = seen.get("conditions")  # an older node says nothing of them
        conditions = None if found is None else tuple(Condition(**each) for each in found)
        observation = Observation(**{**seen, **counted, "conditions": conditions})
    return Report(**{**body, "observation": observation})
