"""The payload of a secret, as it is kept: sealed."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from vipool.model import attr, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload(attr.Resource):
    """The payload of the secret with the same id, apart from it, so that lists of secrets do not carry payloads."""

    NOUN: ClassVar = attr.Noun(wrapper="payload", collection="payloads", title="payload")

    key_id: Annotated[str, types.String(16), attr.hidden("Which key it is sealed with.")]
    sealed: Annotated[str, types.String(65_535), attr.hidden("What only the key opens, base64.")] = field(repr=False)
