"""The page of the API's documentation: whole, readable without a network, and safe from what a document says."""

import base64
import hashlib
import html.parser
import re

import pytest

from vipool.api.openapi import markup, page, words

PAGE = "/load-balancer/docs"


class Reader(html.parser.HTMLParser):
    """What a browser would find: elements, their links and ids, and whether every one that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in {"href", "src"}]
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    found = Reader()
    found.feed(text)
    found.close()
    assert not found.open
    return found


@pytest.fixture
def reply(cloud):
    return cloud.client.get(PAGE)


def test_the_page_is_html_for_whoever_asks(cloud, reply):
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.text.startswith("<!doctype html>")
    browser = {"Accept": "text/html,application/xhtml+xml;q=0.9"}
    assert cloud.client.get(PAGE, headers=browser).text == reply.text
    assert cloud.client.get(f"{PAGE}/").text == reply.text


def test_nothing_on_the_page_is_fetched_or_run(reply):
    found = read(reply.text)
    assert all(link.startswith(("#", "/load-balancer/")) for link in found.links)
    assert not found.names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not {name for name in found.attributes if name.startswith("on") or name == "style"}
    assert "url(" not in reply.text
    assert "@import" not in reply.text


def test_the_browser_is_told_to_refuse_anything_but_the_style_of_the_page(reply):
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    style = re.findall(r"<style>(.*?)</style>", reply.text, flags=re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_every_operation_and_object_is_on_the_page_and_every_link_leads_there(cloud, reply):
    document = cloud.client.get("/load-balancer/openapi.json").json()
    found = read(reply.text)
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    assert "/load-balancer/openapi.json" in found.links
    said = [said for methods in document["paths"].values() for said in methods.values()]
    assert {each["operationId"] for each in said} | set(document["components"]["schemas"]) <= set(found.ids)
    for each in said:
        assert str(markup.quoted(each["summary"])) in reply.text
    for path in document["paths"]:
        assert f"/load-balancer{path}" in reply.text


def test_attributes_are_explained_where_they_are_sent(reply):
    article = (
        reply.text.split('<article id="create_member">')[1] if '<article id="create_member">' in reply.text else ""
    )
    article = article or re.split(r'id="create_member"', reply.text)[1]
    article = article.split("</article>")[0]
    for piece in ("Required:", "<code>address</code>", "integer, 0 to 256", "Default: <code>1</code>", "member:post"):
        assert piece in article, piece


def test_what_a_document_says_cannot_become_html():
    hostile = '<script>alert("x")</script>`<b>`'
    document = {
        "info": {"title": hostile, "version": "1", "description": hostile},
        "servers": [{"url": hostile}],
        "tags": [{"name": hostile, "description": hostile}],
        "paths": {
            hostile: {
                "get": {
                    "operationId": hostile,
                    "summary": hostile,
                    "tags": [hostile],
                    "description": hostile,
                    "x-policy-actions": [hostile],
                    "parameters": [
                        {"name": hostile, "in": "query", "description": hostile, "schema": {"enum": [hostile]}}
                    ],
                    "responses": {"200": {"description": hostile}},
                }
            }
        },
        "components": {"schemas": {hostile: {"const": hostile}}, "responses": {}},
    }
    text = page.html(document, source=hostile)
    assert not read(text).names & {"script", "b"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 5}, "integer, 1 to 5"),
        ({"type": ["integer", "null"], "minimum": 0, "maximum": 2**31 - 1}, "integer, at least 0 or null"),
        ({"type": ["string", "null"], "enum": ["A", None]}, "`A`, null"),
        ({"$ref": "#/components/schemas/Thing"}, "`Thing`"),
        ({"type": "array", "items": {"type": "string", "format": "uuid"}}, "list of: UUID"),
        ({"const": 5}, "`5`"),
        ({}, "anything"),
    ],
)
def test_a_schema_is_said_in_words(schema, said):
    assert words.in_words(schema) == said
