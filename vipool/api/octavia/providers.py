"""Providers over HTTP: what carries traffic, and what of it flavors and availability zones may choose."""

from collections.abc import Mapping
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import arguments, listing
from vipool.api.openapi import operation
from vipool.core import offers
from vipool.core.policy import actions
from vipool.service import choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The handlers."""

    providers: choices.Providers

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET providers."""
        shown = [{"name": name, "description": each.description} for name, each in self.providers.items()]
        return exchange.Answer(body={"providers": listing.fields(call, shown)})

    def flavors(self, call: exchange.Call) -> exchange.Answer:
        """GET providers/{name}/flavor_capabilities."""
        choices.refuse_unknown(call.parts["name"], self.providers)
        return _offered(call, "flavor_capabilities", self.providers[call.parts["name"]].flavors)

    def zones(self, call: exchange.Call) -> exchange.Answer:
        """GET providers/{name}/availability_zone_capabilities."""
        choices.refuse_unknown(call.parts["name"], self.providers)
        return _offered(call, "availability_zone_capabilities", self.providers[call.parts["name"]].zones)

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table."""
        rows = (
            ("/providers", "provider", self.index),
            ("/providers/{name}/flavor_capabilities", "provider-flavor", self.flavors),
            ("/providers/{name}/availability_zone_capabilities", "provider-availability-zone", self.zones),
        )
        return tuple(
            exchange.Route(
                method="GET",
                path=path,
                policy=actions.named(noun, "get_all"),
                handler=handler,
                operation=OPERATIONS[noun],
            )
            for path, noun, handler in rows
        )


def _offered(call: exchange.Call, key: str, found: Mapping[str, offers.Offer]) -> exchange.Answer:
    """What is offered, or what of it has exactly the name or description that was asked for."""
    shown = [{"name": name, "description": each.description} for name, each in found.items()]
    for field in ("name", "description"):
        asked = call.asked(field)
        if asked is not None:
            shown = [each for each in shown if each[field] == asked]
    return exchange.Answer(body={key: listing.fields(call, shown)})


TEXT: Mapping[str, str] = {"type": "string"}
TAG = "Provider"
DOC = "What carries the traffic of load balancers, and what of it flavors and availability zones may choose."
NAME = operation.Parameter(name="name", schema=TEXT, doc="The name of the provider.")
EXACTLY = tuple(
    operation.Parameter(name=field, schema=TEXT, doc=f"Only what has exactly this {field}.")
    for field in ("name", "description")
)


def _described(key: str) -> dict[str, object]:
    return operation.reply({key: operation.array(operation.reply({"name": TEXT, "description": TEXT}, ()))})


OPERATIONS: Mapping[str, operation.Operation] = {
    "provider": operation.Operation(
        name="list_providers",
        summary="List the providers",
        tag=TAG,
        query=(arguments.FIELDS,),
        reply=_described("providers"),
    ),
    "provider-flavor": operation.Operation(
        name="list_flavor_capabilities",
        summary="List what flavor profiles may choose of a provider",
        tag=TAG,
        query=(*EXACTLY, arguments.FIELDS),
        reply=_described("flavor_capabilities"),
        refuses=frozenset({400}),
        parts=(NAME,),
    ),
    "provider-availability-zone": operation.Operation(
        name="list_availability_zone_capabilities",
        summary="List what availability zone profiles may choose of a provider",
        tag=TAG,
        query=(*EXACTLY, arguments.FIELDS),
        reply=_described("availability_zone_capabilities"),
        refuses=frozenset({400}),
        parts=(NAME,),
    ),
}
