"""The OpenAPI 3.1 document of a face (OpenAPI Specification 3.1.1), put together from its route table.

Promises: the same table gives the same document, in the order of the table.  Pure.  Only rows with an operation are in
it.  What follows from a row itself, such as that it may be refused without a token, need not be said there.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from vipool.api import exchange
from vipool.api.openapi import operation

VERSION = "3.1.0"
TOKEN = "token"
REQUEST_ID = "RequestId"
Json = dict[str, Any]
# What is sent may make no sense, be too slow, too long or in no form that is known, and the disk may be full.
WRITING = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
)
HEADERS: Mapping[str, Json] = {"x-openstack-request-id": {"$ref": f"#/components/headers/{REQUEST_ID}"}}


def build(routes: Sequence[exchange.Route], about: operation.About) -> Json:
    """The document, as JSON values."""
    rows = [route for route in routes if route.operation is not None]
    return {
        "openapi": VERSION,
        "info": {"title": about.title, "version": about.version, "description": about.doc},
        "servers": [{"url": about.server}],
        "security": [{TOKEN: []}],
        "tags": [{"name": name, "description": doc} for name, doc in about.tags.items()],
        "paths": {
            path: {route.method.lower(): _operation(route, about) for route in same}
            for path, same in _by_path(rows).items()
        },
        "components": _components(rows, about),
    }


def _by_path(rows: Iterable[exchange.Route]) -> dict[str, list[exchange.Route]]:
    found: dict[str, list[exchange.Route]] = {}
    for route in rows:
        found.setdefault(route.path, []).append(route)
    return found


def refusals(route: exchange.Route) -> list[int]:
    """The statuses of refusal that a row can answer with: those that follow from it, and those its operation names."""
    found = set(_said(route).refuses) | {HTTPStatus.INTERNAL_SERVER_ERROR}
    if route.media == exchange.JSON:
        found.add(HTTPStatus.NOT_ACCEPTABLE)
    if route.token:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if "{" in route.path:
        found.add(HTTPStatus.NOT_FOUND)
    if route.method != "GET":
        found |= WRITING
    return sorted(int(status) for status in found)


def _said(route: exchange.Route) -> operation.Operation:
    if route.operation is None:
        raise ValueError(f"{route.method} {route.path} has no operation")
    return route.operation


def _operation(route: exchange.Route, about: operation.About) -> Json:
    said = _said(route)
    actions = [each for each in (route.policy, *said.also) if each]
    parameters = [
        *_path_parts(route),
        *(_parameter(each, "query") for each in said.query),
        *(_parameter(each, "header") for each in said.headers),
    ]
    found: Json = {"operationId": said.name, "summary": said.summary, "tags": [said.tag]}
    found |= {"description": said.doc} if said.doc else {}
    found |= {"x-policy-actions": actions} if actions else {}
    found |= {} if route.token else {"security": []}
    found |= {"parameters": parameters} if parameters else {}
    if said.body is not None:
        found["requestBody"] = {"required": True, "content": {exchange.JSON: {"schema": dict(said.body)}}}
    refused = {
        str(status): {"$ref": f"#/components/responses/{about.forms[status].name}"} for status in refusals(route)
    }
    return {**found, "responses": {str(said.status): _success(route), **refused}}


def _path_parts(route: exchange.Route) -> Iterator[Json]:
    described = {each.name: each for each in _said(route).parts}
    for piece in route.path.split("/"):
        if piece.startswith("{"):
            name = piece.strip("{}")
            yield {**_parameter(described[name], "path"), "required": True}


def _parameter(parameter: operation.Parameter, where: str) -> Json:
    found: Json = {"name": parameter.name, "in": where, "description": parameter.doc}
    if parameter.commas:
        found["explode"] = False  # and not one argument for each
    return {**found, "schema": dict(parameter.schema)}


def _success(route: exchange.Route) -> Json:
    said = _said(route)
    answer: Json = {"description": HTTPStatus(said.status).phrase, "headers": dict(HEADERS)}
    return answer if said.reply is None else {**answer, "content": {route.media: {"schema": dict(said.reply)}}}


def _components(rows: Sequence[exchange.Route], about: operation.About) -> Json:
    used = sorted(set(itertools.chain.from_iterable(map(refusals, rows))))
    return {
        "schemas": {name: dict(schema) for name, schema in about.schemas.items()},
        "responses": {about.forms[status].name: _refusal(about.forms[status]) for status in used},
        "headers": {
            REQUEST_ID: {"description": "The id of the request, as the log has it.", "schema": {"type": "string"}}
        },
        "securitySchemes": {
            TOKEN: {
                "type": "apiKey",
                "in": "header",
                "name": "X-Auth-Token",
                "description": "A token of the identity service, for a project.",
            }
        },
    }


def _refusal(form: operation.Form) -> Json:
    own = {name: {"description": doc, "schema": {"type": "string"}} for name, doc in form.headers.items()}
    content = {exchange.JSON: {"schema": dict(form.body)}}
    return {"description": form.doc, "headers": {**HEADERS, **own}, "content": content}
