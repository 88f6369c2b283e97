"""Whether the service is well: told to anybody, in the form asked for, where the operator wants it told."""

import pytest
import sqlalchemy as sa
from starlette import testclient

from tests.api import balancing
from tests.service import world
from vipool.api import face
from vipool.api.octavia import routes
from vipool.store import tables

PATH = "/load-balancer/healthcheck"
JSON, HTML, ANY = "application/json", "text/html", "*/*"


@pytest.mark.parametrize(
    ("accept", "media", "text"),
    [
        (ANY, "text/plain; charset=UTF-8", "OK"),
        ("text/plain", "text/plain; charset=UTF-8", "OK"),
        (HTML, "text/html; charset=UTF-8", "<html><body><h1>OK</h1></body></html>"),
    ],
)
def test_a_service_that_is_well_says_so_without_a_token(cloud, accept, media, text):
    reply = cloud.client.get(PATH, headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"], reply.text) == (200, media, text)
    assert cloud.client.get(PATH, headers={"Accept": JSON}).json() == {"detailed": False, "reasons": []}
    reply = cloud.client.head(PATH)
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_service_without_its_store_is_unwell(cloud):
    with cloud.database.write() as held:
        held.connection.execute(sa.DDL(f"DROP TABLE {tables.clock.name}"))
    reply = cloud.client.get(PATH)
    assert (reply.status_code, reply.text) == (503, "octavia_db_check: the database does not answer")
    reply = cloud.client.get(PATH, headers={"Accept": JSON})
    assert reply.status_code == 503
    assert reply.json()["reasons"] == ["octavia_db_check: the database does not answer"]
    assert cloud.client.get(PATH, headers={"Accept": HTML}).status_code == 503


def test_it_is_not_told_where_nobody_asked_for_it(cloud):
    made = routes.face(cloud.writer, world.RULES, authenticate=balancing.authenticate)
    reply = testclient.TestClient(face.Service(made)).get(PATH)
    assert reply.status_code == 404
    assert "healthcheck = true" in reply.text
