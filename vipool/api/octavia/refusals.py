"""The documents in which the load-balancer API refuses, as its OpenAPI document describes them.

``dialect`` makes them.  Where the routing layer may answer in place of the controllers, either form is described: the
keys of the routing form are added to the other's.
"""

from collections.abc import Mapping
from typing import Any

from vipool.api.openapi import operation

TEXT: Mapping[str, Any] = {"type": "string"}
FAULT = operation.reply(
    {
        "faultcode": {"enum": ["Client", "Server"], "description": "Whose fault it is: Server from status 500 on."},
        "faultstring": {**TEXT, "description": "The object, the reason and mostly the way out, in one sentence."},
        "debuginfo": {"type": "null"},
    }
)
ROUTING = operation.reply(
    {
        "code": {"type": "integer", "description": "The status."},
        "title": TEXT,
        "description": {**TEXT, "description": "The sentence, where there is one."},
        **FAULT["properties"],
    }
)
UNSIGNED = operation.reply({"error": operation.reply({"code": {"const": 401}, "title": TEXT, "message": TEXT})})
TOO_LARGE = operation.reply({"message": TEXT, "code": TEXT, "title": TEXT, **FAULT["properties"]})
SCHEMAS: Mapping[str, operation.Schema] = {
    "Fault": FAULT,
    "RoutingFault": ROUTING,
    "Unauthorized": UNSIGNED,
    "TooLarge": TOO_LARGE,
}
CONTROLLER = operation.ref("Fault")
EITHER = {"anyOf": [operation.ref("RoutingFault"), operation.ref("Fault")]}


def _form(name: str, doc: str, body: operation.Schema = CONTROLLER) -> operation.Form:
    return operation.Form(name=name, doc=doc, body=body)


FORMS: Mapping[int, operation.Form] = {
    400: _form("BadRequest", "The request is understood and makes no sense.", EITHER),
    401: operation.Form(
        name="Unauthorized",
        doc="Who is asking is not known.",
        body=operation.ref("Unauthorized"),
        headers={"WWW-Authenticate": "Where to sign in: the address of the identity service."},
    ),
    403: _form("Forbidden", "Who is asking may not, or the project has as many of these as it may have."),
    404: _form("NotFound", "There is no such object, or what the request refers to does not exist.", EITHER),
    406: _form("NotAcceptable", "Only JSON is spoken.", operation.ref("RoutingFault")),
    408: _form("RequestTimeout", "The body did not arrive in time."),
    409: _form("Conflict", "The request contradicts what is there."),
    413: _form("RequestTooLarge", "The body is too long.", operation.ref("TooLarge")),
    415: _form("UnsupportedMediaType", "What was sent is not JSON."),
    422: _form("OtherRequest", "The idempotency key was used for another request."),
    500: _form("InternalError", "A bug; the log has it under the id of the request."),
    501: _form("NotServed", "A valid request that the provider cannot carry out."),
    503: _form("Unavailable", "What the answer needs is not to be had now."),
    507: _form("NoRoom", "There is no room left to keep it: nothing of it was kept."),
}
