"""The consumer: who says to be using a secret or a container, so that nobody deletes it unawares."""

import datetime
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer(attr.Resource):
    """What consumers of both kinds have."""

    id: Annotated[str, types.Uuid(), attr.hidden("The identifier, which nobody sees.")]
    created: Annotated[datetime.datetime, types.Timestamp(), attr.shown("When it was registered (UTC).")]
    updated: Annotated[datetime.datetime, types.Timestamp(), attr.shown("The same.")]
    status: Annotated[str, types.String(16), attr.shown("Always ACTIVE.")] = "ACTIVE"
    of_id: Annotated[str, types.Uuid(), attr.hidden("The secret or the container.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretConsumer(Consumer):
    """One user of a secret (Key Manager API v1.1, `secrets/{id}/consumers`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="secret_consumer", collection="secret_consumers", title="consumer of a secret", bare="consumers"
    )
    UNIQUE: ClassVar = (("of_id", "service", "resource_type", "resource_id"),)

    service: Annotated[str, types.String(), attr.Attr(doc="The service that uses it.", update=False)]
    resource_type: Annotated[str, types.String(), attr.Attr(doc="The kind of object it is used for.", update=False)]
    resource_id: Annotated[str, types.String(), attr.Attr(doc="The object it is used for.", update=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConsumer(Consumer):
    """One user of a container (Key Manager API v1, `containers/{id}/consumers`)."""

    NOUN: ClassVar = attr.Noun(
        wrapper="container_consumer",
        collection="container_consumers",
        title="consumer of a container",
        bare="consumers",
    )
    UNIQUE: ClassVar = (("of_id", "name", "url"),)

    name: Annotated[str, types.String(), attr.Attr(doc="The name of who uses it.", update=False)]
    url: Annotated[str, types.String(), attr.Attr(doc="Where what it is used for is found.", update=False, wire="URL")]
