"""Version discovery of the load-balancer service: the list at its root, and the bare word under it."""

from vipool.api import exchange
from vipool.api.openapi import operation

# What each version added can be read in Octavia's API reference; the date of v2.7 really is out of order.
UPDATED = (
    "2016-12-11",
    "2018-04-20",
    "2018-07-31",
    "2018-12-18",
    "2018-12-19",
    "2019-01-21",
    "2019-01-25",
    "2018-01-25T12:00:00Z",
    "2019-02-12",
    "2019-03-04",
    "2019-03-05",
    "2019-06-24",
    "2019-09-11",
    "2019-09-13",
    "2019-11-10",
    "2020-03-10",
    "2020-03-15",
    "2020-04-29T00:00:00Z",
    "2020-04-29T01:00:00Z",
    "2020-05-12",
    "2020-08-02",
    "2020-09-03",
    "2020-09-04",
    "2020-09-07",
    "2020-10-15",
    "2021-10-02",
    "2022-08-29",
    "2023-05-05",
    "2023-11-08",
    "2024-10-15",
    "2025-02-26",
)
PLACES = ("/v2", "/v2.0", "/v2/lbaas", "/v2.0/lbaas", "/v2/octavia", "/v2.0/octavia")


def versions(call: exchange.Call) -> exchange.Answer:
    """GET /: every version, the last one current."""
    last = len(UPDATED) - 1
    found = [
        {
            "id": f"v2.{minor}",
            "status": "CURRENT" if minor == last else "SUPPORTED",
            "updated": updated if "T" in updated else f"{updated}T00:00:00Z",
            "links": [{"href": f"{call.url.rstrip('/')}/v2", "rel": "self"}],
        }
        for minor, updated in enumerate(UPDATED)
    ]
    return exchange.Answer(body={"versions": found})


def word(call: exchange.Call) -> exchange.Answer:
    """GET /v2 and its like: the bare word."""
    return exchange.Answer(body=call.path.strip("/").split("/")[0].removesuffix(".0"))


TEXT = {"type": "string"}
TAG = "Discovery"
DOC = "Which versions there are, and this document."
LINK = operation.reply({"href": {"type": "string", "format": "uri"}, "rel": TEXT})
ENTRY = operation.reply(
    {"id": TEXT, "status": {"enum": ["SUPPORTED", "CURRENT"]}, "updated": TEXT, "links": operation.array(LINK)}
)
OF_ITS_OWN = operation.reply({"id": TEXT, "status": {"const": "CURRENT"}, "links": operation.array(LINK)})
LIST = operation.Operation(
    name="list_versions",
    summary="List the versions of the API",
    tag=TAG,
    reply=operation.reply({"versions": operation.array(ENTRY)}),
)
WORD = operation.Operation(
    name="show_version",
    summary="Show the version that is served here",
    tag=TAG,
    doc="The word alone; the same under `/v2/lbaas` and `/v2/octavia`.",
    reply={"const": "v2"},
)


def current() -> str:
    """The newest version."""
    return f"2.{len(UPDATED) - 1}"


def routes() -> tuple[exchange.Route, ...]:
    """The discovery routes: the root is open to everybody, the places below it are not."""
    places = tuple(
        exchange.Route(
            method="GET",
            path=path,
            policy="os_load-balancer_api:provider:get_all",
            handler=word,
            operation=WORD if path == PLACES[0] else None,
        )
        for path in PLACES
    )
    root = exchange.Route(method="GET", path="/", policy="", handler=versions, token=False, operation=LIST)
    return (root, *places)
