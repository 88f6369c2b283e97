"""What Octavia has and this release does not serve: every path of it answers 501 with a sentence that says so.

A client thus learns at once that it is not its own mistake.  Each row goes when its resource comes.
"""

from vipool.api import exchange
from vipool.model import faults

METHODS = ("GET", "POST", "PUT", "DELETE")
# Whoever may read anything may be told.
POLICY = "os_load-balancer_api:provider:get_all"

COLLECTIONS = {
    "/l7policies": "L7 policies and their rules",
    "/quotas": "Quotas",
    "/flavors": "Flavors",
    "/flavorprofiles": "Flavor profiles",
    "/availabilityzones": "Availability zones",
    "/availabilityzoneprofiles": "Availability zone profiles",
}
PLACES = {
    ("PUT", "/loadbalancers/{id}/failover"): "Failover by request",
    ("GET", "/providers/{name}/flavor_capabilities"): "Flavor capabilities",
    ("GET", "/providers/{name}/availability_zone_capabilities"): "Availability zone capabilities",
}
AMPHORAE = ("/v2/octavia/amphorae", "/v2.0/octavia/amphorae")


def routes() -> tuple[exchange.Route, ...]:
    """The routes below the usual prefixes."""
    everywhere = tuple(row for path, what in COLLECTIONS.items() for row in collection(path, what))
    return (*everywhere, *(_route(method, path, what) for (method, path), what in PLACES.items()))


def absolute_routes() -> tuple[exchange.Route, ...]:
    """The routes that stand under one prefix only."""
    return tuple(row for path in AMPHORAE for row in collection(path, "Amphorae"))


def collection(path: str, what: str) -> tuple[exchange.Route, ...]:
    """A collection and everything below it."""
    return tuple(_route(method, where, what) for where in (path, path + "/{rest:path}") for method in METHODS)


def _route(method: str, path: str, what: str) -> exchange.Route:
    def answer(call: exchange.Call) -> exchange.Answer:
        raise faults.NotServed(f"{what}: not served by this release of vipool ({call.method} {call.path}).")

    return exchange.Route(method=method, path=path, policy=POLICY, handler=answer)
