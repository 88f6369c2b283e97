"""What clients of the Key Manager API send, read into values.

Known attributes are checked by their declarations and unknown ones ignored, as Barbican does.  No refusal repeats a
payload, and none that a payload caused has a cause that holds one.
"""

import base64
from collections.abc import Mapping
from typing import Any

from vipool.api import exchange
from vipool.api.keymanager import dialect
from vipool.cloud.secrets.embedded import storing
from vipool.model import attr, faults, secret

LONGEST_PAYLOAD = 20_000  # bytes; Barbican's default
SPELLINGS = (secret.TEXT, "text/plain;charset=utf-8", "text/plain; charset=utf-8", secret.BYTES, secret.PKCS8)
BASE64 = "base64"


def invalid(schema: str, reason: str, name: str | None = None) -> faults.Invalid:
    """The refusal of a body, in the form of Barbican's validators."""
    return faults.Invalid(f"Provided object does not match schema '{schema}': {reason}. Invalid property: '{name}'")


def document(call: exchange.Call, schema: str) -> Mapping[str, Any]:
    """The object in a body.  Raises faults.Invalid."""
    if not call.raw:
        raise faults.Invalid("Malformed JSON")
    if not isinstance(call.body, dict):
        raise invalid(schema, f"{type(call.body).__name__} is not of type 'object'")
    return call.body


def values(noun: type[attr.Resource], body: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """The values of a new object, by field.  Raises faults.Invalid."""
    known = {wire: body[wire] for wire, each in attr.by_wire(noun).items() if each.attr.create and wire in body}
    try:
        return attr.parse_create(noun, known)
    except faults.MissingAttribute as missing:
        raise invalid(schema, f"'{missing.attribute}' is a required property", missing.attribute) from missing
    except faults.BadAttribute as bad:
        raise invalid(schema, bad.reason, bad.attribute) from bad


def deposit(body: Mapping[str, Any]) -> storing.Deposit | None:
    """The payload in the body of a new secret, or None.  Raises faults.Invalid or TooLarge."""

    def refused(reason: str, name: str) -> faults.Invalid:
        return invalid("Secret", reason, name)

    kind, encoding = body.get("payload_content_type"), body.get("payload_content_encoding")
    if encoding is not None and encoding != BASE64:
        raise refused(f"the encoding is not one of ['{BASE64}']", "payload_content_encoding")
    if "payload" not in body:
        if "payload_content_type" in body:
            raise refused("payload must be provided when payload_content_type is specified", "payload")
        return None
    payload = body["payload"]
    if not isinstance(payload, str):
        raise refused("the payload is not of type 'string'", "payload")
    if kind is None:
        raise refused("If 'payload' is supplied, 'payload_content_type' must also be supplied.", "payload_content_type")
    if kind not in SPELLINGS:
        raise refused(f"payload_content_type is not one of {list(SPELLINGS)}", "payload_content_type")
    kept = str(kind).split(";", maxsplit=1)[0]
    if (encoding == BASE64) is (kept == secret.TEXT):
        wanted = "must not be given for text" if kept == secret.TEXT else f"must be '{BASE64}' for bytes"
        raise refused(f"payload_content_encoding {wanted}", "payload_content_encoding")
    clear = payload.encode() if encoding is None else _decoded(payload)
    return storing.Deposit(content_type=kept, clear=_checked(clear))


def raw_deposit(call: exchange.Call) -> storing.Deposit:
    """The payload that the body of a PUT is.  Raises faults.Invalid or TooLarge."""
    kind = dialect.media(call)
    encoding = call.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", BASE64} or (encoding == BASE64 and kind == secret.TEXT):
        raise dialect.UnsupportedMedia(
            f"The Content-Encoding {faults.said(encoding)} is not for {kind}: leave it out, or send bytes in {BASE64}."
        )
    if not call.raw:
        raise faults.Invalid("No data supplied to process: the payload is the body.")
    text = call.raw.decode("utf-8", "replace")
    if kind == secret.TEXT and text.encode() != call.raw:
        raise faults.Invalid(f"The payload is not UTF-8: send it as {secret.BYTES}.")
    clear = _decoded(text) if encoding == BASE64 else call.raw
    return storing.Deposit(content_type=kind, clear=_checked(clear))


def _decoded(text: str) -> bytes:
    """The bytes behind base64 (RFC 4648, section 4); spaces and line ends between its letters do not count."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise invalid("Secret", "the payload is not base64, as its encoding says", "payload") from None


def _checked(clear: bytes) -> bytes:
    if not clear:
        raise invalid("Secret", "If 'payload' specified, must be non empty", "payload")
    if len(clear) > LONGEST_PAYLOAD:
        raise dialect.TooLarge(
            f"Provided information too large to process: a payload has at most {LONGEST_PAYLOAD} bytes."
        )
    return clear
