"""What an operator adds to the catalog: further services, where they answer, and in which region."""

import enum
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, named, types

# A region is found under its id in a path, so it has no slash.
REGION_ID = types.String(255, least=1, pattern=r"[^/]*[^/\s][^/]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """True or false as JSON spells them: Keystone takes no other spelling here."""

    storage: types.Storage = types.Storage.BOOLEAN

    def parse(self, value: object) -> bool:
        """The value unchanged."""
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not of type 'boolean'")
        return value

    def schema(self) -> dict[str, object]:
        """A boolean schema."""
        return {"type": "boolean"}


class Interface(enum.StrEnum):
    """For whom an endpoint is."""

    ADMIN = "admin"
    INTERNAL = "internal"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region(attr.Resource):
    """One region (Identity API v3, `regions`)."""

    NOUN: ClassVar = attr.Noun(wrapper="region", collection="regions", title="region")

    id: Annotated[
        str,
        REGION_ID,
        attr.Attr(doc="The identifier; made by the server when not given.", update=False, required=False),
    ]
    description: Annotated[str, types.String(65_535), attr.Attr(doc="A description for people.", null="")] = ""
    parent_region_id: Annotated[
        str | None, REGION_ID, attr.Attr(doc="The region it is a part of, or null.", null=attr.Null.STORE)
    ] = None
    extra: named.Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(attr.Resource):
    """One service (Identity API v3, `services`)."""

    NOUN: ClassVar = attr.Noun(wrapper="service", collection="services", title="service")

    name: Annotated[str, types.String(255), attr.Attr(doc="A name for people; need not be unique.", null="")] = ""
    type: Annotated[str, types.String(255, least=1), attr.Attr(doc="What clients look for, such as `dns`.")]
    enabled: Annotated[bool, Switch(), attr.Attr(doc="Whether tokens list it.")] = True
    extra: named.Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(attr.Resource):
    """One endpoint of a service (Identity API v3, `endpoints`)."""

    NOUN: ClassVar = attr.Noun(wrapper="endpoint", collection="endpoints", title="endpoint")

    interface: Annotated[Interface, types.Choice(Interface), attr.Attr(doc="For whom it is: public, internal, admin.")]
    region_id: Annotated[
        str | None, REGION_ID, attr.Attr(doc="The region it is in, or null.", null=attr.Null.STORE, indexed=True)
    ] = None
    service_id: Annotated[str, named.IDENTIFIER, attr.Attr(doc="The service that answers there.", indexed=True)]
    url: Annotated[
        str,
        types.String(2048, least=1),
        attr.Attr(doc="Its address; `$(project_id)s` and `$(user_id)s` stand for the caller's."),
    ]
    enabled: Annotated[bool, Switch(), attr.Attr(doc="Whether tokens list it.")] = True
    extra: named.Extra = field(default_factory=dict)
