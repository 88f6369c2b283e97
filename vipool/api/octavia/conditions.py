"""The named conditions of load balancers over HTTP: of one, of all that the caller sees, and as metrics.

Beside Octavia's paths (see ``extensions``): her bodies stay as they are.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import arguments, asking, listing, operations
from vipool.api.openapi import operation
from vipool.core import exposition
from vipool.core.policy import actions
from vipool.model import attr, condition, loadbalancer
from vipool.service import conditions, read
from vipool.store import listing as store
from vipool.store import session

OF_ONE, OF_ALL, METRICS = "/loadbalancers/{id}/conditions", "/conditions", "/metrics"
TAG = condition.Condition.NOUN.title
PLAIN = "text/plain"
_LIST = operation.reply(
    {
        "conditions": operation.array(operation.ref("Condition")),
        "conditions_links": operation.array(operation.ref("Link")),
    }
)
SHOW_OF_ONE = operation.Operation(
    name="list_conditions_of_loadbalancer",
    summary="List what is wrong with a load balancer",
    tag=TAG,
    doc="The oldest first. A condition is there as long as its cause; its beginning and its end are in the history.",
    query=arguments.of_list(condition.Condition),
    reply=_LIST,
    refuses=frozenset({400}),
    parts=operations.parts(loadbalancer.LoadBalancer),
)
SHOW_ALL = operation.Operation(
    name="list_conditions",
    summary="List what is wrong with load balancers",
    tag=TAG,
    doc="Those of the caller's project; of every project for whoever may list the load balancers of all.",
    query=arguments.of_list(condition.Condition),
    reply=_LIST,
    refuses=frozenset({400}),
)
MEASURE = operation.Operation(
    name="show_metrics",
    summary="Show the conditions of every load balancer to Prometheus",
    tag=TAG,
    doc="In its text format: `vipool_conditions` counts by name, `vipool_loadbalancer_condition` is 1 for each.",
    reply={"type": "string"},
    refuses=frozenset({400}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The handlers, for paths below ``base``."""

    desk: asking.Desk
    base: str

    def of_one(self, call: exchange.Call) -> exchange.Answer:
        """GET of the conditions of a load balancer."""
        query = listing.parse(condition.Condition, call, most=self.desk.most)
        with self.desk.database.read() as held:
            act = self.desk.act(call, "loadbalancer", "get_conditions")
            root = read.one(held, act, loadbalancer.LoadBalancer, call.parts["id"])
            return self._page(held, call, query, {"loadbalancer_id": (root.id,)})

    def of_all(self, call: exchange.Call) -> exchange.Answer:
        """GET of the conditions of every load balancer that the caller may list."""
        query = listing.parse(condition.Condition, call, most=self.desk.most)
        with self.desk.database.read() as held:
            return self._page(held, call, query, self.desk.scope(call, "loadbalancer"))

    def _page(
        self, held: session.Session, call: exchange.Call, query: store.Query, scope: Mapping[str, tuple[object, ...]]
    ) -> exchange.Answer:
        noun = condition.Condition
        if not call.asked("sort") and not call.asked("sort_key"):
            query = dataclasses.replace(query, sort=(("since", True),))
        found = read.page(held, noun, listing.within(held, noun, query, scope))
        return listing.answer(call, query, noun.NOUN, found, [attr.show(each) for each in found])

    def measure(self, call: exchange.Call) -> exchange.Answer:
        """GET of the metrics."""
        asking.only(call)
        with self.desk.database.read() as held:
            found = conditions.gauges(held)
        return exchange.Answer(raw=exposition.text(found).encode(), headers={"content-type": exposition.MEDIA})

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table."""
        rows = (
            (OF_ONE, "get_conditions", self.of_one, exchange.JSON, SHOW_OF_ONE),
            (OF_ALL, "get_conditions", self.of_all, exchange.JSON, SHOW_ALL),
            (METRICS, "get_metrics", self.measure, PLAIN, MEASURE),
        )
        return tuple(
            exchange.Route(
                method="GET",
                path=self.base + path,
                policy=actions.named("loadbalancer", verb),
                handler=handler,
                media=media,
                operation=said,
            )
            for path, verb, handler, media, said in rows
        )
