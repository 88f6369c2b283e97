"""The page that shows a document to people: plain HTML, readable offline and without scripts.

Promises: nothing on it is fetched from anywhere, and a browser is told to refuse whatever would be.  Pure but for its
style sheet, which stands beside this module.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vipool.api.openapi import markup, words

MEDIA = "text/html; charset=utf-8"
Json = Mapping[str, Any]
element, joined, prose = markup.element, markup.joined, markup.prose
Markup = markup.Markup


@functools.cache
def style() -> Markup:
    """The style sheet."""
    return Markup(Path(__file__).with_name("page.css").read_text(encoding="utf-8"))


@functools.cache
def headers() -> Mapping[str, str]:
    """What a browser is told: only this style sheet, nothing else, nowhere inside another page."""
    known = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": MEDIA,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def html(document: Json, *, source: str) -> str:
    """The page of a document, whose own address is ``source``."""
    info = document["info"]
    title = f"{info['title']} {info['version']}"
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", style()),
    )
    body = joined(element("nav", *_contents(document, title)), element("main", *_main(document, title, source)))
    return "<!doctype html>\n" + element("html", element("head", head), element("body", body), lang="en") + "\n"


def _operations(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            if tag in said["tags"]:
                yield method, path, said


def _contents(document: Json, title: str) -> Iterator[Markup]:
    yield element("p", element("a", title, href="#top"))
    for tag in document["tags"]:
        entries = [
            element("li", element("a", _method(method), said["summary"], href=f"#{said['operationId']}"))
            for method, _, said in _operations(document, tag["name"])
        ]
        yield element("details", element("summary", tag["name"]), element("ul", *entries))
    yield element("p", element("a", "Refusals", href="#refusals"))
    entries = [element("li", element("a", name, href=f"#{name}")) for name in document["components"]["schemas"]]
    yield element("details", element("summary", "Objects"), element("ul", *entries))


def _main(document: Json, title: str, source: str) -> Iterator[Markup]:
    yield element("h1", title, id="top")
    yield element("p", element("a", "This page as an OpenAPI document", href=source), class_="soft")
    yield markup.paragraphs(document["info"]["description"])
    for tag in document["tags"]:
        yield element("h2", tag["name"])
        yield markup.paragraphs(tag["description"])
        for method, path, said in _operations(document, tag["name"]):
            yield _operation(document, method, path, said)
    yield from _refusals(document)
    yield element("h2", "Objects")
    for name, schema in document["components"]["schemas"].items():
        yield element("article", element("h3", name), _shape(document, schema), id=name)


def _method(method: str) -> Markup:
    return element("span", method.upper(), class_=f"method {method}")


def _operation(document: Json, method: str, path: str, said: Json) -> Markup:
    server = document["servers"][0]["url"]
    needed = ", ".join(f"`{each}`" for each in said.get("x-policy-actions", []))
    return element(
        "article",
        element("h3", said["summary"]),
        element("p", _method(method), server + path, class_="path"),
        markup.paragraphs(said.get("description", "")),
        element("p", prose(f"Needs {needed}." if needed else "Needs no token."), class_="soft"),
        *_parameters(document, said),
        *_body(document, said),
        *_replies(document, said),
        id=said["operationId"],
    )


def _parameters(document: Json, said: Json) -> Iterator[Markup]:
    for where, heading in (("path", "In the path"), ("query", "In the query"), ("header", "In the headers")):
        found = [each for each in said.get("parameters", []) if each["in"] == where]
        if found:
            rows = [
                (each["name"], _said(document, each["schema"]), prose(each["description"] + _several(each)))
                for each in found
            ]
            yield _folded(f"{heading} ({len(found)})", _table(("name", "value", "what it does"), rows))


def _several(parameter: Json) -> str:
    if parameter["schema"].get("type") != "array":
        return ""
    return " Several stand between commas." if parameter.get("explode") is False else " May be repeated."


def _body(document: Json, said: Json) -> Iterator[Markup]:
    """The body of a request: of an object in its wrapper, the keys of the object."""
    if "requestBody" not in said:
        return
    schema = _schema(said["requestBody"])
    (wrapper, inner), *more = schema["properties"].items()
    if "$ref" in inner and not more:
        known = document["components"]["schemas"][inner["$ref"].rpartition("/")[2]]
        yield _folded(f"Body: the keys of {wrapper}", _form(document, known), open_="open")
    else:
        yield _folded("Body", _shape(document, schema), open_="open")


def _replies(document: Json, said: Json) -> Iterator[Markup]:
    refused = []
    for status, answer in said["responses"].items():
        if "$ref" in answer:
            refused.append(status)
        elif "content" in answer:
            yield _folded(f"Reply {status}", _shape(document, _schema(answer)), open_="open")
        else:
            yield element("p", element("strong", f"Reply {status}"), ", empty.")
    links = (joined(", " if place else "", element("a", each, href=f"#r{each}")) for place, each in enumerate(refused))
    yield element("p", "Refused with ", *links, ".", class_="soft")


def _schema(holder: Json) -> Json:
    """The schema of a body or reply, whatever it is made of."""
    found: Json = next(iter(holder["content"].values()))["schema"]
    return found


def _folded(heading: str, inside: Markup, **attributes: str) -> Markup:
    return element("details", element("summary", heading), inside, **attributes)


def _shape(document: Json, schema: Json) -> Markup:
    """A schema: a row for each key of an object, words for anything else."""
    properties = schema.get("properties")
    if not properties or "$ref" in schema:
        return element("p", _said(document, schema))
    rows = [
        (name, _said(document, each), joined(prose(each.get("description", "")), _default(each)))
        for name, each in properties.items()
    ]
    return _table(("key", "value", "what it means"), rows)


def _form(document: Json, schema: Json) -> Markup:
    """What is to be sent: what must be there first."""
    needed = frozenset(schema.get("required", ()))
    rows = {True: dict(schema, properties={}), False: dict(schema, properties={})}
    for name, each in schema["properties"].items():
        rows[name in needed]["properties"][name] = each
    must = joined(element("p", "Required:"), _shape(document, rows[True])) if needed else joined()
    may = rows[False]["properties"]
    return joined(must, element("p", "Optional:"), _shape(document, rows[False])) if may else must


def _default(schema: Json) -> Markup:
    if "default" not in schema:
        return joined()
    shown = element("code", json.dumps(schema["default"]))
    return joined(" ", element("span", "Default: ", shown, ".", class_="soft"))


def _said(document: Json, schema: Json) -> Markup:
    """A schema in words; the names of objects lead to them."""
    pieces = markup.CODE.split(words.in_words(schema))
    known = document["components"]["schemas"]
    return joined(*(_named(piece, known) if place % 2 else piece for place, piece in enumerate(pieces)))


def _named(piece: str, known: Mapping[str, Any]) -> Markup:
    shown = element("code", piece)
    return element("a", shown, href=f"#{piece}") if piece in known else shown


def _refusals(document: Json) -> Iterator[Markup]:
    used: dict[str, str] = {}
    for methods in document["paths"].values():
        for said in methods.values():
            for status, answer in said["responses"].items():
                if "$ref" in answer:
                    used[status] = answer["$ref"].rpartition("/")[2]
    answers = document["components"]["responses"]
    rows = [
        element(
            "tr",
            element("td", status),
            element("td", answers[name]["description"]),
            element("td", _said(document, _schema(answers[name]))),
            id=f"r{status}",
        )
        for status, name in sorted(used.items())
    ]
    yield element("h2", "Refusals", id="refusals")
    heads = [element("th", each) for each in ("status", "when", "body")]
    yield element("div", element("table", element("tr", *heads), *rows), class_="wide")


def _table(heads: tuple[str, ...], rows: list[tuple[str, Markup, Markup]]) -> Markup:
    lines = [
        element("tr", element("td", element("code", name)), *(element("td", each) for each in rest))
        for name, *rest in rows
    ]
    return element(
        "div", element("table", element("tr", *(element("th", each) for each in heads)), *lines), class_="wide"
    )
