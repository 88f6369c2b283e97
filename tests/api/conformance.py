"""Holds replies to the OpenAPI document: the status is one it gives for the operation, the body has its schema.

Stricter than the document itself: a key of a reply that is not described is a fault here, where clients must bear it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

METHODS = frozenset({"get", "put", "post", "delete"})
JSON = "application/json"


def closed(value: Any) -> Any:
    """A schema in which an object has no keys but those that are described."""
    if isinstance(value, list):
        return [closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: closed(each) for key, each in value.items()}
    if value.get("type") == "object" and isinstance(value.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


class Document:
    """One document, and the replies that were held to it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.components = closed(document["components"])
        self.patterns = [(_pattern(path), path) for path in document["paths"]]
        self.validators: dict[tuple[str, str, str], Any] = {}

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Every operation: path, method, what is said of it."""
        for path, methods in self.document["paths"].items():
            for method, said in methods.items():
                if method in METHODS:
                    yield path, method, said

    def check(self, method: str, path: str, reply: Any) -> None:
        """Fail if the reply is not one that the document describes; what has no operation is left alone."""
        found = self._operation(method.lower(), path)
        if found is None:
            return
        said = self.document["paths"][found][method.lower()]["responses"]
        status = str(reply.status_code)
        assert status in said, f"{method} {found}: {status} is not documented: {reply.text[:300]}"
        assert "x-openstack-request-id" in reply.headers
        media, validator = self._validator(found, method.lower(), status)
        if validator is None:
            assert reply.content == b"", f"{method} {found}: {status} has a body that is not documented"
            return
        assert reply.headers["content-type"].partition(";")[0] == media
        if media != JSON:
            return
        faults = [f"{each.instance_path}: {each.message[:300]}" for each in validator.iter_errors(reply.json())]
        assert not faults, f"{method} {found}: {status} is not as documented: {faults[:3]} in {reply.text[:300]}"

    def _operation(self, method: str, path: str) -> str | None:
        for pattern, found in self.patterns:
            if pattern.fullmatch(path) and method in self.document["paths"][found]:
                return str(found)
        return None

    def _validator(self, path: str, method: str, status: str) -> Any:
        key = (path, method, status)
        if key not in self.validators:
            said = self.document["paths"][path][method]["responses"][status]
            if "$ref" in said:
                said = self.components["responses"][said["$ref"].rsplit("/", 1)[1]]
            content = said.get("content")
            ((media, told),) = content.items() if content else ((None, None),)
            self.validators[key] = media, told and self._compiled(closed(told["schema"]))
        return self.validators[key]

    def _compiled(self, schema: Mapping[str, Any]) -> Any:
        whole = {**schema, "components": {"schemas": self.components["schemas"]}}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _pattern(path: str) -> re.Pattern[str]:
    """The paths of an operation under every prefix and spelling."""
    prefixed = path.replace("/v2/lbaas", "/v2(.0)?(/lbaas)?", 1).replace("/v2/octavia", "/v2(.0)?/octavia", 1)
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", prefixed) + r"(\.json)?/?")
