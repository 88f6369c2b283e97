"""The container: secrets that belong together, each under the name of what it is for."""

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, guarded, types

CERTIFICATE, INTERMEDIATES = "certificate", "intermediates"
PRIVATE_KEY, PASSPHRASE, PUBLIC_KEY = "private_key", "private_key_passphrase", "public_key"


class Type(enum.StrEnum):
    """Which secrets belong into a container."""

    GENERIC = "generic"
    RSA = "rsa"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container(guarded.Guarded):
    """One container (Key Manager API v1, `containers`).

    Its secrets are sent as `secret_refs`, a list of objects with `name` and `secret_ref`.
    """

    NOUN: ClassVar = attr.Noun(wrapper="container", collection="containers", title="container", bare="containers")

    type: Annotated[Type, types.Choice(Type), attr.Attr(doc="Which secrets belong into it.", update=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(attr.Resource):
    """That a secret is in a container, and under which name."""

    NOUN: ClassVar = attr.Noun(wrapper="secret_ref", collection="container_secrets", title="secret reference")
    UNIQUE: ClassVar = (("container_id", "name"),)

    container_id: Annotated[str, types.Uuid(), attr.hidden("The container.")]
    secret_id: Annotated[str, types.Uuid(), attr.hidden("The secret.", indexed=True)]
    name: Annotated[str, types.String(), attr.hidden("What it is there for.")] = ""
