"""The answer that a request with an idempotency key got, kept so that asking again gets the same."""

import datetime
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from vipool.model import attr, types


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(attr.Resource):
    """One answer; its id is a digest of who asked, where and under which key."""

    NOUN: ClassVar = attr.Noun(wrapper="receipt", collection="receipts", title="Receipt")

    request: Annotated[str, types.String(64), attr.hidden("A digest of what was asked.")]
    status: Annotated[int, types.Integer(), attr.hidden("The status of the answer.")]
    body: Annotated[Any, types.Json(), attr.hidden("The answer.")]
    created_at: Annotated[datetime.datetime, types.Timestamp(), attr.hidden("When it was given (UTC).", indexed=True)]
