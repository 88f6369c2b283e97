"""How the Neutron API words its errors and treats its bodies."""

from collections.abc import Sequence
from typing import Any

import orjson

from vipool.api import exchange
from vipool.model import faults


class NotAcceptable(faults.Refusal):
    """The client wants another kind of answer (406)."""

    status = 406


def error(status: int, kind: str, sentence: str) -> exchange.Answer:
    """Neutron's error document."""
    return exchange.Answer(status=status, body={"NeutronError": {"type": kind, "message": sentence, "detail": ""}})


class NetworkDialect:
    """The Dialect of the network service."""

    head_as_get = False

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """A refusal as a NeutronError; 401 in the words of the token middleware."""
        if isinstance(refusal, faults.Unauthorized):
            said = {"code": 401, "title": "Unauthorized", "message": refusal.sentence}
            where = call.mount.rsplit("/network", 1)[0] + "/identity"
            headers = {"WWW-Authenticate": f'Keystone uri="{where}"'}
            return exchange.Answer(status=401, body={"error": said}, headers=headers)
        status = 409 if isinstance(refusal, faults.OverQuota) else refusal.status
        return error(status, *_worded(refusal))

    def unknown_path(self, call: exchange.Call) -> exchange.Answer:
        """404, in the form Neutron has inside its one version, or outside."""
        sentence = "The resource could not be found."
        if call.path.startswith("/v2.0"):
            return error(404, "HTTPNotFound", sentence)
        return exchange.Answer(status=404, body={"code": 404, "title": "Not Found", "description": None})

    def wrong_method(self, call: exchange.Call, allowed: Sequence[str]) -> exchange.Answer:
        """405."""
        sentence = f"The method {call.method} is not allowed here: {', '.join(allowed)} is."
        answer = error(405, "HTTPMethodNotAllowed", sentence)
        return exchange.Answer(status=405, body=answer.body, headers={"Allow": ", ".join(allowed)})

    def crashed(self, call: exchange.Call) -> exchange.Answer:
        """500 without details."""
        sentence = f"An internal error occurred: the log has it under {call.request_id}."
        return error(500, "HTTPInternalServerError", sentence)

    def too_large(self, call: exchange.Call, limit: int) -> exchange.Answer:
        """413."""
        return error(413, "HTTPRequestEntityTooLarge", f"The body is over the limit of {limit} bytes.")

    def check_media(self, call: exchange.Call) -> None:
        """Any content type is taken for JSON, as Neutron does; answers are nothing else."""
        accepted = call.headers.get("accept", "")
        if accepted and not any(kind in accepted for kind in ("json", "*/*", "application/*")):
            raise NotAcceptable("Answers are application/json: accept that.", kind="HTTPNotAcceptable")

    def parse(self, raw: bytes, call: exchange.Call) -> Any:
        """A JSON document."""
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as fault:
            raise faults.Invalid("Body contains invalid data", kind="HTTPBadRequest") from fault


def _worded(refusal: faults.Refusal) -> tuple[str, str]:
    match refusal:
        case faults.MissingAttribute():
            return (
                "HTTPBadRequest",
                f"Failed to parse request. Required attribute '{refusal.attribute}' not specified",
            )
        case faults.BadAttribute():
            return "HTTPBadRequest", f"Invalid input for {refusal.attribute}. Reason: {refusal.reason}."
        case faults.NullAttribute():
            return "HTTPBadRequest", f"Invalid input for {refusal.attribute}. Reason: 'None' is not a valid value."
        case faults.UnknownAttributes():
            return "HTTPBadRequest", f"Unrecognized attribute(s) '{', '.join(refusal.names)}'"
        case faults.BadQuery():
            return refusal.kind if refusal.kind != "BadQuery" else "HTTPBadRequest", refusal.sentence
        case _:
            return refusal.kind, refusal.sentence
