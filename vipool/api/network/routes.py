"""The whole route table of the network service, and the face that serves it under ``/network``."""

from collections.abc import Callable, Iterator, Mapping

from vipool.api import exchange
from vipool.api import face as faces
from vipool.api.network import (
    addresses,
    dialect,
    discovery,
    handlers,
    qosrules,
    quotas,
    routing,
    sharing,
    tags,
    topology,
    views,
)
from vipool.model import caller, owned, qospolicy, securitygroup
from vipool.store import session

Noun = type[owned.Owned]
# Paths that are not the key of the list.
PATHS: Mapping[Noun, str] = {
    securitygroup.SecurityGroup: "security-groups",
    securitygroup.Rule: "security-group-rules",
    qospolicy.QosPolicy: "qos/policies",
}


def path_of(cls: Noun) -> str:
    """Where a collection is."""
    return f"/v2.0/{PATHS.get(cls, cls.NOUN.collection)}"


def table(tools: handlers.Handlers) -> Iterator[exchange.Route]:
    """Every route."""
    yield from discovery.routes()
    yield from quotas.Quotas(database=tools.database).routes()
    yield from addresses.Addresses(database=tools.database).routes()
    yield from topology.Topology(database=tools.database, new_id=tools.new_id).routes()
    yield from sharing.Sharing(database=tools.database, new_id=tools.new_id).routes()
    yield from qosrules.QosRules(database=tools.database, new_id=tools.new_id).routes()
    for cls in views.NOUNS:
        base = path_of(cls)
        yield from tools.routes(base, cls)
        yield from tags.Tags(database=tools.database, cls=cls).routes(base)
    yield from routing.Routing(database=tools.database, new_id=tools.new_id).routes()


def face(
    database: session.Database,
    *,
    authenticate: Callable[[str], caller.Caller],
    new_id: Callable[[], str],
) -> faces.Face:
    """The network service, mounted at /network."""

    def allow(policy: str, who: caller.Caller) -> None:
        """Everybody with a token may ask; the handlers decide what is seen and who may write."""

    return faces.Face(
        mount="/network",
        routes=tuple(table(handlers.Handlers(database=database, new_id=new_id))),
        dialect=dialect.NetworkDialect(),
        authenticate=authenticate,
        allow=allow,
        new_request_id=lambda: f"req-{new_id()}",
        service="network",
    )
