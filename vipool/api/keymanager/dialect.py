"""How the Key Manager API words its errors and treats its bodies (as recorded from Barbican 23)."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson

from vipool.api import exchange
from vipool.api.keymanager import negotiation, versions
from vipool.model import faults, secret

JSON = "application/json"
# Where the body of a PUT is a payload, and an answer may be one.
ITEM = re.compile(r"/v1/secrets/[^/]+/?")
NEGOTIATING = re.compile(r"/v1/secrets/[^/]+(/payload)?/?")
# What these do not know is answered by another layer of Barbican, with another status.
ODD = re.compile(r"/v1/secrets/[^/]+(/acl)?/?|/v1/containers/[^/]+/acl/?")
TITLES = {413: "Request Entity Too Large"}  # Python 3.13 has a newer name


class NotAcceptable(faults.Refusal):
    """The client takes none of the forms an answer can have (406)."""

    status = 406


class UnsupportedMedia(faults.Refusal):
    """What the client sent has a form that is not taken here (415)."""

    status = 415


class TooLarge(faults.Refusal):
    """A payload longer than any may be (413)."""

    status = 413


def title(status: int) -> str:
    """The name of a status."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def error(call: exchange.Call, status: int, sentence: str) -> exchange.Answer:
    """The error document."""
    said = {"code": status, "title": title(status), "description": sentence}
    return exchange.Answer(status=status, body=said, headers=versions.headers(call))


class KeyManagerDialect:
    """The Dialect of the key manager."""

    head_as_get = False

    def refusal(self, refusal: faults.Refusal, call: exchange.Call) -> exchange.Answer:
        """A refusal as an error; 401 in the words of the token middleware, 406 for a version in those of another."""
        status = refusal.status
        match refusal:
            case faults.Unauthorized():
                said: dict[str, Any] = {"code": status, "title": title(status), "message": refusal.sentence}
                where = f'Keystone uri="{call.mount.removesuffix("/key-manager")}/identity/v3"'
                return exchange.Answer(status=status, body={"error": said}, headers={"WWW-Authenticate": where})
            case versions.Unsupported():
                said = {"message": refusal.sentence, "code": f"{status} {title(status)}", "title": title(status)}
                return exchange.Answer(status=status, body=said)
            case _:
                return error(call, status, refusal.sentence)

    def unknown_path(self, call: exchange.Call) -> exchange.Answer:
        """404."""
        return error(call, 404, f"There is nothing at {faults.said(call.path)}.")

    def wrong_method(self, call: exchange.Call, allowed: Sequence[str]) -> exchange.Answer:
        """405, or in some places 406."""
        sentence = f"The method {call.method} is not for this path: {', '.join(allowed)} is."
        if ODD.fullmatch(call.path):
            return error(call, 406, sentence)
        answer = error(call, 405, sentence)
        return exchange.Answer(
            status=405, body=answer.body, headers={**answer.headers, "Allow": ", ".join(sorted(allowed))}
        )

    def crashed(self, call: exchange.Call) -> exchange.Answer:
        """500 without details."""
        return error(call, 500, f"An internal error occurred: the log has it under {call.request_id}.")

    def too_large(self, call: exchange.Call, limit: int) -> exchange.Answer:
        """413."""
        return error(call, 413, f"The body is over the limit of {limit} bytes.")

    def check_media(self, call: exchange.Call) -> None:
        """Bodies are JSON but for payloads, and so are answers; a version is asked for that is there."""
        versions.minor(call)
        accept = call.headers.get("accept", "")
        if not NEGOTIATING.fullmatch(call.path) and negotiation.preferred(accept, [JSON]) is None:
            raise NotAcceptable(f"Answers are {JSON}: accept that.")
        if call.method in {"POST", "PUT", "PATCH"} or call.raw:
            payload = call.method == "PUT" and ITEM.fullmatch(call.path)
            taken = (secret.BYTES, secret.TEXT) if payload else (JSON,)
            if media(call) not in taken:
                raise UnsupportedMedia(f"Unexpected content type. Expected content types are: {list(taken)}")

    def parse(self, raw: bytes, call: exchange.Call) -> Any:
        """A JSON document, of which NaN, lone surrogates and broken UTF-8 are none; payloads are left as they are."""
        if media(call) != JSON:
            return None
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            # Without its cause, which holds the document.
            raise faults.Invalid("Malformed JSON") from None


def media(call: exchange.Call) -> str:
    """The type of a body, without parameters."""
    return call.headers.get("content-type", "").split(";")[0].strip().lower()
