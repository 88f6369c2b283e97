"""What the nouns of the network service have in common: who owns them, when they changed, what nodes know of them.

A null is refused unless an attribute says what it means: unlike Octavia, Neutron gives no default for it.
"""

import datetime
from dataclasses import dataclass
from typing import Annotated

from vipool.model import attr, types

UUID = types.Uuid()
Name = Annotated[str, types.String(), attr.Attr(doc="A name for people; need not be unique.")]
Description = Annotated[str, types.String(), attr.Attr(doc="A description for people.")]
AdminStateUp = Annotated[bool, types.Boolean(), attr.Attr(doc="Whether the object is in service.")]
Revision = Annotated[int, types.Integer(0, 2**63 - 1), attr.hidden("When nodes must look at it again.", indexed=True)]
Fault = Annotated[str | None, types.String(4096), attr.hidden("Why a node could not realise it, in words.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned(attr.Resource):
    """An object of the network service; an empty project is the service's own."""

    project_id: Annotated[
        str, types.String(255), attr.Attr(doc="The project that owns it.", update=False, required=False, indexed=True)
    ] = ""
    description: Description = ""
    revision_number: Annotated[int, types.Integer(0), attr.shown("How often it changed.")] = 0
    created_at: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("When it was made (UTC).", filters=False)
    ] = None
    updated_at: Annotated[
        datetime.datetime | None, types.Timestamp(), attr.shown("When it last changed (UTC).", filters=False)
    ] = None
    tags: Annotated[
        tuple[str, ...], types.ListOf(types.String()), attr.shown("Words that lists can be filtered by.", filters=False)
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Owned):
    """An object with a name."""

    name: Name = ""
