"""Opening a bundle by question and answer, in bytes: for when that happens in another process.

A question is what a tenant keeps, an answer the bundle in it or the refusal.  Both are one line of JSON.
"""

import base64
import dataclasses
import datetime
import json
from typing import Any

from vipool.core import certificate
from vipool.model import bundle


def question(material: bundle.Material) -> bytes:
    """The line that asks to open this."""
    fields = {each.name: getattr(material, each.name) for each in dataclasses.fields(material)}
    told = {name: base64.b64encode(value).decode() for name, value in fields.items() if value is not None}
    return json.dumps(told).encode()


def answer(line: bytes) -> bytes:
    """The line that answers a question."""
    told = {name: base64.b64decode(value) for name, value in json.loads(line).items()}
    material: bundle.Material = bundle.Archive(**told) if "payload" in told else bundle.Parts(**told)
    try:
        found = certificate.opened(material)
    except certificate.Unusable as refusal:
        return json.dumps({"refused": refusal.kind, "sentence": refusal.sentence}).encode()
    fields: dict[str, Any] = {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
    return json.dumps({**fields, "not_after": found.not_after.isoformat()}).encode()


def outcome(line: bytes) -> bundle.Bundle:
    """The bundle in an answer.  Raises certificate.Unusable."""
    told = json.loads(line)
    if "refused" in told:
        raise certificate.Unusable(certificate.Kind(told["refused"]), told["sentence"])
    lists = {name: tuple(told[name]) for name in ("intermediates", "dns_names")}
    return bundle.Bundle(**{**told, **lists, "not_after": datetime.datetime.fromisoformat(told["not_after"])})
