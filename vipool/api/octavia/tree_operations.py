"""What the document says of the operations on the trees of load balancers: the usual ones, and those of their own."""

import dataclasses
from collections.abc import Mapping

from vipool.api.octavia import arguments, operations
from vipool.api.openapi import operation
from vipool.core.policy import actions
from vipool.model import listener, loadbalancer, member, tree
from vipool.service import read

Root = loadbalancer.LoadBalancer
EXPANDED = operation.reply({Root.NOUN.wrapper: operation.ref("LoadBalancerExpanded")})
STATUSES = operations.action(
    Root,
    "show_status_of",
    "Show the statuses of a load balancer and everything below it",
    doc="Pools that no listener uses are left out, and one that two use is there twice.",
    reply=operation.reply({"statuses": operation.reply({"loadbalancer": operation.ref("LoadBalancerStatuses")})}),
)
STATUSES_AGAIN = dataclasses.replace(STATUSES, name="show_statuses_of_loadbalancer", doc="Another name of `status`.")
REPLACE_MEMBERS = operation.Operation(
    name="replace_members",
    summary="Replace the members of a pool",
    tag=member.Member.NOUN.title,
    doc=(
        "A member is known by its address and port. One that is there already is changed as a whole: what is left out "
        "goes back to its default, except name, tags and subnet. The others go, unless `additive_only` is asked for."
    ),
    query=(arguments.ADDITIVE_ONLY,),
    body=operation.closed({"members": operation.array(operation.ref("MemberCreate"))}),
    status=202,
    refuses=frozenset({409, 501}),
    also=tuple(actions.named("member", each) for each in ("post", "delete")),
    parts=operations.above(member.Member),
)
COUNTED = operation.reply({"stats": operation.ref("Counters")})
SPECIAL: Mapping[tuple[operations.Noun, str], operation.Operation] = {
    (Root, "get_status"): STATUSES,
    (Root, "get_stats"): operations.action(
        Root, "show_stats_of", "Show the counters of a load balancer", reply=COUNTED
    ),
    (Root, "put_failover"): operations.action(
        Root,
        "fail_over",
        "Replace the instances of a load balancer",
        doc="What failed is tried again.",
        status=202,
        refuses=frozenset({409, 501}),
    ),
    (listener.Listener, "get_stats"): operations.action(
        listener.Listener, "show_stats_of", "Show the counters of a listener", reply=COUNTED
    ),
}


def of(cls: type[tree.Row], verb: str) -> operation.Operation:
    """An operation on the objects of trees, by the verb of its policy action."""
    root = cls is Root
    match verb:
        case "get_all":
            return operations.index(cls, read.computed(cls))
        case "post":
            made = operations.creation(cls, 404, 409, 501, also=("post:vip_sg_ids",) if root else ())
            return dataclasses.replace(made, reply=EXPANDED) if root else made
        case "get_one":
            return operations.show(cls)
        case "put":
            return operations.update(cls, 409, 501, also=("put:vip_sg_ids",) if root else ())
        case "delete":
            return operations.deletion(cls, *([arguments.CASCADE] if root else []))
        case _:
            return SPECIAL[cls, verb]
