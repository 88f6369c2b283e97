"""Amphorae over HTTP: the instances of load balancers, for administrators."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import asking, listing, operations, shapes
from vipool.api.openapi import operation
from vipool.core.policy import actions
from vipool.model import amphora, faults, loadbalancer, statistics
from vipool.service import amphorae, read, write
from vipool.store import rows

Noun = amphora.Amphora.NOUN
PREFIXES = ("/v2/octavia/amphorae", "/v2.0/octavia/amphorae")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amphorae:
    """The handlers."""

    desk: asking.Desk
    writer: write.Writer

    def index(self, call: exchange.Call) -> exchange.Answer:
        """GET amphorae."""
        query = listing.parse(amphora.Amphora, call, most=self.desk.most, extra=read.computed(amphora.Amphora))
        with self.desk.database.read() as held:
            found = read.page(held, amphora.Amphora, query)
            shown = amphorae.seen(held, found)
        return listing.answer(call, query, Noun, found, shown)

    def show(self, call: exchange.Call) -> exchange.Answer:
        """GET amphorae/{id}."""
        with self.desk.database.read() as held:
            found = amphorae.seen(held, (amphorae.need(held, call.parts["id"]),))
        return exchange.Answer(body={Noun.wrapper: listing.fields(call, found)[0]})

    def stats(self, call: exchange.Call) -> exchange.Answer:
        """GET amphorae/{id}/stats: one entry for each listener."""
        with self.desk.database.read() as held:
            found = amphorae.need(held, call.parts["id"])
            counted = rows.find(held, statistics.Statistics, loadbalancer_id=found.loadbalancer_id)
        if not counted:
            raise faults.NotFound(f"Amphora stats for {found.id} not found.")
        entries = [
            {
                "id": found.id,
                "loadbalancer_id": found.loadbalancer_id,
                "listener_id": each.id,
                **{name: getattr(each, name) for name in read.COUNTERS},
            }
            for each in counted
        ]
        return exchange.Answer(body={"amphora_stats": entries})

    def fail_over(self, call: exchange.Call) -> exchange.Answer:
        """PUT amphorae/{id}/failover."""
        return self._anew(call, "put_failover")

    def configure(self, call: exchange.Call) -> exchange.Answer:
        """PUT amphorae/{id}/config: the node looks at the load balancer again."""
        asking.only(call)
        with self.desk.database.write() as held:
            found = amphorae.need(held, call.parts["id"])
            rows.change(held, loadbalancer.LoadBalancer, found.loadbalancer_id, {"revision": held.revision()})
        return exchange.Answer(status=202, empty=True)

    def delete(self, call: exchange.Call) -> exchange.Answer:
        """DELETE amphorae/{id}: only of one that is in ERROR; another takes its place."""
        with self.desk.database.read() as held:
            found = amphorae.seen(held, (amphorae.need(held, call.parts["id"]),))[0]
        if found["status"] != amphora.Status.ERROR:
            raise faults.Conflict(f"amphora {found['id']} is immutable and cannot be updated.")
        self._anew(call, "delete")
        return exchange.NOTHING

    def _anew(self, call: exchange.Call, verb: str) -> exchange.Answer:
        asking.only(call)
        with self.desk.database.read() as held:
            found = amphorae.need(held, call.parts["id"])
        self.writer.fail_over(self.desk.act(call, "amphora", verb), found.loadbalancer_id)
        return exchange.Answer(status=202, empty=True)

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table: the only paths that stand under one prefix alone."""
        places = (
            ("GET", "", "get_all", self.index),
            ("GET", "/{id}", "get_one", self.show),
            ("GET", "/{id}/stats", "get_stats", self.stats),
            ("PUT", "/{id}/failover", "put_failover", self.fail_over),
            ("PUT", "/{id}/config", "put_config", self.configure),
            ("DELETE", "/{id}", "delete", self.delete),
        )
        return tuple(
            exchange.Route(
                method=method,
                path=prefix + path,
                policy=actions.named("amphora", verb),
                handler=handler,
                operation=OPERATIONS[verb] if prefix == PREFIXES[0] else None,
            )
            for prefix in PREFIXES
            for method, path, verb, handler in places
        )


OPERATIONS: Mapping[str, operation.Operation] = {
    "get_all": operations.index(amphora.Amphora, read.computed(amphora.Amphora)),
    "get_one": operations.show(amphora.Amphora),
    "get_stats": operations.action(
        amphora.Amphora,
        "show_stats_of",
        "Show the counters of an amphora, listener by listener",
        reply=operation.reply({"amphora_stats": operation.array(shapes.of_amphora())}),
    ),
    "put_failover": operations.action(
        amphora.Amphora,
        "fail_over",
        "Replace the amphorae of a load balancer by new ones",
        status=202,
        refuses=frozenset({409, 501}),
    ),
    "put_config": operations.action(
        amphora.Amphora, "configure", "Let the node look at the load balancer again", status=202
    ),
    "delete": dataclasses.replace(
        operations.deletion(amphora.Amphora),
        doc="Only of one that is in ERROR: another takes its place.",
        refuses=frozenset({409, 501}),
    ),
}
