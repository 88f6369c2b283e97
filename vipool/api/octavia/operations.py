"""What the document says of the usual operations of a noun: list, make, show, change, remove.

What others have to say stands beside their handlers, or in ``tree_operations``.
"""

from collections.abc import Mapping
from typing import Any

from vipool.api.octavia import arguments, shapes, trees
from vipool.api.openapi import operation, schemas
from vipool.core.policy import actions
from vipool.model import attr, types

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
        parts=above(cls),
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
        refuses=frozenset(refuses),
        also=tuple(actions.named(noun.wrapper, each) for each in also),
        parts=above(cls),
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
        refuses=frozenset(refuses),
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
        refuses=frozenset({409}),
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
    return (*above(cls), operation.Parameter(name="id", schema=schema, doc=f"The {called} of the {words(cls)}."))


def above(cls: Noun) -> tuple[operation.Parameter, ...]:
    """The part of a path that names the object this one is below."""
    place = trees.ABOVE.get(cls)
    if place is None:
        return ()
    doc = f"The id of the {words(place.cls)} it is below."
    return (operation.Parameter(name=place.key, schema=types.Uuid().schema(), doc=doc),)


def _a(cls: Noun) -> str:
    said = words(cls)
    return f"an {said}" if said[0] in "aeiouL" else f"a {said}"


def tags(*nouns: Noun) -> dict[str, str]:
    """The groups of operations, each with what its objects are."""
    return {cls.NOUN.title: schemas.paragraph(cls) for cls in nouns}
