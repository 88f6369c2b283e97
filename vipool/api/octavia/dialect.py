"""How the Octavia API words its errors and treats its bodies.

Octavia has two error forms: one from its controllers (``faultstring``) and one from its routing layer (``code``,
``title``, ``description``).  Where it uses the second, both are merged, so that clients that read either understand.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson

from vipool.api import exchange
from vipool.model import faults

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def fault(status: int, sentence: str) -> exchange.Answer:
    """The controllers' error document."""
    code = "Client" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "Server"
    return exchange.Answer(status=status, body={"faultcode": code, "faultstring": sentence, "debuginfo": None})


def routing(status: int, description: str, *, title: str = "") -> exchange.Answer:
    """The routing layer's error document, with the controllers' merged in."""
    named = title or HTTPStatus(status).phrase
    both: dict[str, Any] = {"code": status, "title": named, "description": description}
    plain = fault(status, description or named)
    return exchange.Answer(status=status, body={**both, **plain.body})


class OctaviaDialect:
    """The Dialect of the load-balancer service."""

    head_as_get = False

    def __init__(self, authenticate_uri: str = "") -> None:
        self._authenticate_uri = authenticate_uri

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """A refusal as a fault; 401 in the words of the token middleware."""
        if isinstance(refusal, faults.Unauthorized):
            said = {"code": 401, "title": "Unauthorized", "message": refusal.sentence}
            where = self._authenticate_uri or call.mount.rsplit("/load-balancer", 1)[0] + "/identity"
            return exchange.Answer(
                status=401, body={"error": said}, headers={"WWW-Authenticate": f'Keystone uri="{where}"'}
            )
        return fault(refusal.status, refusal.sentence)

    def unknown_path(self, call: exchange.Call) -> exchange.Answer:
        """404 in the routing form."""
        return routing(404, "")

    def wrong_method(self, call: exchange.Call, allowed: Sequence[str]) -> exchange.Answer:
        """405 in the routing form."""
        # An identifier is missing, or one too many: Octavia finds that out in its controllers.
        if "POST" in allowed and call.method in {"PUT", "DELETE"}:
            return fault(400, 'Missing argument: "id"')
        if {"GET", "PUT", "DELETE"} == set(allowed) and call.method == "POST":
            return fault(400, "An object is made by a POST to its collection: leave its identifier out of the path.")
        answer = routing(405, "")
        return exchange.Answer(status=405, body=answer.body, headers={"Allow": ", ".join(allowed)})

    def crashed(self, call: exchange.Call) -> exchange.Answer:
        """500 without details."""
        return fault(500, f"An internal error occurred: the log has it under {call.request_id}.")

    def too_large(self, call: exchange.Call, limit: int) -> exchange.Answer:
        """413 in the form of the size limiter."""
        title = "Request Entity Too Large"
        said = {"message": f"Request is too large: the limit is {limit} bytes.", "code": f"413 {title}", "title": title}
        return exchange.Answer(status=413, body={**said, **fault(413, said["message"]).body})

    def check_media(self, call: exchange.Call) -> None:
        """Only JSON, in and out."""
        accepted = call.headers.get("accept", "")
        ranges = [each.split(";")[0].strip().lower() for each in accepted.split(",") if each.strip()]
        if ranges and not {"*/*", "application/*", JSON} & set(ranges):
            raise NotAcceptable("Only content type application/json is accepted.")
        sent = call.headers.get("content-type", JSON if not call.raw else "")
        media = sent.split(";")[0].strip().lower()
        if call.raw and media == FORM:
            name = call.raw.split(b"=", 1)[0].decode("utf-8", "replace")
            raise faults.Invalid(f'Unknown argument: "{faults.said(name)}"')
        if call.raw and media != JSON:
            raise UnsupportedMedia(f"Unknown mimetype: {sent}")

    def parse(self, raw: bytes, call: exchange.Call) -> Any:
        """A JSON document; NaN, lone surrogates and broken UTF-8 are not JSON."""
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise faults.Invalid("Request is not in valid JSON format") from error


class NotAcceptable(faults.Refusal):
    """The client does not take what the service speaks (406)."""

    status = 406


class UnsupportedMedia(faults.Refusal):
    """The service does not take what the client speaks (415)."""

    status = 415
