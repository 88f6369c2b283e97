"""How the Identity API words its errors and treats its bodies (as recorded from Keystone 30)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson

from vipool.api import exchange
from vipool.cloud.identity.embedded import login, meaning
from vipool.model import faults

JSON = "application/json"
MALFORMED = (
    "The server could not comply with the request since it is either malformed or otherwise incorrect. "
    "The client is assumed to be in error."
)
# Paths that nobody serves are answered by the web framework under Keystone, in HTML; clients look at the status only.
NOT_FOUND_PAGE = b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"


def expecting(what: str, where: str) -> faults.Invalid:
    """The refusal for something that should be in a body."""
    return faults.Invalid(f"Expecting to find {what} in {where}. {MALFORMED}")


def error(status: int, sentence: str, **more: object) -> exchange.Answer:
    """The error document."""
    said = {"code": status, "message": sentence, "title": HTTPStatus(status).phrase, **more}
    return exchange.Answer(status=status, body={"error": dict(sorted(said.items()))})


class IdentityDialect:
    """The Dialect of the identity service."""

    head_as_get = True

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """A refusal as an error; 401 says where to log in, a token without its application credential is 404."""
        match refusal:
            case meaning.Gone():
                return error(404, refusal.sentence)
            case login.Challenge():
                methods: dict[str, Any] = {"methods": list(refusal.methods)} if refusal.methods else {}
                return self._challenged(error(401, refusal.sentence, identity=methods), call)
            case faults.Unauthorized():
                return self._challenged(error(401, refusal.sentence), call)
            case faults.BadAttribute():
                sentence = (
                    f"Invalid input for field/attribute {refusal.attribute}. Value: {refusal.value}. {refusal.reason}"
                )
                return error(refusal.status, sentence)
            case _:
                return error(refusal.status, refusal.sentence)

    def _challenged(self, answer: exchange.Answer, call: exchange.Call) -> exchange.Answer:
        where = f'Keystone uri="{call.mount}/v3"'
        return exchange.Answer(status=answer.status, body=answer.body, headers={"WWW-Authenticate": where})

    def unknown_path(self, call: exchange.Call) -> exchange.Answer:
        """404 in HTML."""
        return exchange.Answer(status=404, raw=NOT_FOUND_PAGE, headers={"Content-Type": "text/html; charset=utf-8"})

    def wrong_method(self, call: exchange.Call, allowed: Sequence[str]) -> exchange.Answer:
        """405 in the framework's form; OPTIONS says what is allowed."""
        extra = {"HEAD"} if "GET" in allowed else set()
        headers = {"Allow": ", ".join(sorted({*allowed, *extra, "OPTIONS"}))}
        if call.method == "OPTIONS":
            return exchange.Answer(status=200, empty=True, headers=headers)
        said = {"message": "The method is not allowed for the requested URL."}
        return exchange.Answer(status=405, body=said, headers=headers)

    def crashed(self, call: exchange.Call) -> exchange.Answer:
        """500 without details."""
        return error(500, f"An internal error occurred: the log has it under {call.request_id}.")

    def too_large(self, call: exchange.Call, limit: int) -> exchange.Answer:
        """413."""
        return error(413, f"The request is too large: the limit is {limit} bytes.")

    def check_media(self, call: exchange.Call) -> None:
        """Bodies are JSON; one without a type is taken for it."""
        sent = call.headers.get("content-type", JSON)
        if call.raw and sent.split(";")[0].strip().lower() != JSON:
            raise expecting(JSON, "Content-Type header")

    def parse(self, raw: bytes, call: exchange.Call) -> dict[str, Any]:
        """A JSON object; NaN, lone surrogates and broken UTF-8 are not JSON."""
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError as problem:
            raise expecting("valid JSON", "request body") from problem
        if not isinstance(found, dict):
            raise expecting("valid JSON", "request body")
        return found
