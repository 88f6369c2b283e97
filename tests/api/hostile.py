"""What a hostile client sends, for Hypothesis: bodies that are hardly JSON, queries, headers and parts of paths.

`told` says whether an answer is one that a client can do something with.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.api.test_octavia_fuzz import fitting
from vipool.model import attr

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.sampled_from(["", "0", "*", "None", "..", "a" * 300, "\x00", "true", "10.0.0.0/8", "::", "fd00::/64"]),
)
GARBAGE = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
# What no JSON encoder writes, in the place of a value.
ODDITIES = (
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 400,
    '"\\ud800"',
    '"\\u0000"',
    "[" * 2000 + "]" * 2000,
    '{"a":' * 500 + "1" + "}" * 500,
    '{"id": 1, "id": 2}',
    "'single'",
    "",
)
HEADERS = st.just({}) | st.dictionaries(
    st.sampled_from(
        ["Accept", "Content-Type", "If-Match", "X-Service-Token", "X-Forwarded-For", "Origin", "X-Subject-Token"]
    ),
    st.sampled_from(
        ["", "*/*", "application/json", "text/plain", "revision_number=0", "revision_number=x", "\xff", "a" * 999]
    ),
    max_size=3,
)


# Identifiers of what is there, by the collection that they are in, as paths spell it.
Real = Mapping[str, Sequence[str]]


def anything(real: Real) -> list[str]:
    """Every identifier."""
    return [each for ids in real.values() for each in ids]


def _meant(wire: str, real: Real) -> list[str]:
    """The identifiers that an attribute is most likely about, by its name."""
    for collection, ids in real.items():
        one = collection.replace("-", "_").removesuffix("s")
        one = f"{one.removesuffix('ie')}y" if one.endswith("ie") else one
        if wire.endswith(f"{one}_id"):
            return list(ids)
    return anything(real)


def _right(each: attr.Attribute, real: Real) -> st.SearchStrategy[Any]:
    if each.wire.endswith("_id"):
        return st.sampled_from(_meant(each.wire, real))
    return fitting(each.kind)


def bodies(cls: type[attr.Resource], *, update: bool, real: Real) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that fit by and large: every second one has a value that does not, or a key nobody knows."""
    known = {
        each.wire: (each.required and not update, _right(each, real))
        for each in attr.attributes(cls)
        if (each.attr.update if update else each.attr.create)
    }
    fit = st.fixed_dictionaries(
        {wire: values for wire, (needed, values) in known.items() if needed},
        optional={wire: values for wire, (needed, values) in known.items() if not needed},
    )
    odd = st.none() | st.sampled_from(anything(real)) | GARBAGE
    wrong = st.dictionaries(st.sampled_from([*known, "id", "\x00"]) | TEXT, odd, min_size=1, max_size=1)
    return st.tuples(fit, st.just({}) | wrong).map(lambda pair: {**pair[0], **pair[1]})


@st.composite
def documents(draw: Any, wrapper: str, inside: st.SearchStrategy[Any]) -> bytes:
    """A whole body as bytes: mostly an object in its wrapper, sometimes with oddities, sometimes nothing like it."""
    kind = draw(st.sampled_from(["whole", "whole", "whole", "odd", "twice", "bare", "bytes"]))
    value = json.dumps(draw(inside))
    name = json.dumps(wrapper)
    match kind:
        case "whole":
            return f"{{{name}: {value}}}".encode()
        case "odd":
            odd = draw(st.sampled_from(ODDITIES))
            return draw(
                st.sampled_from(
                    [
                        odd,
                        f"{{{name}: {odd}}}",
                        f'{{{name}: {{"name": {odd}}}}}',
                        f'{{{name}: {{"description": {odd}, "tags": {odd}}}}}',
                    ]
                )
            ).encode()
        case "twice":
            return f"{{{name}: 1, {name}: {value}}}".encode()
        case "bare":
            return json.dumps(draw(GARBAGE)).encode()
        case _:
            return bytes(draw(st.binary(max_size=30)))


@st.composite
def paths(draw: Any, template: str, real: Real) -> str:
    """The path of a route: its parts mostly about something that is there, sometimes about anything at all."""
    path = template
    while "{" in path:
        before, _, rest = path.partition("{")
        ids = st.sampled_from(list(real.get(before.split("/")[-2], ())) or anything(real))
        odd = ["%00", "%ff", "..", ".", "%2e%2e", "None", "default", "x" * 400, "%c3%28", "*"]
        text = TEXT.filter(bool).map(lambda each: quote(each, safe=""))
        path = before + draw(st.one_of(ids, ids, ids, text, st.sampled_from(odd))) + rest.partition("}")[2]
    return path


def queries(cls: type[attr.Resource] | None, real: Real) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Query arguments: attributes and the words of paging, with values of all kinds."""
    wires = [] if cls is None else [each.wire for each in attr.attributes(cls)]
    words = [
        "limit",
        "marker",
        "sort_key",
        "sort_dir",
        "fields",
        "page_reverse",
        "tags",
        "not-tags-any",
        "name__contains",
    ]
    keys = st.one_of(st.sampled_from([*wires, *words, "effective", "include_names", "user.id", "parents_as_ids"]), TEXT)
    values = st.one_of(
        st.sampled_from(anything(real)),
        st.sampled_from(["", "0", "-1", "1", "true", "x", "9" * 30, "²", "a,b", "%", "\x00", "asc", "id"]),
        TEXT,
    )
    return st.lists(st.tuples(keys, values), max_size=3)


def told(status: int, body: bytes, kind: str) -> None:
    """Check that an answer is none of a crash, and that a refusal says what was wrong in words."""
    assert status < 500 or status == 501, (status, body)
    if status < 400 or not body or kind.startswith("text/html"):
        return
    said = json.loads(body)
    for wrapper in ("NeutronError", "error"):
        if isinstance(said.get(wrapper), dict):
            said = said[wrapper]
    assert isinstance(said["message"], str), said
    assert len(said["message"].split()) > 1, said
