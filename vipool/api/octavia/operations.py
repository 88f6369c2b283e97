"""What the document says of the usual operations of a noun: list, make, show, change, remove.

What an operation of its own has to say stands beside its handler.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from vipool.api.octavia import arguments, shapes, trees
from vipool.api.openapi import operation, schemas
from vipool.core.policy import actions
from vipool.model import attr, listener, loadbalancer, member, tree, types
from vipool.service import read

Noun = type[attr.Resource]
NO_FILTERS: frozenset[str] = frozenset()
# The nouns that the words for them do not follow from.
PLURALS: Mapping[str, str] = {"L7 Policy": "L7 policies", "Amphora": "amphorae"}


def words(cls: Noun) -> str:
    """The noun in the middle of a sentence."""
    first, *rest = cls.NOUN.title.split()
    return " ".join([first if first == "L7" else first.lower(), *(each.lower() for each in rest)])


def several(cls: Noun) -> str:
    """Many of them in the middle of a sentence."""
    return PLURALS.get(cls.NOUN.title, f"{words(cls)}s")


def of(cls: type[tree.Row], verb: str) -> operation.Operation:
    """An operation on the objects of trees, by the verb of its policy action."""
    root = cls is loadbalancer.LoadBalancer
    match verb:
        case "get_all":
            return index(cls, read.computed(cls))
        case "post":
            made = creation(cls, 404, 409, 501, also=("post:vip_sg_ids",) if root else ())
            return dataclasses.replace(made, reply=EXPANDED) if root else made
        case "get_one":
            return show(cls)
        case "put":
            return update(cls, 409, 501, also=("put:vip_sg_ids",) if root else ())
        case "delete":
            return deletion(cls, *([arguments.CASCADE] if root else []))
        case _:
            return SPECIAL[cls, verb]


def index(cls: Noun, extra: frozenset[str] = NO_FILTERS) -> operation.Operation:
    """GET of a collection; ``extra`` names filters that no attribute is behind."""
    noun = cls.NOUN
    links = operation.array(operation.ref("Link"))
    of_all = actions.named(trees.policy_noun(cls), "get_all-global")
    scoped = cls not in trees.ABOVE and of_all in actions.ACTIONS
    listed = operation.array(operation.ref(shapes.name(cls)))
    return operation.Operation(
        name=f"list_{noun.collection}",
        summary=f"List {several(cls)}",
        tag=noun.title,
        doc=f"Those of the caller's project, or of every project where `{of_all}` is allowed." if scoped else "",
        query=arguments.of_list(cls, extra),
        reply=operation.reply({noun.collection: listed, noun.links_key: links}),
        refuses=frozenset({400}),
        also=(of_all,) if scoped else (),
        parts=_above(cls),
    )


def creation(cls: Noun, *refuses: int, also: tuple[str, ...] = ()) -> operation.Operation:
    """POST to a collection."""
    noun = cls.NOUN
    return operation.Operation(
        name=f"create_{noun.wrapper}",
        summary=f"Create {_a(cls)}",
        tag=noun.title,
        body=body(cls, "Create"),
        reply=operation.reply({noun.wrapper: shapes.whole(shapes.name(cls))}),
        status=201,
        refuses=frozenset({400, *refuses}),
        also=tuple(actions.named(noun.wrapper, each) for each in also),
        parts=_above(cls),
    )


def show(cls: Noun) -> operation.Operation:
    """GET of one object."""
    noun = cls.NOUN
    return operation.Operation(
        name=f"show_{noun.wrapper}",
        summary=f"Show {_a(cls)}",
        tag=noun.title,
        query=(arguments.FIELDS,),
        reply=operation.reply({noun.wrapper: operation.ref(shapes.name(cls))}),
        parts=parts(cls),
    )


def update(cls: Noun, *refuses: int, also: tuple[str, ...] = ()) -> operation.Operation:
    """PUT of one object."""
    noun = cls.NOUN
    return operation.Operation(
        name=f"update_{noun.wrapper}",
        summary=f"Change {_a(cls)}",
        tag=noun.title,
        doc="What is not sent stays as it is.",
        body=body(cls, "Update"),
        reply=operation.reply({noun.wrapper: shapes.whole(shapes.name(cls))}),
        refuses=frozenset({400, *refuses}),
        also=tuple(actions.named(noun.wrapper, each) for each in also),
        parts=parts(cls),
    )


def deletion(cls: Noun, *query: operation.Parameter) -> operation.Operation:
    """DELETE of one object."""
    return operation.Operation(
        name=f"delete_{cls.NOUN.wrapper}",
        summary=f"Delete {_a(cls)}",
        tag=cls.NOUN.title,
        query=query,
        status=204,
        refuses=frozenset({400, 409}),
        parts=parts(cls),
    )


def action(cls: Noun, verb: str, summary: str, **more: Any) -> operation.Operation:
    """Something else that is done to one object, or asked of it."""
    return operation.Operation(
        name=f"{verb}_{cls.NOUN.wrapper}", summary=summary, tag=cls.NOUN.title, parts=parts(cls), **more
    )


def body(cls: Noun, purpose: str) -> dict[str, Any]:
    """A body: the object in its wrapper."""
    return operation.closed({cls.NOUN.wrapper: operation.ref(f"{shapes.name(cls)}{purpose}")})


def parts(cls: Noun) -> tuple[operation.Parameter, ...]:
    """The parts of the path of one object; what has no id in the API is known by its name."""
    called = "id" if attr.by_wire(cls)["id"].attr.show else "name"
    schema = types.Uuid().schema() if called == "id" else types.String().schema()
    return (*_above(cls), operation.Parameter(name="id", schema=schema, doc=f"The {called} of the {words(cls)}."))


def _above(cls: Noun) -> tuple[operation.Parameter, ...]:
    """The part of a path that names the object this one is below."""
    above = trees.ABOVE.get(cls)
    if above is None:
        return ()
    doc = f"The id of the {words(above.cls)} it is below."
    return (operation.Parameter(name=above.key, schema=types.Uuid().schema(), doc=doc),)


def _a(cls: Noun) -> str:
    said = words(cls)
    return f"an {said}" if said[0] in "aeiouL" else f"a {said}"


def tags(*nouns: Noun) -> dict[str, str]:
    """The groups of operations, each with what its objects are."""
    return {cls.NOUN.title: schemas.paragraph(cls) for cls in nouns}


Root = loadbalancer.LoadBalancer
EXPANDED = operation.reply({Root.NOUN.wrapper: operation.ref("LoadBalancerExpanded")})
STATUSES = action(
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
    refuses=frozenset({400, 409, 501}),
    also=tuple(actions.named("member", each) for each in ("post", "delete")),
    parts=_above(member.Member),
)
COUNTED = operation.reply({"stats": operation.ref("Counters")})
SPECIAL: Mapping[tuple[Noun, str], operation.Operation] = {
    (Root, "get_status"): STATUSES,
    (Root, "get_stats"): action(Root, "show_stats_of", "Show the counters of a load balancer", reply=COUNTED),
    (Root, "put_failover"): action(
        Root,
        "fail_over",
        "Replace the instances of a load balancer",
        doc="What failed is tried again.",
        status=202,
        refuses=frozenset({400, 409, 501}),
    ),
    (listener.Listener, "get_stats"): action(
        listener.Listener, "show_stats_of", "Show the counters of a listener", reply=COUNTED
    ),
}
