"""What a declaration is: one field of a frozen dataclass says all there is to know about one attribute.

``attributes(cls)`` reads the declarations of a noun; bodies, columns, filters, replies, the OpenAPI document and the
reference pages derive from it, so that no second list of names exists anywhere.  Pure: values in, values out.
"""

import dataclasses
import datetime
import enum
import functools
import operator
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeVar

from vipool.model import faults, types


class Null(enum.Enum):
    """What a client's ``null`` does to an attribute."""

    DEFAULT = "default"  # back to the declared default; refused where there is none
    KEEP = "keep"  # on update: as if it had not been sent
    STORE = "store"  # kept as null
    REFUSE = "refuse"  # handed on as null, to a rule that refuses it in words of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Attr:
    """The declaration itself: documentation, and in which requests and replies the attribute appears."""

    doc: str
    create: bool = True  # may be sent when the object is made
    update: bool = True  # may be sent later
    show: bool = True  # appears in replies
    filters: bool = True  # may be asked for in lists
    required: bool | None = None  # None: mandatory exactly when the field has no default
    null: object = Null.DEFAULT  # what null means: a Null, or the value it stands for
    wire: str = ""  # name in the API, where it is not a Python name
    aliases: tuple[str, ...] = ()  # further names that list filters take
    since: str = "2.0"  # first API version that has it
    indexed: bool = False  # looked up by value often
    secret: bool = False  # not to be seen in the history of changes


def shown(doc: str, **more: Any) -> Attr:
    """An attribute that clients read and never write."""
    return Attr(doc=doc, create=False, update=False, **more)


def hidden(doc: str, **more: Any) -> Attr:
    """An attribute of the store that clients neither read nor write."""
    return Attr(doc=doc, create=False, update=False, show=False, filters=False, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute as everything else sees it: its declaration with its name, kind and default."""

    name: str
    wire: str
    kind: types.Kind
    attr: Attr
    required: bool
    optional: bool  # whether it may be null
    default: object

    def parse(self, value: object, *, update: bool) -> object:
        """The value to keep for what a client sent; raises faults.BadAttribute or NullAttribute."""
        if value is None:
            return self._null(update=update)
        try:
            return self.kind.parse(value)
        except ValueError as error:
            raise faults.BadAttribute(self.wire, value, str(error)) from error
        except RecursionError as error:
            raise faults.BadAttribute(self.wire, "…", "Value is nested too deeply") from error

    def _null(self, *, update: bool) -> object:
        meaning = self.attr.null
        if meaning in (Null.STORE, Null.REFUSE):
            return None
        if meaning is Null.KEEP:
            return KEEP if update else self.default
        if meaning is not Null.DEFAULT:
            return meaning
        if self.default is dataclasses.MISSING:
            raise faults.NullAttribute(self.wire) if update else faults.MissingAttribute(self.wire)
        return self.default


KEEP = Null.KEEP
PLAIN = frozenset({str, int, bool, float, type(None)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """How the world calls a resource."""

    wrapper: str  # key of one object in a body
    collection: str  # key of a list, and the path
    title: str  # in sentences
    argument: str = ""  # Octavia's name for the body in its errors
    links: str = ""  # key of paging links, where it is not <collection>_links
    kept: str = ""  # name of its table, where it is not the collection
    bare: str = ""  # key of a list, where one object stands in a body without a wrapper

    @property
    def table(self) -> str:
        """The name of the table its objects are kept in."""
        return self.kept or self.collection

    @property
    def links_key(self) -> str:
        """The key under which a list shows its paging links."""
        return self.links or f"{self.collection}_links"

    @property
    def where(self) -> str:
        """The path Octavia's errors give for an unknown attribute of the body."""
        return f"{self.argument or self.wrapper}.{self.wrapper}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """The base of every noun: something with an id."""

    NOUN: ClassVar[Noun]
    UNIQUE: ClassVar[tuple[tuple[str, ...], ...]] = ()  # attributes that no two objects may share all of

    id: Annotated[str, types.String(64), shown("The identifier, given by the server.")]

    @classmethod
    def build(cls, values: Mapping[str, object]) -> Self:
        """An instance from parsed values; names that are not fields are a bug, not bad input."""
        return cls(**values)  # type: ignore[arg-type]

    def having(self, values: Mapping[str, object]) -> Self:
        """A copy with some values changed."""
        return dataclasses.replace(self, **values) if values else self  # type: ignore[arg-type]


R = TypeVar("R", bound=Resource)
T = TypeVar("T")


def per_noun(read: Callable[[type[Any]], T]) -> Callable[[type[Any]], T]:
    """Remember what a function reads from a noun: declarations never change."""
    found: dict[type[Any], T] = {}

    def remembered(cls: type[Any]) -> T:
        if cls not in found:
            found[cls] = read(cls)
        return found[cls]

    return functools.update_wrapper(remembered, read)


@per_noun
def attributes(cls: type[Any]) -> tuple[Attribute, ...]:
    """The declared attributes of a noun, in declaration order (the base classes' first)."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(
        _attribute(field, *typing.get_args(hints[field.name])) for field in dataclasses.fields(cls) if field.init
    )


def _attribute(field: dataclasses.Field[Any], kept: object = None, *marks: object) -> Attribute:
    attr = next((mark for mark in marks if isinstance(mark, Attr)), None)
    kind = next((mark for mark in marks if not isinstance(mark, Attr)), None)
    if attr is None or kind is None:
        raise TypeError(f"field {field.name} needs a kind and an Attr in its annotation")
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    required = default is dataclasses.MISSING if attr.required is None else attr.required
    return Attribute(
        name=field.name,
        wire=attr.wire or field.name,
        kind=typing.cast("types.Kind", kind),
        attr=attr,
        required=required,
        optional=type(None) in typing.get_args(kept),
        default=default,
    )


@per_noun
def by_wire(cls: type[Any]) -> Mapping[str, Attribute]:
    """The attributes of a noun under their names in the API."""
    return {attribute.wire: attribute for attribute in attributes(cls)}


def parse_create(
    cls: type[Resource], body: Mapping[str, object], *, where: str = "", without: frozenset[str] = frozenset()
) -> dict[str, object]:
    """The values of a new object from a client's body, by field name.

    Attributes that were not sent are left out, so that the dataclass gives its defaults; those named in ``without`` may
    not be sent here (the parent's id inside a tree).  Raises faults.UnknownAttributes, MissingAttribute, NullAttribute
    or BadAttribute.
    """
    known = {wire: attribute for wire, attribute in by_wire(cls).items() if wire not in without}
    unknown = [key for key in body if key not in known or not known[key].attr.create]
    if unknown:
        raise faults.UnknownAttributes(where or cls.NOUN.where, unknown)
    values: dict[str, object] = {}
    for attribute in known.values():
        if attribute.wire in body:
            values[attribute.name] = attribute.parse(body[attribute.wire], update=False)
        elif attribute.required and attribute.attr.create:
            raise faults.MissingAttribute(attribute.wire)
    return values


def parse_update(cls: type[Resource], body: Mapping[str, object], *, where: str = "") -> dict[str, object]:
    """The changed values of an object from a client's body, by field name; raises as ``parse_create``."""
    known = by_wire(cls)
    unknown = [key for key in body if key not in known or not known[key].attr.update]
    if unknown:
        raise faults.UnknownAttributes(where or cls.NOUN.where, unknown)
    parsed = {known[key].name: known[key].parse(value, update=True) for key, value in body.items()}
    return {name: value for name, value in parsed.items() if value is not KEEP}


def show(resource: Resource) -> dict[str, Any]:
    """The attributes of an object that replies show, under their API names, as JSON values."""
    wires, values, unlike = _showing(type(resource))
    shown = dict(zip(wires, values(resource), strict=True))
    for wire in unlike:
        shown[wire] = jsonable(shown[wire])
    return shown


# Kinds whose values are JSON values as they are: most are, and lists have thousands of them.
_PLAIN_KINDS = (
    types.String
    | types.Integer
    | types.OneOf
    | types.Number
    | types.Boolean
    | types.Uuid
    | types.IpAddress
    | types.Cidr
    | types.Url
)


@per_noun
def _showing(cls: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[str, ...]]:
    """How objects of a noun are shown: the names in the API, what reads their values, and those to make JSON."""
    shown = [attribute for attribute in attributes(cls) if attribute.attr.show]
    wires = tuple(attribute.wire for attribute in shown)
    names = [attribute.name for attribute in shown]
    read = operator.attrgetter(*names)
    values = read if len(names) > 1 else lambda resource: (read(resource),)
    return wires, values, tuple(each.wire for each in shown if not isinstance(each.kind, _PLAIN_KINDS))


def dump(resource: Resource) -> dict[str, object]:
    """Every attribute of an object, hidden ones too, by field name, as JSON values: the form agents receive."""
    return {field.name: jsonable(getattr(resource, field.name)) for field in dataclasses.fields(resource)}


def load(cls: type[R], values: Mapping[str, object]) -> R:
    """The object that ``dump`` wrote.  Unknown names are ignored, so that an older agent reads a newer server."""
    found = {name: values[name] for name in names(cls) if name in values}
    for name, revive in revivers(cls).items():
        if name in found:
            found[name] = revive(found[name])
    return cls.build(found)


@per_noun
def names(cls: type[Any]) -> tuple[str, ...]:
    """The names of the attributes of a noun, in the order they are declared."""
    return tuple(attribute.name for attribute in attributes(cls))


@per_noun
def revivers(cls: type[Any]) -> Mapping[str, Callable[[Any], Any]]:
    """By the name of an attribute that is not held as JSON has it, what makes the one from the other.

    They trust what vipool wrote itself.
    """
    found = {attribute.name: _reviver(attribute.kind) for attribute in attributes(cls)}
    return {name: revive for name, revive in found.items() if revive is not None}


def _reviver(kind: types.Kind) -> Callable[[Any], Any] | None:
    match kind:
        case types.Choice(options=options):
            found: dict[Any, Any] = {None: None, **{each.value: each for each in options}}
            return found.__getitem__
        case types.ListOf():
            return _tuple
        case types.Timestamp():
            return _moment
        case _:
            return None


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _moment(value: Any) -> Any:
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def jsonable(value: object) -> Any:
    """A value of the model as plain JSON: tuples become lists, moments Octavia's zoneless text."""
    if type(value) in PLAIN:  # most values, and lists have thousands of them
        return value
    match value:
        case datetime.datetime():
            return value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
        case enum.Enum():
            return value.value
        case tuple() | list():
            return [jsonable(each) for each in value]
        case dict():
            return {key: jsonable(each) for key, each in value.items()}
        case _:
            return value
