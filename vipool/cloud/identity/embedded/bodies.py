"""What clients send about a noun of identity, read into values.

Known attributes are checked by their declarations; what projects, users and domains do not know is kept as ``extra``,
as Keystone does.  Raises faults.BadAttribute in Keystone's words and never repeats a password.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vipool.model import attr, faults

# Names that clients may send and that are never theirs to set.
SERVERS = frozenset({"id", "links", "extra"})
SECRET = frozenset({"password", "original_password", "secret"})
# Attributes nobody knows are stored as they come, so they are bounded: levels of nesting, and number of values.
DEEPEST = 16
MOST_VALUES = 1000


def new(cls: type[attr.Resource], body: Mapping[str, Any]) -> dict[str, object]:
    """The values of a new object, ``extra`` among them where the noun keeps it."""
    known, extra = _split(cls, body, {name for name, each in attr.by_wire(cls).items() if each.attr.create})
    try:
        values = attr.parse_create(cls, known)
    except faults.MissingAttribute as missing:
        reason = f"{missing.attribute!r} is a required property"
        if missing.attribute in body:
            raise faults.BadAttribute(missing.attribute, None, "None is not of type 'string'") from missing
        raise faults.BadAttribute(cls.NOUN.wrapper, _without_secrets(body), reason) from missing
    return {**values, "extra": extra} if keeps_extra(cls) else values


def changes(current: attr.Resource, body: Mapping[str, Any]) -> dict[str, object]:
    """The changed values of an object; what cannot be changed may be sent if it stays the same."""
    cls = type(current)
    if body.get("id", current.id) != current.id:
        raise faults.Invalid(f"Cannot change {cls.NOUN.wrapper} ID")
    sent = {**body}
    for name, each in attr.by_wire(cls).items():
        fixed = name in sent and name != "id" and not each.attr.update and each.attr.show
        if fixed and sent.pop(name) != attr.jsonable(getattr(current, each.name)):
            raise faults.Invalid(f"Cannot change {_title(name)}")
    known, extra = _split(cls, sent, {name for name, each in attr.by_wire(cls).items() if each.attr.update})
    try:
        values = attr.parse_update(cls, known)
    except faults.NullAttribute as null:
        raise faults.BadAttribute(null.attribute, None, "None is not of type 'string'") from null
    if extra:
        values["extra"] = {**getattr(current, "extra", {}), **extra}
    if "options" in values:
        values["options"] = _merged(getattr(current, "options", {}), values["options"])
    return values


def objects(name: str, asked: object) -> list[dict[str, Any]]:
    """The list of objects that an attribute must be; raises faults.BadAttribute."""
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise faults.BadAttribute(name, asked, f"{asked!r} is not of type 'array'")
    return asked


def keeps_extra(cls: type[attr.Resource]) -> bool:
    """Whether unknown attributes of this noun are kept."""
    return any(each.name == "extra" for each in attr.attributes(cls))


def _split(
    cls: type[attr.Resource], body: Mapping[str, Any], known: set[str]
) -> tuple[dict[str, object], dict[str, object]]:
    mine = {name: value for name, value in body.items() if name in known}
    rest = {name: value for name, value in body.items() if name not in known and name not in SERVERS}
    if sum(1 for _ in _values(rest, DEEPEST)) > MOST_VALUES:
        raise faults.Invalid(
            f"The attributes that vipool does not know hold more than {MOST_VALUES} values: send fewer."
        )
    return mine, rest if keeps_extra(cls) else {}


def _values(value: object, levels: int) -> Iterator[object]:
    """Every value inside a value; raises faults.Invalid below the deepest level allowed."""
    if levels < 0:
        raise faults.Invalid(f"An attribute that vipool does not know is nested more than {DEEPEST} levels deep.")
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inside:
        yield from _values(each, levels - 1)


def _merged(current: Mapping[str, Any], sent: object) -> dict[str, Any]:
    """Options as they are after a change: null takes one away."""
    merged = {**current, **(sent if isinstance(sent, dict) else {})}
    return {name: value for name, value in merged.items() if value is not None}


def _without_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "***" if name in SECRET else value for name, value in body.items()}


def _title(name: str) -> str:
    return {"domain_id": "Domain ID", "parent_id": "Parent ID", "is_domain": "is_domain"}.get(name, name)
