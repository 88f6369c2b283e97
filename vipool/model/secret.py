"""The secret: what is said of a key, a certificate or a password, without saying it."""

import datetime
import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vipool.model import attr, guarded, types

TEXT = "text/plain"
BYTES = "application/octet-stream"
PKCS8 = "application/pkcs8"


class Type(enum.StrEnum):
    """What a secret is, in the words of its owner: nothing follows from it."""

    SYMMETRIC = "symmetric"
    PASSPHRASE = "passphrase"
    PRIVATE = "private"
    PUBLIC = "public"
    CERTIFICATE = "certificate"
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(guarded.Guarded):
    """One secret (Key Manager API v1, `secrets`), apart from its payload.

    The payload is sent beside these attributes when the secret is made, as `payload` with `payload_content_type` and,
    for bytes, `payload_content_encoding`; or once, later, as the body of a PUT.  It never changes after that.
    """

    NOUN: ClassVar = attr.Noun(wrapper="secret", collection="secrets", title="secret", bare="secrets")

    secret_type: Annotated[
        Type, types.Choice(Type), attr.Attr(doc="What it is, in its owner's words.", update=False)
    ] = Type.OPAQUE
    expiration: Annotated[
        datetime.datetime | None,
        types.Timestamp(),
        attr.Attr(doc="From when on (UTC) it is as if it were not there.", update=False, null=attr.Null.STORE),
    ] = None
    algorithm: Annotated[
        str | None, types.String(), attr.Attr(doc="Kept and shown only.", update=False, null=attr.Null.STORE)
    ] = None
    bit_length: Annotated[
        int | None,
        types.Integer(1, 32_767),
        attr.Attr(doc="Kept and shown only.", update=False, null=attr.Null.STORE),
    ] = None
    mode: Annotated[
        str | None, types.String(), attr.Attr(doc="Kept and shown only.", update=False, null=attr.Null.STORE)
    ] = None
    content_type: Annotated[
        str | None, types.String(64), attr.hidden("What its payload is; None while there is none.")
    ] = None
