"""What vipool adds to Octavia's API, under a prefix of its own: its discovery document, histories, members' counters.

The conditions of load balancers are in ``conditions``.
Octavia's own version list says nothing of it: clients take its last entry for what the service can do.
"""

import dataclasses
from dataclasses import dataclass

from vipool.api import exchange
from vipool.api.octavia import arguments, asking, conditions, listing, operations, tree_operations, versions
from vipool.api.openapi import operation
from vipool.core.policy import actions
from vipool.model import attr, event, faults, loadbalancer, member
from vipool.service import history, read

PREFIX = "/vipool"
BASE = f"{PREFIX}/v1"
HISTORY = f"{BASE}/loadbalancers/{{id}}/history"
MEMBER_STATS = f"{BASE}/pools/{{pool_id}}/members/{{id}}/stats"
ADDED = (
    {
        "name": "history",
        "description": "Every accepted write to a load balancer: who, when, what changed, and how it became real;"
        " and every condition that began or ended.",
        "path": HISTORY,
    },
    {
        "name": "member-stats",
        "description": "The counters of a member, of the same shape as those of a listener.",
        "path": MEMBER_STATS,
    },
    {
        "name": "conditions",
        "description": "What is wrong with a load balancer that clients would see as silence, by name.",
        "path": BASE + conditions.OF_ONE,
    },
    {
        "name": "all-conditions",
        "description": "The same of every load balancer that the caller may list.",
        "path": BASE + conditions.OF_ALL,
    },
    {
        "name": "metrics",
        "description": "The same for Prometheus, for whoever may list the load balancers of all projects.",
        "path": BASE + conditions.METRICS,
    },
    {
        "name": "provisioning_fault",
        "description": "An attribute of load balancers: why a node could not realise the last write, in words.",
    },
    {
        "name": "idempotency-key",
        "description": "A header of POST requests: sent again under the same key, they answer what the first one did.",
    },
)

TEXT = {"type": "string"}
DISCOVER = operation.Operation(
    name="list_additions",
    summary="List what is added to Octavia's API",
    tag=versions.TAG,
    doc="In no version of Octavia's: clients take its last version for what a service can do.",
    reply=operation.reply(
        {
            "versions": operation.array(versions.OF_ITS_OWN),
            "adds": operation.array(
                operation.reply({"name": TEXT, "description": TEXT, "path": TEXT}, ("name", "description"))
            ),
        }
    ),
)
CHANGES = operation.Operation(
    name="list_history",
    summary="List the history of a load balancer",
    tag=event.Event.NOUN.title,
    doc="The newest first. It is there for as long as the operator keeps it, also when the load balancer is not.",
    query=arguments.of_list(event.Event),
    reply=operation.reply(
        {
            "history": operation.array(operation.ref("Event")),
            "history_links": operation.array(operation.ref("Link")),
        }
    ),
    refuses=frozenset({400}),
    parts=operations.parts(loadbalancer.LoadBalancer),
)
COUNTERS = operations.action(
    member.Member,
    "show_stats_of",
    "Show the counters of a member",
    doc=(
        "For whatever listeners, over its whole life. `request_errors` are connections that it refused, and answers "
        "that were broken. Zeros as long as nothing is known."
    ),
    reply=tree_operations.COUNTED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """The handlers."""

    desk: asking.Desk

    def discover(self, call: exchange.Call) -> exchange.Answer:
        """GET vipool: what is added, to anybody."""
        links = [{"href": call.mount + BASE, "rel": "self"}]
        return exchange.Answer(body={"versions": [{"id": "v1", "status": "CURRENT", "links": links}], "adds": ADDED})

    def changes(self, call: exchange.Call) -> exchange.Answer:
        """GET of the history of a load balancer, the newest first unless another order is asked for."""
        identifier = call.parts["id"]
        query = listing.parse(event.Event, call, most=self.desk.most)
        if not call.asked("sort") and not call.asked("sort_key"):
            query = dataclasses.replace(query, sort=(("created_at", False), ("generation", False)))
        scope = {"loadbalancer_id": (identifier,)}
        with self.desk.database.read() as held:
            history.need(held, self.desk.act(call, "loadbalancer", "get_history"), identifier)
            found = read.page(held, event.Event, listing.within(held, event.Event, query, scope))
        return listing.answer(call, query, event.Event.NOUN, found, [attr.show(each) for each in found])

    def stats(self, call: exchange.Call) -> exchange.Answer:
        """GET of the counters of a member, which is found only below its own pool."""
        with self.desk.database.read() as held:
            row = read.one(held, self.desk.act(call, "member", "get_stats"), member.Member, call.parts["id"])
            if row.pool_id != call.parts["pool_id"]:
                raise faults.not_found(member.Member.NOUN.title, row.id)
            return exchange.Answer(body={"stats": read.member_totals(held, row)})

    def routes(self) -> tuple[exchange.Route, ...]:
        """The table."""
        policy, counted = actions.named("loadbalancer", "get_history"), actions.named("member", "get_stats")
        return (
            *(
                exchange.Route(method="GET", path=path, policy="", handler=self.discover, token=False, operation=said)
                for path, said in ((PREFIX, DISCOVER), (BASE, None))
            ),
            exchange.Route(method="GET", path=HISTORY, policy=policy, handler=self.changes, operation=CHANGES),
            exchange.Route(method="GET", path=MEMBER_STATS, policy=counted, handler=self.stats, operation=COUNTERS),
        )
