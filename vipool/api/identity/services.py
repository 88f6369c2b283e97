"""The catalog as objects: services, endpoints and the one region, to read."""

from collections.abc import Callable
from typing import Any

from vipool.api import exchange
from vipool.api.identity import auth, views
from vipool.cloud.identity.embedded import catalog
from vipool.model import faults

Shown = dict[str, Any]


def routes() -> tuple[exchange.Route, ...]:
    """The route table."""
    found: list[exchange.Route] = []
    for one, make in (("service", _services), ("endpoint", _endpoints), ("region", _regions)):
        for path, rule, handler in (
            (f"/v3/{one}s", f"list_{one}s", _list(f"{one}s", make)),
            (f"/v3/{one}s/{{{one}_id}}", f"get_{one}", _show(one, make)),
        ):
            found.append(exchange.Route(method="GET", path=path, policy=f"identity:{rule}", handler=handler))
    return tuple(found)


def _list(key: str, make: Callable[[exchange.Call], list[Shown]]) -> exchange.Handler:
    def handler(call: exchange.Call) -> exchange.Answer:
        """Those whose attributes are as the query asks; names it does not know are ignored."""
        shown = [
            each for each in make(call) if all(str(each[name]) == value for name, value in call.query if name in each)
        ]
        return views.many(call, key, shown)

    return handler


def _show(one: str, make: Callable[[exchange.Call], list[Shown]]) -> exchange.Handler:
    def handler(call: exchange.Call) -> exchange.Answer:
        wanted = call.parts[f"{one}_id"]
        for each in make(call):
            if each["id"] == wanted:
                return exchange.Answer(body={one: each})
        raise faults.NotFound(f"Could not find {one}: {wanted}.")

    return handler


def _services(call: exchange.Call) -> list[Shown]:
    return [
        views.linked(
            call,
            f"services/{service.id}",
            {"name": service.name, "id": service.id, "type": service.type, "enabled": True},
        )
        for service in catalog.SERVICES
    ]


def _endpoints(call: exchange.Call) -> list[Shown]:
    return [
        views.linked(
            call,
            f"endpoints/{service.endpoint_id(interface)}",
            {
                "id": service.endpoint_id(interface),
                "interface": interface,
                "region_id": catalog.REGION,
                "service_id": service.id,
                "url": auth.base(call) + service.path,
                "enabled": True,
                "region": catalog.REGION,
            },
        )
        for service in catalog.SERVICES
        for interface in catalog.INTERFACES
    ]


def _regions(call: exchange.Call) -> list[Shown]:
    region = {"id": catalog.REGION, "description": "", "parent_region_id": None}
    return [views.linked(call, f"regions/{catalog.REGION}", region)]
