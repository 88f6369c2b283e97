"""Versions of the Key Manager API: discovery, and the microversion that a request asks for by header.

Version 1.1 added consumers of secrets, which are shown from then on.
"""

from typing import Any

from vipool.api import exchange
from vipool.model import faults

SERVICE = "key-manager"
HEADER = "openstack-api-version"
LEAST, MOST = 0, 2  # minor versions
CONSUMERS = 1
DESCRIBED = {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}
MEDIA = [{"base": "application/json", "type": "application/vnd.openstack.key-manager-v1+json"}]


class Unsupported(faults.Refusal):
    """A version that is not there (406)."""

    status = 406


def minor(call: exchange.Call) -> int:
    """The minor version a request asks for.  Raises Unsupported."""
    for each in call.headers.get(HEADER, "").split(","):
        service, _, version = each.strip().partition(" ")
        if service.lower() == SERVICE:
            return _minor(version.strip())
    return LEAST


def _minor(version: str) -> int:
    known = {f"1.{each}": each for each in range(LEAST, MOST + 1)} | {"latest": MOST}
    if version not in known:
        raise Unsupported(
            f"Invalid microversion: Unacceptable version header: {faults.said(version)}. Ask for 1.{LEAST} to 1.{MOST}."
        )
    return known[version]


def headers(call: exchange.Call) -> dict[str, str]:
    """What every answer says of its version; nothing where the one asked for is not there."""
    try:
        return {HEADER: f"{SERVICE} 1.{minor(call)}", "vary": HEADER}
    except Unsupported:
        return {}


def _version(call: exchange.Call) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{call.mount}/v1/"}, DESCRIBED]
    if minor(call) > LEAST:
        return {
            "id": "v1",
            "status": "CURRENT",
            "min_version": f"1.{LEAST}",
            "max_version": f"1.{MOST}",
            "links": links,
        }
    return {"id": "v1", "status": "stable", "links": links, "media-types": MEDIA}


def versions(call: exchange.Call) -> exchange.Answer:
    """GET /: the one version, in the form of the microversion asked for."""
    if not call.url.endswith("/"):
        where = f"{call.mount}/"
        said = {"code": 302, "title": "Found", "description": None}
        return exchange.Answer(status=302, body=said, headers={"Location": where})
    found = [_version(call)]
    return exchange.Answer(status=300, body={"versions": found if minor(call) > LEAST else {"values": found}})


def version(call: exchange.Call) -> exchange.Answer:
    """GET /v1."""
    return exchange.Answer(body={"version": _version(call)})


def routes() -> tuple[exchange.Route, ...]:
    """The route table."""
    return (
        exchange.Route(method="GET", path="/", policy="versions:get", handler=versions, token=False),
        exchange.Route(method="GET", path="/v1", policy="version:get", handler=version),
    )
