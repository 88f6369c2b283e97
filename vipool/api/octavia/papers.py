"""The OpenAPI document of the load-balancer API, and the page that shows it: open to everybody, as an index is.

Both are made once, at the first request: they follow from the route table, which does not change while a server runs.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from vipool.api import exchange
from vipool.api.octavia import operations, providers, refusals, shapes, versions
from vipool.api.openapi import document, operation, page
from vipool.model import amphora, condition, event, quota

TITLE = "Load balancing"
SOURCE = "/openapi.json"
DOC = """\
The load-balancer API of vipool: version 2 of Octavia's.

Every request but a few needs a token of the identity service in `X-Auth-Token`. What is below `/v2/lbaas` is also below
`/v2.0/lbaas`, `/v2` and `/v2.0`; the path of a collection may end in `/` or `.json`.

Bodies are read as Octavia reads them: a number may come as text, a truth as one of many words. A key that is not
described is refused. Writes are answered before they are realised: an object is `PENDING_…` until a node has done what
it says, then `ACTIVE`, or `ERROR` with the reason in the load balancer's `provisioning_fault`.
"""
DOCUMENT = operation.Operation(
    name="show_openapi_document",
    summary="Show this document",
    tag=versions.TAG,
    reply={"type": "object"},
)
PAGE = operation.Operation(
    name="show_documentation",
    summary="Show this document as a page for people",
    tag=versions.TAG,
    reply={"type": "string"},
)


def about(mount: str) -> operation.About:
    """What the document says of the service as a whole."""
    said = (*shapes.TREE, event.Event, condition.Condition, quota.Quota, *shapes.SHELVES, amphora.Amphora)
    return operation.About(
        title=TITLE,
        version=versions.current(),
        doc=DOC,
        server=mount,
        tags={versions.TAG: versions.DOC, **operations.tags(*said), providers.TAG: providers.DOC},
        schemas={**shapes.every(), **refusals.SCHEMAS},
        forms=refusals.FORMS,
    )


@dataclass(frozen=True, kw_only=True)
class Papers:
    """The handlers, over the rows that they describe."""

    mount: str
    rows: Sequence[exchange.Route]

    def as_json(self, call: exchange.Call) -> exchange.Answer:
        """GET openapi.json."""
        return exchange.Answer(raw=self._written, headers={"Content-Type": exchange.JSON})

    def as_page(self, call: exchange.Call) -> exchange.Answer:
        """GET docs."""
        return exchange.Answer(raw=self._shown, headers=page.headers())

    @functools.cached_property
    def _document(self) -> document.Json:
        return document.build((*self.routes(), *self.rows), about(self.mount))

    @functools.cached_property
    def _written(self) -> bytes:
        return orjson.dumps(self._document)

    @functools.cached_property
    def _shown(self) -> bytes:
        return page.html(self._document, source=f"{self.mount}{SOURCE}").encode()

    def routes(self) -> tuple[exchange.Route, ...]:
        """The two rows."""
        places = (
            (SOURCE, self.as_json, exchange.JSON, DOCUMENT),
            ("/docs", self.as_page, page.MEDIA, PAGE),
        )
        return tuple(
            exchange.Route(
                method="GET", path=path, policy="", handler=handler, token=False, media=media, operation=said
            )
            for path, handler, media, said in places
        )


def routes(mount: str, rows: Sequence[exchange.Route]) -> tuple[exchange.Route, ...]:
    """The rows of the document and the page about these rows."""
    return Papers(mount=mount, rows=rows).routes()
