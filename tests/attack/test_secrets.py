"""What tenants keep secret is found nowhere else: in no file, log, error or list, and with no other tenant."""

import base64
import logging
from pathlib import Path

import pytest

from tests.attack import town
from vipool import wiring
from vipool.api import exchange
from vipool.cloud.secrets.embedded import storing

KEYS = "/key-manager/v1"
MARK = "a-mark-that-stands-in-every-payload"
OCTETS = {"payload_content_type": "application/octet-stream", "payload_content_encoding": "base64"}
TEXT = {"payload_content_type": "text/plain"}


def spellings(mark: str) -> list[bytes]:
    """The mark as it may stand somewhere: in clear, in base64 at each place, in hexadecimal."""
    clear = mark.encode()
    shifted = [base64.b64encode(b"x" * shift + clear)[4:-4] for shift in range(3)]
    return [clear, *shifted, clear.hex().encode()]


def store(person: town.Person, **values: object) -> str:
    """A secret; its path."""
    reply = person.call("POST", f"{KEYS}/secrets", values)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["secret_ref"]).removeprefix("http://cloud.example")


def everything(person: town.Person, other: town.Person) -> list[str]:
    """Use secrets in every way there is; what was answered, apart from payloads to whom they belong."""
    said = []

    def call(who: town.Person, method: str, path: str, body: object = None, **headers: str) -> None:
        raw = {"content": body} if isinstance(body, str | bytes) else {}
        reply = who.call(method, path, None if raw else body, headers=headers, **raw)
        said.append(f"{reply.status_code} {dict(reply.headers)} {reply.text}")

    text = store(person, payload=MARK, **TEXT)
    octets = store(person, payload=base64.b64encode(MARK.encode()).decode(), **OCTETS)
    empty = store(person, name="empty")
    call(person, "PUT", empty, MARK, **{"Content-Type": "text/plain"})
    call(person, "PUT", empty, MARK, **{"Content-Type": "text/plain"})
    for body in (
        {"payload": MARK},
        {"payload": MARK, "payload_content_type": "text/html"},
        {"payload": MARK * 1000, **TEXT},
        {"payload": f"{MARK}!", **OCTETS},
        {"payload": [MARK], **TEXT},
        {"payload": MARK, "payload_content_type": MARK},
        {"payload": MARK, "expiration": "soon", **TEXT},
        {"payload": MARK, "bit_length": -1, **TEXT},
        f'{{"payload": "{MARK}"',
        f'{{"payload": "{MARK}\\ud800"}}',
    ):
        call(person, "POST", f"{KEYS}/secrets", body, **{"Content-Type": "application/json"})
    call(person, "PUT", store(person), b"\xff" + MARK.encode(), **{"Content-Type": "text/plain"})
    call(
        person,
        "PUT",
        store(person),
        f"{MARK}!",
        **{"Content-Type": "application/octet-stream", "Content-Encoding": "base64"},
    )
    for path in (text, octets, empty):
        assert person.call("GET", f"{path}/payload", headers={"Accept": "*/*"}).text == MARK
        call(other, "GET", f"{path}/payload", **{"Accept": "*/*"})
        call(other, "GET", path, **{"Accept": "text/plain"})
        call(person, "GET", f"{path}/payload", **{"Accept": "image/png"})
        call(person, "GET", path)
    for query in ("", "?acl_only=true", "?limit=100&sort=name:desc"):
        call(person, "GET", f"{KEYS}/secrets{query}")
        call(other, "GET", f"{KEYS}/secrets{query}")
    call(person, "DELETE", text)
    call(person, "GET", f"{text}/payload")
    return said


def test_a_payload_is_in_no_file_log_or_answer(whole, caplog, tmp_path):
    with caplog.at_level(logging.DEBUG):
        said = everything(whole.victim, whole.mallory)
    # Where it would be found if it were there.
    assert whole.victim.get(f"{KEYS}/secrets").json()["total"] == 4
    files = [path for path in Path(whole.settings.state_dir).rglob("*") if path.is_file()]
    assert {"vipool.db", "vipool.db-wal", "secret-key"} <= {path.name for path in files}
    contents = {path.name: path.read_bytes() for path in files}
    contents |= {"answers": "\n".join(said).encode(), "log": caplog.text.encode()}
    assert b"empty" in contents["vipool.db"] + contents["vipool.db-wal"]  # the name of one: this is where they are
    found = [name for name, content in contents.items() for each in spellings(MARK) if each in content]
    assert not found


def test_the_keys_are_in_their_file_alone(whole, caplog):
    with caplog.at_level(logging.DEBUG):
        said = everything(whole.victim, whole.mallory)
    line = whole.settings.secret_key_file.read_bytes().strip()
    key = base64.b64decode(line)
    assert len(key) == 32
    assert whole.settings.secret_key_file.stat().st_mode & 0o777 == 0o600
    for path in Path(whole.settings.state_dir).rglob("*"):
        if path.is_file() and path != whole.settings.secret_key_file:
            assert key not in path.read_bytes()
            assert line not in path.read_bytes()
    vault = wiring.open_vault(whole.settings, whole.database)
    for text in ("\n".join(said), caplog.text, repr(vault), repr(vars(vault))):
        assert line.decode() not in text
        assert repr(key) not in text


def test_no_text_of_a_value_holds_a_payload():
    call = exchange.Call(
        method="POST",
        path="/",
        url="",
        mount="",
        raw=MARK.encode(),
        body={"payload": MARK},
        token=MARK,
        headers={"a": MARK},
    )
    answer = exchange.Answer(raw=MARK.encode())
    for value in (call, answer, storing.Deposit(content_type="text/plain", clear=MARK.encode())):
        assert MARK not in repr(value)
        assert MARK not in str(value)


USES = [
    ("GET", "{v_secret}", None),
    ("GET", "{v_secret}/payload", None),
    ("GET", "{v_secret}/acl", None),
    ("PUT", "{v_secret}/acl", {"read": {"users": ["me"]}}),
    ("PATCH", "{v_secret}/acl", {"read": {"project-access": True}}),
    ("DELETE", "{v_secret}/acl", None),
    ("GET", "{v_secret}/consumers", None),
    ("POST", "{v_secret}/consumers", {"service": "s", "resource_type": "t", "resource_id": "i"}),
    ("DELETE", "{v_secret}/consumers", {"service": "s", "resource_type": "t", "resource_id": "i"}),
    ("DELETE", "{v_secret}", None),
    ("GET", "{v_container}", None),
    ("GET", "{v_container}/acl", None),
    ("PUT", "{v_container}/acl", {"read": {"users": ["me"]}}),
    ("POST", "{v_container}/consumers", {"name": "n", "URL": "u"}),
    ("POST", "{v_container}/secrets", {"name": "n", "secret_ref": "http://x{m_secret}"}),
    ("DELETE", "{v_container}/secrets", {"name": "a", "secret_ref": "http://x{v_secret}"}),
    ("DELETE", "{v_container}", None),
    (
        "POST",
        f"{KEYS}/containers",
        {"type": "generic", "secret_refs": [{"name": "a", "secret_ref": "http://x{v_secret}"}]},
    ),
    ("POST", "{m_container}/secrets", {"name": "n", "secret_ref": "http://x{v_secret}"}),
]


def filled(value: object, names: dict[str, str]) -> object:
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    return value.format(**names) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def town_and_names(tmp_path_factory):
    """One town for tests none of which may change anything, and the paths of what the two tenants have."""
    made = town.Town(tmp_path_factory.mktemp("town"))
    names = {}
    for prefix, person in (("v", made.victim), ("m", made.mallory)):
        names[f"{prefix}_secret"] = secret = store(person, payload=MARK if prefix == "v" else "mine", **TEXT)
        refs = [{"name": "a", "secret_ref": f"http://cloud.example{secret}"}]
        reply = person.call("POST", f"{KEYS}/containers", {"type": "generic", "secret_refs": refs})
        names[f"{prefix}_container"] = reply.json()["container_ref"].removeprefix("http://cloud.example")
    yield made, names
    made.database.close()


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use[0]} {use[1]}".replace("/", "."))
def test_no_call_uses_or_shows_what_another_project_keeps(town_and_names, use):
    made, names = town_and_names
    method, path, body = use
    reply = made.mallory.call(method, path.format(**names), filled(body, names))
    assert reply.status_code in {403, 404}, reply.text
    assert MARK not in reply.text
    assert made.victim.call("GET", f"{names['v_secret']}/payload", headers={"Accept": "*/*"}).text == MARK


def test_an_administrator_sees_that_a_secret_is_there_and_nothing_in_it(town_and_names):
    made, names = town_and_names
    assert made.admin.get(names["v_secret"]).status_code == 200
    for accept in ("*/*", "text/plain"):
        assert made.admin.call("GET", f"{names['v_secret']}/payload", headers={"Accept": accept}).status_code == 403
    assert made.admin.call("GET", names["v_secret"], headers={"Accept": "text/plain"}).status_code == 403
    assert made.admin.call("PUT", f"{names['v_secret']}/acl", {"read": {}}).status_code == 403
