"""How many addresses networks have and how many are used, over HTTP: for administrators."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vipool.api import exchange
from vipool.api.network import queries
from vipool.cloud.network.embedded import availability, visible
from vipool.model import faults, network
from vipool.store import listing, rows, session


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The handlers of network-ip-availabilities: for administrators."""

    database: session.Database

    def routes(self) -> Iterator[exchange.Route]:
        """The rows of the table."""
        base = "/v2.0/network-ip-availabilities"
        for path, handler in ((base, self.index), (base + "/{id}", self.show)):
            yield exchange.Route(method="GET", path=path, policy="read", handler=handler)

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
        return _wide({"network_ip_availabilities": queries.fields(call, shown)})

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
