"""The query arguments of the load-balancer API as its document describes them, read from what ``listing`` takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from vipool.api.octavia import listing
from vipool.api.openapi import operation, schemas
from vipool.model import amphora, attr, status, types

TEXT: Mapping[str, Any] = {"type": "string"}
TAGGED: Mapping[str, str] = {
    "every": "Objects with all of these tags.",
    "some": "Objects with one of these tags.",
    "not_every": "Objects without at least one of these tags.",
    "not_some": "Objects with none of these tags.",
}
FIELDS = operation.Parameter(name="fields", schema=operation.array({"type": "string"}), doc=listing.PAGING["fields"])
CASCADE = operation.Parameter(
    name="cascade",
    schema=types.Boolean().schema(),
    doc="Whether everything under the load balancer goes with it; without it, one that has children stays.",
)
ADDITIVE_ONLY = operation.Parameter(
    name="additive_only",
    schema=types.Boolean().schema(),
    doc="Whether members that are not named stay. Since version 2.11.",
)
# Filters that no declared attribute is behind.
COMPUTED: Mapping[str, types.Kind] = {
    "provisioning_status": types.Choice(status.Provisioning),
    "healthmonitor_id": types.Uuid(),
    "status": types.Choice(amphora.Status),
}


def of_list(cls: type[attr.Resource], extra: frozenset[str] = frozenset()) -> tuple[operation.Parameter, ...]:
    """Every argument that ``listing.parse`` takes for a noun; ``extra`` names filters that no attribute is behind."""
    return (*_filters(cls, extra), *_tags(cls), *_paging(cls, extra))


def _filters(cls: type[attr.Resource], extra: frozenset[str]) -> Iterator[operation.Parameter]:
    known = listing.filters(cls)
    for name, attribute in known.items():
        doc = schemas.sentence(attribute) if name == attribute.wire else f"The same as `{attribute.wire}`."
        yield operation.Parameter(name=name, schema=attribute.kind.schema(), doc=doc)
    for name in sorted(extra):
        yield operation.Parameter(name=name, schema=COMPUTED[name].schema(), doc="As it is shown.")
    for name, same in listing.SAME.items():
        if same in known:
            yield operation.Parameter(name=name, schema=known[same].kind.schema(), doc=f"The same as `{same}`.")


def _tags(cls: type[attr.Resource]) -> Iterator[operation.Parameter]:
    if "tags" in attr.by_wire(cls):
        for name, field in listing.TAGS.items():
            yield operation.Parameter(name=name, schema=operation.array(TEXT), doc=TAGGED[field], commas=True)


def _paging(cls: type[attr.Resource], extra: frozenset[str]) -> Iterator[operation.Parameter]:
    keys = [*listing.filters(cls), *sorted(extra)]
    forms: Mapping[str, operation.Schema] = {
        "limit": {"anyOf": [{"type": "integer"}, {"const": "infinite"}]},
        "marker": TEXT,
        "sort": operation.array({"type": "string", "pattern": f"^({'|'.join(keys)})(:(asc|desc))?$"}),
        "sort_key": operation.array({"type": "string", "enum": keys}),
        "sort_dir": operation.array({"type": "string", "enum": ["asc", "desc"]}),
        "fields": FIELDS.schema,
        "page_reverse": {"type": "string", "enum": ["True", "False"]},
    }
    for name, doc in listing.PAGING.items():
        yield operation.Parameter(name=name, schema=forms[name], doc=doc, commas=name.startswith("sort"))
